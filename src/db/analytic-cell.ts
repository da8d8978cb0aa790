/**
 * What the figures of a company are sums of: one cell for each agent and model of each piece of time. Where a span is rolled up
 * its cells are read; what lies between the spans is counted from messages, conversations and leads. Both in one statement, so
 * that nothing is counted twice or not at all, whatever is rolled up or changed meanwhile.
 *
 * A turn counts when it ended, with its reply and its user's message, even if these were deleted later; what a person wrote
 * counts when it was written. Every count begins at an index on time.
 */
import { type SQL, sql } from "drizzle-orm";
import { fractionOf, wholeOf } from "./cost.ts";
import { COLUMNS, TOGETHER } from "./measures.ts";

/** Milliseconds, `from` inclusive, `until` exclusive. */
export type Period = { from: number; until: number };
/** A company's, or some of its agents', in the pieces into which a period is cut: its days. Pieces do not overlap. */
export type CellScope = { company_id: string; agents?: string[] | undefined; pieces: readonly Period[] };

/**
 * Milliseconds are sorted into buckets, each 2 % wider than the one before: a percentile is at most 1 % from the exact one,
 * and exact below 50 ms.
 */
const BASE = 1.02;
/** The bucket of less than a millisecond. */
const ZERO = -1;

/** The milliseconds for which a bucket stands. */
export const bucketTime = (bucket: number): number => (bucket === ZERO ? 0 : Math.round(BASE ** bucket));

/** How many there are in each bucket. */
export type Buckets = Record<string, number>;

const bucketOf = (time: SQL) =>
  sql`CASE WHEN ${time} < 1 THEN ${sql.raw(String(ZERO))} ELSE CAST(round(ln(${time}) / ${sql.raw(String(Math.log(BASE)))}) AS INTEGER) END`;

const ofAgents = (agents: string[] | undefined, column: SQL) =>
  agents ? sql`AND ${column} IN (SELECT value FROM json_each(${JSON.stringify(agents)}))` : sql``;

/** `piece` (numbered from 0), `span`: what is rolled up within each, and `gap`: what is between them. */
const gaps = ({ company_id, pieces }: CellScope): SQL => sql`
  piece AS MATERIALIZED (
    SELECT key AS place, value ->> 0 AS a, value ->> 1 AS b
    FROM json_each(${JSON.stringify(pieces.map(({ from, until }) => [from, until]))})
  ), span AS MATERIALIZED (
    SELECT piece.place, piece.a, s.from_at, s.until_at FROM piece CROSS JOIN rollup_span AS s
    ON s.company_id = ${company_id} AND s.from_at >= piece.a AND s.from_at < piece.b AND s.until_at <= piece.b
  ), gap AS MATERIALIZED (
    SELECT place, lag(until_at, 1, a) OVER (PARTITION BY place ORDER BY from_at) AS a, from_at AS b FROM span
    UNION ALL
    SELECT place, coalesce((SELECT max(until_at) FROM span WHERE span.place = piece.place), a), b FROM piece
  )`;

/** Rows of the gaps, by an index that begins with company_id and created_at. */
const inGaps = (table: string, index: string, company_id: string) =>
  sql`gap CROSS JOIN ${sql.raw(`${table} AS r INDEXED BY ${index}`)}
    ON r.company_id = ${company_id} AND r.created_at >= gap.a AND r.created_at < gap.b`;

/** `said`: the replies in the gaps, each with the user's message that it follows. `time` and `wait` in milliseconds. */
const said = ({ company_id, agents }: CellScope): SQL => sql`
  said AS MATERIALIZED (
    SELECT gap.place, r.agent_id, coalesce(r.model_used, '') AS model_used, r.author IS NULL AS agents, r.status,
      r.deleted_at, r.input_tokens, r.cached_input_tokens, r.output_tokens, r.usage_source, r.cost, r.feedback ->> 'rating' AS rating,
      r.details ->> 'handed_over' AS handed_over, r.details ->> 'waited_ms' AS wait,
      CASE WHEN r.status = 'complete' AND r.author IS NULL THEN CAST(round(r.processing_time * 1000) AS INTEGER) END AS time,
      q.id AS question, q.deleted_at AS question_deleted_at
    FROM ${inGaps("message", "message_reply_time", company_id)} AND r.role = 'assistant' ${ofAgents(agents, sql`r.agent_id`)}
    LEFT JOIN message AS q ON q.conversation_id = r.conversation_id AND q.sequence = r.sequence - 1
      AND q.turn_id = r.turn_id AND q.role = 'user'
  )`;

