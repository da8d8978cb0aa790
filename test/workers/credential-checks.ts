/** What tests of credentials look at beside the answer. */
import { env } from "cloudflare:workers";
import { and, eq } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import { expect } from "vitest";
import { companyDatabase } from "../../src/db/database.ts";
import { audit_event } from "../../src/db/schema.ts";
import { call, type Company } from "./company.ts";

/** What the audit trail of the company says was done to an object, oldest first. */
export async function actionsOn(company: Company, target_id: string) {
  const db = await companyDatabase(env, company.company_id);
  const mine = and(eq(audit_event.company_id, company.company_id), eq(audit_event.target_id, target_id));
  return (await db.select().from(audit_event).where(mine).orderBy(audit_event.id)).map((row) => row.action);
}

/** The bodies of 404s to the same request for ids that are foreign, unknown or malformed: one, if nothing leaks. */
export async function bodiesFor(company: Company, method: string, pathOf: (id: string) => string, foreign: string) {
  const bodies = new Set<string>();
  for (const id of [foreign, uuidv7(), "nonsense"]) {
    const headers = { ...company.admin, "x-request-id": "same" };
    const answer = await call(method, pathOf(id), { headers });
    expect(answer.status).toBe(404);
    bodies.add(JSON.stringify(answer.body));
  }
  return bodies;
}
