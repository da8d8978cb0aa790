/** The list that most resources have: rows of one company, newest first. Ids are UUIDv7, so their order is time's. */
import { and, count, desc, lt, type SQL, sql } from "drizzle-orm";
import type { SQLiteColumn, SQLiteTable } from "drizzle-orm/sqlite-core";
import type { Rows, Slice } from "./page.ts";
import type { Database } from "./database.ts";
import type { totalQuery } from "./tally.ts";

type TableWithId = SQLiteTable & { id: SQLiteColumn };

/** The query that counts what a list has in all: from a counter (see tally.ts), or by counting. */
export type TotalQuery = ReturnType<typeof totalQuery>;

/** One slice of the rows that `where` selects (it must name the company), and how many it selects in all. */
export async function newestFirst<T extends TableWithId>(
  db: Database,
  table: T,
  where: SQL | undefined,
  { after, offset, limit }: Slice,
  total: TotalQuery = countOf(db, table, where),
): Promise<Rows<T["$inferSelect"]>> {
  const from: TableWithId = table;
  const order = desc(from.id);
  // A numbered page begins at a row that is found along the index alone.
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
