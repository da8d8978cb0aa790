/** Turn events as server-sent events (WHATWG HTML, "Server-sent events"): LF line ends, an id on each, no comments. */
import { type ProblemDetails, problemDocument } from "../../problem/problem.ts";
import type { Frame } from "./follow.ts";
import { messageView } from "../message.ts";
import { formatEventId, type EventId, type Turn, type TurnError, type TurnEvent } from "../turn.ts";

/** What the wire calls the states of a turn. */
export const STATUS = {
  queued: "queued",
  running: "in_progress",
  completed: "completed",
  failed: "failed",
  stopped: "stopped",
} as const;

export type SseContext = { conversation_id: string; request_id: string; origin: string };

/** An encoder of frames; heartbeats repeat the id of what came before, so that resuming from one misses nothing. */
export function sseEncoder(context: SseContext, start: EventId): (frame: Frame) => string {
  let position = start;
  return ({ turn, event }) => {
    if (!turn) {
      if (!event) return encode(position, "heartbeat", {});
      return "staff" in event
        ? encode(position, "chat_presence", event)
        : encode(position, "chat_typing", { author: event });
    }
    position = { turn: turn.number, event: event.n };
    if (event.type === "message" && !event.message) return "";
    return encode(position, NAMES[event.type], dataOf(context, turn, event));
  };
}

const NAMES = {
  status: "chat_status",
  delta: "chat_delta",
  response: "chat_response",
  tool: "chat_tool",
  message: "chat_message",
} as const;

const encode = (id: EventId, event: string, data: object) =>
  `id: ${formatEventId(id)}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

function dataOf(context: SseContext, turn: Turn, event: TurnEvent): object {
  const { conversation_id } = context;
  if (event.type === "delta") return { turn_id: turn.id, text: event.text };
  if (event.type === "tool") {
    const { n: _, type: __, ...tool } = event;
    return { turn_id: turn.id, ...tool };
  }
  const common = { conversation_id, turn_id: turn.id };
  if (event.type === "status") {
    const position = event.position === undefined ? {} : { position: event.position };
    const handled = turn.kind === "held" ? { handled_by: "staff" } : {};
    return { ...common, message_id: turn.user_message_id, status: STATUS[event.status], ...position, ...handled };
  }
  if (event.type === "message")
    return { ...common, message: event.message && messageView(conversation_id, event.message) };
  return {
    ...common,
    status: event.status,
    message: event.message && messageView(conversation_id, event.message),
    ...(event.error ? { error: errorDocument(context, turn, event.error) } : {}),
  };
}

/** Why a turn failed, as a problem. */
export function errorDocument(
  context: Pick<SseContext, "request_id" | "origin">,
  turn: Turn,
  error: TurnError,
): object {
  const { code, detail, resets_at } = error;
  const extra = {
    ...{ turn_id: turn.id, message_id: turn.user_message_id },
    ...(resets_at === undefined ? {} : { resets_at: new Date(resets_at).toISOString() }),
  };
  const details: ProblemDetails = { code, detail, extra };
  return problemDocument(details, context.origin, context.request_id);
}
