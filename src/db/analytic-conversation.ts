/**
 * Figures of one conversation. D1 reads all its messages (twice) along one index, without their text, and answers with one row
 * of sums and the latest turns: what crosses to the Worker does not grow with the conversation.
 */
import { type SQL, sql } from "drizzle-orm";
import { rawSelect } from "./analytic-period.ts";
import { fractionOf, wholeOf } from "./cost.ts";
import type { CURRENCIES } from "./measures.ts";
import type { Database } from "./database.ts";

/** Turns in a timeline. */
export const MAX_TIMELINE = 500;

/** Sums over all messages and turns, deleted ones included. Times are milliseconds of completed turns. */
export type ConversationSums = Record<Exclude<(typeof SUMS)[number], Currency>, number | null> &
  Record<Currency, string | null> & { messages: number; turns: number };

type Currency = (typeof CURRENCIES)[number];

export type TurnFact = {
  turn_id: string;
  /** Of the user's message. */
  sequence: number;
  started_at: number;
  /** Of the reply; null while there is none. */
  status: "complete" | "failed" | "stopped" | null;
  time: number | null;
  input_tokens: number | null;
  output_tokens: number | null;
};

const SUMS = [
  "messages",
  "users",
  "assistants",
  "first_at",
  "last_at",
  "counted",
  "estimated",
  "input_tokens",
  "output_tokens",
  ...(["cached", "cache_known", "unpriced", "cost_whole", "cost_fraction", "currency_first", "currency_last"] as const),
  "turns",
  "failed",
  "stopped",
  "timed",
  "time",
  "first_time",
  "p50",
  "p95",
] as const;
const TURN = ["turn_id", "sequence", "started_at", "status", "time", "input_tokens", "output_tokens"] as const;

/** `turn`: every message of a user with the latest reply of its turn. */
const withTurns = (company_id: string, conversation_id: string): SQL => sql`
  WITH said AS MATERIALIZED (
    SELECT turn_id, sequence, role, status, processing_time, input_tokens, output_tokens, usage_source, created_at,
      deleted_at, cached_input_tokens, cost, model_used
    FROM message WHERE conversation_id = ${conversation_id} AND company_id = ${company_id}
  ), reply AS MATERIALIZED (
    SELECT turn_id, status, processing_time, input_tokens, output_tokens, max(sequence)
    FROM said WHERE role = 'assistant' GROUP BY turn_id
  ), turn AS MATERIALIZED (
    SELECT q.turn_id, q.sequence, q.created_at AS started_at, r.status, round(r.processing_time * 1000) AS time,
      r.input_tokens, r.output_tokens
    FROM said AS q LEFT JOIN reply AS r ON r.turn_id = q.turn_id WHERE q.role = 'user'
  )`;

export const sumsOfConversation = (company_id: string, conversation_id: string): SQL => sql`
  ${withTurns(company_id, conversation_id)}, timed AS MATERIALIZED (
    SELECT sequence, time, row_number() OVER (ORDER BY time) AS place, count(*) OVER () AS n
    FROM turn WHERE status = 'complete' AND time IS NOT NULL
  )
  SELECT * FROM (
    SELECT count(*) AS messages, count(*) FILTER (WHERE role = 'user' AND deleted_at IS NULL) AS users,
      count(*) FILTER (WHERE role = 'assistant' AND deleted_at IS NULL) AS assistants,
      min(created_at) FILTER (WHERE sequence = 1) AS first_at, max(created_at) AS last_at,
      count(usage_source) AS counted, count(*) FILTER (WHERE usage_source = 'estimated') AS estimated,
      sum(input_tokens) FILTER (WHERE usage_source IS NOT NULL) AS input_tokens,
      sum(output_tokens) FILTER (WHERE usage_source IS NOT NULL) AS output_tokens,
      sum(cached_input_tokens) AS cached, count(cached_input_tokens) AS cache_known,
      count(usage_source) FILTER (WHERE cost IS NULL AND model_used NOT LIKE 'builtin/%') AS unpriced,
      sum(${sql.raw(wholeOf("cost"))}) AS cost_whole, sum(${sql.raw(fractionOf("cost"))}) AS cost_fraction,
      min(cost ->> '$.currency') AS currency_first, max(cost ->> '$.currency') AS currency_last
    FROM said
  ), (
    SELECT count(*) AS turns, count(*) FILTER (WHERE status = 'failed') AS failed,
      count(*) FILTER (WHERE status = 'stopped') AS stopped FROM turn
  ), (
    SELECT count(*) AS timed, sum(time) AS time, (SELECT time FROM timed ORDER BY sequence LIMIT 1) AS first_time,
      max(time) FILTER (WHERE place = (n + 1) / 2) AS p50, max(time) FILTER (WHERE place = (95 * n + 99) / 100) AS p95
    FROM timed
  )`;

export const timelineOfConversation = (company_id: string, conversation_id: string): SQL => sql`
  ${withTurns(company_id, conversation_id)} SELECT * FROM turn ORDER BY sequence DESC LIMIT ${MAX_TIMELINE}`;

/** The sums, and the latest turns in order. */
export async function conversationFacts(
  db: Database,
  company_id: string,
  conversation_id: string,
): Promise<{ sums: ConversationSums; timeline: TurnFact[] }> {
  const [[sums], turns] = await db.batch([
    rawSelect<ConversationSums>(db, sumsOfConversation(company_id, conversation_id), SUMS),
    rawSelect<TurnFact>(db, timelineOfConversation(company_id, conversation_id), TURN),
  ]);
  if (!sums) throw new Error("a query of sums answered no row");
  return { sums: sums as ConversationSums, timeline: (turns as TurnFact[]).toReversed() };
}
