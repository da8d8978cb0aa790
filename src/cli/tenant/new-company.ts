/** Creates a company without the API: nobody has a credential before the first company exists. */
import { uuidv7 } from "uuidv7";
import { newApiKey } from "../../auth/api-key.ts";
import type { Scope } from "../../auth/principal.ts";
import { insertAudit } from "../../db/audit.ts";
import { insertCompany } from "../../db/company.ts";
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

/** The audit row of a change from the command line. Its actor is no user. */
export const auditByCommand = (db: Database, company_id: string, action: string, target_id: string, at: number) => {
  const [target_type = ""] = action.split(".");
  const actor = { actor_type: "system", actor_id: "command-line", api_key_id: null, request_id: null } as const;
  return insertAudit(db, { id: uuidv7(), company_id, at, ...actor, action, target_type, target_id, details: {} });
};

/** The statements that insert a company, its owner, the owner's keys and their audit rows, for one batch. */
export function companyStatements(
  db: Database,
  plan: { company_id: string; user_id: string; name: string; owner: string; role: "member" | "admin" },
  keys: NewKeys,
  now: number,
) {
  const { company_id, user_id } = plan;
  return [
    ...insertCompany(db, {
      company: { id: company_id, name: plan.name, created_at: now },
      owner: { id: user_id, company_id, subject: user_id, name: plan.owner, role: plan.role, created_at: now },
      keys: keys.rows,
    }),
    auditByCommand(db, company_id, "company.create", company_id, now),
    ...keys.rows.map((row) => auditByCommand(db, company_id, "api_key.create", row.id, now)),
  ] as const;
}
