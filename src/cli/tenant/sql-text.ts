/** Statements as one SQL text, for a database that takes files and no bound values. */

export type Statement = { sql: string; params: unknown[] };

/** Each `?` replaced by its value. The statements' own text must hold no other question mark; drizzle's holds none. */
export const sqlText = (statements: Statement[]): string => statements.map((one) => `${inlined(one)};\n`).join("");

function inlined({ sql, params }: Statement): string {
  const pieces = sql.split("?");
  if (pieces.length !== params.length + 1) throw new Error("as many values as question marks are needed");
  return pieces.map((piece, i) => (i === 0 ? piece : literal(params[i - 1]) + piece)).join("");
}

function literal(value: unknown): string {
  if (value === null) return "NULL";
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  if (typeof value === "string" && !value.includes("\0")) return `'${value.replaceAll("'", "''")}'`;
  throw new Error(`a ${typeof value} cannot be written into SQL`);
}
