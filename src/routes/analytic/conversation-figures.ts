/** The figures of one conversation, from what was measured when its turns ran. Pure. */
import type { Fact } from "../../db/analytic-conversation.ts";

const TURN_STATUS = { complete: "completed", failed: "failed", stopped: "stopped" } as const;

const toMillis = (seconds: number) => Math.round(seconds * 1000);
const timestamp = (millis: number | undefined) => (millis === undefined ? null : new Date(millis).toISOString());

/** The figures of `GET /analytic/conversation/:id`. Response times are those of complete replies. */
export function conversationFigures(facts: Fact[]) {
  const live = facts.filter((fact) => fact.deleted_at === null);
  const replies = facts.filter((fact) => fact.role === "assistant");
  const replyOf = new Map(replies.map((fact) => [fact.turn_id, fact]));
  const timeline = facts
    .filter((fact) => fact.role === "user")
    .map((question) => {
      const reply = replyOf.get(question.turn_id);
      const time = reply?.processing_time ?? null;
      return {
        turn_id: question.turn_id,
        sequence: question.sequence,
        started_at: timestamp(question.created_at),
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

/** Null when no reply has token counts; `measured` only when all counts were measured. */
function totalUsage(replies: Fact[]) {
  const withCounts = replies.filter((fact) => fact.usage_source !== null);
  if (withCounts.length === 0) return null;
  return {
    input_tokens: withCounts.reduce((sum, fact) => sum + (fact.input_tokens ?? 0), 0),
    output_tokens: withCounts.reduce((sum, fact) => sum + (fact.output_tokens ?? 0), 0),
    source: withCounts.every((fact) => fact.usage_source === "measured")
      ? ("measured" as const)
      : ("estimated" as const),
  };
}
