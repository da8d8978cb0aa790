/** Figures about one conversation, out of what was measured when its turns ran. */
import { and, asc, eq } from "drizzle-orm";
import type { Database } from "./database.ts";
import { message } from "./schema.ts";

/** A message without its text. */
export type Fact = Pick<
  typeof message.$inferSelect,
  | "turn_id"
  | "sequence"
  | "role"
  | "status"
  | "processing_time"
  | "input_tokens"
  | "output_tokens"
  | "usage_source"
  | "created_at"
  | "deleted_at"
>;

/** Every message of a conversation, deleted ones included, in order. */
export const conversationFacts = (db: Database, company_id: string, conversation_id: string): Promise<Fact[]> =>
  db
    .select({
      turn_id: message.turn_id,
      sequence: message.sequence,
      role: message.role,
      status: message.status,
      processing_time: message.processing_time,
      input_tokens: message.input_tokens,
      output_tokens: message.output_tokens,
      usage_source: message.usage_source,
      created_at: message.created_at,
      deleted_at: message.deleted_at,
    })
    .from(message)
    .where(and(eq(message.conversation_id, conversation_id), eq(message.company_id, company_id)))
    .orderBy(asc(message.sequence));

const TURN_STATUS = { complete: "completed", failed: "failed", stopped: "stopped" } as const;

const toMillis = (seconds: number) => Math.round(seconds * 1000);
const timestamp = (millis: number | undefined) => (millis === undefined ? null : new Date(millis).toISOString());

/** Pure: the figures of `GET /analytic/conversation/:id`. Response times are those of replies that completed. */
export function analyse(facts: Fact[]) {
  const live = facts.filter((fact) => fact.deleted_at === null);
  const replies = facts.filter((fact) => fact.role === "assistant");
  const replyOf = new Map(replies.map((fact) => [fact.turn_id, fact]));
  const timeline = facts
    .filter((fact) => fact.role === "user")
    .map((asked) => {
      const reply = replyOf.get(asked.turn_id);
      const time = reply?.processing_time ?? null;
      return {
        turn_id: asked.turn_id,
        sequence: asked.sequence,
        started_at: timestamp(asked.created_at),
        status: reply ? TURN_STATUS[reply.status] : ("in_progress" as const),
        response_time_ms: time === null ? null : toMillis(time),
        input_tokens: reply?.input_tokens ?? null,
        output_tokens: reply?.output_tokens ?? null,
      };
    });
  const times = timeline.flatMap((turn) => (turn.status === "completed" ? (turn.response_time_ms ?? []) : []));
  const first = facts[0]?.created_at;
  const last = facts.at(-1)?.created_at;
  return {
    message_count: live.length,
    messages_by_role: {
      user: live.filter((fact) => fact.role === "user").length,
      assistant: live.filter((fact) => fact.role === "assistant").length,
    },
    turn_count: timeline.length,
    failed_turns: timeline.filter((turn) => turn.status === "failed").length,
    stopped_turns: timeline.filter((turn) => turn.status === "stopped").length,
    duration_seconds: first === undefined || last === undefined ? 0 : (last - first) / 1000,
    first_response_time_ms: times[0] ?? null,
    ...responseTimes(times),
    usage: totalUsage(replies),
    deleted_message_count: facts.length - live.length,
    first_message_at: timestamp(first),
    last_message_at: timestamp(last),
    timeline,
  };
}

/** Mean, median and 95th percentile (nearest rank) in milliseconds; null where nothing was measured. */
export function responseTimes(times: number[]) {
  const sorted = times.toSorted((a, b) => a - b);
  const rank = (p: number) => sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? null;
  const sum = sorted.reduce((total, time) => total + time, 0);
  return {
    avg_response_time_ms: sorted.length === 0 ? null : Math.round(sum / sorted.length),
    p50_response_time_ms: rank(0.5),
    p95_response_time_ms: rank(0.95),
  };
}

/** Null when no reply has counts; `measured` only when all that have were. */
function totalUsage(replies: Fact[]) {
  const counted = replies.filter((fact) => fact.usage_source !== null);
  if (counted.length === 0) return null;
  return {
    input_tokens: counted.reduce((sum, fact) => sum + (fact.input_tokens ?? 0), 0),
    output_tokens: counted.reduce((sum, fact) => sum + (fact.output_tokens ?? 0), 0),
    source: counted.every((fact) => fact.usage_source === "measured") ? ("measured" as const) : ("estimated" as const),
  };
}
