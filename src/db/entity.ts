/** Entities: the users and leads who can own conversations. */
import { and, eq } from "drizzle-orm";
import type { Entity, EntityType } from "../auth/principal.ts";
import type { Database } from "./database.ts";
import { lead, user } from "./schema.ts";

/** The company's user or lead with this id, deleted or not; only of kind `type` where that is set. */
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
