/** A page of a list of deleted rows, newest deletion first. Its start is found along the index of the list. */
import { and, desc, type SQL, sql } from "drizzle-orm";
import type { AnySQLiteColumn, SQLiteTable } from "drizzle-orm/sqlite-core";
import type { Slice } from "./page.ts";
import type { Database } from "./database.ts";

type Deletable = SQLiteTable & { deleted_at: AnySQLiteColumn; id: AnySQLiteColumn };

/** `where` selects the rows of the list. Returns it with the start of the page added, and the order. */
export function deletedSlice(db: Database, table: Deletable, where: SQL | undefined, { after, offset }: Slice) {
  const { deleted_at, id } = table;
  const order = [desc(deleted_at), desc(id)];
  const keys = db
    .select({ deleted_at, id })
    .from(table)
    .where(where)
    .orderBy(...order);
  const beyond = after
    ? sql`(${deleted_at}, ${id}) < (${after[0]}, ${after[1]})`
    : offset > 0
      ? sql`(${deleted_at}, ${id}) <= ${keys.limit(1).offset(offset)}`
      : undefined;
  return { where: and(where, beyond), order };
}
