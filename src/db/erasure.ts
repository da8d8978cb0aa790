/** Erasures: begun together with the mark on whom they are about, walked in steps, and kept as receipts. Never content. */
import { and, asc, desc, eq, getTableColumns, lt, type SQL, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import type { AuditRow } from "../chat/audit.ts";
import { insertAuditIf } from "./audit.ts";
import type { Database } from "./database.ts";
import { conversation, erasure, lead } from "./schema.ts";
import { forgetStandings } from "./standing.ts";

export type ErasureRow = typeof erasure.$inferSelect;
export type ErasureKind = ErasureRow["kind"];
export type NewErasure = Pick<
  ErasureRow,
  "id" | "company_id" | "kind" | "target_id" | "subject_hash" | "requested_by" | "began_at" | "pass" | "stores"
>;

/** True in SQL when nothing may go for good of whom an erasure is about: they, or a conversation of theirs, are held. */
const isHeld = ({ company_id, kind, target_id }: Pick<ErasureRow, "company_id" | "kind" | "target_id">): SQL => {
  const person = sql`EXISTS (SELECT 1 FROM ${lead} WHERE id = ${target_id} AND company_id = ${company_id} AND hold IS NOT NULL)`;
  if (kind === "conversation") {
    const own = sql`SELECT 1 FROM ${conversation} AS c WHERE c.id = ${target_id} AND c.company_id = ${company_id}`;
    return sql`EXISTS (${own} AND (c.hold IS NOT NULL OR EXISTS (SELECT 1 FROM ${lead} AS l
      WHERE c.entity_type = 'lead' AND l.id = c.entity_id AND l.hold IS NOT NULL)))`;
  }
  const theirs = sql`EXISTS (SELECT 1 FROM ${conversation} WHERE company_id = ${company_id} AND entity_type = ${kind}
    AND entity_id = ${target_id} AND hold IS NOT NULL)`;
  return sql`(${person} OR ${theirs})`;
};

/** True in SQL once this erasure is there: what marks its target goes by that. */
export const hasBegun = (id: string): SQL => sql`EXISTS (SELECT 1 FROM ${erasure} WHERE id = ${id})`;

/**
 * Begins an erasure and marks its target, in one batch; `marks` change something only where `hasBegun`. The one that is
 * running: this one, or an earlier one of the same target. Undefined where a hold forbids it.
 */
export async function beginErasure(
  db: Database,
  row: NewErasure,
  marks: BatchItem<"sqlite">[],
): Promise<{ row: ErasureRow; isNew: boolean } | undefined> {
  const target = and(eq(erasure.company_id, row.company_id), eq(erasure.target_id, row.target_id));
  const values = { ...row, stores: JSON.stringify(row.stores), status: "running", cursor: "", found: 0 };
  const columns = Object.keys(getTableColumns(erasure)).map(
    (name) => sql`${values[name as keyof typeof values] ?? null}`,
  );
  const unheld = sql`SELECT ${sql.join(columns, sql`, `)} WHERE NOT ${isHeld(row)}`;
  await db.batch([db.insert(erasure).select(unheld).onConflictDoNothing(), ...marks]);
  forgetStandings();
  const running = await db
    .select()
    .from(erasure)
    .where(and(target, eq(erasure.status, "running")))
    .get();
  return running && { row: running, isNew: running.id === row.id };
}

export const findErasure = (db: Database, company_id: string, id: string): Promise<ErasureRow | undefined> =>
  db
    .select()
    .from(erasure)
    .where(and(eq(erasure.id, id), eq(erasure.company_id, company_id)))
    .get();

/** Newest first, behind the id `before`. */
export const listErasures = (db: Database, company_id: string, before: string | null, limit: number) =>
  db
    .select()
    .from(erasure)
    .where(and(eq(erasure.company_id, company_id), before === null ? undefined : lt(erasure.id, before)))
    .orderBy(desc(erasure.id))
    .limit(limit);

/** Erasures of all companies of a database that are not done. */
export const runningErasures = (db: Database, limit: number): Promise<ErasureRow[]> =>
  db
    .select()
    .from(erasure)
    // As in the index, word by word: only then does the planner take it.
    .where(sql`status = 'running'`)
    .orderBy(asc(erasure.company_id))
    .limit(limit);

/** The last erasure of the same target that is done. */
export const lastDone = (db: Database, { company_id, target_id }: ErasureRow): Promise<ErasureRow | undefined> =>
  db
    .select()
    .from(erasure)
    .where(and(eq(erasure.company_id, company_id), eq(erasure.target_id, target_id), eq(erasure.status, "done")))
    .orderBy(desc(erasure.id))
    .limit(1)
    .get();

/** Where the walk stood when it was read: whoever else has gone on meanwhile is not overtaken. */
const stillAt = ({ id, pass, cursor }: ErasureRow) =>
  and(eq(erasure.id, id), eq(erasure.status, "running"), eq(erasure.pass, pass), eq(erasure.cursor, cursor));

/** Takes back one that found nothing to do and that nobody has heard of. */
export const dropErasure = (db: Database, at: ErasureRow) => db.delete(erasure).where(stillAt(at)).run();

/** Notes a step of the walk. The row as it is now, whoever moved it. */
export async function advanceErasure(
  db: Database,
  at: ErasureRow,
  to: Pick<ErasureRow, "pass" | "cursor" | "found" | "stores">,
): Promise<ErasureRow | undefined> {
  await db.update(erasure).set(to).where(stillAt(at)).run();
  return findErasure(db, at.company_id, at.id);
}

/** Ends it, with its receipt and the audit row. False when it was not where it was read any more. */
export async function finishErasure(
  db: Database,
  at: ErasureRow,
  end: Pick<ErasureRow, "subject_hash" | "done_at" | "stores" | "receipt">,
  audit: AuditRow,
): Promise<boolean> {
  const [, ended] = await db.batch([
    insertAuditIf(db, audit, sql`EXISTS (SELECT 1 FROM ${erasure} WHERE ${stillAt(at)})`),
    db
      .update(erasure)
      .set({ ...end, status: "done" })
      .where(stillAt(at))
      .returning({ id: erasure.id }),
  ]);
  return ended.length > 0;
}
