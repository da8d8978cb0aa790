/** The reader's language and its chooser. */
import { createContext, use } from "react";
import { LANGUAGES, type Language, say } from "../words.ts";

export const LanguageContext = createContext<{ language: Language; choose: (language: Language) => Promise<void> }>({
  language: "en",
  choose: async () => {},
});

export function LanguageChooser() {
  const { language, choose } = use(LanguageContext);
  return (
    <select
      className="quiet-select"
      aria-label={say("language")}
      value={language}
      onChange={(event) => void choose(event.target.value as Language)}
    >
      {Object.entries(LANGUAGES).map(([tag, name]) => (
        <option key={tag} value={tag} lang={tag}>
          {name}
        </option>
      ))}
    </select>
  );
}
