/**
 * A provider's client as a Model. An answer is whole or it is a ModelFailure: it ends because the upstream said that it
 * was finished, never because bytes merely stopped coming. On abort the iteration returns at once, without `finish`.
 *
 * The client is asked directly (`doStream`): the AI SDK's `streamText` on top of it would add a third to the bundle for
 * retries, telemetry and transforms that the engine has no use for.
 */
import type { LanguageModel } from "ai";
import { type Model, type ModelEvent, ModelFailure, type ModelRequest, type ModelUsage } from "../chat/ports.ts";
import type { OutboundPolicy } from "../http/outbound.ts";
import { AnswerText } from "./answer-text.ts";
import { failureOf } from "./failure.ts";
import { type UpstreamCall, upstreamCall } from "./upstream.ts";

type LanguageModelV4 = Extract<LanguageModel, { specificationVersion: "v4" }>;
export type CallOptions = Parameters<LanguageModelV4["doStream"]>[0];
export type StreamPart =
  Awaited<ReturnType<LanguageModelV4["doStream"]>>["stream"] extends ReadableStream<infer Part> ? Part : never;
type FinishPart = Extract<StreamPart, { type: "finish" }>;

/** What is needed of a provider's client. */
export type Client = { doStream(options: CallOptions): PromiseLike<Opened> };
export type Opened = { stream: ReadableStream<StreamPart> };

/** A client whose HTTP goes through the given fetch; made anew for each answer. */
export type Connect = (fetch: UpstreamCall["fetch"]) => Client;

/** What an agent says about how its model is to answer; null leaves it to the provider. */
export type CallSettings = {
  temperature: number | null;
  max_output_tokens: number | null;
  stop?: string[] | undefined;
};

export function languageModel(name: string, connect: Connect, settings: CallSettings, policy: OutboundPolicy): Model {
  return { name, stream: (request, signal) => answer(connect, promptOf(request, settings), policy, signal) };
}

async function* answer(
  connect: Connect,
  options: CallOptions,
  policy: OutboundPolicy,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent, void> {
  const upstream = upstreamCall(policy);
  const text = new AnswerText();
  const left = new AbortController();
  const aborted = new Promise<null>((resolve) => {
    signal.addEventListener("abort", () => resolve(null), { signal: left.signal });
  });
  const unlessAborted = <T>(result: PromiseLike<T>) => Promise.race([result, aborted]);
  let reader: ReadableStreamDefaultReader<StreamPart> | undefined;
  try {
    if (signal.aborted) return;
    const abortSignal = AbortSignal.any([signal, left.signal]);
    const opened = await unlessAborted(connect(upstream.fetch).doStream({ ...options, abortSignal }));
    reader = opened?.stream.getReader();
    while (reader && !signal.aborted) {
      const next = await unlessAborted(reader.read());
      if (next === null || signal.aborted) return;
      if (next.done) throw new ModelFailure("error", "the answer broke off");
      const part = next.value;
      if (part.type === "error" && !isOnlyUnfinished(part.error)) throw part.error;
      const said = part.type === "text-delta" ? text.add(part.delta) : part.type === "finish" ? text.end() : "";
      if (said !== "") yield { type: "text", text: said };
      if (part.type === "finish") {
        const problem = problemOf(part.finishReason, text.started, upstream.saidDone());
        if (problem !== null) throw new ModelFailure("error", problem);
        yield { type: "finish", usage: usageOf(part.usage) };
        return;
      }
    }
  } catch (error) {
    if (!signal.aborted) throw failureOf(error, text.started);
  } finally {
    left.abort();
    reader?.cancel().catch(() => undefined);
  }
}

/** The request in the AI SDK's words. Messages without text are left out: several providers refuse them. */
function promptOf(request: ModelRequest, settings: CallSettings): CallOptions {
  const system = request.instructions === "" ? [] : [{ role: "system" as const, content: request.instructions }];
  const messages = request.messages
    .filter(({ content }) => content !== "")
    .map(({ role, content }) => ({ role, content: [{ type: "text" as const, text: content }] }));
  return {
    prompt: [...system, ...messages],
    ...(settings.temperature === null ? {} : { temperature: settings.temperature }),
    ...(settings.max_output_tokens === null ? {} : { maxOutputTokens: settings.max_output_tokens }),
    ...(settings.stop?.length ? { stopSequences: settings.stop } : {}),
  };
}

/** The client reports a missing finish reason as an error of its own; its finish part says the same. */
const isOnlyUnfinished = (error: unknown) => error instanceof Error && error.name === "AI_InvalidResponseDataError";

/** Why an answer that ended like this is none, or null when it is one. */
function problemOf({ unified, raw }: FinishPart["finishReason"], started: boolean, saidDone: boolean): string | null {
  if (unified === "content-filter") return "a content filter stopped the answer";
  if (unified === "tool-calls") return "the model called a tool that it was not given";
  if (raw === undefined && !saidDone) return "the answer broke off";
  if (unified === "error" && raw !== undefined) return "the model ended with an error";
  return started ? null : "the answer is empty";
}

/** Clients fill in 0 where the provider did not say. Neither side of an answer has no tokens, so 0 is never a count. */
function usageOf({ inputTokens, outputTokens }: FinishPart["usage"]): ModelUsage | null {
  const counted = (n: number | undefined) => (n !== undefined && Number.isSafeInteger(n) && n > 0 ? n : null);
  const usage = { input_tokens: counted(inputTokens.total), output_tokens: counted(outputTokens.total) };
  return usage.input_tokens === null && usage.output_tokens === null ? null : usage;
}
