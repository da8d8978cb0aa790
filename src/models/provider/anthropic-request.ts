/** What Anthropic's Messages API is asked (API reference, "Create a Message"; "Extended thinking"; "Structured outputs"). */
import type { Json } from "../../json.ts";
import type { Call, CallOptions, CallResult, Message, Writing } from "../connect.ts";
import { isBlank } from "../../chat/ports.ts";
import { isObject, nestedIn } from "../json-schema.ts";

/** Where models and gateways differ in what they take. */
export type AnthropicManner = {
  /** The key as a bearer token. */
  bearer: boolean;
  /** Thoughts back that nobody signed. */
  unsigned: boolean;
  temperature: boolean;
  /** The schema of an answer. */
  schema: boolean;
  /** Tokens of an answer, at most. */
  most: number;
};

/** The API insists on a limit. Claude takes this much from version 4 on; whoever else speaks the protocol, the other. */
const MOST = 32_000;
export const SURELY = 4_096;

/** The body of a request. Members that are undefined are not sent. */
export function anthropicRequest(model: string, options: CallOptions, manner: AnthropicManner) {
  const { instructions, messages, temperature, maxOutputTokens, stop, tools, toolChoice, schema } = options;
  const isClaude = /claude-(?:[a-z]+-)?[4-9]/.test(model);
  const stops = stop?.filter((text) => !isBlank(text));
  return {
    model,
    max_tokens: Math.min(maxOutputTokens ?? (isClaude ? MOST : SURELY), manner.most),
    temperature: manner.temperature && temperature !== undefined ? Math.min(temperature, 1) : undefined,
    stop_sequences: stops?.length ? stops : undefined,
    system: instructions === "" ? undefined : [{ type: "text", text: instructions }],
    messages: messages.map((message) => messageOf(message, manner.unsigned)),
    tools: tools?.map(toolOf),
    tool_choice: toolChoice ? { type: toolChoice } : undefined,
    output_config:
      manner.schema && schema && isClosed(schema) ? { format: { type: "json_schema", schema } } : undefined,
    stream: true,
  };
}

/** Only schemas are taken whose objects have no members but those that are named. */
const isClosed = (schema: Json): boolean =>
  !isObject(schema) ||
  ((schema["type"] !== "object" || schema["additionalProperties"] === false) &&
    Object.entries(schema).every(([keyword, value]) =>
      nestedIn(keyword, value).every(([, nested]) => isClosed(nested)),
    ));

function messageOf(message: Message, unsigned: boolean) {
  if (message.role === "user") return { role: "user", content: [{ type: "text", text: message.text }] };
  if (message.role === "tools") return { role: "user", content: message.results.map(resultOf) };
  // A call whose result follows has to be the last that was said.
  const writings = message.said.flatMap((part) => (part.type === "call" ? [] : writingOf(part, unsigned)));
  return { role: "assistant", content: [...writings, ...message.said.flatMap(callOf)] };
}

/** Thoughts go back as they came, or not at all: without their signature they are refused, but by some gateways. */
function writingOf({ type, text, notes }: Writing, unsigned: boolean): object[] {
  if (type === "text") return [{ type, text }];
  if (notes?.["data"]) return [{ type: "redacted_thinking", ...notes }];
  return notes || unsigned ? [{ type: "thinking", thinking: text, signature: "", ...notes }] : [];
}

const callOf = (part: Writing | Call): object[] =>
  part.type === "call" ? [{ type: "tool_use", id: part.id, name: part.name, input: part.input }] : [];

const resultOf = ({ id, failed, output }: CallResult) => ({
  type: "tool_result",
  tool_use_id: id,
  content: failed ? String(output) : JSON.stringify(output),
  is_error: failed || undefined,
});

const toolOf = ({ name, description, parameters }: NonNullable<CallOptions["tools"]>[number]) => ({
  name,
  ...(description === "" ? {} : { description }),
  input_schema: parameters,
});
