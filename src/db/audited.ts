/** Changes of one row, each in one batch with its audit row: both are written, or neither. */
import { type SQL, sql } from "drizzle-orm";
import type { SQLiteTable, SQLiteUpdateSetSource } from "drizzle-orm/sqlite-core";
import { insertAudit, insertAuditIf, insertIf } from "./audit.ts";
import type { AuditRow } from "../chat/audit.ts";
import type { Database } from "./database.ts";

type Row<T extends SQLiteTable> = T["$inferSelect"];

/** Inserts a row. Throws where a unique index refuses it (see isUniqueViolation); then there is no audit row either. */
export async function auditedInsert<T extends SQLiteTable>(
  db: Database,
  table: T,
  row: T["$inferInsert"],
  audit: AuditRow,
): Promise<Row<T>> {
  const [inserted] = await db.batch([db.insert(table).values(row).returning(), insertAudit(db, audit)]);
  const [first] = inserted as Row<T>[];
  if (!first) throw new Error("an insert returned no row");
  return first;
}

/** Inserts a row if `condition` holds when the batch runs. Undefined, and no audit row, if it does not. */
export async function auditedInsertIf<T extends SQLiteTable>(
  db: Database,
  table: T,
  row: T["$inferInsert"],
  condition: SQL,
  audit: AuditRow,
): Promise<Row<T> | undefined> {
  const [, inserted] = await db.batch([
    insertAuditIf(db, audit, condition),
    insertIf(db, table, row, condition).returning(),
  ]);
  return (inserted as Row<T>[])[0];
}

/** Updates the row that `where` selects. Undefined, and no audit row, when there is none. */
export async function auditedUpdate<T extends SQLiteTable>(
  db: Database,
  table: T,
  where: SQL | undefined,
  set: SQLiteUpdateSetSource<T>,
  audit: AuditRow,
): Promise<Row<T> | undefined> {
  const [, changed] = await db.batch([
    insertAuditIf(db, audit, exists(table, where)),
    db.update(table).set(set).where(where).returning(),
  ]);
  return (changed as Row<T>[])[0];
}

/** Deletes the row that `where` selects. Undefined, and no audit row, when there is none. */
export async function auditedDelete<T extends SQLiteTable>(
  db: Database,
  table: T,
  where: SQL | undefined,
  audit: AuditRow,
): Promise<Row<T> | undefined> {
  const [, removed] = await db.batch([
    insertAuditIf(db, audit, exists(table, where)),
    db.delete(table).where(where).returning(),
  ]);
  return (removed as Row<T>[])[0];
}

/** True when the table has a row that `where` selects. */
export const exists = (table: SQLiteTable, where: SQL | undefined) =>
  sql`exists (select 1 from ${table} where ${where})`;
