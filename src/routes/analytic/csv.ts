/**
 * CSV as RFC 4180 has it, made safe for spreadsheets, also for those that split lines at semicolons or tabs. An apostrophe
 * goes in front of what could be run as a formula, and in front of every apostrophe that stands at such a place: so one is
 * taken away wherever a text, or a part of it behind a semicolon, a tab or a line end, begins with one.
 */

export type Cell = string | number | boolean | null;

/** Without it Excel reads the file in the encoding of its locale. */
export const BYTE_ORDER_MARK = "\uFEFF";

/** Characters at which a spreadsheet may split a line, besides the comma. */
const SEPARATOR = /[;\t\r\n]/g;
/** Separators, and what spreadsheets skip before a formula: white space and invisible characters. */
const GAP = /[;\s\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u.source;
/** `=`, `+`, `-` and `@`, also as East Asian keyboards write them, and the apostrophe itself. */
const SIGN = /['=+\-@\u2212\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20]/.source;
/** A whole gap before a sign. It may be empty. A match cannot start inside a gap, so each character is read once. */
const UNSAFE = new RegExp(`(?<!${GAP})${GAP}*(?=${SIGN})|^(?=[\\t\\r\\n])`, "gu");

/** One line, CRLF included. Null is an empty cell. */
export const csvLine = (cells: readonly Cell[]): string => `${cells.map(csvCell).join(",")}\r\n`;

function csvCell(cell: Cell): string {
  if (cell === null) return "";
  if (typeof cell !== "string") return String(cell);
  const safe = cell.replaceAll(
    UNSAFE,
    (gap: string, at: number) => (at === 0 ? "'" : "") + gap.replaceAll(SEPARATOR, "$&'"),
  );
  return /[",;\t\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
