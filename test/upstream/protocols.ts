/** The same answer in each kind's protocol, for tests that hold for every kind of provider. */
import type { ProviderKind } from "../../src/models/catalog.ts";
import type { Step } from "./script.ts";

export const KINDS: ProviderKind[] = ["openai", "anthropic", "google", "workers-ai", "openai-compatible"];

type Protocol = {
  /** What comes before the first text. */
  begin: string[];
  text: (text: string) => string;
  /** The end of an answer that ended with `word`. */
  end: (word: string) => string[];
  /** The protocol's own good word, that for a limit, and those of failure that only it has. */
  stop: string;
  length: string;
  failures: string[];
  /** A call of a tool, whole. */
  call: (id: string, name: string, input: object) => string[];
  calls: string;
};

const openai: Protocol = {
  begin: [],
  text: (content) => JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: null }] }),
  end: (finish_reason) => [JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason }] }), "[DONE]"],
  stop: "stop",
  length: "length",
  failures: ["insufficient_system_resource", "network_error", "abort", "timeout"],
  call: (id, name, input) => [
    JSON.stringify({
      choices: [{ delta: { tool_calls: [{ index: 0, id, function: { name, arguments: JSON.stringify(input) } }] } }],
    }),
  ],
  calls: "tool_calls",
};

let index = 0;
const block = (content_block: object, ...deltas: object[]) => [
  JSON.stringify({ type: "content_block_start", index: ++index, content_block }),
  ...deltas.map((delta) => JSON.stringify({ type: "content_block_delta", index, delta })),
  JSON.stringify({ type: "content_block_stop", index }),
];

const anthropic: Protocol = {
  begin: [
    JSON.stringify({
      type: "message_start",
      message: { id: "m", model: "c", content: [], usage: { input_tokens: 3 } },
    }),
    JSON.stringify({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }),
  ],
  text: (text) => JSON.stringify({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }),
  end: (stop_reason) => [
    JSON.stringify({ type: "content_block_stop", index: 0 }),
    JSON.stringify({ type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 2 } }),
    JSON.stringify({ type: "message_stop" }),
  ],
  stop: "end_turn",
  length: "max_tokens",
  failures: ["refusal", "pause_turn"],
  call: (id, name, input) =>
    block({ type: "tool_use", id, name, input: {} }, { type: "input_json_delta", partial_json: JSON.stringify(input) }),
  calls: "tool_use",
};

const google: Protocol = {
  begin: [],
  text: (text) => JSON.stringify({ candidates: [{ content: { role: "model", parts: [{ text }] }, index: 0 }] }),
  end: (finishReason) => [
    JSON.stringify({
      candidates: [{ content: { role: "model" }, finishReason }],
      usageMetadata: { promptTokenCount: 3 },
    }),
  ],
  stop: "STOP",
  length: "MAX_TOKENS",
  failures: ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MALFORMED_FUNCTION_CALL", "OTHER"],
  call: (_, name, args) => [
    JSON.stringify({ candidates: [{ content: { role: "model", parts: [{ functionCall: { name, args } }] } }] }),
  ],
  calls: "STOP",
};

export const protocolOf = (kind: ProviderKind): Protocol =>
  kind === "anthropic" ? anthropic : kind === "google" ? google : openai;

/** Documents as events, each with its empty line. */
export const sent = (...documents: string[]): Step[] => documents.map((data) => ({ raw: `data: ${data}\n\n` }));

/** An answer that says `texts` and ends with `word`. */
export function answering(kind: ProviderKind, texts: string[], word?: string): string[] {
  const { begin, text, end, stop } = protocolOf(kind);
  return [...begin, ...texts.map(text), ...end(word ?? stop)];
}
