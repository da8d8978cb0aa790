/** The figures of one conversation, from what was measured when its turns ran. Pure. */
import { type ConversationSums, MAX_TIMELINE, type TurnFact } from "../../db/analytic-conversation.ts";
import { costOfSums } from "./figures.ts";
import { toTimestamp, toTimestampOrNull } from "../../http/fields.ts";
import { float } from "../../json.ts";

const HELD = "handled_by_staff";
const TURN_STATUS = { complete: "completed", failed: "failed", stopped: "stopped" } as const;

/**
 * The figures of `GET /analytic/conversation/:id`. Response times are those of complete replies. A message that was never
 * answered in its turn, and is not being answered, was a person's to answer.
 */
export function conversationFigures(
  { sums, timeline }: { sums: ConversationSums; timeline: TurnFact[] },
  handled_by: "agent" | "staff",
) {
  const { messages, turns, first_at, last_at, timed, time } = sums;
  const user = sums.users ?? 0;
  const assistant = sums.assistants ?? 0;
  const isHeld = ({ sequence }: TurnFact) => handled_by === "staff" || sequence < messages;
  return {
    message_count: user + assistant,
    messages_by_role: { user, assistant },
    turn_count: turns,
    failed_turns: sums.failed ?? 0,
    stopped_turns: sums.stopped ?? 0,
    duration_seconds: float(first_at === null || last_at === null ? 0 : (last_at - first_at) / 1000),
    first_response_time_ms: sums.first_time,
    avg_response_time_ms: timed ? Math.round((time ?? 0) / timed) : null,
    p50_response_time_ms: sums.p50,
    p95_response_time_ms: sums.p95,
    usage: usageOf(sums),
    deleted_message_count: messages - user - assistant,
    first_message_at: toTimestampOrNull(first_at),
    last_message_at: toTimestampOrNull(last_at),
    timeline: timeline.map((turn) => ({
      turn_id: turn.turn_id,
      sequence: turn.sequence,
      started_at: toTimestamp(turn.started_at),
      status: turn.status !== null ? TURN_STATUS[turn.status] : isHeld(turn) ? HELD : ("in_progress" as const),
      response_time_ms: turn.time,
      input_tokens: turn.input_tokens,
      output_tokens: turn.output_tokens,
    })),
    timeline_truncated: turns > MAX_TIMELINE,
  };
}

/** Null when no reply has token counts; `measured` only when all counts were measured. */
function usageOf(sums: ConversationSums) {
  if (!sums.counted) return null;
  return {
    input_tokens: sums.input_tokens ?? 0,
    cached_input_tokens: sums.cache_known ? sums.cached : null,
    output_tokens: sums.output_tokens ?? 0,
    source: sums.estimated ? ("estimated" as const) : ("measured" as const),
    cost: costOfSums(sums),
  };
}
