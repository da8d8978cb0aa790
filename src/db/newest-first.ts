/** The list of most resources: rows of one company, newest first. Ids are UUIDv7, so they sort by time. */
import { and, count, desc, lt, type SQL, sql } from "drizzle-orm";
import type { SQLiteColumn, SQLiteTable } from "drizzle-orm/sqlite-core";
import type { Rows, Slice } from "./page.ts";
import type { Database } from "./database.ts";
import type { totalQuery } from "./tally.ts";

type TableWithId = SQLiteTable & { id: SQLiteColumn };

/** The query of a list's total: it reads counters (see tally.ts), or counts. */
export type TotalQuery = ReturnType<typeof totalQuery>;

/** One slice of the rows that `where` selects, and their total. `where` must name the company. */
export async function newestFirst<T extends TableWithId>(
  db: Database,
  table: T,
  where: SQL | undefined,
  { after, offset, limit }: Slice,
  total: TotalQuery = countOf(db, table, where),
): Promise<Rows<T["$inferSelect"]>> {
  const from: TableWithId = table;
  const order = desc(from.id);
  // The first row of a numbered page is found along the index, without reading the rows before it.
  const place = db.select({ id: from.id }).from(from).where(where).orderBy(order).limit(1).offset(offset);
  const beyond = after ? lt(from.id, String(after[0])) : offset > 0 ? sql`${from.id} <= ${place}` : undefined;
  const [rows, totals] = await db.batch([
    db.select().from(from).where(and(where, beyond)).orderBy(order).limit(limit),
    total,
  ]);
  return { rows: rows as T["$inferSelect"][], total: totals[0]?.total ?? 0 };
}

const countOf = (db: Database, table: TableWithId, where: SQL | undefined): TotalQuery =>
  db.select({ total: count() }).from(table).where(where) as unknown as TotalQuery;
