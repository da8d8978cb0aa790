/**
 * What a model is asked and the parts that it answers in, whatever its provider's protocol is: between the loop of one
 * answer and the clients in `provider/`. Types only.
 */
import type { Json, JsonObject } from "../json.ts";
import type { Source } from "../net/source.ts";
import type { AnswerText } from "./answer-text.ts";
import type { Callable } from "./http-tool.ts";
import type { Upstream } from "./provider/upstream.ts";

/** `notes`: what the provider wants back with the part, such as the signature of a thought. Its client reads and writes them. */
export type Writing = { type: "text" | "thought"; text: string; notes?: JsonObject };
/** `id`: the provider's own; "" where it gave none and needs none. */
export type Call = { type: "call"; id: string; name: string; input: JsonObject; notes?: JsonObject };
/** `output` of a call that failed is a sentence. */
export type CallResult = { id: string; name: string; failed: boolean; output: Json };

/** `results` has one for each call of the message before, in the same order. */
export type Message =
  | { role: "user"; text: string }
  | { role: "assistant"; said: (Writing | Call)[] }
  | { role: "tools"; results: CallResult[] };

export type CallOptions = {
  /** "" where there are none. */
  instructions: string;
  /** Oldest first; it begins and ends with what is not the assistant's, and roles alternate. */
  messages: Message[];
  temperature?: number;
  maxOutputTokens?: number;
  /** Texts at which the answer is to end. */
  stop?: string[];
  tools?: Pick<Callable, "name" | "description" | "parameters">[];
  /** The tools are named, because the messages speak of them, but none may be called. */
  toolChoice?: "none";
  /** JSON Schema of the answer. The instructions name it, too. */
  schema?: JsonObject;
  signal?: AbortSignal;
};

/** Tokens as the provider counted them; `cached` are part of `input`. */
export type Counts = { input?: number; cached?: number; output?: number };

/**
 * Texts and thoughts of one `block` belong together. `input`: the JSON that the model wrote, which may be none. `alive`:
 * something arrived that is no part of the answer. `retract`: all text so far was thinking, and is no part of the answer.
 * `word`: how the answer ended, in the provider's word; undefined when it did not say.
 */
export type StreamPart =
  | (Writing & { block: number })
  | (Omit<Call, "input"> & { input: string })
  | { type: "alive" }
  | { type: "retract" }
  | { type: "error"; error: unknown }
  | { type: "finish"; word: string | undefined; counts: Counts };

/** One call of a model: what goes over HTTP goes through `upstream`. */
export type Connect = (upstream: Upstream, options: CallOptions) => Promise<Source<StreamPart>>;

/** What the steps of one answer share. */
export type Answering = {
  text: AnswerText;
  /** Aborts when nobody wants the answer any more. */
  signal: AbortSignal;
  /** `result`, or null as soon as the answer is not wanted any more. */
  unlessAborted: <T>(result: PromiseLike<T>) => Promise<T | null>;
};
