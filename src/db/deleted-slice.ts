/** Where a page of a list of deletions begins, newest deletion first: on the index that the list is read by. */
import { and, desc, type SQL, sql } from "drizzle-orm";
import type { AnySQLiteColumn, SQLiteTable } from "drizzle-orm/sqlite-core";
import type { Slice } from "./page.ts";
import type { Database } from "./database.ts";

type Deletable = SQLiteTable & { deleted_at: AnySQLiteColumn; id: AnySQLiteColumn };

/** `where` says which rows the list has; what comes back also says which of them the page may show, and their order. */
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