/** How each measure is taken of a group of `said`. */
const OF_SAID: Partial<Record<(typeof COLUMNS)[number], string>> = {
  turns: "count(*) FILTER (WHERE agents)",
  failed: "count(*) FILTER (WHERE agents AND status = 'failed')",
  stopped: "count(*) FILTER (WHERE agents AND status = 'stopped')",
  questions: "count(*) FILTER (WHERE agents AND question IS NOT NULL AND question_deleted_at IS NULL)",
  replies: "count(*) FILTER (WHERE agents AND deleted_at IS NULL)",
  deleted: "count(deleted_at) FILTER (WHERE agents) + count(question_deleted_at) FILTER (WHERE agents)",
  timed: "count(time)",
  time: "coalesce(sum(time), 0)",
  ...Object.fromEntries(
    ["measured", "estimated"].flatMap((source) => [
      [source, `count(*) FILTER (WHERE usage_source = '${source}')`],
      ...["input", "output"].map((side) => [
        `${source}_${side}`,
        `coalesce(sum(${side}_tokens) FILTER (WHERE usage_source = '${source}'), 0)`,
      ]),
    ]),
  ),
  cached: "coalesce(sum(cached_input_tokens), 0)",
  cache_known: "count(cached_input_tokens)",
  unpriced: "count(usage_source) FILTER (WHERE cost IS NULL AND model_used NOT LIKE 'builtin/%')",
  cost_whole: `coalesce(sum(${wholeOf("cost")}), 0)`,
  cost_fraction: `coalesce(sum(${fractionOf("cost")}), 0)`,
  currency_first: "min(cost ->> '$.currency')",
  currency_last: "max(cost ->> '$.currency')",
  rated_up: "count(*) FILTER (WHERE agents AND rating = 'up')",
  rated_down: "count(*) FILTER (WHERE agents AND rating = 'down')",
  handed_over: "count(handed_over)",
  staff_replies: "count(*) FILTER (WHERE NOT agents)",
  waits: "count(wait)",
  waited: "coalesce(sum(wait), 0)",
};

/** A measure that a kind of rows has nothing of is 0, and a currency null. */
const measures = (of: Partial<Record<string, string>>) =>
  sql.raw(COLUMNS.map((name) => `${of[name] ?? (name.startsWith("currency") ? "NULL" : "0")} AS ${name}`).join(", "));

const made = (scope: CellScope, table: "conversation" | "lead") => sql`
  SELECT gap.place, coalesce(r.agent_id, '') AS agent_id, '' AS model_used, ${measures({ [`${table}s`]: "count(*)" })}
  FROM ${inGaps(table, `${table}_created`, scope.company_id)} ${ofAgents(scope.agents, sql`r.agent_id`)}
  GROUP BY gap.place, r.agent_id`;

const counted = (scope: CellScope) => sql`
  SELECT place, agent_id, model_used, ${measures(OF_SAID)} FROM said GROUP BY place, agent_id, model_used
  UNION ALL ${made(scope, "conversation")} UNION ALL ${made(scope, "lead")}`;

/** What is rolled up: the rows of the spans. */
const rolled = ({ company_id, agents }: CellScope) => sql`span CROSS JOIN rollup AS r
  ON r.company_id = ${company_id} AND r.from_at = span.from_at ${ofAgents(agents, sql`r.agent_id`)}`;

/** For WITH: `cell` has the place of a piece, agent_id and model_used ("" for none), and the measures. */
export const cells = (scope: CellScope): SQL => sql`
  ${gaps(scope)}, ${said(scope)}, cell AS MATERIALIZED (
    SELECT span.place, r.agent_id, r.model_used, ${sql.raw(COLUMNS.join(", "))} FROM ${rolled(scope)}
    UNION ALL ${counted(scope)}
  )`;

/** The two things whose times are kept: of completed turns, and of those who waited for the first reply of a person. */
export type Timed = "turn" | "wait";
const TIMES: Record<Timed, SQL> = { turn: sql`time`, wait: sql`wait` };

