/**
 * The answer side of Anthropic's Messages API when streamed (API reference, "Streaming messages"), read the way gateways
 * write it, too: with text in the start of a block, blocks without start or end, one message as a whole. Events and blocks
 * of kinds that are new are passed over.
 */
import type { Json, JsonObject } from "../../json.ts";
import type { Counts, StreamPart } from "../connect.ts";
import { newCallId } from "../http-tool.ts";
import { isObject } from "../json-schema.ts";
import { Ending } from "./ending.ts";
import { countOf, type EventParser, say } from "./parts.ts";
import { errorIn, UpstreamError } from "./report.ts";
import { DONE, type ServerEvent } from "./sse.ts";

/** The member of each delta that holds what it says, by its type. */
const DELTAS: Record<string, string> = {
  text_delta: "text",
  thinking_delta: "thinking",
  signature_delta: "signature",
  input_json_delta: "partial_json",
};

/** A block that may go on. `number` tells blocks apart, which an index need not; what is `unknown` is left out. */
type Block = { number: number; unknown?: boolean; call?: Call; begun?: string };
/** `whole`: arguments that came with the start, in case no others follow. */
type Call = { id: string; name: string; input: string; whole: string };

/** Shorter texts are said twice as often as they are repeated. */
const MIN_REPEATED = 4;

export class AnthropicEvents implements EventParser {
  readonly ending = new Ending();
  /** By index. */
  readonly #blocks = new Map<number, Block>();
  #number = 0;
  /** Something was said: a message as a whole repeats it. */
  #streamed = false;
  /** Tokens by the names of the API. */
  readonly #usage: Record<string, number> = {};

  read({ name, data }: ServerEvent, parts: StreamPart[]): void {
    if (data === DONE) return this.ending.done();
    const error = errorIn(name, data);
    if (error !== undefined) throw new UpstreamError(null, error);
    const { message, content_block, delta, usage } = data;
    const index = Number(data["index"]) || 0;
    switch (String(data["type"] ?? name)) {
      case "message_start":
        if (isObject(message)) this.#message(message, parts);
        break;
      case "message":
        this.#message(data, parts);
        break;
      case "content_block_start":
        if (isObject(content_block)) this.#start(index, content_block, parts);
        break;
      case "content_block_delta":
        if (isObject(delta)) this.#delta(index, delta, parts);
        this.ending.note(undefined);
        break;
      case "content_block_stop":
        this.#stop(index, parts);
        break;
      case "message_delta":
        this.#count(usage);
        if (isObject(delta)) this.ending.note(delta["stop_reason"]);
        break;
      case "message_stop":
        this.ending.done();
        this.end(parts);
    }
  }

  end(parts: StreamPart[]): void {
    for (const index of this.#blocks.keys()) this.#stop(index, parts);
    parts.push({ type: "finish", word: this.ending.word, counts: this.#counts });
  }

  /** The beginning of a message, or all of it. */
  #message({ usage, content, stop_reason }: JsonObject, parts: StreamPart[]): void {
    this.#count(usage);
    const blocks = Array.isArray(content) && !this.#streamed ? content.filter(isObject) : [];
    for (const [index, block] of blocks.entries()) this.#start(index, block, parts);
    this.ending.note(stop_reason);
  }

  #start(index: number, content: JsonObject, parts: StreamPart[]): void {
    this.#stop(index, parts);
    const { type, text, thinking, signature, data, id, name, input } = content;
    const block: Block = { number: this.#number++ };
    this.#blocks.set(index, block);
    if (type === "text") {
      this.#delta(index, { type: "text_delta", text: text ?? "" }, parts);
      if (typeof text === "string" && text.length >= MIN_REPEATED) block.begun = text;
    } else if (type === "thinking") {
      this.#delta(index, { type: "thinking_delta", thinking: thinking ?? "" }, parts);
      this.#delta(index, { type: "signature_delta", signature: signature ?? "" }, parts);
    } else if (type === "redacted_thinking" && typeof data === "string") {
      parts.push({ type: "thought", text: "", block: block.number, notes: { data } });
    } else if (type === "tool_use") {
      this.ending.said("call");
      this.#streamed = true;
      const whole = isObject(input) ? JSON.stringify(input) : textOf(input);
      block.call = { id: textOf(id) || newCallId(), name: textOf(name), input: "", whole };
    } else block.unknown = true;
  }

  #delta(index: number, delta: JsonObject, parts: StreamPart[]): void {
    // Where it does not name its type, what it has shows it.
    const type = delta["type"] ?? Object.keys(DELTAS).find((one) => (DELTAS[one] ?? "") in delta);
    const said = delta[DELTAS[String(type)] ?? ""];
    const text = isObject(said) ? JSON.stringify(said) : textOf(said);
    const block = this.#blocks.get(index) ?? { number: this.#number++ };
    if (text === "" || block.unknown) return;
    this.#blocks.set(index, block);
    this.ending.said(type === "text_delta" ? "text" : block.call ? "call" : "thought");
    if (type === "text_delta") {
      this.#streamed = true;
      const isRepeated = block.begun !== undefined && text.startsWith(block.begun);
      say("text", isRepeated ? text.slice(block.begun?.length) : text, parts, block.number);
      delete block.begun;
    } else if (type === "thinking_delta") say("thought", text, parts, block.number);
    else if (type === "signature_delta") {
      parts.push({ type: "thought", text: "", block: block.number, notes: { signature: text } });
    } else if (block.call) block.call.input += text;
  }

  #stop(index: number, parts: StreamPart[]): void {
    const call = this.#blocks.get(index)?.call;
    if (call) parts.push({ type: "call", id: call.id, name: call.name, input: call.input || call.whole });
    this.#blocks.delete(index);
  }

  /** Counts are a running total, of which some stand in the beginning and some at the end. */
  #count(usage: Json | undefined): void {
    if (!isObject(usage)) return;
    for (const [name, tokens] of Object.entries(usage)) {
      const count = name.startsWith("cache_") && tokens === 0 ? 0 : countOf(tokens);
      if (count !== undefined) this.#usage[name] = count;
    }
  }

  /** What went into the cache or came out of it is not among the other input. */
  get #counts(): Counts {
    const { input_tokens = 0, cache_read_input_tokens: cached, cache_creation_input_tokens = 0 } = this.#usage;
    const input = input_tokens + (cached ?? 0) + cache_creation_input_tokens;
    return { input: countOf(input), cached, output: this.#usage["output_tokens"] };
  }
}

const textOf = (value: Json | undefined): string => (typeof value === "string" ? value : "");
