/** Users and leads alike: whoever can own a conversation. */
import { and, eq } from "drizzle-orm";
import type { Entity, EntityType } from "../auth/principal.ts";
import type { Database } from "./database.ts";
import { lead, user } from "./schema.ts";

/** The user or lead that the company has, or had, under this id; only of one kind if `type` says so. */
export async function findEntity(
  db: Database,
  company_id: string,
  entity_id: string,
  type?: EntityType,
): Promise<Entity | null> {
  const inTable = (table: typeof user | typeof lead) =>
    db
      .select({ id: table.id })
      .from(table)
      .where(and(eq(table.id, entity_id), eq(table.company_id, company_id)));
  const [users, leads] = await db.batch([inTable(user), inTable(lead)]);
  if (users.length > 0 && type !== "lead") return { entity_type: "user", entity_id };
  return leads.length > 0 && type !== "user" ? { entity_type: "lead", entity_id } : null;
}
