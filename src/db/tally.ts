/** Totals of lists, read from the counters that triggers keep. */
import { and, eq } from "drizzle-orm";
import type { Database } from "./database.ts";
import { tally } from "./schema.ts";

export type Tally = { active: number; archived: number; deleted: number };
export type TallyKind = "company" | "entity" | "agent" | "message";

/** How many rows there are in each state; zeros where there never was one. */
export async function readTally(db: Database, company_id: string, kind: TallyKind, ref = ""): Promise<Tally> {
  const row = await db
    .select({ active: tally.active, archived: tally.archived, deleted: tally.deleted })
    .from(tally)
    .where(and(eq(tally.company_id, company_id), eq(tally.kind, kind), eq(tally.ref, ref)))
    .get();
  return row ?? { active: 0, archived: 0, deleted: 0 };
}
