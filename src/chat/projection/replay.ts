/**
 * The events of a turn that has ended, rebuilt a few at a time from what is live when they are read: a deleted reply yields
 * no text at all, and a reader that is slow holds no more than one row of deltas.
 */
import type { Journal } from "../journal/journal.ts";
import type { Message } from "../message.ts";
import { eventsOf } from "../tool-call.ts";
import type { Delta, EndStatus, Turn, TurnEvent } from "../turn.ts";

/** The next events after event `after`; the last of them all is the `response`. None when the reader has seen that. */
export function replayNext(journal: Journal, turn: Turn, after: number): TurnEvent[] {
  const last = turn.last_event ?? turn.event_base + 3;
  const { reply } = journal.messages.ofTurn(turn);
  const visible = reply?.deleted_at === null && !isGone(journal) ? reply : null;
  if (after >= last) return [];
  if (turn.kind === "held") return [{ n: last, type: "status", status: "completed" }];
  if (turn.kind === "staff") return [{ n: last, type: "message", message: visible }];
  const begun: TurnEvent[] =
    turn.started_at === null ? [] : [{ n: turn.event_base + 1, type: "status", status: "running" }];
  const start = Math.max(after, turn.event_base);
  const deltas = visible ? journal.deltas.next(turn.number, start) : [];
  const status = turn.status as EndStatus;
  const events: TurnEvent[] =
    deltas.length > 0
      ? [...begun, ...deltas.map(toEvent)]
      : [
          ...begun,
          ...(visible ? restOf(journal, turn, visible, start, last) : []),
          { n: last - 1, type: "status", status },
          { n: last, type: "response", status, message: visible, error: turn.error },
        ];
  return events.filter(({ n }) => n > after);
}

/** The conversation is deleted, and whoever did that has been told, for D1 has it. */
const isGone = ({ header, outbox }: Journal): boolean => header.deleted_at !== null && outbox.isEmpty;

const toEvent = ({ n, text, tool }: Delta): TurnEvent =>
  tool ? { n, type: "tool", ...tool } : { n, type: "delta", text };

/**
 * What follows the deltas: the end of the reply, which was sent as it was stored. Where the deltas are gone (24 h later, or
 * after a delete that was undone) the reply stands for them, for a reader that has seen none of it.
 */
function restOf(journal: Journal, turn: Turn, reply: Message, after: number, last: number): TurnEvent[] {
  const isJournalled = journal.deltas.next(turn.number, turn.event_base).length > 0;
  const seenSome = after > turn.event_base + 1;
  if (isJournalled || (turn.delta_length === 0 && (seenSome || !reply.tool_calls))) {
    const rest = reply.content.slice(turn.delta_length ?? reply.content.length);
    return rest === "" ? [] : [{ n: last - 2, type: "delta", text: rest }];
  }
  if (seenSome) return [];
  const tools = (reply.tool_calls ?? []).flatMap(eventsOf);
  const text = reply.content === "" ? [] : [reply.content];
  const first = last - 1 - tools.length - text.length;
  return [
    ...tools.map((tool, index): TurnEvent => ({ n: first + index, type: "tool", ...tool })),
    ...text.map((whole): TurnEvent => ({ n: last - 2, type: "delta", text: whole })),
  ];
}
