/**
 * A client of OpenAI's chat completions as everybody's servers speak them. It is our own because every turn passes through
 * it: the AI SDK's client of this protocol makes its schemas anew for each call and checks every piece with them, which
 * took as long as all the rest of a turn.
 */
import type { CallOptions, Connect } from "../connect.ts";
import { ChatChunks, NOTES } from "./openai-chunks.ts";
import { parsed } from "./sse.ts";

type Prompt = CallOptions["prompt"];
type Message = Prompt[number];
type Tools = NonNullable<CallOptions["tools"]>;

/** `url` is the provider's base address, without a slash at its end. */
export function openaiChat(model: string, url: string, headers: Record<string, string>): Connect {
  return async (upstream, options) => {
    const bytes = await upstream.open(`${url}/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ model, ...requestOf(options) }),
      signal: options.abortSignal ?? null,
    });
    return parsed(bytes, new ChatChunks());
  };
}

/** Members that are undefined are not sent. */
const requestOf = ({ prompt, temperature, maxOutputTokens, stopSequences, tools, toolChoice }: CallOptions) => ({
  messages: prompt.flatMap(messagesOf),
  temperature,
  max_tokens: maxOutputTokens,
  stop: stopSequences,
  tools: tools?.flatMap(toolOf),
  tool_choice: toolChoice?.type,
  stream: true,
  stream_options: { include_usage: true },
});

function messagesOf(message: Message): object[] {
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
        ...(thoughts === "" ? {} : { reasoning_content: thoughts }),
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
