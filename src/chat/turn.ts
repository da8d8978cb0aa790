/**
 * A turn: one user message and at most one reply. Its states, and the numbered events that every answer (JSON, SSE,
 * UI stream) is a projection of. Pure.
 */
import type { Entity } from "../auth/principal.ts";
import type { JsonObject } from "../json.ts";
import type { Message } from "./message.ts";
import type { ToolEvent } from "./tool-call.ts";

export type TurnStatus = "queued" | "running" | "completed" | "failed" | "stopped";
export type EndStatus = Exclude<TurnStatus, "queued" | "running">;

/** Why a turn failed, as a problem code; `turn_stopped` is a queued turn that was taken back. */
export type TurnErrorCode =
  | ("model_error" | "model_unavailable" | "model_timeout" | "output_invalid")
  | ("budget_exhausted" | "budget_unpriced" | "turn_stopped");
/** `resets_at` (ms): when the budget that is exhausted is not so any more. */
export type TurnError = { code: TurnErrorCode; detail: string; resets_at?: number };

/** `held`: a message that is a person's to answer. `staff`: what a person wrote, with no message before it. */
type TurnKind = "held" | "staff";

export type Turn = {
  /** 1, 2, 3 … within the conversation, in order of arrival. */
  number: number;
  id: string;
  /** `<entity_type>:<entity_id>` of whoever sent it. */
  principal: string;
  idempotency_key: string | null;
  /** Of message and metadata. */
  body_hash: string;
  status: TurnStatus;
  /** Null for a turn that a model answers. */
  kind: TurnKind | null;
  user_message_id: string;
  reply_id: string;
  /** What was sent; kept here only until the message is stored. */
  content: string | null;
  metadata: JsonObject;
  /** JSON Schema that the reply has to fit; null for most. */
  output_schema: JsonObject | null;
  /** Sequences: of the user message, of the reply, and of the oldest message the model was shown. */
  user_sequence: number | null;
  reply_sequence: number | null;
  window_start: number | null;
  /** Events that came before `in_progress` of the present attempt. */
  event_base: number;
  /** Number of the last event, once the turn has ended. */
  last_event: number | null;
  error: TurnError | null;
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
  /** UTF-16 code units of the reply that were journalled as deltas; what follows was sent as one more. */
  delta_length: number | null;
};

/** Who sends turns, as they note it. */
export const principalOf = ({ entity_type, entity_id }: Entity): string => `${entity_type}:${entity_id}`;

/** What happens to a turn, in order; `n` counts from 1 within the turn. */
export type TurnEvent =
  | { n: number; type: "status"; status: TurnStatus; position?: number }
  | { n: number; type: "delta"; text: string }
  | ({ n: number; type: "tool" } & ToolEvent)
  /** What a person wrote; null once that is deleted. */
  | { n: number; type: "message"; message: Message | null }
  | { n: number; type: "response"; status: EndStatus; message: Message | null; error: TurnError | null };

/** Where a reader of events stands: the last one it has seen. */
export type EventId = { turn: number; event: number };

export const formatEventId = (id: EventId): string => `${id.turn}-${id.event}`;

/** Parses `<turn number>-<event number>`; null when it is anything else. */
export function parseEventId(text: string): EventId | null {
  const match = /^(\d{1,10})-(\d{1,10})$/.exec(text);
  return match ? { turn: Number(match[1]), event: Number(match[2]) } : null;
}

/** What a second request with the same key, or an identical body without one, does to the turn it finds. */
export function onRepeat(turn: Turn): "join" | "replay" | "rerun" | "refuse" {
  if (turn.status === "queued" || turn.status === "running") return "join";
  if (turn.status === "failed") return "rerun";
  return turn.user_sequence === null ? "refuse" : "replay";
}

/** What the journal keeps of a reply that is being made: a piece of text, or something about a tool. */
export type Delta = { n: number; text: string; tool: ToolEvent | null };
