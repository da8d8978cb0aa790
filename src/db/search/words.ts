/**
 * Text cut into the words by which it is found: case and accents folded. Scripts that are written without spaces, and
 * Korean, whose words grow endings, become every two characters that stand together, so that any part is found as a phrase.
 */
import { lazy } from "../../lazy.ts";
import { fold } from "../folded.ts";

/** Characters that are found by themselves, wherever they stand. */
const DENSE = String.raw`[[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]&&[\p{L}\p{N}\p{M}]]`;
const SPARSE = String.raw`[[\p{L}\p{N}\p{M}]--${DENSE}]`;
/** What is not seen, such as a soft hyphen, parts no word. */
const UNSEEN = String.raw`\p{Default_Ignorable_Code_Point}`;
/** Flags are pairs of these. */
const PICTURE = String.raw`[\p{Extended_Pictographic}\p{Regional_Indicator}]`;
const RUN = new RegExp(
  String.raw`(?<dense>(?:${DENSE}|${PICTURE})(?:${DENSE}|${PICTURE}|${UNSEEN})*)|${SPARSE}(?:${SPARSE}|${UNSEEN})*`,
  "gv",
);
/** A character with its marks; Korean letters that are spelt out belong together. */
const CLUSTER = /[\u1100-\u11FF]+|.[\p{M}\uFF9E\uFF9F]*/gsu;
/** Accents, and the points of Hebrew and Arabic: what people leave out. Not the marks that make another syllable of a kana. */
const ACCENTS = /[[\p{sc=Inherited}\p{sc=Hebrew}\p{sc=Arabic}]&&[\p{Mn}--[\u{3099}\u{309A}]]]/gv;

/** `at`, `end`: where the run is in the text, in UTF-16 units. */
type Run = { text: string; isDense: boolean; at: number; end: number };

/** A word of a query: `isPart` may be followed by more of the same word. */
export type Term = { text: string; isDense: boolean; isPart: boolean };

export type Range = [start: number, end: number];

/** Every cluster folded by itself, so that what is found can be traced back to where it stands. */
const plain = (text: string): string => {
  const clusters = text.match(CLUSTER) ?? [];
  return clusters.map(plainCluster).join("");
};
const plainCluster = (text: string): string =>
  text <= "\u007F" && text.length === 1
    ? text.toLowerCase()
    : fold(text).normalize("NFD").replaceAll(ACCENTS, "").normalize("NFC");

function* runsOf(text: string): Generator<Run> {
  for (const found of text.matchAll(RUN)) {
    const [run] = found;
    yield { text: run, isDense: found.groups?.["dense"] !== undefined, at: found.index, end: found.index + run.length };
  }
}

/** The words of a text, in order, each followed by a space: what FTS5's tokenizer `ascii` takes apart again. */
export function wordsOf(text: string): string {
  let words = "";
  for (const run of runsOf(text))
    words += `${(run.isDense ? pairsOf(plain(run.text)) : splitWords(plain(run.text))).join(" ")} `;
  return words;
}

/** Compatible forms may fold to several words, such as ½ to 1⁄2. */
const splitWords = (text: string): string[] => text.match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];

/** Every two characters that stand together, and the last: 東京都 is 東京, 京都, 都. */
function pairsOf(text: string): string[] {
  const characters = Array.from(text);
  return characters.map((character, i) => character + (characters[i + 1] ?? ""));
}

/** Most words of one query; what follows narrows it no further. */
const MOST_TERMS = 24;

/** The different words of a query; the last one may be the beginning of one. */
export function termsOf(query: string): Term[] {
  const terms: Term[] = [];
  for (const { text, isDense } of runsOf(query)) {
    const words = isDense ? [plain(text)] : splitWords(plain(text));
    terms.push(...words.filter(Boolean).map((word) => ({ text: word, isDense, isPart: isDense })));
  }
  const last = terms.at(-1);
  if (last) last.isPart = true;
  return [...new Map(terms.map((term) => [`${term.text} ${term.isPart}`, term])).values()].slice(-MOST_TERMS);
}

/** A term as FTS5 reads it: quoted, so that nothing in it is an operator. */
export function matchOf({ text, isDense, isPart }: Term): string {
  const pairs = isDense ? pairsOf(text) : [text];
  const phrase = pairs.length > 1 ? pairs.slice(0, -1) : pairs;
  return `"${phrase.join(" ").replaceAll('"', '""')}"${isPart && pairs.length === 1 ? " *" : ""}`;
}

/** Places that are shown of one text. */
const MOST_RANGES = 100;

/** Where the terms are in a text, in order and apart; null where one of them is missing. */
export function rangesOf(text: string, terms: readonly Term[]): Range[] | null {
  const missing = new Set(terms);
  const ranges: Range[] = [];
  for (const run of runsOf(text)) {
    const folded = plain(run.text);
    const origins = lazy(() => originsOf(run));
    for (const term of terms) {
      for (const [first, last] of placesOf(folded, run.isDense, term)) {
        missing.delete(term);
        if (ranges.length < MOST_RANGES)
          ranges.push([origins()[first]?.[0] ?? run.at, origins()[last - 1]?.[1] ?? run.end]);
        else if (missing.size === 0) return joined(ranges);
      }
    }
  }
  return missing.size === 0 ? joined(ranges) : null;
}

/** Where a term is in a folded run, in UTF-16 units of it. */
function* placesOf(folded: string, isDense: boolean, term: Term): Generator<Range> {
  if (isDense !== term.isDense) return;
  if (!isDense) {
    for (const { 0: word, index } of folded.matchAll(/[\p{L}\p{N}\p{M}]+/gu)) {
      const fits = term.isPart ? word.startsWith(term.text) : word === term.text;
      if (fits) yield [index, index + term.text.length];
    }
    return;
  }
  for (let at = folded.indexOf(term.text); at >= 0; at = folded.indexOf(term.text, at + term.text.length)) {
    yield [at, at + term.text.length];
  }
}

/** Of every UTF-16 unit of a run's folded form, where the cluster stands that it came from. */
function originsOf({ text, at }: Run): Range[] {
  const origins: Range[] = [];
  let end = at;
  for (const cluster of text.match(CLUSTER) ?? []) {
    const origin: Range = [end, (end += cluster.length)];
    for (let left = plainCluster(cluster).length; left > 0; left--) origins.push(origin);
  }
  return origins;
}

/** In order; those that overlap or touch become one. */
function joined(ranges: Range[]): Range[] {
  const apart: Range[] = [];
  for (const [start, end] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = apart.at(-1);
    if (last && start < last[1]) last[1] = Math.max(last[1], end);
    else apart.push([start, end]);
  }
  return apart;
}
