/**
 * Totals of lists, read from the counters that triggers keep. What a counter counts is its kind, narrowed by its ref:
 * conversations of a `company` by the kind of their owner, of an `entity`, of an `agent` by the kind of their owner;
 * `lead` all of them ("") and by agent; `agents` (active, and as archived the inactive ones); deleted `message`s; `audit`.
 */
import { and, eq, inArray, sql } from "drizzle-orm";
import type { EntityType } from "../auth/principal.ts";
import type { Database } from "./database.ts";
import { tally } from "./schema.ts";

export type Tally = { active: number; archived: number; deleted: number };
export type TallyKind = typeof tally.$inferSelect.kind;

/** The refs that together are what is asked for. `ref`: "", an entity, an agent's id. */
export function refsOf(kind: TallyKind, ref = "", entity_type?: EntityType): string[] {
  const types = entity_type === undefined ? ["user", "lead"] : [entity_type];
  if (kind === "company") return types;
  return kind === "agent" ? types.map((type) => `${ref}:${type}`) : [ref];
}

const counters = (company_id: string, kind: TallyKind, refs: string[]) =>
  and(eq(tally.company_id, company_id), eq(tally.kind, kind), inArray(tally.ref, refs));

/** How many rows there are in each state; zeros where there never was one. */
export async function readTally(db: Database, company_id: string, kind: TallyKind, ref = ""): Promise<Tally> {
  const sum = (state: keyof Tally) => sql<number>`coalesce(sum(${tally[state]}), 0)`;
  const row = await db
    .select({ active: sum("active"), archived: sum("archived"), deleted: sum("deleted") })
    .from(tally)
    .where(counters(company_id, kind, refsOf(kind, ref)))
    .get();
  return row ?? { active: 0, archived: 0, deleted: 0 };
}

/** The query of a total, for the batch that reads the page: rows in any of these states. */
export const totalQuery = (
  db: Database,
  company_id: string,
  kind: TallyKind,
  refs: string[],
  states: readonly (keyof Tally)[],
) =>
  db
    .select({
      total: sql<number>`coalesce(sum(${sql.join(
        states.map((state) => tally[state]),
        sql` + `,
      )}), 0)`,
    })
    .from(tally)
    .where(counters(company_id, kind, refs));
