/** Text → terms, the same way for knowledge and for messages, in any script. Pure and deterministic. */
import { LANGUAGES, MORE_STOP_WORDS, type Phrases, REFERRING_WORDS, SAME_TOPIC, WEAK_WORDS } from "./language.ts";

/** One word of a text: how it was written, what is looked up, and how much it tells about the topic (0 to 1). */
export type Word = { text: string; term: string; topic: string | null; weight: number };

/** Lower case, compatibility forms unified, accents of European scripts dropped; other scripts keep their marks. */
const fold = (text: string): string =>
  text
    .toLowerCase()
    .normalize("NFKD")
    .replaceAll(/[\u0300-\u036f]/g, "")
    .replaceAll("ß", "ss")
    .normalize("NFKC");

/** Characters of a word that are kept. */
const MAX_WORD = 40;

/** Scripts that do not put spaces between words: a dictionary has to. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const SPACED_WORD = /[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}\p{N}]+)*/gu;
const segmenter = new Intl.Segmenter("en", { granularity: "word" });

/** The words of a text, folded. Elisions ("l'eau") are cut at the apostrophe, and their single letters dropped. */
export function tokens(text: string): string[] {
  const folded = fold(text);
  const found = UNSPACED.test(folded)
    ? Array.from(segmenter.segment(folded), ({ segment, isWordLike }) => (isWordLike ? segment : ""))
    : (folded.match(SPACED_WORD) ?? []);
  return found.flatMap((word) => {
    const parts = word.slice(0, MAX_WORD).split(/['’]/);
    return parts.filter((part) => part.length > (parts.length > 1 ? 1 : 0));
  });
}

/** Endings of English that change no topic, longest first. Elsewhere they change both sides alike, which does no harm. */
const ENDINGS = [/(?<=..[a-z]{2})ations?$/, /(?<=[a-z]{3})ments?$/, /(?<=[a-z]{3})ing$/, /(?<=[a-z]{3})ed$/];

/** A term that "cancel", "cancels", "cancelled" and "cancellation" share. Latin script only. */
export function stem(word: string): string {
  if (!/^[a-z]{4,}$/.test(word)) return word;
  const singular = word
    .replace(/ies$/, "y")
    .replace(/(?<=s|x|z|ch|sh)es$/, "")
    .replace(/(?<=[^siu])s$/, "");
  const ending = ENDINGS.find((pattern) => pattern.test(singular));
  const base = ending ? singular.replace(ending, "").replace(/([b-df-hj-np-tv-z])\1$/, "$1") : singular;
  return base.length > 3 ? base.replace(/e$/, "") : base;
}

const setOf = (...lists: string[]) => new Set(lists.flatMap(tokens));

/** A language as it is used: its common words as sets. */
export type Language = { phrases: Phrases; stop: Set<string>; greeting: Set<string>; thanks: Set<string> };

const languages: readonly Language[] = LANGUAGES.map(({ phrases, stop, greeting, thanks }) => ({
  phrases,
  stop: setOf(stop, MORE_STOP_WORDS),
  greeting: setOf(greeting),
  thanks: setOf(thanks),
}));
const [english] = languages as [Language];

/**
 * The language of a text by its common words. Many words are common in one language and mean something in another, so
 * it takes two, and more than `home` has, to leave `home`.
 */
export function languageOf(text: string, home: Language = english): Language {
  const found = tokens(text);
  const count = ({ stop, greeting, thanks }: Language) =>
    found.filter((word) => stop.has(word) || greeting.has(word) || thanks.has(word)).length;
  let best = home;
  for (const language of languages) if (count(language) > Math.max(1, count(best))) best = language;
  return best;
}

const weakTerms = new Set([...setOf(WEAK_WORDS)].map(stem));
const topics = new Map(SAME_TOPIC.flatMap((group, i) => tokens(group).map((word) => [stem(word), `topic ${i}`])));
/** Stop words that name a topic all the same. */
const ASKING = new Set(["much", "when", "where"]);

/** Japanese writes its endings and particles in hiragana, and the dictionary cuts them off. */
const KANA_PARTICLE = /^\p{Script=Hiragana}{1,2}$/u;

/** What one token is looked up as: its stem, and what it is about if that has several names. */
export function termsOf(token: string): { term: string; topic: string | null } {
  const term = stem(token);
  return { term, topic: topics.get(term) ?? null };
}

/** Every word of a text; words that are common in its language have weight 0. */
export function wordsOf(text: string, language: Language): Word[] {
  return tokens(text).map((token) => {
    const { term, topic } = termsOf(token);
    const common = language.stop.has(token) || KANA_PARTICLE.test(token);
    const weight = ASKING.has(token) ? 0.5 : common ? 0 : weakTerms.has(term) ? 0.3 : 1;
    return { text: token, term, topic: weight === 0 ? null : topic, weight };
  });
}

const referring = setOf(REFERRING_WORDS);

/** Whether a text can only be understood from what was said before it. */
export function isFollowUp(text: string, words: Word[]): boolean {
  const telling = words.filter(({ weight }) => weight >= 0.5).length;
  return telling <= 2 || (telling <= 4 && refersBack(text));
}

export const refersBack = (text: string): boolean => tokens(text).some((token) => referring.has(token));

/** "greeting" or "thanks" when a text is nothing else. */
export function courtesyOf(text: string): "greeting" | "thanks" | null {
  const found = tokens(text);
  const isAll = (vocabulary: Set<string>) => found.length > 0 && found.every((token) => vocabulary.has(token));
  if (languages.some(({ greeting }) => isAll(greeting))) return "greeting";
  return languages.some(({ thanks }) => isAll(thanks)) ? "thanks" : null;
}
