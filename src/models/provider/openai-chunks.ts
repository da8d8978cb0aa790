/**
 * The answer side of OpenAI's chat completions when streamed (OpenAI API reference, "chat.completion.chunk"), read the
 * way the many servers that speak it write it, Workers AI's native form (`{response, tool_calls, usage}`) included. What
 * arrives together is passed on together.
 */
import { isObject } from "../json-schema.ts";
import type { Counts, StreamPart } from "../connect.ts";
import type { Json, JsonObject } from "../../json.ts";
import { Ending } from "./ending.ts";
import { OpenAiCalls } from "./openai-calls.ts";
import { countOf, type EventParser, say } from "./parts.ts";
import { Pieces } from "./pieces.ts";
import { errorIn, NotUnderstood, UpstreamError } from "./report.ts";
import { DONE, type ServerEvent } from "./sse.ts";

export class ChatChunks implements EventParser {
  readonly ending = new Ending();
  readonly #calls = new OpenAiCalls();
  readonly #counts: Counts = {};
  readonly #pieces = new Pieces();
  /** Text of the pieces so far. */
  #streamed = "";

  read({ name, data }: ServerEvent, parts: StreamPart[]): void {
    if (data === DONE) return this.ending.done();
    // What comes with it in one read is no more of the answer than what comes later.
    if (this.ending.isDone) return this.#count(data["usage"]);
    const error = errorIn(name, data);
    if (error !== undefined) {
      this.#write(this.#pieces.rest(), parts);
      throw new UpstreamError(null, error);
    }
    const { choices, usage, x_groq, response, tool_calls } = data;
    this.#count(usage);
    if (isObject(x_groq)) this.#count(x_groq["usage"]);
    if (response !== undefined) this.#say("text", response, parts);
    this.#calls.add(tool_calls, parts);
    // An event of a kind that is new says nothing about the answer.
    if (choices === undefined || choices === null) return;
    if (!Array.isArray(choices)) throw new NotUnderstood();
    const choice = choices.find((one) => isObject(one) && one["index"] === 0) ?? choices[0];
    if (isObject(choice)) this.#choice(choice, parts);
  }

  end(parts: StreamPart[]): void {
    this.#write(this.#pieces.rest(), parts);
    parts.push(...this.#calls.parts());
    parts.push({ type: "finish", word: this.ending.word, counts: this.#counts });
  }

  /** A server that does not stream says all at once, in a message; behind pieces that repeats what they said. */
  #choice({ delta, message, text, finish_reason, usage }: JsonObject, parts: StreamPart[]): void {
    this.#count(usage);
    const said = isObject(delta) ? delta : isObject(message) ? message : {};
    const { refusal, tool_calls, function_call } = said;
    const content = said["content"] ?? text;
    this.#say("thought", said["reasoning_content"] ?? said["reasoning"], parts);
    if (said === delta && typeof content === "string") {
      if (content !== "") this.#write(this.#pieces.take(content), parts);
    } else {
      this.#write(this.#pieces.rest(), parts);
      this.#say("text", said === delta ? content : this.#newIn(content), parts);
    }
    if (typeof refusal === "string" && refusal !== "") {
      this.ending.note("refusal");
      this.#say("text", refusal, parts);
    }
    const calls = tool_calls ?? function_call;
    if (isObject(Array.isArray(calls) ? calls[0] : calls)) this.ending.said("call");
    this.#calls.add(calls, parts);
    this.ending.note(finish_reason);
  }

  #write(text: string, parts: StreamPart[]): void {
    this.#say("text", text, parts);
    this.#streamed += text;
  }

  #newIn(message: Json | undefined): Json | undefined {
    if (typeof message !== "string" || this.#streamed === "") return message;
    if (message.startsWith(this.#streamed)) return message.slice(this.#streamed.length);
    return message.trim() === this.#streamed.trim() ? null : message;
  }

  /** Text; a token that is a number has been seen to arrive as one, and Mistral's is a list of texts and thoughts. */
  #say(type: "text" | "thought", content: Json | undefined, parts: StreamPart[]): void {
    if (content === null || content === undefined) return;
    if (content === "") return;
    if (typeof content === "string" || typeof content === "number") {
      this.ending.said(type);
      return say(type, String(content), parts);
    }
    const isList = Array.isArray(content);
    for (const piece of isList ? content : [content]) {
      if (!isObject(piece)) {
        this.#say(type, piece, parts);
        continue;
      }
      const { thinking, reasoning, text } = piece;
      const isThought = THOUGHT.test(String(piece["type"])) || thinking !== undefined || reasoning !== undefined;
      const said = thinking ?? reasoning ?? text;
      if (said !== undefined) this.#say(isThought ? "thought" : type, said, parts);
      // In a list there may be more than text, such as references to sources.
      else if (!isList) throw new NotUnderstood();
    }
  }

  /** Counts come once or as a running total, and some servers end with zeros. */
  #count(usage: Json | undefined): void {
    if (!isObject(usage)) return;
    const { prompt_tokens, input_tokens, completion_tokens, output_tokens } = usage;
    const counts = this.#counts;
    counts.input = countOf(prompt_tokens ?? input_tokens) ?? counts.input;
    counts.cached = cachedIn(usage) ?? counts.cached;
    counts.output = countOf(completion_tokens ?? output_tokens) ?? counts.output;
  }
}

/** Types of the pieces of a list that are not said. */
const THOUGHT = /think|thought|reason/i;

/** Input tokens from the cache, as OpenAI, DeepSeek and Moonshot name them; 0 is a count. */
function cachedIn(usage: JsonObject): number | undefined {
  const { prompt_tokens_details, input_tokens_details, prompt_cache_hit_tokens, cached_tokens } = usage;
  const details = prompt_tokens_details ?? input_tokens_details;
  const cached = (isObject(details) ? details["cached_tokens"] : null) ?? prompt_cache_hit_tokens ?? cached_tokens;
  return typeof cached === "number" && cached >= 0 ? cached : undefined;
}
