/**
 * The answer side of OpenAI's chat completions when streamed (OpenAI API reference, "chat.completion.chunk"), read the
 * way the many servers that speak it write it. What arrives together is passed on together.
 */
import type { JsonObject } from "../../json.ts";
import { isObject } from "../json-schema.ts";
import type { StreamPart } from "../connect.ts";
import { type EventParser, say } from "./sse.ts";

/** Under this name a call keeps what its provider has to get back with it (Google's signature of a thought, for one). */
export const NOTES = "compatible";

type FinishReason = Extract<StreamPart, { type: "finish" }>["finishReason"];
type Call = { id: string | null; name: string; input: string; extra: JsonObject | null };

const UNIFIED: Record<string, FinishReason["unified"]> = {
  stop: "stop",
  length: "length",
  content_filter: "content-filter",
  tool_calls: "tool-calls",
  function_call: "tool-calls",
};

export class ChatChunks implements EventParser {
  #usage: JsonObject = {};
  #finish: string | undefined;
  #refused = false;
  readonly #calls: Call[] = [];
  /** The call that each index stands for now; some servers give none, and some the same one to every call. */
  readonly #current = new Map<unknown, Call>();

  read(data: string, parts: StreamPart[]): void {
    if (data === "[DONE]") return;
    const chunk: unknown = JSON.parse(data);
    if (!isObject(chunk)) throw new TypeError("not a chunk");
    const { error, choices, usage } = chunk;
    if (error !== undefined && error !== null) return void parts.push({ type: "error", error });
    if (isObject(usage)) this.#usage = usage;
    if (!Array.isArray(choices)) {
      if (isObject(usage)) return;
      throw new TypeError("a chunk without choices");
    }
    const [choice] = choices;
    if (!isObject(choice)) return;
    if (typeof choice["finish_reason"] === "string") this.#finish = choice["finish_reason"];
    if (isObject(choice["delta"])) this.#delta(choice["delta"], parts);
  }

  end(parts: StreamPart[]): void {
    for (const { id, name, input, extra } of this.#calls) {
      if (name === "") throw new TypeError("a call without a name");
      const notes = extra ? { providerMetadata: { [NOTES]: extra } } : {};
      parts.push({ type: "tool-call", toolCallId: id ?? crypto.randomUUID(), toolName: name, input, ...notes });
    }
    const { prompt_tokens: input, completion_tokens: output } = this.#usage;
    const unified = this.#refused ? "content-filter" : (UNIFIED[this.#finish ?? ""] ?? "other");
    const usage = {
      inputTokens: { total: countOf(input), noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
      outputTokens: { total: countOf(output), text: undefined, reasoning: undefined },
    };
    parts.push({ type: "finish", finishReason: { unified, raw: this.#finish }, usage });
  }

  #delta(delta: JsonObject, parts: StreamPart[]): void {
    say("reasoning-delta", delta["reasoning_content"] ?? delta["reasoning"], parts);
    const { content, refusal, tool_calls } = delta;
    if (Array.isArray(content)) for (const part of content) contentPart(part, parts);
    else if (typeof content === "string" || content === null || content === undefined)
      say("text-delta", content, parts);
    else throw new TypeError("content that is not text");
    if (typeof refusal === "string" && refusal !== "") {
      this.#refused = true;
      say("text-delta", refusal, parts);
    }
    if (Array.isArray(tool_calls)) for (const call of tool_calls) this.#call(call, parts);
  }

  #call(delta: unknown, parts: StreamPart[]): void {
    if (!isObject(delta) || !isObject(delta["function"])) throw new TypeError("not a piece of a call");
    const id = textOf(delta["id"]) || null;
    const name = textOf(delta["function"]["name"]);
    const input = textOf(delta["function"]["arguments"]);
    const index = delta["index"] ?? null;
    let call = this.#current.get(index);
    const isNext = call && name !== "" && call.name !== "" && (id === null ? index === null : id !== call.id);
    if (!call || isNext) {
      call = { id, name: "", input: "", extra: null };
      this.#calls.push(call);
      this.#current.set(index, call);
    }
    call.id ??= id;
    call.name ||= name;
    call.input += input;
    if (isObject(delta["extra_content"])) call.extra ??= delta["extra_content"];
    parts.push({ type: "tool-input-delta", id: call.id ?? "", delta: input });
  }
}

const countOf = (tokens: unknown) => (typeof tokens === "number" ? tokens : undefined);

/** "" where nothing is given. */
function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  throw new TypeError("not text");
}

/** Mistral's form: a list of texts and of thoughts, which are lists of texts in turn. */
function contentPart(part: unknown, parts: StreamPart[]): void {
  if (!isObject(part)) return;
  const { type, text, thinking } = part;
  if (type === "text") say("text-delta", text, parts);
  if (type === "thinking" && Array.isArray(thinking)) {
    for (const thought of thinking) if (isObject(thought)) say("reasoning-delta", thought["text"], parts);
  }
}
