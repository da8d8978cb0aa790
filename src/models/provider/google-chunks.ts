/**
 * The answer side of Gemini when streamed (Gemini API reference, "GenerateContentResponse"), read the way proxies write it,
 * too. Text, thoughts and calls are an answer; what else there is (pictures, code that was run there) is none of an agent's.
 */
import type { Json, JsonObject } from "../../json.ts";
import type { StreamPart } from "../connect.ts";
import { isObject } from "../json-schema.ts";
import { Ending } from "./ending.ts";
import { countOf, type EventParser, say } from "./parts.ts";
import { errorIn, UpstreamError } from "./report.ts";
import { DONE, type ServerEvent } from "./sse.ts";

export class GoogleChunks implements EventParser {
  readonly ending = new Ending();
  /** Counts come as a running total, not all of them each time. */
  #usage: JsonObject = {};
  #block = 0;

  read({ name, data }: ServerEvent, parts: StreamPart[]): void {
    if (data === DONE) return this.ending.done();
    const error = errorIn(name, data);
    if (error !== undefined) throw new UpstreamError(null, error);
    const { candidates, usageMetadata, promptFeedback } = spelt(data);
    if (isObject(usageMetadata)) this.#count(spelt(usageMetadata));
    if (isObject(promptFeedback)) this.ending.note(spelt(promptFeedback)["blockReason"]);
    const [candidate] = Array.isArray(candidates) ? candidates : [];
    if (!isObject(candidate)) return;
    const { content, finishReason } = spelt(candidate);
    const said = isObject(content) && Array.isArray(content["parts"]) ? content["parts"].filter(isObject) : [];
    for (const part of said) this.#say(spelt(part), parts);
    this.ending.note(finishReason);
  }

  end(parts: StreamPart[]): void {
    const { promptTokenCount, toolUsePromptTokenCount, cachedContentTokenCount: cached } = this.#usage;
    const { candidatesTokenCount, thoughtsTokenCount } = this.#usage;
    const counts = {
      input: sumOf(promptTokenCount, toolUsePromptTokenCount),
      ...(typeof cached === "number" ? { cached } : {}),
      output: sumOf(candidatesTokenCount, thoughtsTokenCount),
    };
    parts.push({ type: "finish", word: this.ending.word, counts });
  }

  /** A signature is given back with the very part that it came with, so that part is a block of its own. */
  #say({ text, thought, functionCall, thoughtSignature }: JsonObject, parts: StreamPart[]): void {
    const isSigned = typeof thoughtSignature === "string" && thoughtSignature !== "";
    const signed = isSigned ? { notes: { thoughtSignature } } : {};
    if (isObject(functionCall)) {
      this.ending.said("call");
      const { id, name, args } = functionCall;
      const input = typeof args === "string" ? args : JSON.stringify(args ?? {});
      parts.push({ type: "call", id: textOf(id), name: textOf(name), input, ...signed });
    } else if (typeof text === "string") {
      const type = thought === true ? "thought" : "text";
      if (text !== "") this.ending.said(type);
      if (isSigned) this.#block++;
      say(type, text, parts, this.#block);
      if (isSigned) parts.push({ type, text: "", block: this.#block++, ...signed });
    }
  }

  #count(usage: JsonObject): void {
    for (const [name, tokens] of Object.entries(usage)) {
      const count = name === "cachedContentTokenCount" && tokens === 0 ? 0 : countOf(tokens);
      if (count !== undefined) this.#usage[name] = count;
    }
  }
}

const textOf = (value: Json | undefined): string => (typeof value === "string" ? value : "");

const sumOf = (...counts: (Json | undefined)[]) => countOf(counts.reduce<number>((sum, n) => sum + Number(n ?? 0), 0));

/** Members in the spelling of the API: proxies write them as their own language spells names, such as `finish_reason`. */
const spelt = (value: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      member,
    ]),
  );
