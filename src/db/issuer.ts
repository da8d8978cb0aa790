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

/** The registrations of an `iss` by all companies. They differ in their audience. */
export const findIssuers = (db: Database, iss: string): Promise<IssuerRow[]> =>
  db.select().from(issuer).where(eq(issuer.issuer, iss)).all();

/** Registrations of the company, newest first. */
export const listIssuers = (db: Database, company_id: string, slice: Slice): Promise<Rows<IssuerRow>> =>
  newestFirst(db, issuer, eq(issuer.company_id, company_id), slice);

/** Throws a unique violation when a company has registered the same issuer and audience already. */
export const insertIssuer = (db: Database, row: NewIssuer, audit: AuditRow): Promise<IssuerRow> =>
  auditedInsert(db, issuer, row, audit);

/** Deletes a registration. Undefined when the company has no such one. */
export const deleteIssuer = (db: Database, company_id: string, id: string, audit: AuditRow) =>
  auditedDelete(db, issuer, and(eq(issuer.id, id), eq(issuer.company_id, company_id)), audit);
