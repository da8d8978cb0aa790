/** A turn as whoever asks for it later sees it: how far it is and, once it has ended, its reply or why there is none. */
import type { Engine } from "../engine/engine.ts";
import type { Journal } from "../journal/journal.ts";
import { messageView } from "../message.ts";
import type { Turn } from "../turn.ts";
import { errorDocument, STATUS } from "./sse.ts";

const timestamp = (millis: number | null) => (millis === null ? null : new Date(millis).toISOString());

/** What a client is told of a turn that it does not wait for. */
export const turnReceipt = ({ id, user_message_id, status }: Turn) => ({
  turn_id: id,
  message_id: user_message_id,
  status: STATUS[status],
});

/** `request_id` and `origin` become part of the problem of a turn that failed. */
export function turnView(
  { engine, journal }: { engine: Engine; journal: Journal },
  turn: Turn,
  about: { request_id: string; origin: string },
) {
  const conversation_id = journal.header.id;
  const waiting = engine.open.filter((live) => live.turn.status === "queued");
  const position = 1 + waiting.findIndex((live) => live.turn.number === turn.number);
  const { reply } = turn.ended_at === null ? { reply: null } : journal.messages.ofTurn(turn);
  return {
    id: turn.id,
    conversation_id,
    status: STATUS[turn.status],
    ...(position > 0 ? { position } : {}),
    message_id: turn.user_message_id,
    ...(turn.kind === "held" ? { handled_by: "staff" } : {}),
    ...(reply?.deleted_at === null ? { reply: messageView(conversation_id, reply) } : {}),
    ...(turn.error ? { error: errorDocument(about, turn, turn.error) } : {}),
    started_at: timestamp(turn.started_at),
    ended_at: timestamp(turn.ended_at),
  };
}
