/**
 * Workers AI through the Worker's own binding: no HTTP of ours, no key. The binding answers with server-sent events,
 * in its native form (`{response, usage}`) or, for newer models, in OpenAI's (`{choices, usage}`).
 */
import { ModelFailure } from "../../chat/ports.ts";
import type { CallOptions, Connect, StreamPart } from "../connect.ts";
import type { Source } from "../../net/source.ts";
import { type EventParser, parsed, say } from "./sse.ts";

/** The part of the binding that is used. */
type Binding = { run(model: string, input: Record<string, unknown>, options: AiOptions): Promise<unknown> };

/** Codes of the binding's errors that mean "not now": out of capacity, quota used up for now. */
const BUSY = /\b(3036|3040|429)\b/;

/** Throws ModelFailure where the binding is missing, as it is locally. */
export function workersAi(modelId: string, ai: Ai | undefined): Connect {
  if (!ai) throw new ModelFailure("error", "Workers AI is not bound");
  const binding = ai as unknown as Binding;
  return (_, options) => run(binding, modelId, options);
}

async function run(binding: Binding, modelId: string, options: CallOptions): Promise<Source<StreamPart>> {
  const input = {
    messages: options.prompt.map(({ role, content }) => ({ role, content: textOf(content) })),
    stream: true,
    ...(options.temperature === undefined ? {} : { temperature: options.temperature }),
    ...(options.maxOutputTokens === undefined ? {} : { max_tokens: options.maxOutputTokens }),
    ...(options.stopSequences === undefined ? {} : { stop: options.stopSequences }),
  };
  const settings: AiOptions = options.abortSignal ? { signal: options.abortSignal } : {};
  const answer = await binding.run(modelId, input, settings).catch((error: unknown) => {
    throw new ModelFailure(BUSY.test(String(error)) ? "unavailable" : "error", "Workers AI refused");
  });
  if (!(answer instanceof ReadableStream)) throw new ModelFailure("error", "Workers AI did not stream");
  return partsOf(answer as ReadableStream<Uint8Array>);
}

const textOf = (content: CallOptions["prompt"][number]["content"]) =>
  typeof content === "string" ? content : content.map((part) => (part.type === "text" ? part.text : "")).join("");

type Event = {
  response?: unknown;
  choices?: { delta?: { content?: unknown }; finish_reason?: string | null }[];
  usage?: { prompt_tokens?: number; completion_tokens?: number } | null;
};

/** The binding's events as the parts that a provider's client would give. */
export const partsOf = (events: ReadableStream<Uint8Array>): Source<StreamPart> =>
  parsed(events.getReader(), new Events());

class Events implements EventParser {
  #usage: Event["usage"];
  #ended: string | undefined;

  read(data: string, parts: StreamPart[]): void {
    if (data === "[DONE]") {
      this.#ended ??= "done";
      return;
    }
    const event = JSON.parse(data) as Event | null;
    const choice = event?.choices?.[0];
    this.#usage = event?.usage ?? this.#usage;
    this.#ended = choice?.finish_reason ?? this.#ended;
    const text = event?.response ?? choice?.delta?.content ?? "";
    // A token that is a number has been seen to arrive as one.
    if (typeof text !== "string" && typeof text !== "number") throw new TypeError("not a text event");
    say("text-delta", String(text), parts);
  }

  end(parts: StreamPart[]): void {
    const { prompt_tokens, completion_tokens } = this.#usage ?? {};
    const unified = this.#ended === undefined ? "interrupted" : "stop";
    const usage = {
      inputTokens: { total: prompt_tokens, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
      outputTokens: { total: completion_tokens, text: undefined, reasoning: undefined },
    };
    parts.push({ type: "finish", finishReason: { unified, raw: this.#ended }, usage });
  }
}
