/** API keys. Authentication finds one by its public half; every other query names the company. */
import { and, eq, isNull, sql } from "drizzle-orm";
import type { Rows, Slice } from "./page.ts";
import type { AuditRow } from "../chat/audit.ts";
import { insertAuditIf } from "./audit.ts";
import { auditedInsert, auditedUpdate } from "./audited.ts";
import type { Database } from "./database.ts";
import { newestFirst } from "./newest-first.ts";
import { api_key } from "./schema.ts";

export type ApiKeyRow = typeof api_key.$inferSelect;

const own = (company_id: string, id: string) => and(eq(api_key.id, id), eq(api_key.company_id, company_id));
const unrevoked = (company_id: string, id: string) => and(own(company_id, id), isNull(api_key.revoked_at));

export const findApiKey = (db: Database, key: string): Promise<ApiKeyRow | undefined> =>
  db.select().from(api_key).where(eq(api_key.key, key)).get();

/** A key of the company by its id, revoked or not. */
export const findCompanyApiKey = (db: Database, company_id: string, id: string): Promise<ApiKeyRow | undefined> =>
  db.select().from(api_key).where(own(company_id, id)).get();

/** Sets last_used_at. The caller limits how often. */
export const touchApiKey = (db: Database, row: ApiKeyRow, at: number) =>
  db.update(api_key).set({ last_used_at: at }).where(eq(api_key.id, row.id)).run();

/** All keys of the company, revoked ones too, newest first. */
export const listApiKeys = (db: Database, company_id: string, slice: Slice): Promise<Rows<ApiKeyRow>> =>
  newestFirst(db, api_key, eq(api_key.company_id, company_id), slice);

export const insertApiKey = (db: Database, row: typeof api_key.$inferInsert, audit: AuditRow): Promise<ApiKeyRow> =>
  auditedInsert(db, api_key, row, audit);

/** Revokes a key for good; a repeat changes nothing. Returns the row, or undefined when the company has no such key. */
export const revokeApiKey = async (db: Database, company_id: string, id: string, audit: AuditRow) =>
  (await auditedUpdate(db, api_key, unrevoked(company_id, id), { revoked_at: audit.at }, audit)) ??
  findCompanyApiKey(db, company_id, id);

/** Ids of the keys that act as a user and have not been revoked, at most 100. */
export async function liveKeysOfUser(db: Database, company_id: string, user_id: string): Promise<string[]> {
  const theirs = and(eq(api_key.company_id, company_id), eq(api_key.user_id, user_id), isNull(api_key.revoked_at));
  return (await db.select({ id: api_key.id }).from(api_key).where(theirs).limit(100)).map((row) => row.id);
}

/**
 * Revokes the keys that act as a user, with `audit(id)` for each, and clears their names, which may be a person's. Returns how
 * many keys the user has. Runs in a handful of batches, whatever their number.
 */
export async function eraseKeysOfUser(
  db: Database,
  { company_id, target_id }: { company_id: string; target_id: string },
  audit: (id: string) => AuditRow,
): Promise<number> {
  const theirs = and(eq(api_key.company_id, company_id), eq(api_key.user_id, target_id));
  const keys = await db.select({ id: api_key.id }).from(api_key).where(theirs);
  for (let i = 0; i < keys.length; i += 50) {
    const some = keys.slice(i, i + 50);
    const statements = some.flatMap(({ id }) => {
      const row = audit(id);
      const is = unrevoked(company_id, id);
      return [
        insertAuditIf(db, row, sql`exists (select 1 from ${api_key} where ${is})`),
        db.update(api_key).set({ revoked_at: row.at }).where(is),
        db.update(api_key).set({ name: "" }).where(own(company_id, id)),
      ];
    });
    const [first, ...rest] = statements;
    if (first) await db.batch([first, ...rest]);
  }
  return keys.length;
}

/**
 * Gives a key a new secret. The current secret stays valid until `previous_expires_at` (ms); an older one is invalid now.
 * Undefined when there is no such key or it is revoked.
 */
export const rotateApiKey = (
  db: Database,
  company_id: string,
  id: string,
  next: { secret_hash: string; previous_expires_at: number },
  audit: AuditRow,
) =>
  auditedUpdate(
    db,
    api_key,
    unrevoked(company_id, id),
    { ...next, previous_secret_hash: sql`${api_key.secret_hash}` },
    audit,
  );
