/** Companies: the tenants. One begins with an owner and the owner's first key, so that somebody can make the rest. */
import { eq } from "drizzle-orm";
import type { AuditRow } from "../chat/audit.ts";
import { auditedUpdate } from "./audited.ts";
import type { Database } from "./database.ts";
import { api_key, company, user } from "./schema.ts";

export type CompanyRow = typeof company.$inferSelect;
/** What a company may set. */
export type CompanySettings = Partial<
  Pick<CompanyRow, "name" | "time_zone" | "conversations_days" | "deleted_days" | "leads_days">
>;

export type NewCompany = {
  company: typeof company.$inferInsert;
  owner: typeof user.$inferInsert;
  /** At least one; see newApiKey in auth/api-key.ts. */
  keys: (typeof api_key.$inferInsert)[];
};

/** `user.issuer` of the user that a company begins with: no token and no backend can name this user. */
const OWNER = "owner";

/** The statements that insert a company: for one batch, or through `toSQL()` for a database behind wrangler. */
export const insertCompany = (db: Database, rows: NewCompany) =>
  [
    db.insert(company).values(rows.company),
    db.insert(user).values({ ...rows.owner, issuer: OWNER }),
    db.insert(api_key).values(rows.keys),
  ] as const;

/** In the control database, wherever the company's own rows are. */
export const findCompany = (control: Database, company_id: string): Promise<CompanyRow | undefined> =>
  control.select().from(company).where(eq(company.id, company_id)).get();

/** Changes the given settings. Undefined when there is no such company. */
export const updateCompany = (control: Database, company_id: string, settings: CompanySettings, audit: AuditRow) =>
  auditedUpdate(control, company, eq(company.id, company_id), settings, audit);

/** Throws when the database cannot be reached, or has no tables yet. */
export const ping = (db: Database) => db.select({ id: company.id }).from(company).limit(1).get();
