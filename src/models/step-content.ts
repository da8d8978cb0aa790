/**
 * What a model said in one step, as its provider wants it back with the tools' results: the parts in order, each with the
 * provider's own notes on it (signatures of thoughts, for one).
 */
import type { CallOptions, StreamPart } from "./connect.ts";
import { argumentsOf, type ToolRequest, type ToolResult } from "./http-tool.ts";

type Message = CallOptions["prompt"][number];
type Assistant = Extract<Message, { role: "assistant" }>["content"][number];
type Part = Extract<Assistant, { type: "text" | "reasoning" | "tool-call" }>;
type Writing = Extract<Part, { type: "text" | "reasoning" }>;
type Results = Extract<Message, { role: "tool" }>["content"];
type Notes = Part["providerOptions"];

export class StepContent {
  readonly #parts: Part[] = [];
  /** Texts and thoughts that may go on, by kind and id. */
  readonly #open = new Map<string, Writing>();
  /** What the model wants done, in order, with the provider's ids. */
  readonly calls: Omit<ToolRequest, "call_id">[] = [];
  readonly #sent: { toolCallId: string; toolName: string }[] = [];

  take(part: StreamPart): void {
    const { type } = part;
    if (type === "text-start" || type === "text-delta" || type === "text-end") this.#write("text", part);
    if (type === "reasoning-start" || type === "reasoning-delta" || type === "reasoning-end") {
      this.#write("reasoning", part);
    }
    if (type === "retract") this.#forget();
    if (type !== "tool-call" || part.providerExecuted) return;
    const { toolCallId, toolName, input, providerMetadata } = part;
    const sent = { toolCallId, toolName: acceptable(toolName) };
    this.#parts.push({ type, ...sent, input: argumentsOf(input) ?? {}, ...noted(providerMetadata) });
    this.calls.push({ name: nameOf(toolName), input });
    this.#sent.push(sent);
  }

  /** The two messages that come next in the prompt; results are in the order of the calls. */
  messages(results: ToolResult[]): Message[] {
    const content = this.#parts.filter(
      (part) => part.type !== "text" || part.text.trim() !== "" || part.providerOptions,
    );
    const answers: Results = this.#sent.map((sent, index) => {
      const { failed, output } = results[index] as ToolResult;
      const told = failed
        ? { type: "error-text" as const, value: String(output) }
        : { type: "json" as const, value: output };
      return { type: "tool-result", ...sent, output: told };
    });
    return [
      { role: "assistant", content },
      { role: "tool", content: answers },
    ];
  }

  /** What was said so far was thinking. */
  #forget(): void {
    for (const part of this.#parts) if (part.type === "text") Object.assign(part, { type: "reasoning" });
    this.#open.clear();
  }

  #write(type: "text" | "reasoning", piece: { id: string; delta?: string; providerMetadata?: Notes }): void {
    const key = `${type} ${piece.id}`;
    const begun = this.#open.get(key);
    const isEnd = begun !== undefined && piece.delta === undefined;
    const part: Writing = begun ?? { type, text: "" };
    if (!begun) {
      this.#open.set(key, part);
      this.#parts.push(part);
    }
    part.text += piece.delta ?? "";
    Object.assign(part, noted(piece.providerMetadata));
    if (isEnd) this.#open.delete(key);
  }
}

/** UTF-16 code units of a name. What is longer is the name of no tool, and neither told nor kept whole. */
const MAX_NAME = 64;
const nameOf = (name: string) => (name.length <= MAX_NAME ? name : `${name.slice(0, MAX_NAME - 1).toWellFormed()}…`);

/** A name as providers take it back: they refuse a request with any other, and models make some up. */
const acceptable = (name: string) => name.replaceAll(/[^\w-]/g, "_").slice(0, MAX_NAME) || "unknown";

const noted = (notes: Notes) => (notes === undefined ? {} : { providerOptions: notes });
