/** What a turn needs of the world. The engine knows these shapes only; conversation-object.ts plugs the real parts in. */

/** One message as the model is shown it. */
export type ModelMessage = { role: "user" | "assistant"; content: string };

export type ModelRequest = {
  /** The agent's instructions; "" when it has none. */
  instructions: string;
  /** Oldest first, ending with the user's new message. */
  messages: ModelMessage[];
};

/** Tokens as the provider counted them; null where it did not say. */
export type ModelUsage = { input_tokens: number | null; output_tokens: number | null };

export type ModelEvent =
  | { type: "text"; text: string }
  | { type: "tool_call"; call_id: string; name: string; input: unknown }
  | { type: "tool_result"; call_id: string; name: string; output: unknown; failed: boolean }
  | { type: "finish"; usage: ModelUsage | null };

/**
 * A language model, already configured for one agent. The iteration ends after `finish`; it throws ModelFailure when
 * the model refuses, breaks off or sends rubbish, and ends promptly when `signal` aborts.
 */
export interface Model {
  /** `provider/name`, as stored in model_used. */
  readonly name: string;
  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent>;
}

/** `unavailable`: overloaded, rate-limited or unreachable (worth one retry); `error`: anything else it did wrong. */
export type FailureKind = "error" | "unavailable" | "timeout";

/** Why a model gave no (whole) answer. `message` is for our log only and never quotes the upstream's body. */
export class ModelFailure extends Error {
  readonly kind: FailureKind;
  constructor(kind: FailureKind, message: string) {
    super(message);
    this.name = "ModelFailure";
    this.kind = kind;
  }
}
