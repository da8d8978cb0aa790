/**
 * Figures of a company over a period. A turn counts on the UTC day on which it ended, with its reply and its user's message,
 * even if these were deleted later. Every query starts from an index on time, so it reads only the turns of the period.
 */
import { type SQL, sql } from "drizzle-orm";
import type { Database } from "./database.ts";

/** Milliseconds, `from` inclusive, `until` exclusive. */
export type Period = { from: number; until: number };

/** The period, and whose figures: those of the company, or of some of its agents. */
export type Scope = Period & { company_id: string; agents?: string[] };

/** What the sums are grouped by. `top_agent`: the ten agents with the most turns. */
export type Grouping = "total" | "day" | "agent" | "top_agent" | "model";

/** Sums of one group. Times are in milliseconds and of completed turns only. All are null when the group has no turns. */
export type Sums = {
  kind: Grouping;
  /** null · days since 1970 · agent id · model name. */
  ref: string | number | null;
  /** Of the agent; null for other groups. */
  name: string | null;
} & Record<(typeof MEASURES)[number], number | null>;

/** Agents, or models, in one answer. */
export const MAX_GROUPS = 500;

const MEASURES = [
  "turns",
  "failed",
  "stopped",
  "questions",
  "replies",
  "deleted",
  "timed",
  "time",
  "measured",
  "measured_input",
  "measured_output",
  "estimated",
  "estimated_input",
  "estimated_output",
] as const;

/** The day of a row, as days since 1970. */
export const day = sql`created_at / 86400000`;

const within = ({ company_id, from, until, agents }: Scope): SQL => {
  const ofAgents = agents ? sql`AND agent_id IN (SELECT value FROM json_each(${JSON.stringify(agents)}))` : sql``;
  return sql`company_id = ${company_id} AND created_at >= ${from} AND created_at < ${until} ${ofAgents}`;
};

/** The replies of the period. The condition of the partial index must be repeated for SQLite to use it. */
export const replies = (scope: Scope): SQL =>
  sql`message INDEXED BY message_reply_time WHERE ${within(scope)} AND role = 'assistant'`;

/** Milliseconds of a turn. */
const time = sql`round(processing_time * 1000)`;

const sums = sql.raw(MEASURES.map((name) => `sum(${name}) AS ${name}`).join(", "));

/** Scans the replies once and sums them by day, agent and model. All groups are sums of these cells. */
export const sumsQuery = (scope: Scope, groupings: Grouping[]): SQL => sql`
  WITH cell AS MATERIALIZED (
    SELECT r.day, r.agent_id, r.model_used, count(*) AS turns, sum(r.status = 'failed') AS failed,
      sum(r.status = 'stopped') AS stopped, count(*) FILTER (WHERE q.id IS NOT NULL AND q.deleted_at IS NULL) AS questions,
      count(*) FILTER (WHERE r.deleted_at IS NULL) AS replies, count(r.deleted_at) + count(q.deleted_at) AS deleted,
      count(r.time) AS timed, sum(r.time) AS time,
      ${sql.join(
        ["measured", "estimated"].map(
          (source) => sql`count(*) FILTER (WHERE r.usage_source = ${source}) AS ${sql.raw(source)},
            sum(r.input_tokens) FILTER (WHERE r.usage_source = ${source}) AS ${sql.raw(`${source}_input`)},
            sum(r.output_tokens) FILTER (WHERE r.usage_source = ${source}) AS ${sql.raw(`${source}_output`)}`,
        ),
        sql`, `,
      )}
    FROM (
      SELECT ${day} AS day, agent_id, model_used, conversation_id, turn_id, sequence, status, deleted_at,
        CASE status WHEN 'complete' THEN ${time} END AS time, input_tokens, output_tokens, usage_source
      FROM ${replies(scope)}
    ) AS r
    LEFT JOIN message AS q ON q.conversation_id = r.conversation_id AND q.sequence = r.sequence - 1
      AND q.turn_id = r.turn_id AND q.role = 'user'
    GROUP BY r.day, r.agent_id, r.model_used
  )
  ${sql.join(
    groupings.map((grouping) => sql`SELECT * FROM (${group(grouping, scope.company_id)})`),
    sql` UNION ALL `,
  )} ORDER BY turns DESC, ref`;

