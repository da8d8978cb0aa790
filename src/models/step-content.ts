/**
 * What a model said in one step, as its provider wants it back with the tools' results: the parts in order, each with the
 * provider's own notes on it (signatures of thoughts, for one).
 */
import { isBlank } from "../chat/ports.ts";
import type { Call, Message, StreamPart, Writing } from "./connect.ts";
import { argumentsOf, newCallId, type ToolRequest, type ToolResult } from "./http-tool.ts";

export class StepContent {
  readonly #said: (Writing | Call)[] = [];
  /** Texts and thoughts that may go on, by kind and block. */
  readonly #open = new Map<string, Writing>();
  readonly #ids = new Set<string>();
  /** What the model wants done, in order. */
  readonly calls: Omit<ToolRequest, "call_id">[] = [];

  take(part: StreamPart): void {
    if (part.type === "text" || part.type === "thought") this.#write(part);
    else if (part.type === "retract") this.#forget();
    else if (part.type === "call") {
      const { name, input } = part;
      // Results are told apart by it; some gateways count anew with each call.
      const id = part.id !== "" && this.#ids.has(part.id) ? newCallId() : part.id;
      this.#ids.add(id);
      this.#said.push({ ...part, id, name: acceptable(name), input: argumentsOf(input) ?? {} });
      this.calls.push({ name: nameOf(name), input });
    }
  }

  /** The two messages that come next in the prompt; results are in the order of the calls. */
  messages(results: ToolResult[]): Message[] {
    const calls = this.#said.filter((part) => part.type === "call");
    const said = this.#said.filter((part) => part.type !== "text" || !isBlank(part.text) || part.notes);
    const answers = calls.map(({ id, name }, index) => {
      const { failed, output } = results[index] as ToolResult;
      return { id, name, failed, output };
    });
    return [
      { role: "assistant", said },
      { role: "tools", results: answers },
    ];
  }

  /** What was said so far was thinking. */
  #forget(): void {
    for (const part of this.#said) if (part.type === "text") part.type = "thought";
    this.#open.clear();
  }

  #write({ type, text, block, notes }: Writing & { block: number }): void {
    const key = `${type} ${block}`;
    let part = this.#open.get(key);
    if (!part) {
      part = { type, text: "" };
      this.#open.set(key, part);
      this.#said.push(part);
    }
    part.text += text;
    if (notes) part.notes = notes;
  }
}

/** UTF-16 code units of a name. What is longer is the name of no tool, and neither told nor kept whole. */
const MAX_NAME = 64;
const nameOf = (name: string) => (name.length <= MAX_NAME ? name : `${name.slice(0, MAX_NAME - 1).toWellFormed()}…`);

/** A name as providers take it back: they refuse a request with any other, and models make some up. */
const acceptable = (name: string) => name.replaceAll(/[^\w-]/g, "_").slice(0, MAX_NAME) || "unknown";
