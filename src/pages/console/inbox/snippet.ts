/** A piece of a long text around the first words that were found, in parts that are marked or not. Pure. */
export type Part = { text: string; isHit: boolean };

/** UTF-16 units before the first hit, and in all. */
const BEFORE = 60;
const LENGTH = 240;

export function snippetOf(content: string, ranges: [number, number][]): Part[] {
  const first = ranges[0]?.[0] ?? 0;
  const from = first > BEFORE + 20 ? wordStart(content, first - BEFORE) : 0;
  const to = Math.min(content.length, from + LENGTH);
  const parts: Part[] = from > 0 ? [{ text: "…", isHit: false }] : [];
  let at = from;
  for (const [start, end] of ranges) {
    if (start < at || start >= to) continue;
    parts.push(
      { text: content.slice(at, start), isHit: false },
      { text: content.slice(start, Math.min(end, to)), isHit: true },
    );
    at = Math.min(end, to);
  }
  parts.push({ text: content.slice(at, to), isHit: false });
  if (to < content.length) parts.push({ text: "…", isHit: false });
  return parts.filter(({ text }) => text !== "");
}

/** The beginning of a word near `at`, so that none is cut, and no character either. */
function wordStart(content: string, at: number): number {
  const space = content.indexOf(" ", at);
  return space >= 0 && space < at + 30 ? space + 1 : at;
}
