/**
 * Totals of lists, from counters that triggers maintain. Kind and ref say what a counter counts. Conversations: `company`
 * (ref: kind of owner), `entity` (ref: the owner), `agent` (ref: agent and kind of owner), `unread` (ref: kind of owner; of
 * what staff has not read, live ones only). Others: `lead` (ref: "" or an agent), `agents` (inactive ones are counted as
 * archived), deleted `message`s, `audit`.
 */
import { and, eq, inArray, sql, type SQLWrapper } from "drizzle-orm";
import type { EntityType } from "../auth/principal.ts";
import type { Database } from "./database.ts";
import { tally } from "./schema.ts";

export type Tally = { active: number; archived: number; deleted: number };
export type TallyKind = typeof tally.$inferSelect.kind;

/** The refs of the counters whose sum is wanted. `ref`: "", an entity, or the id of an agent. */
export function refsOf(kind: TallyKind, ref = "", entity_type?: EntityType): string[] {
  const types = entity_type === undefined ? ["user", "lead"] : [entity_type];
  if (kind === "company" || kind === "unread") return types;
  return kind === "agent" ? types.map((type) => `${ref}:${type}`) : [ref];
}

const counters = (company_id: string, kind: TallyKind, refs: string[]) =>
  and(eq(tally.company_id, company_id), eq(tally.kind, kind), inArray(tally.ref, refs));

/** The number of rows in each state. */
export async function readTally(db: Database, company_id: string, kind: TallyKind, ref = ""): Promise<Tally> {
  const sum = (state: keyof Tally) => sql<number>`coalesce(sum(${tally[state]}), 0)`;
  const row = await db
    .select({ active: sum("active"), archived: sum("archived"), deleted: sum("deleted") })
    .from(tally)
    .where(counters(company_id, kind, refsOf(kind, ref)))
    .get();
  return row ?? { active: 0, archived: 0, deleted: 0 };
}

/** The query of a total, for the batch that reads the page: the number of rows in these states, less what `left` counts. */
export const totalQuery = (
  db: Database,
  company_id: string,
  kind: TallyKind,
  refs: string[],
  states: readonly (keyof Tally)[],
  left: readonly SQLWrapper[] = [],
) =>
  db
    .select({
      total: sql<number>`coalesce(sum(${sql.join(
        states.map((state) => tally[state]),
        sql` + `,
      )}), 0)${sql.join(
        left.map((counted) => sql` - ${counted}`),
        sql``,
      )}`,
    })
    .from(tally)
    .where(counters(company_id, kind, refs));
