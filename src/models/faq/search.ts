/**
 * Finds the entry of an agent's knowledge that answers a question, or says that none does. MiniSearch finds the entries
 * a word occurs in, also as a prefix or misspelt; here it is decided whether what was found covers the question.
 */
import MiniSearch from "minisearch";
import type { Knowledge } from "../../chat/agent.ts";
import { type Language, languageOf, stem, termsOf, tokens, type Word, wordsOf } from "./terms.ts";

/** An entry and how well it fits; `covered` is whether it fits well enough to be the answer. */
export type Match = { entry: Knowledge; score: number; covered: boolean };

/** How much of the message has to be found in an entry; or how much of the entry's question, and of the message then. */
const MESSAGE_COVERED = 0.5;
const QUESTION_COVERED = { question: 0.75, message: 0.35 };

/** Words of a text that are looked up: each costs as much as the knowledge is large, and no question has more. */
const MAX_WORDS = 64;

/** A word found only in the answer, or as a prefix, a misspelling or a related word, counts for less. */
const IN_ANSWER = 0.6;
const PREFIX = 0.9;
const MISSPELT = 0.55;
const RELATED = 0.8;

export class KnowledgeIndex {
  /** The language that most of the questions are written in. */
  readonly language: Language;
  readonly #entries: { entry: Knowledge; words: Word[] }[];
  readonly #index: MiniSearch;
  readonly #vocabulary = new Set<string>();
  readonly #asWritten = new Map<string, Knowledge>();

