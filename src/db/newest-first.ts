/** The list that most resources have: rows of one company, newest first. Ids are UUIDv7, so their order is time's. */
import { and, count, desc, lt, type SQL, sql } from "drizzle-orm";
import type { SQLiteColumn, SQLiteTable } from "drizzle-orm/sqlite-core";
import type { Rows, Slice } from "../http/pagination.ts";
import type { Database } from "./database.ts";

type TableWithId = SQLiteTable & { id: SQLiteColumn };

/** One slice of the rows that `where` selects (it must name the company), and how many it selects in all. */
export async function newestFirst<T extends TableWithId>(
  db: Database,
  table: T,
  where: SQL | undefined,
  slice: Slice,
): Promise<Rows<T["$inferSelect"]>> {
  const from: TableWithId = table;
  const after = slice.after ? lt(from.id, String(slice.after[0])) : undefined;
  const [rows, totals] = await db.batch([
    db.select().from(from).where(and(where, after)).orderBy(desc(from.id)).limit(slice.limit).offset(slice.offset),
    db.select({ total: count() }).from(from).where(where),
  ]);
  return { rows: rows as T["$inferSelect"][], total: totals[0]?.total ?? 0 };
}

/** Where `column` contains `text`, ASCII letters in either case. Not LIKE, whose patterns D1 limits to 50 bytes. */
export const contains = (column: SQLiteColumn, text: string): SQL => sql`instr(lower(${column}), lower(${text})) > 0`;
