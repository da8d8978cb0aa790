/** JSON values as TypeScript sees them. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** JSON text as a value (ECMA-262, JSON.rawJSON). */
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => number };

/**
 * A number that has its decimal point in JSON even where it is whole: what reads JSON in Python, Ruby or PHP makes a number
 * of another type of one without. Only for what goes into JSON.stringify at once.
 */
export const float = (value: number): number => (Number.isInteger(value) ? rawJSON(value.toFixed(1)) : value);

/**
 * One text for every way to write the same JSON value (RFC 8785): members in the order of their UTF-16 code units, numbers
 * as JavaScript writes them, no white space. For hashes and signatures.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((member) => canonicalJson(member ?? null)).join(",")}]`;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const sorted = members.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(",")}}`;
}

/** To some clients (Python's splitlines) these end a line, to the standards of event streams and of JSON lines they do not. */
const LINE_ENDS = /[\u0085\u2028\u2029]/g;
const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** Lines whose text is all JSON, so that no client finds another end of a line in them. */
export const escapeLineEnds = (lines: string): string => lines.replaceAll(LINE_ENDS, escaped);
