/** A turn as one JSON answer: the text that goes over the wire, made once. */
import type { Journal } from "../journal/journal.ts";
import { type Message, messageJson, messageView, parsedView } from "../message.ts";
import { exhausted, type Outcome, ok, refuse } from "../outcome.ts";
import type { Turn } from "../turn.ts";

const aboutTurn = (journal: Journal, turn: Turn) => ({
  conversation_id: journal.header.id,
  turn_id: turn.id,
  message_id: turn.user_message_id,
});

/** Seconds after which a model that was not there may be. */
const RETRY_AFTER = 5;
/** UTF-16 code units of all the messages of an answer, as JSON. */
const MAX_TEXT = 1024 * 1024;

/** How many messages, and UTF-16 code units of them as JSON. */
type Room = { most: number; text: number };

/** The reply of an ended turn, or the problem that the turn ended with. */
export function replyOf(journal: Journal, turn: Turn): Outcome<Message> {
  const extra = aboutTurn(journal, turn);
  if (turn.error) {
    const { code, detail, resets_at } = turn.error;
    if (resets_at !== undefined) return exhausted(resets_at, Date.now(), extra);
    return refuse(code, { detail, extra, ...(code === "model_unavailable" ? { retry_after: RETRY_AFTER } : {}) });
  }
  const { reply } = journal.messages.ofTurn(turn);
  return reply?.deleted_at === null ? ok(reply) : refuse("message_deleted", { extra });
}

/** The body of the 200, or the problem that the turn ended with. `base` is the absolute URL of the API's prefix. */
export function answerOf(journal: Journal, turn: Turn, base: string, mayRead: boolean): Outcome<string> {
  if (turn.kind === "held") return ok(heldAnswer(journal, turn, base, mayRead));
  const stored = replyOf(journal, turn);
  if (!stored.ok) return stored;
  const about = aboutTurn(journal, turn);
  const { conversation_id } = about;
  const { role, content, model_used, processing_time, usage } = messageView(conversation_id, stored.value);
  const reply = messageJson(conversation_id, stored.value);
  const others = { most: journal.header.max_context_length - 1, text: MAX_TEXT - reply.length };
  const messages = [...before(journal, turn, mayRead, others).toReversed(), reply];
  const stream_url = streamUrl(base, about);
  const members = JSON.stringify({
    ...{ ...about, role, content, model_used, processing_time, usage },
    ...parsedView(stored.value),
  }).slice(0, -1);
  return ok(
    `${members},"reply":${reply},"messages":[${messages.join(",")}],"stream_url":${JSON.stringify(stream_url)}}`,
  );
}

const streamUrl = (base: string, { conversation_id, turn_id }: ReturnType<typeof aboutTurn>) =>
  `${base}/conversation/${conversation_id}/messages/stream?turn_id=${turn_id}`;

/** The same members where a person has the conversation: the message is stored, and nothing is said yet. */
function heldAnswer(journal: Journal, turn: Turn, base: string, mayRead: boolean): string {
  const about = aboutTurn(journal, turn);
  const said = { role: "assistant", content: "", model_used: null, processing_time: null, usage: null, reply: null };
  const room = { most: journal.header.max_context_length, text: MAX_TEXT };
  const messages = before(journal, turn, mayRead, room).toReversed().join(",");
  const head = JSON.stringify({ ...about, status: "handled_by_staff", ...said }).slice(0, -1);
  return `${head},"messages":[${messages}],"stream_url":${JSON.stringify(streamUrl(base, about))}}`;
}

/** The latest messages up to the turn's own, as far as they are live and fit, newest first; without `mayRead` only that one. */
function before(journal: Journal, turn: Turn, mayRead: boolean, room: Room): string[] {
  const texts: string[] = [];
  if (turn.user_sequence === null) return texts;
  const most = mayRead ? room.most : 1;
  let left = room.text;
  for (const message of journal.messages.shownBefore(turn.user_sequence)) {
    if (texts.length >= most || (!mayRead && message.sequence < turn.user_sequence)) break;
    const text = messageJson(journal.header.id, message);
    left -= text.length + 1;
    if (left < 0) break;
    texts.push(text);
  }
  return texts;
}
