/**
 * Turn events as a UI message stream, the wire of the Vercel AI SDK (`x-vercel-ai-ui-message-stream: v1`): only chunks
 * that every major since 5.0 accepts. Ids and usage travel in messageMetadata; messageId is that of the stored reply.
 */
import type { Frame } from "./follow.ts";
import { messageView } from "../message.ts";
import { handlerView } from "../conversation.ts";
import type { Header } from "../journal/schema.ts";
import type { Journal } from "../journal/journal.ts";
import type { ToolEvent } from "../tool-call.ts";
import type { Turn, TurnEvent } from "../turn.ts";

/**
 * An encoder of frames. Signs of life have no chunk of their own: an empty delta stands for them while text is open. What
 * comes after a tool's answer is the next step.
 */
export function uiEncoder(journal: Pick<Journal, "header">): (frame: Frame) => string {
  const conversation_id = journal.header.id;
  let started = false;
  let stepped = false;
  let writing = false;
  let answered = false;
  let texts = 0;
  const open = (turn: Turn): Chunk[] => {
    if (started) return [];
    started = true;
    return [{ type: "start", messageId: turn.reply_id, messageMetadata: idsOf(conversation_id, turn) }];
  };
  const endText = (): Chunk[] => {
    if (!writing) return [];
    writing = false;
    return [{ type: "text-end", id: `text-${texts}` }];
  };
  const endStep = (): Chunk[] => {
    const chunks: Chunk[] = stepped ? [...endText(), { type: "finish-step" }] : [];
    stepped = false;
    answered = false;
    return chunks;
  };
  const step = (): Chunk[] => {
    const before = answered ? endStep() : [];
    if (stepped) return before;
    stepped = true;
    return [...before, { type: "start-step" }];
  };
  const write = (text: string): Chunk[] => {
    const before = step();
    if (!writing) {
      writing = true;
      before.push({ type: "text-start", id: `text-${++texts}` });
    }
    return [...before, { type: "text-delta", id: `text-${texts}`, delta: text }];
  };
  const tool = (event: ToolEvent): Chunk[] => {
    const before = event.state === "called" ? [...step(), ...endText()] : [];
    if (event.state !== "called") answered = true;
    return [...before, toolChunk(event)];
  };
  return ({ turn, event }) => {
    if (!turn) return writing ? encode(write("")) : "";
    if (event.type === "message") return "";
    const opening = open(turn);
    if (turn.kind === "held" && event.type === "status" && event.status === "completed") {
      const finish = { type: "finish", messageMetadata: idsOf(conversation_id, turn) };
      return `${encode([...opening, handledBy(journal.header), finish])}data: [DONE]\n\n`;
    }
    if (event.type === "status") return encode([...opening, ...(event.status === "running" ? step() : [])]);
    if (event.type === "delta") return encode([...opening, ...write(event.text)]);
    if (event.type === "tool") return encode([...opening, ...tool(event)]);
    return `${encode([...opening, ...endStep(), closing(conversation_id, turn, event)])}data: [DONE]\n\n`;
  };
}

/** `providerExecuted`: the tool is not the client's to run. */
function toolChunk({ call_id, name, state, input, output }: ToolEvent): Chunk {
  const call = { toolCallId: call_id, dynamic: true, providerExecuted: true };
  if (state === "called") return { type: "tool-input-available", ...call, toolName: name, input };
  if (state === "done") return { type: "tool-output-available", ...call, output };
  return { type: "tool-output-error", ...call, errorText: String(output) };
}

type Chunk = { type: string; [member: string]: unknown };

/** Who has the conversation, or is waited for (`handler` null), in place of an answer. */
const handledBy = (header: Header): Chunk => ({
  type: "data-handled-by",
  data: { handled_by: "staff", handler: handlerView(header) },
});

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
