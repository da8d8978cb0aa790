/** How a provider's client is called, in the AI SDK's types. Types only. */
import type { LanguageModel } from "ai";
import type { Source } from "../net/source.ts";
import type { AnswerText } from "./answer-text.ts";
import type { Upstream } from "./provider/upstream.ts";

export type LanguageModelV4 = Extract<LanguageModel, { specificationVersion: "v4" }>;
export type CallOptions = Parameters<LanguageModelV4["doStream"]>[0];
/** `retract`: all text so far was thinking, and is no part of the answer. */
export type StreamPart = ClientPart | { type: "retract" };
type ClientPart =
  Awaited<ReturnType<LanguageModelV4["doStream"]>>["stream"] extends ReadableStream<infer Part> ? Part : never;

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
