/** What a turn needs of the world. The engine knows these shapes only; src/object plugs the real parts in. */
import type { Entity } from "../auth/principal.ts";
import type { Json, JsonObject } from "../json.ts";

/** One message as the model is shown it. Its content is never blank: several providers refuse the whole request then. */
export type ModelMessage = { role: "user" | "assistant"; content: string };

/** White space by the rules of every language that providers are written in: some count controls in. */
const BLANK = /^[\s\p{White_Space}\p{Cc}]*$/u;

/** Whether a text is nothing but white space and controls. */
export const isBlank = (text: string): boolean => BLANK.test(text);

/** The turn that a model answers in, and for whom: what a tool is told besides its arguments. */
export type TurnRef = Entity & { conversation_id: string; turn_id: string };

/**
 * Something that a model may do in the conversation itself. `run` gets arguments that fit `parameters`; what it returns is for
 * the model, but for `otherwise`: what the reply says where the model says nothing more. Only staff may read of the call.
 */
export type Action = {
  name: string;
  description: string;
  /** JSON Schema of the arguments. */
  parameters: JsonObject;
  run: (input: JsonObject) => { output: Json; otherwise: string };
};

export type ModelRequest = {
  /** The agent's instructions; "" when it has none. */
  instructions: string;
  /** Oldest first, ending with the user's new message. */
  messages: ModelMessage[];
  /** The user's messages as they were sent, oldest first, where `messages` may have joined some. */
  questions?: string[];
  /** JSON Schema of an object, which the answer is to be. */
  output_schema?: JsonObject;
  /** Without a turn the model has no tools. */
  turn?: TurnRef;
  /**
   * Asked before each call of the model, with the most tokens by which the request has grown. Resolves with the most that the
   * model may write, or null where nothing limits it. Rejects with ModelFailure when a budget has no room for the call.
   */
  admit?: (grown: number) => Promise<number | null>;
  /** What it may do besides calling the agent's tools. */
  actions?: Action[];
  /** The request as it is now: what was deleted since goes into no further call of the model. */
  current?: () => ModelRequest;
};

/** Tokens as the provider counted them; null where it did not say. */
export type ModelUsage = {
  input_tokens: number | null;
  /** Of the input tokens, those that the provider had in its cache; left out where it did not say. */
  cached_input_tokens?: number;
  output_tokens: number | null;
};

/**
 * `text` may be "": the model is at work. Text that stands `apart` is a delta of its own for those who watch. `retract`: all
 * text since the last step was thinking, and is no part of the answer. A `step` ends one call of the model, with what that
 * took; the tools that it wanted are told as they are called and as they answer, and then it is called again. `finish` ends
 * the last call. `internal`: only staff may read what a call says and what it is answered.
 */
export type ModelEvent =
  | { type: "text"; text: string; apart?: boolean }
  | { type: "retract" }
  | { type: "step"; usage: ModelUsage | null }
  | { type: "tool_call"; call_id: string; name: string; input: Json; internal?: boolean }
  | { type: "tool_result"; call_id: string; name: string; output: Json; failed: boolean; internal?: boolean }
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

/**
 * `unavailable`: overloaded, rate-limited or unreachable (worth one retry); `output`: its answer does not fit the schema;
 * `exhausted`, `unpriced`: a budget has no room for it; `error`: anything else it did wrong.
 */
export type FailureKind = "error" | "unavailable" | "timeout" | "output" | "exhausted" | "unpriced";

/** Why a model gave no (whole) answer. `message` is for our log only and never quotes the upstream's body. */
export class ModelFailure extends Error {
  readonly kind: FailureKind;
  /** The model had said something, even if nothing of it was passed on. */
  begun = false;
  constructor(kind: FailureKind, message: string) {
    super(message);
    this.name = "ModelFailure";
    this.kind = kind;
  }
}

/** The user's messages, oldest first; the last is the one to answer. */
export const questionsOf = ({ questions, messages }: ModelRequest): string[] =>
  questions ?? messages.flatMap(({ role, content }) => (role === "user" ? [content] : []));