/** What was said in the gaps, sorted into buckets: how many (`n`) in each of a `ref`. */
const sorted = (ref: SQL) => {
  const each = (of: Timed) => sql`SELECT ${ref} AS ref, ${of} AS of, ${bucketOf(TIMES[of])} AS bucket, count(*) AS n
    FROM said WHERE ${TIMES[of]} IS NOT NULL GROUP BY ref, bucket`;
  return sql`${each("turn")} UNION ALL ${each("wait")}`;
};

/** Rows with a ref, `turn_times` and `wait_times` out of such; no two of `source` have the same ref and bucket. */
const grouped = (source: SQL) => {
  const times = (of: Timed) => sql`json_group_object(bucket, n) FILTER (WHERE of = ${of})`;
  return sql`SELECT ref, ${times("turn")} AS turn_times, ${times("wait")} AS wait_times FROM (${source}) GROUP BY ref`;
};

/** `turn_times` and `wait_times` of the place of a piece: one row for each span (and model), and one for its gaps. */
export const timesByPlace = (scope: CellScope): SQL => {
  const { company_id, agents } = scope;
  const whole = sql`span CROSS JOIN rollup_span AS r ON r.company_id = ${company_id} AND r.from_at = span.from_at`;
  return sql`WITH ${gaps(scope)}, ${said(scope)}
    SELECT span.place AS ref, turn_times, wait_times FROM ${agents ? rolled(scope) : whole}
    UNION ALL SELECT * FROM (${grouped(sorted(sql`place`))})`;
};

/** The same of each agent, over all pieces. */
export const timesByAgent = (scope: CellScope): SQL => {
  const each = (of: Timed) => sql`SELECT r.agent_id AS ref, ${of} AS of, CAST(t.key AS INTEGER) AS bucket, t.value AS n
    FROM ${rolled(scope)} CROSS JOIN json_each(r.${sql.raw(`${of}_times`)}) AS t`;
  const all = sql`${each("turn")} UNION ALL ${each("wait")} UNION ALL SELECT * FROM (${sorted(sql`agent_id`)})`;
  const merged = sql`SELECT ref, of, bucket, sum(n) AS n FROM (${all}) GROUP BY ref, of, bucket`;
  return sql`WITH ${gaps(scope)}, ${said(scope)} ${grouped(merged)}`;
};

/** The row of `rollup_span` for a span whose rows of `rollup` are there: columns in the table's order. */
export const spanOf = (company_id: string, { from, until }: Period): SQL => {
  const times = (column: string) => sql`(SELECT json_group_object(bucket, n) FROM (
    SELECT t.key AS bucket, sum(t.value) AS n FROM rollup AS r CROSS JOIN json_each(r.${sql.raw(column)}) AS t
    WHERE r.company_id = ${company_id} AND r.from_at = ${from} GROUP BY t.key))`;
  return sql`SELECT ${company_id}, ${from}, ${until}, ${times("turn_times")}, ${times("wait_times")}`;
};

/** The rows of `rollup` for one span, counted from what it is of: columns in the table's order. */
export const rollupOf = (company_id: string, { from, until }: Period): SQL => {
  const scope = { company_id, pieces: [{ from, until }] };
  const times = (of: Timed) => sql`${sql.raw(`${of}_times`)} AS MATERIALIZED (
    SELECT agent_id, model_used, json_group_object(bucket, n) AS times FROM (
      SELECT agent_id, model_used, ${bucketOf(TIMES[of])} AS bucket, count(*) AS n
      FROM said WHERE ${TIMES[of]} IS NOT NULL GROUP BY agent_id, model_used, bucket
    ) GROUP BY agent_id, model_used)`;
  return sql`
    WITH gap AS MATERIALIZED (SELECT 0 AS place, ${from} AS a, ${until} AS b), ${said(scope)}, ${times("turn")},
      ${times("wait")}, summed AS MATERIALIZED (
        SELECT agent_id, model_used, ${sql.raw(TOGETHER)} FROM (${counted(scope)}) GROUP BY agent_id, model_used
      )
    SELECT ${company_id}, ${from}, summed.*, coalesce(turn_times.times, '{}'), coalesce(wait_times.times, '{}') FROM summed
    LEFT JOIN turn_times USING (agent_id, model_used) LEFT JOIN wait_times USING (agent_id, model_used)`;
};
