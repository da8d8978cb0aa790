/** Inserts of whole rows whose SQL is written once, from the schema, where building it anew each time would cost too much. */
import { getTableColumns, getTableName } from "drizzle-orm";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";

/** `INSERT … (every column, in table order) SELECT ?, ?, …`, with what follows the values. */
export function insertSql(table: SQLiteTable, rest: (columns: string[]) => string) {
  const columns = Object.values(getTableColumns(table)).map((column) => column.name);
  const places = columns.map(() => "?").join(", ");
  return {
    columns,
    sql: `INSERT INTO ${getTableName(table)} (${columns.join(", ")}) SELECT ${places} ${rest(columns)}`,
  };
}

/** What a row has where nothing is said: the default of a column, or null. */
export const defaultsOf = (table: SQLiteTable): Record<string, unknown> =>
  Object.fromEntries(Object.entries(getTableColumns(table)).map(([name, column]) => [name, column.default ?? null]));

/** As D1 stores it: objects are JSON. */
export const scalar = (value: unknown) => (value !== null && typeof value === "object" ? JSON.stringify(value) : value);

/** The values of a row, in the order of `columns`. */
export const valuesOf = (columns: string[], row: Record<string, unknown>) =>
  columns.map((column) => scalar(row[column] ?? null));
