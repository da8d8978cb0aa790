/** What a server of OpenAI's protocol is asked (API reference, "Create chat completion"), as far as it takes that. */
import type { Call, CallOptions, CallResult, Message } from "../connect.ts";
import type { Dialect } from "./dialect.ts";
import { instructed } from "./instructions.ts";

/** The body of a request, but for the model. Members that are undefined are not sent. */
export function requestOf(options: CallOptions, dialect: Dialect) {
  const { temperature, maxOutputTokens, stop, tools, toolChoice, schema } = options;
  return {
    messages: messagesOf(options, dialect),
    temperature: dialect.temperature ? temperature : undefined,
    [dialect.limit]: maxOutputTokens === undefined ? undefined : Math.min(maxOutputTokens, dialect.most),
    stop: dialect.stop ? stop : undefined,
    tools: tools?.map(toolOf),
    tool_choice: dialect.tool_choice ? toolChoice : undefined,
    response_format: dialect.response_format && schema ? formatOf(schema) : undefined,
    stream: true,
    stream_options: dialect.stream_options ? { include_usage: true } : undefined,
  };
}

const formatOf = (schema: CallOptions["schema"]) => ({ type: "json_schema", json_schema: { name: "answer", schema } });

function messagesOf({ instructions, messages }: CallOptions, dialect: Dialect): object[] {
  const all = dialect.system ? messages : instructed(instructions, messages);
  const system = dialect.system && instructions !== "" ? [{ role: "system", content: instructions }] : [];
  return [...system, ...all.flatMap((message) => messageOf(message, dialect))];
}

function messageOf(message: Message, dialect: Dialect): object[] {
  if (message.role === "user") return [{ role: "user", content: message.text }];
  if (message.role === "tools") return message.results.map(resultOf);
  const textOf = (type: "text" | "thought") =>
    message.said.map((part) => (part.type === type ? part.text : "")).join("");
  const tool_calls = message.said.flatMap((part) => (part.type === "call" ? [callOf(part)] : []));
  const content = textOf("text");
  const thoughts = textOf("thought");
  return [
    {
      role: "assistant",
      content: content === "" && tool_calls.length > 0 ? dialect.no_text : content,
      ...(dialect.thoughts && thoughts !== "" ? { reasoning_content: thoughts } : {}),
      ...(tool_calls.length > 0 ? { tool_calls } : {}),
    },
  ];
}

function callOf({ id, name, input, notes }: Call): object {
  const call = { id, type: "function", function: { name, arguments: JSON.stringify(input) } };
  return { ...call, ...(notes ? { extra_content: notes } : {}) };
}

const resultOf = ({ id, failed, output }: CallResult) => ({
  role: "tool",
  tool_call_id: id,
  content: failed ? String(output) : JSON.stringify(output),
});

const toolOf = ({ name, description, parameters }: NonNullable<CallOptions["tools"]>[number]) => ({
  type: "function",
  // OpenAI refuses the schema of an object that names no properties, not even none.
  function: { name, ...(description === "" ? {} : { description }), parameters: { properties: {}, ...parameters } },
});
