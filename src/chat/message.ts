/** A message of a conversation, as journal and record keep it, and as the wire shows it. */
import { float, type Json, type JsonObject } from "../json.ts";
import type { Cost } from "./money.ts";
import type { ToolCall } from "./tool-call.ts";

export type Role = "user" | "assistant";
export type MessageStatus = "complete" | "failed" | "stopped";
export type Feedback = { rating: "up" | "down"; comment?: string };

/** One model that was asked for a reply, and what became of that; `code` of a problem. */
export type ModelAttempt = {
  /** `provider/name`. */
  model: string;
  status: "completed" | "failed" | "stopped";
  code:
    | ("model_error" | "model_unavailable" | "model_timeout" | "output_invalid")
    | ("budget_exhausted" | "budget_unpriced" | null);
  duration_ms: number;
};

/**
 * How a reply came about, as far as that is worth keeping. `attempts`: when the agent has several models. `structured`: its
 * text is JSON that fits the schema of its turn. `handed_over`: the agent asked for a person in its turn. `waited_ms`: for how
 * long somebody had waited for this, the first that a person wrote. `thought`: how many UTF-16 units of its beginning turned
 * out to be thinking when they had been seen.
 */
export type ReplyDetails = {
  attempts?: ModelAttempt[];
  structured?: true;
  handed_over?: true;
  waited_ms?: number;
  thought?: number;
};

/** The person who wrote a reply; a reply without an author is a model's. */
export type Author = { type: "staff"; entity_id: string; name: string | null };

export type Message = {
  id: string;
  turn_id: string;
  /** 1, 2, 3 … within the conversation: gap-free, never reused, never changed. */
  sequence: number;
  role: Role;
  content: string;
  status: MessageStatus;
  model_used: string | null;
  /** Seconds; assistant only. */
  processing_time: number | null;
  input_tokens: number | null;
  /** Null too where the provider did not say how many were cached. */
  cached_input_tokens: number | null;
  output_tokens: number | null;
  usage_source: "measured" | "estimated" | null;
  /** Null where nobody said what the model costs. */
  cost: Cost | null;
  metadata: JsonObject;
  /** Tools that were called for this reply; null when there were none. */
  tool_calls: ToolCall[] | null;
  /** Null for most. */
  details: ReplyDetails | null;
  /** Null for what users and models say. */
  author: Author | null;
  feedback: Feedback | null;
  /** Milliseconds. */
  created_at: number;
  deleted_at: number | null;
  deleted_by: string | null;
  deletion_id: string | null;
  /** Text gone for good; such a message is never shown or restored. */
  purged_at: number | null;
};

/** What a model is shown of a message: nothing that it had only thought. */
export const saidIn = ({ content, details }: Pick<Message, "content" | "details">): string =>
  content.slice(details?.thought ?? 0);

const timestamp = (millis: number | null) => (millis === null ? null : new Date(millis).toISOString());

/** Null rather than a made-up zero. */
const usageView = (message: Message) => {
  const { input_tokens, cached_input_tokens, output_tokens, usage_source: source, cost } = message;
  if (input_tokens === null || output_tokens === null || source === null) return null;
  return { input_tokens, cached_input_tokens, output_tokens, source, cost };
};

/** What the text of a structured reply is; nothing once that is purged. */
export const parsedView = ({ details, content }: Message): { parsed?: Json } =>
  details?.structured && content !== "" ? { parsed: JSON.parse(content) as Json } : {};

/** The wire form. */
export function messageView(conversation_id: string, m: Message) {
  return {
    id: m.id,
    conversation_id,
    turn_id: m.turn_id,
    sequence: m.sequence,
    role: m.role,
    content: m.content,
    status: m.status,
    model_used: m.model_used,
    processing_time: m.processing_time === null ? null : float(m.processing_time),
    usage: usageView(m),
    metadata: m.metadata,
    ...(m.author ? { author: m.author } : {}),
    ...(m.tool_calls ? { tool_calls: m.tool_calls } : {}),
    ...(m.details?.attempts ? { attempts: m.details.attempts } : {}),
    ...parsedView(m),
    feedback: m.feedback,
    created_at: timestamp(m.created_at),
    deleted_at: timestamp(m.deleted_at),
    deleted_by: m.deleted_by,
  };
}

const texts = new WeakMap<Message, string>();

/** The wire form as JSON, written once for each message however many answers show it: a message that changes is another. */
export function messageJson(conversation_id: string, message: Message): string {
  const known = texts.get(message);
  if (known !== undefined) return known;
  const text = JSON.stringify(messageView(conversation_id, message));
  texts.set(message, text);
  return text;
}
