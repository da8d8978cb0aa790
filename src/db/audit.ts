/** The audit trail: one row per change, written in the same batch as the change, never containing content. */
import { and, desc, eq, getTableColumns, gt, lt, type SQL, sql } from "drizzle-orm";
import type { SQLiteColumn, SQLiteTable } from "drizzle-orm/sqlite-core";
import type { AuditRow } from "../chat/audit.ts";
import type { Database } from "./database.ts";
import { audit_event } from "./schema.ts";

/** A row as D1 returns it. */
export type AuditEvent = typeof audit_event.$inferSelect;

/** The statement that inserts the row; it belongs into the batch of the change itself. */
export const insertAudit = (db: Database, row: AuditRow) => db.insert(audit_event).values(row).onConflictDoNothing();

/**
 * The same, but only where `condition` is true when the batch runs, so that a repeated change is recorded once. It belongs
 * into the batch before the change, which makes the condition false.
 */
export const insertAuditIf = (db: Database, row: AuditRow, condition: SQL | undefined) =>
  insertIf(db, audit_event, row, condition);

/** Writes a row of any table only where `condition` holds when the statement runs. Members left out are the column's default, or null. */
export function insertIf<T extends SQLiteTable>(
  db: Database,
  table: T,
  row: T["$inferInsert"],
  condition: SQL | undefined,
) {
  const members: Record<string, unknown> = row;
  const values = Object.entries(getTableColumns(table)).map(([name, column]) =>
    sql.param(members[name] ?? column.default ?? null, column as SQLiteColumn),
  );
  return db.insert(table).select(sql`select ${sql.join(values, sql`, `)} where ${condition}`);
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

/** Time and id of the row that a page ended with. */
export type AuditPlace = [at: number, id: string];

/** Members with an index, the most selective first. The first one in the filter selects the rows, the others are compared. */
const INDEXED = ["target_id", "actor_id", "action"] as const;
/** Rows that one page looks at, where not all of them match. */
const LOOKED_AT = 1000;

type Found<T> = { rows: T[]; next: AuditPlace | null };

/** `chain`: which of the databases it was found in. */
export type ChainedEvent = AuditEvent & { chain: number };

const placeOf = ({ at, id }: AuditEvent): AuditPlace => [at, id];

async function listIn(
  db: Database,
  company_id: string,
  filter: AuditFilter,
  after: AuditPlace | null,
  limit: number,
): Promise<Found<AuditEvent>> {
  const { created_after, created_before, ...members } = filter;
  const lead = INDEXED.find((name) => members[name] !== undefined);
  const others = Object.entries(members).filter(([name, value]) => value !== undefined && name !== lead);
  const matches = (row: AuditEvent) => others.every(([name, value]) => row[name as keyof AuditEvent] === value);
  const rows: AuditEvent[] = [];
  let place = after;
  for (let looked = 0; looked < LOOKED_AT;) {
    const pageSize = others.length === 0 ? limit + 1 : 200;
    const some = await db
      .select()
      .from(audit_event)
      .where(
        and(
          eq(audit_event.company_id, company_id),
          lead && eq(audit_event[lead], members[lead] ?? ""),
          created_after === undefined ? undefined : gt(audit_event.at, created_after),
          created_before === undefined ? undefined : lt(audit_event.at, created_before),
          place ? sql`(${audit_event.at}, ${audit_event.id}) < (${place[0]}, ${place[1]})` : undefined,
        ),
      )
      .orderBy(desc(audit_event.at), desc(audit_event.id))
      .limit(pageSize);
    rows.push(...some.filter(matches));
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    if (rows.length > limit && last) return { rows: shown, next: placeOf(last) };
    const end = some.at(-1);
    if (!end || some.length < pageSize) return { rows, next: null };
    looked += some.length;
    place = placeOf(end);
  }
  return { rows, next: place };
}

/** Audit rows of a company, newest first, from every database that has some, behind `after`. */
export async function listAudit(
  databases: Database[],
  company_id: string,
  filter: AuditFilter,
  after: AuditPlace | null,
  limit: number,
): Promise<Found<ChainedEvent>> {
  const lists = await Promise.all(
    databases.map(async (db, chain) => {
      const { rows, next } = await listIn(db, company_id, filter, after, limit);
      return { rows: rows.map((row) => ({ ...row, chain })), next };
    }),
  );
  const [only] = lists;
  if (only && lists.length === 1) return only;
  const isBehind = (a: AuditPlace, b: AuditPlace) => a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
  // Of a list that goes on, nothing is known behind its end: there the page ends for all.
  const ends = lists.flatMap(({ next }) => (next ? [next] : []));
  const known = (row: AuditEvent) => ends.every((end) => !isBehind(placeOf(row), end));
  const rows = lists
    .flatMap((list) => list.rows)
    .filter(known)
    .toSorted((a, b) => (isBehind(placeOf(a), placeOf(b)) ? 1 : -1));
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  if (rows.length > limit && last) return { rows: shown, next: placeOf(last) };
  return { rows, next: ends.toSorted((a, b) => (isBehind(a, b) ? 1 : -1))[0] ?? null };
}
