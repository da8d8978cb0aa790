/** Seals over a company's audit rows, and the rows in the order in which they are sealed. Appended, never changed. */
import { and, asc, desc, eq, gt, isNull, lt, lte, or, sql } from "drizzle-orm";
import type { AuditEvent } from "./audit.ts";
import type { Database } from "./database.ts";
import { audit_event, audit_seal, tally } from "./schema.ts";
import { refsOf, totalQuery } from "./tally.ts";

export type SealRow = typeof audit_seal.$inferSelect;

/** The newest seal of a company in this database. */
export const lastSeal = (db: Database, company_id: string): Promise<SealRow | undefined> =>
  db
    .select()
    .from(audit_seal)
    .where(eq(audit_seal.company_id, company_id))
    .orderBy(desc(audit_seal.first_sequence))
    .limit(1)
    .get();

/** Rows with a sequence beyond `after`, up to `upto`, in order. */
export const sequencedRows = (
  db: Database,
  company_id: string,
  after: number,
  upto: number,
  limit: number,
): Promise<AuditEvent[]> =>
  db
    .select()
    .from(audit_event)
    .where(
      and(eq(audit_event.company_id, company_id), gt(audit_event.sequence, after), lte(audit_event.sequence, upto)),
    )
    .orderBy(asc(audit_event.sequence))
    .limit(limit);

/** Writes a seal. Where another one over the same rows is there already, that one stays. */
export const insertSeal = (db: Database, row: SealRow) => db.insert(audit_seal).values(row).onConflictDoNothing().run();

/** Seals whose rows come behind sequence `after`, in the order of the rows. */
export const listSeals = (db: Database, company_id: string, after: number, limit: number): Promise<SealRow[]> =>
  db
    .select()
    .from(audit_seal)
    .where(and(eq(audit_seal.company_id, company_id), gt(audit_seal.first_sequence, after)))
    .orderBy(asc(audit_seal.first_sequence))
    .limit(limit);

/** How many audit rows of a company were ever written here: what their last sequence must be. */
export async function writtenRows(db: Database, company_id: string): Promise<number> {
  const row = await totalQuery(db, company_id, "audit", refsOf("audit"), ["active"]).get();
  return row?.total ?? 0;
}

/** Whether a row is where none is sealed: with another number than 1, 2, 3 …. Three look-ups along the index. */
export async function hasStrayRow(db: Database, company_id: string): Promise<boolean> {
  const { sequence } = audit_event;
  const stray = or(isNull(sequence), lt(sequence, 1), gt(sequence, Number.MAX_SAFE_INTEGER));
  const found = await db
    .select({ id: audit_event.id })
    .from(audit_event)
    .where(and(eq(audit_event.company_id, company_id), stray))
    .limit(1);
  return found.length > 0;
}

/** Companies some of whose rows are not sealed. Reads those only. */
export async function unsealedCompanies(db: Database, limit: number): Promise<string[]> {
  // As in the index, word by word: only then does the planner take it.
  const unsealed = sql`kind = 'audit' AND active > archived`;
  return (await db.select({ company_id: tally.company_id }).from(tally).where(unsealed).limit(limit)).map(
    (row) => row.company_id,
  );
}
