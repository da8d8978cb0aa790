/** A turn as one JSON answer: the text that goes over the wire, made once. */
import type { Header } from "../journal/schema.ts";
import type { Journal } from "../journal/journal.ts";
import { type Message, messageJson, parsedView, usageView } from "../message.ts";
import { type Outcome, ok, refuse } from "../outcome.ts";
import type { Turn } from "../turn.ts";

const aboutTurn = (journal: Journal, turn: Turn) => ({
  conversation_id: (journal.header as Header).id,
  turn_id: turn.id,
  message_id: turn.user_message_id,
});

/** Seconds after which a model that was not there may be. */
const RETRY_AFTER = 5;

/** The reply of an ended turn, or the problem that the turn ended with. */
export function replyOf(journal: Journal, turn: Turn): Outcome<Message> {
  const extra = aboutTurn(journal, turn);
  if (turn.error) {
    const { code, detail } = turn.error;
    return refuse(code, { detail, extra, ...(code === "model_unavailable" ? { retry_after: RETRY_AFTER } : {}) });
  }
  const reply = journal.messages.find(turn.reply_id);
  return reply && reply.deleted_at === null ? ok(reply) : refuse("message_deleted", { extra });
}

/** The body of the 200, or the problem that the turn ended with. `base` is the absolute URL of the API's prefix. */
export function answerOf(journal: Journal, turn: Turn, base: string): Outcome<string> {
  const stored = replyOf(journal, turn);
  if (!stored.ok) return stored;
  const about = aboutTurn(journal, turn);
  const { conversation_id } = about;
  const { role, content, model_used, processing_time } = stored.value;
  const usage = usageView(stored.value);
  const [reply, ...messages] = [stored.value, ...journal.messages.answerWindow(turn, stored.value)].map((message) =>
    messageJson(conversation_id, message),
  );
  const stream_url = `${base}/conversation/${conversation_id}/messages/stream?turn_id=${turn.id}`;
  const members = JSON.stringify({
    ...{ ...about, role, content, model_used, processing_time, usage },
    ...parsedView(stored.value),
  }).slice(0, -1);
  return ok(
    `${members},"reply":${reply},"messages":[${messages.join(",")}],"stream_url":${JSON.stringify(stream_url)}}`,
  );
}
