/**
 * Cuts Markdown where one thing has surely ended and another begins: before a line that stands at the margin after an empty
 * one, outside of code. A text that grows changes its last section only.
 */

const FENCE = /^\s*(`{3,}(?!`)(?!.*`)|~{3,})/;
/** A line that may belong to a list before it; characters of a line that is still being written after which that is clear. */
const CONTINUES = /^(?:\s|[-+*](?:\s|$)|\d{1,9}[.)](?:\s|$))/;
const CLEAR = 12;

/** The sections of a text from `start` on, which is the beginning of one. Together they are the text. */
export function sectionsFrom(text: string, start: number): string[] {
  const sections: string[] = [];
  let fence: string | null = null;
  let wasEmpty = false;
  let begin = start;
  for (let at = start; at < text.length;) {
    const newline = text.indexOf("\n", at);
    const end = newline < 0 ? text.length : newline + 1;
    const line = text.slice(at, end);
    const isEmpty = line.trim() === "";
    const mark = FENCE.exec(line)?.[1];
    const isClear = newline >= 0 || line.length >= CLEAR;
    if (wasEmpty && !isEmpty && fence === null && isClear && !CONTINUES.test(line)) {
      sections.push(text.slice(begin, at));
      begin = at;
    }
    if (fence === null) fence = mark ?? null;
    else if (line.trim().startsWith(fence) && new Set(line.trim()).size === 1) fence = null;
    wasEmpty = isEmpty;
    at = end;
  }
  if (begin < text.length) sections.push(text.slice(begin));
  return sections;
}
