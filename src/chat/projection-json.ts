/** A turn as one JSON answer: the text that goes over the wire, made once. */
import type { Header } from "./journal-schema.ts";
import type { Journal } from "./journal.ts";
import { messageView } from "./message.ts";
import { type Outcome, ok, refuse } from "./outcome.ts";
import type { Turn } from "./turn.ts";

/** The body of the 200, or the problem that the turn ended with. `base` is the absolute URL of the API's prefix. */
export function answerOf(journal: Journal, turn: Turn, base: string): Outcome<string> {
  const { id: conversation_id } = journal.header as Header;
  const about = { conversation_id, turn_id: turn.id, message_id: turn.user_message_id };
  if (turn.error) return refuse(turn.error.code, { detail: turn.error.detail, extra: about });
  const reply = journal.message(turn.reply_id);
  if (!reply || reply.deleted_at !== null) return refuse("message_deleted", { extra: about });
  const view = messageView(conversation_id, reply);
  const { role, content, model_used, processing_time, usage } = view;
  const messages = journal.answerWindow(turn).map((m) => messageView(conversation_id, m));
  const stream_url = `${base}/conversation/${conversation_id}/messages/stream?turn_id=${turn.id}`;
  return ok(
    JSON.stringify({ ...about, role, content, model_used, processing_time, usage, reply: view, messages, stream_url }),
  );
}
