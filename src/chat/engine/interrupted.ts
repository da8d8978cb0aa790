/** The end of a turn that no answer ended: what is known of it then, and how it is written. */
import type { Journal } from "../journal/journal.ts";
import type { Message } from "../message.ts";
import { callsOf } from "../tool-call.ts";
import type { Turn, TurnError } from "../turn.ts";
import type { Answer } from "./attempt.ts";

export const INTERRUPTED: TurnError = { code: "model_error", detail: "The turn was interrupted before it finished." };

/**
 * Ends a turn as failed, with what had been journalled of its reply; without it, if that is what the journal refuses.
 * `next_event`: the number of its next event, or null after a crash, when the journal alone knows of them.
 */
export function closeInterrupted(
  journal: Journal,
  turn: Turn,
  next_event: number | null,
  now: number,
): { turn: Turn; reply: Message } {
  const deltas = journal.deltas.of(turn.number);
  const content = deltas.map((delta) => delta.text).join("");
  const tool_calls = callsOf(deltas.flatMap(({ tool }) => tool ?? []));
  const last_event = next_event === null ? (deltas.at(-1)?.n ?? turn.event_base + 1) + 2 : next_event + 1;
  const failed = { status: "failed", error: INTERRUPTED, last_event, answered: false } as const;
  const how = { ...NOTHING_SAID.ending, ...failed, untimed: next_event === null };
  try {
    return journal.close(turn, { ...how, content, delta_length: content.length, tool_calls }, now);
  } catch {
    return journal.close(turn, how, now);
  }
}

export const NOTHING_SAID: Answer = {
  rest: "",
  titles: false,
  ending: {
    status: "stopped",
    content: "",
    delta_length: 0,
    tool_calls: null,
    details: null,
    model_used: null,
    usage: null,
    cost: null,
    error: null,
    window_start: null,
  },
};
