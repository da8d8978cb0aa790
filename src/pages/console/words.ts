/** What the console says, in the reader's language. English comes along; the others are loaded when they are chosen. */
import { browserStore } from "./storage.ts";
import en from "./words/en.json";

export type Word = keyof typeof en;
type Words = Record<Word, string>;

export const LANGUAGES = { en: "English", de: "Deutsch", fr: "Français", es: "Español", ar: "العربية" } as const;
export type Language = keyof typeof LANGUAGES;

const NAME = "language";
const isLanguage = (tag: string): tag is Language => Object.hasOwn(LANGUAGES, tag);

const LOAD: Record<Language, () => Promise<Words>> = {
  en: async () => en,
  de: async () => (await import("./words/de.json")).default,
  fr: async () => (await import("./words/fr.json")).default,
  es: async () => (await import("./words/es.json")).default,
  ar: async () => (await import("./words/ar.json")).default,
};

let words: Words = en;
let language: Language = "en";

export const currentLanguage = (): Language => language;
export const isRightToLeft = (): boolean => language === "ar";

/** The language that was chosen here, or the first of the browser's that there is. */
export function preferredLanguage(): Language {
  const tags = [browserStore.read(NAME), ...navigator.languages].map((tag) => String(tag).split("-")[0] ?? "");
  return tags.find(isLanguage) ?? "en";
}

/** Everything that is drawn from now on is in this language. */
export async function speak(chosen: Language): Promise<void> {
  words = await LOAD[chosen]();
  language = chosen;
  document.documentElement.lang = chosen;
  document.documentElement.dir = isRightToLeft() ? "rtl" : "ltr";
}

export const remember = (chosen: Language): void => browserStore.write(NAME, chosen);

/** A word, with `{name}` filled in. */
export const say = (word: Word, values: Record<string, string | number> = {}): string =>
  words[word].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
