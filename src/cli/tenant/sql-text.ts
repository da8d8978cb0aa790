/** Statements as one SQL text, for imports that have no bound values. */

export type Statement = { sql: string; params: unknown[] };

/** Replaces each `?` by its value. The statements must contain no other question mark; those of drizzle do not. */
export const sqlText = (statements: Statement[]): string => statements.map((one) => `${inline(one)};\n`).join("");

function inline({ sql, params }: Statement): string {
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
