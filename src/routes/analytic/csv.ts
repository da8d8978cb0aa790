/**
 * CSV as RFC 4180 has it, made safe for spreadsheets, also for those that split lines at semicolons or tabs. An apostrophe
 * goes in front of what could be run as a formula, and in front of every apostrophe that stands at such a place: so one is
 * taken away wherever a text, or a part of it behind a semicolon, a tab or a line end, begins with one.
 */

export type Cell = string | number | boolean | null;

/** Without it Excel reads the file in the encoding of its locale. */
export const BYTE_ORDER_MARK = "\uFEFF";

/** Where a spreadsheet may start a cell. */
const CELL_BEGINS = /(?<=^|[;\t\r\n])/.source;
/** Characters that spreadsheets skip before a formula: white space and invisible characters. */
const SKIPPED = /[\s\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]*/u.source;
/** `=`, `+`, `-` and `@`, also as East Asian keyboards write them. */
const FORMULA = /[=+\-@\u2212\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20]/.source;
const UNSAFE = new RegExp(`${CELL_BEGINS}(?='|${SKIPPED}${FORMULA})|^(?=[\\t\\r\\n])`, "gu");

/** One line, CRLF included. Null is an empty cell. */
export const csvLine = (cells: readonly Cell[]): string => `${cells.map(csvCell).join(",")}\r\n`;

function csvCell(cell: Cell): string {
  if (cell === null) return "";
  if (typeof cell !== "string") return String(cell);
  const safe = cell.replaceAll(UNSAFE, "'");
  return /[",;\t\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
