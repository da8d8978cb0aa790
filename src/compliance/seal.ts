/**
 * Seals: hashes over stretches of a company's audit rows, each over the one before it as well, signed. Whoever keeps one
 * hash can tell whether any row up to there was changed, taken away or put in, without trusting the database.
 */
import { uuidv7 } from "uuidv7";
import { signDetached } from "../auth/signing-key.ts";
import type { Config } from "../config.ts";
import type { AuditEvent } from "../db/audit.ts";
import { insertSeal, lastSeal, type SealRow, sequencedRows, unsealedCompanies } from "../db/audit-seal.ts";
import { causeOf, type Database } from "../db/database.ts";
import { canonicalJson } from "../json.ts";

/** Rows of one seal at most. */
const ROWS = 500;

/** A row as it is shown and as it is sealed. */
export const eventView = ({ at, ...row }: AuditEvent) => ({ ...row, created_at: new Date(at).toISOString() });

/** A seal as it is shown; the signature is over the JCS of everything else. */
export const sealView = ({ company_id: _, sealed_at, signature, ...row }: SealRow) => ({
  ...unsigned({ ...row, sealed_at }),
  signature,
});

export const unsigned = (row: Omit<SealRow, "company_id" | "signature">) => ({
  id: row.id,
  first_sequence: row.first_sequence,
  last_sequence: row.last_sequence,
  rows: row.rows,
  hash: row.hash,
  previous_hash: row.previous_hash,
  sealed_at: new Date(row.sealed_at).toISOString(),
});

/** SHA-256, hexadecimal, over the hash before (nothing for the first) and the rows as JCS (RFC 8785). */
export async function hashOf(previous_hash: string | null, rows: AuditEvent[]): Promise<string> {
  const text = (previous_hash ?? "") + canonicalJson(rows.map(eventView));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export const bytesOf = (seal: Parameters<typeof unsigned>[0]): Uint8Array =>
  new TextEncoder().encode(canonicalJson(unsigned(seal)));

/** Seals what is open, `seals` stretches at most. Returns how many it made. */
export async function sealCompany(db: Database, config: Config, company_id: string, seals: number): Promise<number> {
  for (let made = 0; made < seals; made++) {
    const last = await lastSeal(db, company_id);
    const after = last?.last_sequence ?? 0;
    const rows = await sequencedRows(db, company_id, after, Number.MAX_SAFE_INTEGER, ROWS);
    const end = rows.at(-1)?.sequence ?? null;
    if (end === null) return made;
    const previous_hash = last?.hash ?? null;
    const seal = {
      id: uuidv7(),
      // Also where rows are missing: the seal says how many there were.
      first_sequence: after + 1,
      last_sequence: end,
      rows: rows.length,
      hash: await hashOf(previous_hash, rows),
      previous_hash,
      sealed_at: Date.now(),
    };
    const signature = await signDetached(config, "audit-seal+jws", bytesOf(seal));
    await insertSeal(db, { ...seal, company_id, signature });
  }
  return seals;
}

/** Seals of every company of a database; one that cannot be sealed does not hold up the others. */
export async function sealEverybody(db: Database, config: Config, seals: number): Promise<number> {
  let made = 0;
  for (const company_id of await unsealedCompanies(db, seals)) {
    if (made >= seals) break;
    try {
      made += await sealCompany(db, config, company_id, seals - made);
    } catch (error) {
      console.error(JSON.stringify({ event: "seal_failed", company_id, error: causeOf(error) }));
    }
  }
  return made;
}
