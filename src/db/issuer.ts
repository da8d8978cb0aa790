/** Identity providers that companies registered. */
import { and, eq } from "drizzle-orm";
import type { Rows, Slice } from "./page.ts";
import type { AuditRow } from "../chat/audit.ts";
import { auditedDelete, auditedInsert } from "./audited.ts";
import type { Database } from "./database.ts";
import { newestFirst } from "./newest-first.ts";
import { issuer } from "./schema.ts";

export type IssuerRow = typeof issuer.$inferSelect;
export type NewIssuer = typeof issuer.$inferInsert;

/** Every registration of an `iss`, whichever company made it: the audience tells them apart. */
export const findIssuers = (db: Database, iss: string): Promise<IssuerRow[]> =>
  db.select().from(issuer).where(eq(issuer.issuer, iss)).all();

/** Registrations of the company, newest first. */
export const listIssuers = (db: Database, company_id: string, slice: Slice): Promise<Rows<IssuerRow>> =>
  newestFirst(db, issuer, eq(issuer.company_id, company_id), slice);

/** Throws a unique violation when any company has registered the same issuer and audience. */
export const insertIssuer = (db: Database, row: NewIssuer, audit: AuditRow): Promise<IssuerRow> =>
  auditedInsert(db, issuer, row, audit);

/** Removes a registration. Undefined when the company has no such one. */
export const deleteIssuer = (db: Database, company_id: string, id: string, audit: AuditRow) =>
  auditedDelete(db, issuer, and(eq(issuer.id, id), eq(issuer.company_id, company_id)), audit);
