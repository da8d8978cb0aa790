/** Companies: the tenants. One begins with an owner and the owner's first key, so that somebody can make the rest. */
import { eq, type SQL, sql } from "drizzle-orm";
import { type AuditRow, systemAuditRow } from "../chat/audit.ts";
import { insertAuditIf, insertIf } from "./audit.ts";
import { auditedUpdate } from "./audited.ts";
import type { Database } from "./database.ts";
import { api_key, company, user } from "./schema.ts";

export type CompanyRow = typeof company.$inferSelect;
/** What a company may set. */
export type CompanySettings = Partial<
  Pick<CompanyRow, "name" | "time_zone" | "conversations_days" | "deleted_days" | "leads_days">
>;

type NewKey = typeof api_key.$inferInsert;

export type NewCompany = {
  company: typeof company.$inferInsert;
  owner: typeof user.$inferInsert;
  /** At least one; see newApiKey in auth/api-key.ts. */
  keys: NewKey[];
  audit?: AuditRow[];
};

/** `user.issuer` of the user that a company begins with: no token and no backend can name this user. */
const OWNER = "owner";

export type CompanyPlan = {
  company_id: string;
  user_id: string;
  name: string;
  owner: string;
  role: "member" | "admin";
};

/** What a company begins with, as rows. `maker` is the part of the service that makes it; the audit trail names it. */
export function companyRows(plan: CompanyPlan, keys: NewKey[], maker: string, now: number): NewCompany {
  const { company_id, user_id } = plan;
  const made = (target_type: string, target_id: string) =>
    systemAuditRow(company_id, maker, { action: `${target_type}.create`, target_type, target_id }, now);
  return {
    company: { id: company_id, name: plan.name, created_at: now },
    owner: { id: user_id, company_id, subject: user_id, name: plan.owner, role: plan.role, created_at: now },
    keys,
    audit: [made("company", company_id), ...keys.map(({ id }) => made("api_key", id))],
  };
}

/**
 * The statements that insert a company where `condition` holds: for one batch, or through `toSQL()` for a database behind
 * wrangler.
 */
export const insertCompany = (db: Database, rows: NewCompany, condition: SQL = sql`true`) =>
  [
    insertIf(db, company, rows.company, condition),
    insertIf(db, user, { ...rows.owner, issuer: OWNER }, condition),
    ...rows.keys.map((row) => insertIf(db, api_key, row, condition)),
    ...(rows.audit ?? []).map((row) => insertAuditIf(db, row, condition)),
  ] as const;

/** In the control database, wherever the company's own rows are. */
export const findCompany = (control: Database, company_id: string): Promise<CompanyRow | undefined> =>
  control.select().from(company).where(eq(company.id, company_id)).get();

/** Where the company's days begin (IANA name). */
export const timeZoneOf = async (control: Database, company_id: string): Promise<string> =>
  (await control.select({ time_zone: company.time_zone }).from(company).where(eq(company.id, company_id)).get())
    ?.time_zone ?? "UTC";

/** Changes the given settings. Undefined when there is no such company. */
export const updateCompany = (control: Database, company_id: string, settings: CompanySettings, audit: AuditRow) =>
  auditedUpdate(control, company, eq(company.id, company_id), settings, audit);

/** Throws when the database cannot be reached, or has no tables yet. */
export const ping = (db: Database) => db.select({ id: company.id }).from(company).limit(1).get();
