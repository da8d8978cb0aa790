/**
 * Where emphasis begins and ends: the delimiter stack of CommonMark 0.31 (appendix, "phase 2"), so every run is looked at a
 * bounded number of times. Beside scripts that write no spaces, flanking does not ask for one (markdown-cjk-friendly).
 */

/** Delimiters on each side, one or two, and where the closing ones begin. */
export type Emphasis = { width: 1 | 2; close: number };

type Run = { char: string; at: number; length: number; left: number; canOpen: boolean; canClose: boolean };

/** Letters and marks of scripts without spaces between words; full-width forms, curly quotes, dashes and dots belong to them. */
const SPACELESS =
  /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Bopo}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmr}\p{sc=Mymr}\u2014\u2015\u2018-\u201f\u2025\u2026\u3000-\u303f\ufe10-\ufe6f\uff00-\uffef]/u;
const PUNCTUATION = /[\p{P}\p{S}]/u;
const RUN = /\*+|_+|~+/g;

/** The emphasis of a text, by where it begins. Code, links and escapes are to be masked before. */
export function emphasesOf(text: string): Map<number, Emphasis> {
  const found = new Map<number, Emphasis>();
  const open: Run[] = [];
  /** No opener before this position fits a closer of that kind. */
  const bottoms: Record<string, number> = {};
  for (const { 0: delimiters, index } of text.matchAll(RUN)) {
    const run = runAt(text, index, delimiters);
    if (run.canClose) closeWith(run, open, bottoms, found);
    // What it closed with stood at its beginning.
    if (run.canOpen && run.left > 0) open.push({ ...run, at: run.at + run.length - run.left });
  }
  return found;
}

function closeWith(run: Run, open: Run[], bottoms: Record<string, number>, found: Map<number, Emphasis>): void {
  const kind = `${run.char}${run.canOpen}${run.char === "~" ? run.length : run.length % 3}`;
  while (run.left > 0) {
    let n = open.length - 1;
    while (n >= 0 && at(open, n) >= (bottoms[kind] ?? 0) && !fits(open[n], run)) n--;
    const opener = open[n];
    if (!opener || opener.at < (bottoms[kind] ?? 0)) {
      bottoms[kind] = run.at;
      return;
    }
    const width = opener.left > 1 && run.left > 1 ? 2 : 1;
    const close = run.at + run.length - run.left;
    opener.left -= width;
    run.left -= width;
    found.set(opener.at + opener.left, { width, close });
    open.length = opener.left > 0 ? n + 1 : n;
  }
}

const at = (open: Run[], n: number): number => open[n]?.at ?? -1;

function fits(opener: Run | undefined, closer: Run): boolean {
  if (!opener || opener.char !== closer.char) return false;
  if (opener.char === "~") return opener.length === closer.length;
  // "Rule of three": a run that could do both does not close one with which it sums up to a multiple of three.
  const isEither = opener.canClose || closer.canOpen;
  return !isEither || (opener.length + closer.length) % 3 !== 0 || (opener.length % 3 === 0 && closer.length % 3 === 0);
}

function runAt(text: string, index: number, { length, 0: char = "" }: string): Run {
  const before = characterBefore(text, index);
  const after = characterAt(text, index + length);
  const [isLeft, isRight] = [flanks(before, after, char), flanks(after, before, char)];
  // An underscore within a word is part of it.
  const isWord = char === "_" && isLeft && isRight;
  const usable = char !== "~" || length <= 2;
  return {
    ...{ char, at: index, length, left: length },
    canOpen: usable && isLeft && (!isWord || PUNCTUATION.test(before)),
    canClose: usable && isRight && (!isWord || PUNCTUATION.test(after)),
  };
}

/** Whether a run between `outer` and `inner` leans on what follows as its beginning, "" being the end of the text. */
function flanks(outer: string, inner: string, char: string): boolean {
  if (isSpace(inner)) return false;
  if (!PUNCTUATION.test(inner)) return true;
  if (isSpace(outer) || PUNCTUATION.test(outer)) return true;
  return char !== "_" && (SPACELESS.test(inner) || SPACELESS.test(outer));
}

const isSpace = (character: string): boolean => character.trim() === "";

const characterAt = (text: string, index: number): string =>
  index < text.length ? String.fromCodePoint(text.codePointAt(index) ?? 0) : "";

function characterBefore(text: string, index: number): string {
  const isPair = index > 1 && /[\ud800-\udbff][\udc00-\udfff]/.test(text.slice(index - 2, index));
  return text.slice(index - (isPair ? 2 : 1), index);
}
