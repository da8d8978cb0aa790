/**
 * Turn events as a UI message stream, the wire of the Vercel AI SDK (`x-vercel-ai-ui-message-stream: v1`): only chunks
 * that every major since 5.0 accepts. Ids and usage travel in messageMetadata; messageId is that of the stored reply.
 */
import type { Frame } from "./follow.ts";
import { messageView } from "./message.ts";
import type { Turn, TurnEvent } from "./turn.ts";

/** Headers of a response that carries such a stream. */
export const UI_STREAM_HEADERS = { "x-vercel-ai-ui-message-stream": "v1" };

/** The one text part of a reply. */
const TEXT_ID = "text";

/** An encoder of frames. Signs of life have no chunk of their own: an empty delta stands for them once text is open. */
export function uiEncoder(conversation_id: string): (frame: Frame) => string {
  let started = false;
  let stepped = false;
  let writing = false;
  const open = (turn: Turn): Chunk[] => {
    if (started) return [];
    started = true;
    return [{ type: "start", messageId: turn.reply_id, messageMetadata: idsOf(conversation_id, turn) }];
  };
  const step = (): Chunk[] => {
    if (stepped) return [];
    stepped = true;
    return [{ type: "start-step" }];
  };
  const write = (text: string): Chunk[] => {
    const delta: Chunk = { type: "text-delta", id: TEXT_ID, delta: text };
    if (writing) return [delta];
    writing = true;
    return [...step(), { type: "text-start", id: TEXT_ID }, delta];
  };
  const finish = (): Chunk[] => {
    const chunks: Chunk[] = writing ? [{ type: "text-end", id: TEXT_ID }] : [];
    return stepped ? [...chunks, { type: "finish-step" }] : chunks;
  };
  return ({ turn, event }) => {
    if (!turn) return writing ? encode(write("")) : "";
    const opening = open(turn);
    if (event.type === "status") return encode([...opening, ...(event.status === "running" ? step() : [])]);
    if (event.type === "delta") return encode([...opening, ...write(event.text)]);
    return `${encode([...opening, ...finish(), closing(conversation_id, turn, event)])}data: [DONE]\n\n`;
  };
}

type Chunk = { type: string; [member: string]: unknown };

const encode = (chunks: Chunk[]) => chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("");

const idsOf = (conversation_id: string, turn: Turn) => ({
  conversation_id,
  turn_id: turn.id,
  message_id: turn.user_message_id,
});

function closing(conversation_id: string, turn: Turn, event: Extract<TurnEvent, { type: "response" }>): Chunk {
  if (event.error) return { type: "error", errorText: event.error.detail };
  if (event.status === "stopped") return { type: "abort" };
  const { sequence, model_used, processing_time, usage } = event.message
    ? messageView(conversation_id, event.message)
    : { sequence: null, model_used: null, processing_time: null, usage: null };
  const measured = { sequence, model_used, processing_time, usage };
  return { type: "finish", messageMetadata: { ...idsOf(conversation_id, turn), ...measured } };
}
