/**
 * Identity providers that companies registered. A registration counts once it is verified; a unique index lets one company
 * only be verified for an issuer and audience.
 */
import { and, eq, inArray, isNotNull, isNull, lt, ne, or, sql } from "drizzle-orm";
import type { Rows, Slice } from "./page.ts";
import type { AuditRow } from "../chat/audit.ts";
import { insertAudit, insertAuditIf } from "./audit.ts";
import { auditedDelete, auditedInsertIf } from "./audited.ts";
import type { Database } from "./database.ts";
import type { JsonObject } from "../json.ts";
import { newestFirst } from "./newest-first.ts";
import { issuer } from "./schema.ts";

export type IssuerRow = typeof issuer.$inferSelect;
export type NewIssuer = typeof issuer.$inferInsert;

/** The most registrations of one company. */
export const MAX_ISSUERS = 20;

const own = (company_id: string, id: string) => and(eq(issuer.id, id), eq(issuer.company_id, company_id));
const verified = isNotNull(issuer.verified_at);

/** The verified registrations of an `iss` for these audiences, by all companies: at most one an audience. */
export const findVerifiedIssuers = (db: Database, iss: string, audiences: string[]): Promise<IssuerRow[]> =>
  audiences.length === 0
    ? Promise.resolve([])
    : db
        .select()
        .from(issuer)
        .where(and(eq(issuer.issuer, iss), inArray(issuer.audience, audiences), verified))
        .all();

export const findIssuer = (db: Database, company_id: string, id: string): Promise<IssuerRow | undefined> =>
  db.select().from(issuer).where(own(company_id, id)).get();

/** The verified registration of that id, whichever company's. */
export const findVerifiedIssuer = (db: Database, id: string): Promise<IssuerRow | undefined> =>
  db
    .select()
    .from(issuer)
    .where(and(eq(issuer.id, id), verified))
    .get();

/** The company's verified registrations, oldest first: at most MAX_ISSUERS. */
export const listVerifiedIssuers = (db: Database, company_id: string): Promise<IssuerRow[]> =>
  db
    .select()
    .from(issuer)
    .where(and(eq(issuer.company_id, company_id), verified))
    .orderBy(issuer.id)
    .all();

/** Registrations of the company, newest first. */
export const listIssuers = (db: Database, company_id: string, slice: Slice): Promise<Rows<IssuerRow>> =>
  newestFirst(db, issuer, eq(issuer.company_id, company_id), slice);

/**
 * Undefined when the company has MAX_ISSUERS already. Throws a unique violation when the company has registered the same
 * issuer and audience already, or, for a verified row, when another company is verified for them.
 */
export const insertIssuer = (db: Database, row: NewIssuer, audit: AuditRow): Promise<IssuerRow | undefined> => {
  const count = sql`(select count(*) from ${issuer} where ${eq(issuer.company_id, row.company_id)})`;
  return auditedInsertIf(db, issuer, row, sql`${count} < ${MAX_ISSUERS}`, audit);
};

/** Sets verified_at. Returns the row, undefined when there is none. Throws a unique violation like insertIssuer. */
export async function verifyIssuer(db: Database, company_id: string, id: string, audit: AuditRow) {
  const pending = and(own(company_id, id), isNull(issuer.verified_at));
  await db.batch([
    insertAuditIf(db, audit, sql`exists (select 1 from ${issuer} where ${pending})`),
    db.update(issuer).set({ verified_at: audit.at }).where(pending),
  ]);
  return findIssuer(db, company_id, id);
}

/** Clears verified_at, because another company has shown more control. */
export const displaceIssuer = (db: Database, row: IssuerRow, audit: AuditRow) =>
  db.batch([insertAudit(db, audit), db.update(issuer).set({ verified_at: null }).where(own(row.company_id, row.id))]);

/** Deletes a registration. Undefined when the company has no such one. */
export const deleteIssuer = (db: Database, company_id: string, id: string, audit: AuditRow) =>
  auditedDelete(db, issuer, own(company_id, id), audit);

/** Milliseconds: keys that did not change are written again after this time. */
const KEYS_AGE = 60 * 60_000;

/** Stores a key set as the fallback for when it cannot be fetched. One write an hour while the keys do not change. */
export const keepKeys = (db: Database, { company_id, id }: IssuerRow, keys: JsonObject, at: number) =>
  db
    .update(issuer)
    .set({ keys, keys_at: at })
    .where(
      and(own(company_id, id), or(isNull(issuer.keys_at), lt(issuer.keys_at, at - KEYS_AGE), ne(issuer.keys, keys))),
    )
    .run();
