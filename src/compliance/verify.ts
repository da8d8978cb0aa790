/** Checks a company's audit trail against its seals, so much of it at a time that a check reads no more as a trail grows. */
import { verifyDetached } from "../auth/signing-key.ts";
import type { Config } from "../config.ts";
import type { AuditEvent } from "../db/audit.ts";
import { hasStrayRow, listSeals, type SealRow, sequencedRows, writtenRows } from "../db/audit-seal.ts";
import type { Database } from "../db/database.ts";
import { bytesOf, hashOf } from "./seal.ts";

/** Seals, and rows, after which a check pauses. */
const SEALS = 500;
const ROWS = 10_000;
/** Rows that are read at once. */
const PAGE = 500;

/** Where a check stands: the last sequence that holds, and the hash of the seal that ends there. */
export type Place = { after: number; hash: string | null };

/** `broken_at`: the first sequence that does not hold; of a seal that is wrong as a whole, its first; 0 where a row has no place in the order. `next`: null at the end. */
export type Checked = {
  rows: number;
  seals: number;
  head: string | null;
  broken_at: number | null;
  next: Place | null;
};

/** Checks what comes behind `from`. */
export async function checkTrail(db: Database, config: Config, company_id: string, from: Place): Promise<Checked> {
  let [place, rows, count] = [from, 0, 0];
  const seals = await listSeals(db, company_id, from.after, SEALS);
  const done = (broken_at: number | null, next: Place | null): Checked => ({
    ...{ rows, seals: count, head: place.hash, broken_at, next },
  });
  if (from.after === 0 && (await hasStrayRow(db, company_id))) return done(0, null);
  for (const seal of seals) {
    if (rows >= ROWS) return done(null, place);
    const sealed = await rowsOf(db, company_id, seal);
    const broken_at = await brokenIn(config, place, seal, sealed);
    if (broken_at !== null) return done(broken_at, null);
    place = { after: seal.last_sequence, hash: seal.hash };
    rows += sealed.length;
    count++;
  }
  if (seals.length === SEALS) return done(null, place);
  return done((await endsThere(db, company_id, place.after)) ? null : place.after + 1, null);
}

async function rowsOf(db: Database, company_id: string, { first_sequence, last_sequence }: SealRow) {
  const rows: AuditEvent[] = [];
  for (let after = first_sequence - 1; ;) {
    const some = await sequencedRows(db, company_id, after, last_sequence, PAGE);
    rows.push(...some);
    if (some.length < PAGE) return rows;
    after = some.at(-1)?.sequence ?? last_sequence;
  }
}

async function brokenIn(config: Config, before: Place, seal: SealRow, rows: AuditEvent[]): Promise<number | null> {
  const first = before.after + 1;
  if (seal.first_sequence !== first || seal.previous_hash !== before.hash) return first;
  const missing = rows.findIndex((row, i) => row.sequence !== first + i);
  if (missing >= 0) return first + missing;
  if (rows.length !== seal.last_sequence - first + 1) return first + rows.length;
  const holds =
    (await hashOf(seal.previous_hash, rows)) === seal.hash &&
    (await verifyDetached(config, "audit-seal+jws", seal.signature, bytesOf(seal)));
  return holds ? null : first;
}

/** Whether nothing is missing behind the last seal: rows that have come in since follow it, and as many as were written. */
async function endsThere(db: Database, company_id: string, last: number): Promise<boolean> {
  const written = await writtenRows(db, company_id);
  const [next] = await sequencedRows(db, company_id, last, Number.MAX_SAFE_INTEGER, 1);
  return next ? next.sequence === last + 1 : written <= last;
}
