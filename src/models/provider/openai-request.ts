/** What a server of OpenAI's protocol is asked (API reference, "Create chat completion"), as far as it takes that. */
import type { CallOptions } from "../connect.ts";
import type { Dialect } from "./dialect.ts";
import { NOTES } from "./openai-calls.ts";

type Prompt = CallOptions["prompt"];
type Message = Prompt[number];
type Tools = NonNullable<CallOptions["tools"]>;

/** The body of a request, but for the model. Members that are undefined are not sent. */
export function requestOf(options: CallOptions, dialect: Dialect) {
  const { prompt, temperature, maxOutputTokens, stopSequences, tools, toolChoice, responseFormat } = options;
  return {
    messages: (dialect.system ? prompt : withoutSystem(prompt)).flatMap((message) => messagesOf(message, dialect)),
    temperature: dialect.temperature ? temperature : undefined,
    [dialect.limit]: maxOutputTokens,
    stop: dialect.stop ? stopSequences : undefined,
    tools: tools?.flatMap(toolOf),
    tool_choice: dialect.tool_choice ? toolChoice?.type : undefined,
    response_format: dialect.response_format ? formatOf(responseFormat) : undefined,
    stream: true,
    stream_options: dialect.stream_options ? { include_usage: true } : undefined,
  };
}

const formatOf = (format: CallOptions["responseFormat"]) =>
  format?.type === "json" ? { type: "json_schema", json_schema: { name: "answer", schema: format.schema } } : undefined;

/** The same with the instructions at the beginning of the user's first message. */
function withoutSystem([first, second, ...rest]: Prompt): Prompt {
  if (first?.role !== "system") return [first, second, ...rest].filter((message) => message !== undefined);
  const text = { type: "text" as const, text: `${first.content}\n\n` };
  if (second?.role !== "user") return [{ role: "user", content: [text] }, ...(second ? [second] : []), ...rest];
  return [{ ...second, content: [text, ...second.content] }, ...rest];
}

function messagesOf(message: Message, dialect: Dialect): object[] {
  const { role, content } = message;
  if (role === "system") return [{ role, content }];
  if (role === "user") return [{ role, content: textOf(content) }];
  if (role === "assistant") {
    const tool_calls = content.flatMap(callOf);
    const text = textOf(content);
    const thoughts = content.map((part) => (part.type === "reasoning" ? part.text : "")).join("");
    return [
      {
        role,
        content: text === "" && tool_calls.length > 0 ? null : text,
        ...(dialect.thoughts && thoughts !== "" ? { reasoning_content: thoughts } : {}),
        ...(tool_calls.length > 0 ? { tool_calls } : {}),
      },
    ];
  }
  return content.flatMap(resultOf);
}

const textOf = (content: readonly { type: string; text?: unknown }[]) =>
  content.map(({ type, text }) => (type === "text" ? String(text) : "")).join("");

function callOf(part: Extract<Message, { role: "assistant" }>["content"][number]): object[] {
  if (part.type !== "tool-call") return [];
  const { toolCallId: id, toolName: name, input, providerOptions } = part;
  const extra = providerOptions?.[NOTES];
  const call = { id, type: "function", function: { name, arguments: JSON.stringify(input) } };
  return [{ ...call, ...(extra ? { extra_content: extra } : {}) }];
}

function resultOf(part: Extract<Message, { role: "tool" }>["content"][number]): object[] {
  if (part.type !== "tool-result") return [];
  const { toolCallId: tool_call_id, output } = part;
  const content = output.type === "error-text" ? output.value : JSON.stringify("value" in output ? output.value : null);
  return [{ role: "tool", tool_call_id, content }];
}

function toolOf(tool: Tools[number]): object[] {
  if (tool.type !== "function") return [];
  const { name, description, inputSchema: parameters } = tool;
  return [{ type: "function", function: { name, description, parameters } }];
}
