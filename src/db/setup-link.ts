/** The link to /setup: whoever has it makes one company with its first admin key, once, within the hour. Only the newest link is good. */
import { and, eq, gt, type SQL, sql } from "drizzle-orm";
import { exists } from "./audited.ts";
import { insertIf } from "./audit.ts";
import { insertCompany, type NewCompany } from "./company.ts";
import type { Database } from "./database.ts";
import { company, setup_link } from "./schema.ts";

/** Milliseconds. */
export const LINK_TTL = 60 * 60 * 1000;

/** For the link of a first deployment: where there is a company, somebody can make the rest. */
export const noCompany = sql`not exists (select 1 from ${company})`;

/**
 * The statements that put a new link in place of any other, where `condition` holds. The last one returns a row if it did.
 * `secret_hash`: see hashSecret in auth/api-key.ts.
 */
export const replaceLink = (db: Database, secret_hash: string, now: number, condition: SQL = sql`true`) =>
  [
    db.delete(setup_link).where(condition),
    insertIf(db, setup_link, { secret_hash, created_at: now, expires_at: now + LINK_TTL }, condition).returning(),
  ] as const;

export const hasOpenLink = async (db: Database, now: number): Promise<boolean> =>
  (await db.select().from(setup_link).where(gt(setup_link.expires_at, now)).limit(1)).length > 0;

/** Uses the link up and makes the company, in one batch. False, and nothing changes, when the link is not good at `now` (ms). */
export async function redeemLink(db: Database, secret_hash: string, now: number, rows: NewCompany): Promise<boolean> {
  const isOpen = and(eq(setup_link.secret_hash, secret_hash), gt(setup_link.expires_at, now));
  const results = await db.batch([
    ...insertCompany(db, rows, exists(setup_link, isOpen)),
    db.delete(setup_link).where(isOpen).returning(),
  ]);
  return (results.at(-1) as unknown[]).length > 0;
}
