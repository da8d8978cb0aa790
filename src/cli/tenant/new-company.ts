/** Creates a company without the API: nobody has a credential before the first company exists. */
import { newApiKey } from "../../auth/api-key.ts";
import type { Scope } from "../../auth/principal.ts";
import { systemAuditRow } from "../../chat/audit.ts";
import { insertAudit } from "../../db/audit.ts";
import { type CompanyPlan, companyRows, insertCompany } from "../../db/company.ts";
import type { Database } from "../../db/database.ts";
import type { api_key } from "../../db/schema.ts";

export type Credential = { api_key: string; api_secret: string };
export type NewKeys = { rows: (typeof api_key.$inferInsert)[]; credentials: Record<string, Credential> };

/** API keys by name: their rows, and their secrets, which are not stored. */
export async function newKeys(
  owner: { company_id: string; user_id: string },
  scopes: Record<string, Scope[]>,
  now: number,
): Promise<NewKeys> {
  const keys: NewKeys = { rows: [], credentials: {} };
  for (const [name, keyScopes] of Object.entries(scopes)) {
    const { row, secret } = await newApiKey(owner, { name, scopes: keyScopes }, now);
    keys.rows.push(row);
    keys.credentials[name] = { api_key: row.key, api_secret: secret };
  }
  return keys;
}

/** The actor of audit rows that commands write. It is no user. */
const COMMAND_LINE = "command-line";

export const auditByCommand = (db: Database, company_id: string, action: string, target_id: string, at: number) => {
  const [target_type = ""] = action.split(".");
  return insertAudit(db, systemAuditRow(company_id, COMMAND_LINE, { action, target_type, target_id }, at));
};

/** The statements that insert a company, its owner, the owner's keys and their audit rows, for one batch. */
export const companyStatements = (db: Database, plan: CompanyPlan, keys: NewKeys, now: number) =>
  insertCompany(db, companyRows(plan, keys.rows, COMMAND_LINE, now));