function group(kind: Grouping, company_id: string): SQL {
  const agentName = sql`(SELECT name FROM agent WHERE id = agent_id AND company_id = ${company_id})`;
  const by = (ref: SQL, name: SQL) => sql`SELECT ${kind} AS kind, ${ref} AS ref, ${name} AS name, ${sums} FROM cell`;
  switch (kind) {
    case "total":
      return by(sql`NULL`, sql`NULL`);
    case "day":
      return sql`${by(sql`day`, sql`NULL`)} GROUP BY day`;
    case "model":
      return sql`${by(sql`model_used`, sql`NULL`)} GROUP BY model_used ORDER BY sum(turns) DESC, model_used LIMIT ${MAX_GROUPS}`;
    case "agent":
      return sql`${by(sql`agent_id`, agentName)} GROUP BY agent_id ORDER BY sum(turns) DESC, agent_id LIMIT ${MAX_GROUPS}`;
    case "top_agent":
      return sql`${by(sql`agent_id`, agentName)} GROUP BY agent_id ORDER BY sum(turns) DESC, agent_id LIMIT 10`;
  }
}

/** Milliseconds; `ref` null is the whole period. */
export type Percentiles = { ref: string | number | null; p50: number; p95: number };

/** Median and 95th percentile (nearest rank) of the period, and of each day or agent with completed turns. */
export const percentilesQuery = (scope: Scope, by: "day" | "agent"): SQL => sql`
  WITH timed AS MATERIALIZED (
    SELECT ${by === "day" ? day : sql`agent_id`} AS ref, ${time} AS time
    FROM ${replies(scope)} AND status = 'complete' AND processing_time IS NOT NULL
  ), placed AS (
    SELECT ref, time, row_number() OVER (PARTITION BY ref ORDER BY time) AS place, count(*) OVER (PARTITION BY ref) AS n
    FROM (SELECT NULL AS ref, time FROM timed UNION ALL SELECT ref, time FROM timed)
  )
  SELECT ref, max(time) FILTER (WHERE place = (n + 1) / 2) AS p50,
    max(time) FILTER (WHERE place = (95 * n + 99) / 100) AS p95
  FROM placed GROUP BY ref`;

/** The number of rows of a table that were created on each day, deleted ones included. */
export const createdQuery = (scope: Scope, table: "conversation" | "lead"): SQL => sql`
  SELECT ${day} AS day, count(*) AS n FROM ${sql.raw(`${table} INDEXED BY ${table}_created`)}
  WHERE ${within(scope)} GROUP BY day`;

export type Created = { day: number; n: number };

/** A query for `db.batch`, which accepts only what drizzle's query builder has made. */
export const rawSelect = <T extends object>(db: Database, query: SQL, columns: readonly (keyof T & string)[]) =>
  db
    .select(Object.fromEntries(columns.map((column) => [column, sql.raw(column)])) as { [C in keyof T]: SQL<T[C]> })
    .from(sql`(${query})`);

export const selectSums = (db: Database, scope: Scope, groupings: Grouping[]) =>
  rawSelect<Sums>(db, sumsQuery(scope, groupings), ["kind", "ref", "name", ...MEASURES]);

export const selectPercentiles = (db: Database, scope: Scope, by: "day" | "agent") =>
  rawSelect<Percentiles>(db, percentilesQuery(scope, by), ["ref", "p50", "p95"]);

const selectCreated = (db: Database, scope: Scope, table: "conversation" | "lead") =>
  rawSelect<Created>(db, createdQuery(scope, table), ["day", "n"]);

/** All figures of a period, in one round trip. */
export async function periodFigures(db: Database, scope: Scope, groupings: Grouping[]) {
  const [sums, percentiles, conversations, leads] = await db.batch([
    selectSums(db, scope, groupings),
    selectPercentiles(db, scope, "day"),
    selectCreated(db, scope, "conversation"),
    selectCreated(db, scope, "lead"),
  ]);
  return { sums, percentiles, conversations, leads };
}

export type PeriodFigures = Awaited<ReturnType<typeof periodFigures>>;
