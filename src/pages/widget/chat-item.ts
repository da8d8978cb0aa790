/** A message as the widget shows it, from the moment it is typed or its first word arrives. */
import type { LabelName } from "./labels.ts";

export type Item = {
  /** Of this widget's own messages the name they were sent under; of others their id. */
  key: string;
  role: "user" | "assistant";
  id: string | null;
  turn_id: string | null;
  /** Its place in the conversation, as far as that is known. */
  sequence: number | null;
  content: string;
  state: "sending" | "done" | "streaming" | "stopped" | "failed";
  /** What went wrong; the visitor can try again. */
  problem: LabelName | null;
  rating: "up" | "down" | null;
  /** Of a message that a person wrote for the company: their name, "" where it has none. Null for all others. */
  author: string | null;
  /** Milliseconds. */
  at: number;
};

/** Who wrote something that no agent wrote. */
export type Author = { type: string; name?: string | null };

/** A message of the API. */
export type WireMessage = {
  id: string;
  turn_id: string;
  sequence?: number;
  role: "user" | "assistant";
  content: string;
  status: "complete" | "failed" | "stopped";
  metadata: { client_id?: unknown };
  feedback: { rating: "up" | "down" } | null;
  author?: Author | null;
  created_at: string;
};

const STATE = { complete: "done", stopped: "stopped", failed: "failed" } as const;

export const keyOf = ({ id, metadata }: WireMessage): string =>
  typeof metadata.client_id === "string" ? metadata.client_id : id;

export const itemOf = (message: WireMessage): Item => ({
  key: keyOf(message),
  role: message.role,
  id: message.id,
  turn_id: message.turn_id,
  sequence: message.sequence ?? null,
  content: message.content,
  state: STATE[message.status],
  problem: message.status === "failed" ? "failedReply" : null,
  rating: message.feedback?.rating ?? null,
  author: message.author?.type === "staff" ? (message.author.name ?? "") : null,
  at: Date.parse(message.created_at),
});

/** A name that no other message has; also where crypto.randomUUID is missing, on pages without https. */
export const newKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** A message that the visitor has just written, or has written before it could be sent. */
export const ownItem = (key: string, content: string, state: "sending" | "failed"): Item => ({
  ...{
    key,
    role: "user",
    id: null,
    turn_id: null,
    sequence: null,
    content,
    state,
    rating: null,
    author: null,
    at: Date.now(),
  },
  problem: state === "failed" ? "failedSend" : null,
});
