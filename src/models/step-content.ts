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
  readonly #ids: string[] = [];

  take(part: StreamPart): void {
    const { type } = part;
    if (type === "text-start" || type === "text-delta" || type === "text-end") this.#write("text", part);
    if (type === "reasoning-start" || type === "reasoning-delta" || type === "reasoning-end") {
      this.#write("reasoning", part);
    }
    if (type !== "tool-call" || part.providerExecuted) return;
    const { toolCallId, toolName, input, providerMetadata } = part;
    const call = { type, toolCallId, toolName, input: argumentsOf(input) ?? {} };
    this.#parts.push({ ...call, ...noted(providerMetadata) });
    this.calls.push({ name: toolName, input });
    this.#ids.push(toolCallId);
  }

  /** The two messages that come next in the prompt; results are in the order of the calls. */
  messages(results: ToolResult[]): Message[] {
    const content = this.#parts.filter((part) => part.type !== "text" || part.text !== "" || part.providerOptions);
    const answers: Results = this.calls.map(({ name }, index) => {
      const { failed, output } = results[index] as ToolResult;
      const told = failed
        ? { type: "error-text" as const, value: String(output) }
        : { type: "json" as const, value: output };
      return { type: "tool-result", toolCallId: this.#ids[index] as string, toolName: name, output: told };
    });
    return [
      { role: "assistant", content },
      { role: "tool", content: answers },
    ];
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

const noted = (notes: Notes) => (notes === undefined ? {} : { providerOptions: notes });