  constructor(knowledge: Knowledge[]) {
    this.language = languageOf(knowledge.map(({ question }) => question).join("\n"));
    this.#entries = knowledge.map((entry) => ({ entry, words: informative(this.#wordsOf(entry.question)) }));
    for (const entry of knowledge.toReversed()) this.#asWritten.set(tokens(entry.question).join(" "), entry);
    this.#index = new MiniSearch({
      fields: ["question", "answer"],
      tokenize: tokens,
      processTerm: (word) => this.#termsOf(word),
      searchOptions: { boost: { question: 3 }, tokenize: (term) => [term], processTerm: (term) => term },
    });
    this.#index.addAll(knowledge.map((entry, id) => ({ id, ...entry })));
  }

  /** The first entry whose question has the same words as `text`, whatever their case and punctuation. */
  same(text: string): Knowledge | undefined {
    const words = tokens(text).join(" ");
    return words === "" ? undefined : this.#asWritten.get(words);
  }

  /** The words of a text, told by the language it is in. */
  #wordsOf = (text: string): Word[] => wordsOf(text, languageOf(text, this.language));

  /** Every entry that shares something with `words`, best first; equals in the order of the knowledge. */
  search(words: Word[]): Match[] {
    const asked = informative(words);
    const telling = words.some(({ weight }) => weight > 0);
    const found = this.#entries.map(() => ({ covered: 0, rank: 0, terms: new Set<string>() }));
    let total = 0;
    for (const word of asked) {
      const hits = this.#lookUp(word);
      const weight = word.weight * this.#rarity(hits.size);
      total += weight;
      for (const [id, hit] of hits) {
        const sums = found[id];
        if (!sums) continue;
        sums.covered += weight * hit.quality;
        sums.rank += hit.rank;
        for (const term of hit.terms) sums.terms.add(term);
      }
    }
    return this.#entries
      .flatMap(({ entry, words: question }, id) => {
        const sums = found[id];
        if (!sums || sums.covered === 0 || total === 0) return [];
        const message = sums.covered / total;
        const asks = share(question, (word) => sums.terms.has(word.term) || sums.terms.has(word.topic ?? ""));
        // A message of common words alone means only an entry that asks in common words alone.
        const covered =
          asks >= QUESTION_COVERED.question
            ? message >= (telling ? QUESTION_COVERED.message : MESSAGE_COVERED)
            : telling && message >= MESSAGE_COVERED;
        return [{ entry, score: message + asks / 4 + sums.rank / (1 + sums.rank) / 100, covered }];
      })
      .toSorted((a, b) => b.score - a.score);
  }

  /** The entries in which a word occurs, how well, and as which terms. */
  #lookUp({ text, term, topic }: Word): Map<number, { quality: number; rank: number; terms: string[] }> {
    const hits = new Map<number, { quality: number; rank: number; terms: string[] }>();
    const add = (query: string, quality: (found: string) => number, options: { prefix?: boolean; fuzzy?: number }) => {
      for (const { id, score, match } of this.#index.search(query, options)) {
        const fits = Object.entries(match).map(([found, fields]) => ({
          found,
          quality: quality(found) * (fields.includes("question") ? 1 : IN_ANSWER),
        }));
        const terms = fits.filter((fit) => fit.quality > 0).map((fit) => fit.found);
        if (terms.length === 0) continue;
        const known = hits.get(id) ?? { quality: 0, rank: 0, terms: [] };
        hits.set(id, {
          quality: Math.max(known.quality, ...fits.map((fit) => fit.quality)),
          rank: Math.max(known.rank, score),
          terms: [...known.terms, ...terms],
        });
      }
    };
    const isTopic = (found: string) => found.startsWith("topic ");
    const prefix = term.length >= (isLatin(term) ? 4 : 2);
    add(term, (found) => (found === term ? 1 : isTopic(found) ? 0 : PREFIX), { prefix });
    if (topic) add(topic, (found) => (found === topic ? RELATED : 0), {});
    // What no question contains may be misspelt, even if it happens to be a word of some answer.
    if ([...hits.values()].some(({ quality }) => quality > IN_ANSWER)) return hits;
    const known = this.#knownPart(term) ?? this.#swapped(text);
    if (known) add(known.term, (found) => (found === known.term ? known.quality : 0), {});
    if (known || text.length < 4) return hits;
    const sameStart = (found: string) => (found[0] === term[0] && !isTopic(found) ? MISSPELT : 0);
    add(term, sameStart, { fuzzy: text.length >= 8 ? 2 : 1 });
    return hits;
  }

  /** A known term that `term` begins with: the other direction of a prefix. */
  #knownPart(term: string): { term: string; quality: number } | null {
    const shortest = Math.max(isLatin(term) ? 4 : 2, Math.ceil(term.length / 2));
    for (let length = term.length - 1; length >= shortest; length--) {
      const part = term.slice(0, length);
      if (this.#vocabulary.has(part)) return { term: part, quality: (PREFIX * length) / term.length };
    }
    return null;
  }

  /** A known term that `text` becomes when two neighbours change places: the commonest slip, two edits to a search. */
  #swapped(text: string): { term: string; quality: number } | null {
    for (let i = 0; i + 1 < text.length && text.length >= 4; i++) {
      const term = stem(text.slice(0, i) + (text[i + 1] ?? "") + (text[i] ?? "") + text.slice(i + 2));
      if (this.#vocabulary.has(term)) return { term, quality: MISSPELT };
    }
    return null;
  }

  /** What a word is indexed as: its stem, and its topic beside it. */
  #termsOf(token: string): string[] {
    const { term, topic } = termsOf(token);
    this.#vocabulary.add(term);
    return topic ? [term, topic] : [term];
  }

  /** From 0.4 for a word that every entry has to 1 for one that none has. */
  #rarity(entries: number): number {
    const all = this.#entries.length;
    const idf = (n: number) => Math.log(1 + (all - n + 0.5) / (n + 0.5));
    return 0.4 + 0.6 * (idf(entries) / idf(0));
  }
}

const isLatin = (term: string) => /^\p{Script=Latin}/u.test(term);

/** Words with a topic, each once; all of them when there is nothing else. */
function informative(words: Word[]): Word[] {
  const telling = words.filter(({ weight }) => weight > 0);
  const kept = telling.length > 0 ? telling : words.map((word) => ({ ...word, weight: 1 }));
  return [...new Map(kept.map((word) => [word.term, word])).values()].slice(0, MAX_WORDS);
}

/** Which part of `words`, by weight, passes `test`. */
function share(words: Word[], test: (word: Word) => boolean): number {
  const sum = (list: Word[]) => list.reduce((weight, word) => weight + word.weight, 0);
  return words.length === 0 ? 0 : sum(words.filter(test)) / sum(words);
}
