/**
 * Anthropic's stream (API reference, "Streaming messages") as gateways write it, brought to what its client of the AI SDK
 * understands: text in the start of a block is said, missing counts are filled in, events and blocks of kinds that are new
 * are left out.
 */
import { isObject } from "../json-schema.ts";
import type { Json, JsonObject } from "../../json.ts";
import { Ending } from "./ending.ts";
import type { Mending } from "./mended.ts";

type Event = JsonObject & { type: string };

/** The member of each delta that holds what it says, by its type. */
const DELTAS: Record<string, string> = {
  text_delta: "text",
  thinking_delta: "thinking",
  signature_delta: "signature",
  input_json_delta: "partial_json",
};

/** Shorter texts are said twice as often as they are repeated. */
const MIN_REPEATED = 4;

const CACHE = ["cache_read_input_tokens", "cache_creation_input_tokens"];

export class AnthropicEvents implements Mending {
  readonly #ending = new Ending();
  /** Kind of the block that each index stands for; null: left out. */
  readonly #blocks = new Map<Json, string | null>();
  /** Arguments that came with the start of a call, in case no others follow. */
  readonly #inputs = new Map<Json, string>();
  /** Text in the start of a block, which its first delta may repeat. */
  readonly #texts = new Map<Json, string>();
  /** Something was said: a message as a whole repeats it. */
  #streamed = false;
  #begun = false;
  #ended = false;
  #output = 0;
  #input: number | undefined;
  /** Input tokens that went into the cache or came out of it, which are not among the others. */
  #cache: JsonObject = {};

  read(event: JsonObject): JsonObject[] {
    const { type, message, content_block, delta, usage } = event;
    const index = Number(event["index"]) || 0;
    switch (String(type)) {
      case "message_start":
        return isObject(message) ? this.#start(message) : [];
      case "content_block_start":
        return isObject(content_block) ? this.#block(index, content_block) : [];
      case "content_block_delta":
        return isObject(delta) ? this.#delta(index, delta) : [];
      case "content_block_stop":
        return this.#stop(index);
      case "message_delta":
        this.#count(usage);
        if (isObject(delta)) this.#ending.note(delta["stop_reason"]);
        return [];
      case "message_stop":
        this.#ending.done();
        return this.end();
      case "message":
        return this.#start(this.#streamed ? { ...event, content: null } : event);
      default:
        return [];
    }
  }

  get isWhole(): boolean {
    return this.#ending.isWhole;
  }

  done(): void {
    this.#ending.done();
  }

  /** The end is told when there is one, and once all was said. */
  end(): JsonObject[] {
    const stop_reason = this.#ending.word;
    if (stop_reason === undefined || this.#ended) return [];
    this.#ended = true;
    const usage = { output_tokens: this.#output, input_tokens: this.#input ?? null, ...this.#cache };
    const delta = { stop_reason, stop_sequence: null };
    const open = [...this.#blocks.keys()].flatMap((index) => this.#stop(index));
    return [...this.#opening(), ...open, { type: "message_delta", delta, usage }, { type: "message_stop" }];
  }

  #start({ id, model, usage, content, stop_reason }: JsonObject): Event[] {
    this.#count(usage);
    const begun = this.#opening(id, model);
    const blocks = Array.isArray(content) ? content.filter(isObject) : [];
    const said = blocks.flatMap((block, index) => this.#block(index, block));
    this.#ending.note(stop_reason);
    return [...begun, ...said];
  }

  /** The beginning of a message, once. */
  #opening(id?: Json, model?: Json): Event[] {
    if (this.#begun) return [];
    this.#begun = true;
    const text = (value: Json | undefined) => (typeof value === "string" ? value : null);
    const usage = { input_tokens: this.#input ?? 0, ...this.#cache };
    return [{ type: "message_start", message: { id: text(id), model: text(model), usage } }];
  }

  #block(index: Json, block: JsonObject): Event[] {
    const { type, text, thinking, id, name, input, data } = block;
    const start = (content_block: Event): Event[] => {
      const before = this.#stop(index);
      this.#blocks.set(index, content_block.type);
      return [...this.#opening(), ...before, { type: "content_block_start", index, content_block }];
    };
    switch (String(type)) {
      case "text": {
        const begun = start({ type: "text", text: "" });
        const said = this.#delta(index, { type: "text_delta", text: text ?? "" });
        if (typeof text === "string" && text.length >= MIN_REPEATED) this.#texts.set(index, text);
        return [...begun, ...said];
      }
      case "thinking":
        return [
          ...start({ type: "thinking", thinking: "" }),
          ...this.#delta(index, { type: "thinking_delta", thinking: thinking ?? "" }),
          ...this.#delta(index, { type: "signature_delta", signature: block["signature"] ?? "" }),
        ];
      case "redacted_thinking":
        return typeof data === "string" ? start({ type: "redacted_thinking", data }) : [];
      case "tool_use": {
        const begun = start({
          type: "tool_use",
          id: typeof id === "string" && id !== "" ? id : crypto.randomUUID(),
          name: typeof name === "string" ? name : "",
          input: {},
        });
        const whole = isObject(input) ? JSON.stringify(input) : input;
        if (typeof whole === "string" && whole !== "{}") this.#inputs.set(index, whole);
        return begun;
      }
      default:
        this.#blocks.set(index, null);
        return [];
    }
  }

  #delta(index: Json, delta: JsonObject): Event[] {
    // Where it does not name its type, what it has shows it.
    const type = delta["type"] ?? Object.keys(DELTAS).find((one) => (DELTAS[one] ?? "") in delta);
    const member = DELTAS[String(type)];
    if (member === undefined || this.#blocks.get(index) === null) return [];
    let said = isObject(delta[member]) ? JSON.stringify(delta[member]) : delta[member];
    if (typeof said !== "string" || said === "") return [];
    const before = type === "text_delta" ? this.#texts.get(index) : undefined;
    this.#texts.delete(index);
    if (before !== undefined && said.startsWith(before)) said = said.slice(before.length);
    if (said === "") return [];
    this.#ending.said();
    this.#streamed ||= type === "text_delta" || type === "input_json_delta";
    if (type === "input_json_delta") this.#inputs.delete(index);
    const opening = type === "text_delta" && !this.#blocks.has(index) ? this.#block(index, { type: "text" }) : [];
    return [...opening, { type: "content_block_delta", index, delta: { type: String(type), [member]: said } }];
  }

  #stop(index: Json): Event[] {
    const kind = this.#blocks.get(index);
    const partial_json = this.#inputs.get(index);
    const rest = partial_json === undefined ? [] : this.#delta(index, { type: "input_json_delta", partial_json });
    this.#blocks.delete(index);
    this.#texts.delete(index);
    return kind ? [...rest, { type: "content_block_stop", index }] : [];
  }

  #count(usage: Json | undefined): void {
    if (!isObject(usage)) return;
    const { input_tokens, output_tokens } = usage;
    if (typeof input_tokens === "number" && input_tokens > 0) this.#input = input_tokens;
    if (typeof output_tokens === "number" && output_tokens > 0) this.#output = output_tokens;
    for (const name of CACHE) if (typeof usage[name] === "number") this.#cache[name] = usage[name];
  }
}
