/** Figures of a company over a period, by day, agent and model: sums of the cells of analytic-cell.ts. */
import { type SQL, sql } from "drizzle-orm";
import {
  type Buckets,
  bucketTime,
  type CellScope,
  cells,
  type Timed,
  timesByAgent,
  timesByPlace,
} from "./analytic-cell.ts";
import type { Database } from "./database.ts";
import { COLUMNS, type Measured, TOGETHER } from "./measures.ts";

/** What the sums are grouped by. `top_agent`: the ten agents with the most turns. */
export type Grouping = "total" | "day" | "agent" | "top_agent" | "model";

/** Sums of one group; of a total without anything all are null. */
export type Sums = {
  kind: Grouping;
  /** null · place of a day in the period · agent id · model name. */
  ref: string | number | null;
  /** Of the agent; null for other groups. */
  name: string | null;
} & Measured;

/** Agents, or models, in one answer. */
export const MAX_GROUPS = 500;

const sums = sql.raw(TOGETHER);

export const sumsQuery = (scope: CellScope, groupings: Grouping[]): SQL => sql`
  WITH ${cells(scope)}
  ${sql.join(
    groupings.map((grouping) => sql`SELECT * FROM (${group(grouping, scope.company_id)})`),
    sql` UNION ALL `,
  )} ORDER BY turns DESC, ref`;

function group(kind: Grouping, company_id: string): SQL {
  const agentName = sql`(SELECT name FROM agent WHERE id = agent_id AND company_id = ${company_id})`;
  const by = (ref: SQL, name: SQL) => sql`SELECT ${kind} AS kind, ${ref} AS ref, ${name} AS name, ${sums} FROM cell`;
  const most = (column: string, limit: number, having = "turns") =>
    sql.raw(`GROUP BY ${column} HAVING sum(${having}) > 0 ORDER BY sum(turns) DESC, ${column} LIMIT ${limit}`);
  switch (kind) {
    case "total":
      return by(sql`NULL`, sql`NULL`);
    case "day":
      return sql`${by(sql`place`, sql`NULL`)} GROUP BY place`;
    case "model":
      return sql`${by(sql`nullif(model_used, '')`, sql`NULL`)} ${most("model_used", MAX_GROUPS)}`;
    case "agent":
      return sql`${by(sql`agent_id`, agentName)} ${most("agent_id", MAX_GROUPS, "turns + staff_replies")}`;
    case "top_agent":
      return sql`${by(sql`agent_id`, agentName)} ${most("agent_id", 10)}`;
  }
}

/** Milliseconds; `ref` null is the whole period, else as of sums. */
export type Percentiles = { of: Timed; ref: string | number | null; p50: number; p95: number };

type TimesRow = { ref: string | number; turn_times: string; wait_times: string };

/** Median and 95th percentile by nearest rank of what the rows have, of each ref and of all. Pure. */
function percentilesOf(rows: TimesRow[]): Percentiles[] {
  return (["turn", "wait"] as const).flatMap((of) => {
    const merged = new Map<string | number | null, Map<number, number>>();
    for (const row of rows) {
      for (const [bucket, n] of Object.entries(JSON.parse(row[`${of}_times`]) as Buckets)) {
        for (const ref of [null, row.ref]) {
          const counts = merged.get(ref) ?? new Map<number, number>();
          merged.set(ref, counts.set(Number(bucket), (counts.get(Number(bucket)) ?? 0) + n));
        }
      }
    }
    return [...merged].map(([ref, counts]) => ({ of, ref, p50: atRank(counts, 50), p95: atRank(counts, 95) }));
  });
}

/** Nearest rank: the least time that `percent` of all do not exceed. */
function atRank(counts: Map<number, number>, percent: number): number {
  const sorted = [...counts].toSorted(([a], [b]) => a - b);
  let left = Math.ceil((percent * sorted.reduce((sum, [, n]) => sum + n, 0)) / 100);
  for (const [bucket, n] of sorted) if ((left -= n) <= 0) return bucketTime(bucket);
  return 0;
}

/** A query for `db.batch`, which accepts only what drizzle's query builder has made. */
export const rawSelect = <T extends object>(db: Database, query: SQL, columns: readonly (keyof T & string)[]) =>
  db
    .select(Object.fromEntries(columns.map((column) => [column, sql.raw(column)])) as { [C in keyof T]: SQL<T[C]> })
    .from(sql`(${query})`);

const selectSums = (db: Database, scope: CellScope, groupings: Grouping[]) =>
  rawSelect<Sums>(db, sumsQuery(scope, groupings), ["kind", "ref", "name", ...COLUMNS]);

const selectTimes = (db: Database, scope: CellScope, by: "day" | "agent") =>
  rawSelect<TimesRow>(db, by === "day" ? timesByPlace(scope) : timesByAgent(scope), [
    "ref",
    "turn_times",
    "wait_times",
  ]);

export type Figures = { sums: Sums[]; percentiles: Percentiles[] };

/** Sums in these groups, and percentiles of the period and of each day or agent, in one round trip. */
export async function figuresOf(
  db: Database,
  scope: CellScope,
  groupings: Grouping[],
  by: "day" | "agent" = "day",
): Promise<Figures> {
  const [sums, times] = await db.batch([selectSums(db, scope, groupings), selectTimes(db, scope, by)]);
  return { sums: sums as Sums[], percentiles: percentilesOf(times as TimesRow[]) };
}
