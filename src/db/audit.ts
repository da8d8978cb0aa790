/** The audit trail: one row per change, written in the same batch as the change, never containing content. */
import { and, desc, eq, getTableColumns, gt, lt, type SQL, sql } from "drizzle-orm";
import type { SQLiteColumn } from "drizzle-orm/sqlite-core";
import type { AuditRow } from "../chat/audit.ts";
import type { Database } from "./database.ts";
import { newestFirst } from "./newest-first.ts";
import type { Rows, Slice } from "./page.ts";
import { audit_event } from "./schema.ts";
import { refsOf, totalQuery } from "./tally.ts";

/** A row as it is read back. */
export type AuditEvent = typeof audit_event.$inferSelect;

/** The statement that writes it; goes into the batch of the change itself. */
export const insertAudit = (db: Database, row: AuditRow) => db.insert(audit_event).values(row).onConflictDoNothing();

/**
 * The same, but only where `condition` holds when the batch runs: for changes that a repeat must not record again.
 * Goes into the batch before the change, which makes the condition false.
 */
export function insertAuditIf(db: Database, row: AuditRow, condition: SQL | undefined) {
  const values = Object.entries(getTableColumns(audit_event)).map(([name, column]) =>
    sql.param(row[name as keyof AuditRow] ?? null, column),
  );
  return db.insert(audit_event).select(sql`select ${sql.join(values, sql`, `)} where ${condition}`);
}

export type AuditFilter = {
  action?: string | undefined;
  target_type?: string | undefined;
  target_id?: string | undefined;
  actor_id?: string | undefined;
  /** Milliseconds, both exclusive. */
  created_after?: number | undefined;
  created_before?: number | undefined;
};

const conditions = (company_id: string, filter: AuditFilter) => {
  const is = (column: SQLiteColumn, value: string | undefined) => (value === undefined ? undefined : eq(column, value));
  return and(
    eq(audit_event.company_id, company_id),
    is(audit_event.action, filter.action),
    is(audit_event.target_type, filter.target_type),
    is(audit_event.target_id, filter.target_id),
    is(audit_event.actor_id, filter.actor_id),
    filter.created_after === undefined ? undefined : gt(audit_event.at, filter.created_after),
    filter.created_before === undefined ? undefined : lt(audit_event.at, filter.created_before),
  );
};

function listIn(db: Database, company_id: string, filter: AuditFilter, slice: Slice): Promise<Rows<AuditEvent>> {
  const narrowed = Object.values(filter).some((value) => value !== undefined);
  const total = narrowed ? undefined : totalQuery(db, company_id, "audit", refsOf("audit"), ["active"]);
  return newestFirst(db, audit_event, conditions(company_id, filter), slice, total);
}

/** Audit rows of a company, newest first, from every database that has some. */
export async function listAudit(
  databases: Database[],
  company_id: string,
  filter: AuditFilter,
  slice: Slice,
): Promise<Rows<AuditEvent>> {
  const [only, ...others] = databases;
  if (only && others.length === 0) return listIn(only, company_id, filter, slice);
  const start = slice.offset === 0 ? slice : await placeOf(databases, company_id, filter, slice);
  const lists = await Promise.all(databases.map((db) => listIn(db, company_id, filter, start)));
  const rows = lists.flatMap((list) => list.rows).toSorted((a, b) => (a.id < b.id ? 1 : -1));
  return { rows: rows.slice(0, slice.limit), total: lists.reduce((sum, list) => sum + list.total, 0) };
}

/** A numbered page over several databases as the page behind a row: the one before it, found along the indexes alone. */
async function placeOf(databases: Database[], company_id: string, filter: AuditFilter, slice: Slice): Promise<Slice> {
  const { offset, limit } = slice;
  const { id } = audit_event;
  const where = conditions(company_id, filter);
  const lists = await Promise.all(
    databases.map((db) => db.select({ id }).from(audit_event).where(where).orderBy(desc(id)).limit(offset)),
  );
  const ids = lists.flatMap((list) => list.map((row) => row.id)).toSorted((a, b) => (a < b ? 1 : -1));
  return { after: [ids[offset - 1] ?? ""], offset: 0, limit };
}
