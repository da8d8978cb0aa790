/**
 * Gemini's stream (Gemini API reference, "streamGenerateContent") as it and its proxies write it, brought to what its client
 * of the AI SDK understands. Only what an answer is made of is passed on.
 */
import { isObject } from "../json-schema.ts";
import type { Json, JsonObject } from "../../json.ts";
import { Ending } from "./ending.ts";
import type { Mending } from "./mended.ts";

const CACHED = "cachedContentTokenCount";
const COUNTS = ["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount", CACHED];

export class GoogleEvents implements Mending {
  readonly #ending = new Ending();
  #usage: JsonObject = {};

  read(event: JsonObject): JsonObject[] {
    const { candidates, usageMetadata, promptFeedback } = spelt(event);
    if (isObject(usageMetadata)) {
      const counts = Object.entries(spelt(usageMetadata)).filter(
        ([name, n]) => COUNTS.includes(name) && (Number(n) > 0 || (name === CACHED && n === 0)),
      );
      this.#usage = { ...this.#usage, ...Object.fromEntries(counts) };
    }
    if (isObject(promptFeedback)) this.#ending.note(spelt(promptFeedback)["blockReason"]);
    const [candidate] = Array.isArray(candidates) ? candidates : [];
    if (!isObject(candidate)) return [];
    const { content, finishReason } = spelt(candidate);
    const parts = isObject(content) && Array.isArray(content["parts"]) ? content["parts"].flatMap(partOf) : [];
    if (parts.some(({ text }) => text !== "")) this.#ending.said();
    this.#ending.note(finishReason);
    return parts.length > 0 ? [{ candidates: [{ content: { role: "model", parts } }] }] : [];
  }

  get isWhole(): boolean {
    return this.#ending.isWhole;
  }

  done(): void {
    this.#ending.done();
  }

  /** The end is told once all was read, and only when there is one. */
  end(): JsonObject[] {
    const finishReason = this.#ending.word;
    return finishReason === undefined ? [] : [{ candidates: [{ finishReason }], usageMetadata: this.#usage }];
  }
}

/** Members in the spelling of the API: proxies write them as their own language spells names, such as `finish_reason`. */
const spelt = (value: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      member,
    ]),
  );

/** Text, thoughts and calls; what else there is (pictures, code that was run there) is no answer of an agent. */
function partOf(part: Json): JsonObject[] {
  if (!isObject(part)) return [];
  const { text, thought, functionCall, thoughtSignature } = spelt(part);
  const signed: JsonObject = typeof thoughtSignature === "string" ? { thoughtSignature } : {};
  if (isObject(functionCall)) {
    const { id, args } = functionCall;
    const name = typeof functionCall["name"] === "string" ? functionCall["name"] : "";
    const call = { ...(typeof id === "string" && id !== "" ? { id } : {}), name, args: args ?? {} };
    return [{ functionCall: call, ...signed }];
  }
  if (typeof text !== "string") return [];
  return [{ text, thought: thought === true, ...signed }];
}
