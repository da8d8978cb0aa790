/** Streams as they come over the wire: the same small turn as each kind of client reads it. */
import { AGENT_ID, CONVERSATION_ID, MESSAGE_ID, TURN_ID } from "./sample.ts";

type Example = { summary: string; value: string };

const TEXT = ["Yes, on Saturdays ", "from 9:00 to 16:00."];
const ADA_ID = "019ab2f4-5c10-7b3e-8f21-6d5c4b3a2910";
const GRACE_ID = "019ab2f4-5c11-7d92-a1b0-2f3e4d5c6b7a";
const REPLY_ID = "019ab2f4-7a62-7a8e-9c4d-3b2a1f0e9d8c";

const line = (data: object | string) => `data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;

/** `message` is the stored reply. */
function events(message: object): Example {
  const turn = { conversation_id: CONVERSATION_ID, turn_id: TURN_ID };
  const status = (name: string) => ["chat_status", { ...turn, message_id: MESSAGE_ID, status: name }] as const;
  const all = [
    status("in_progress"),
    ...TEXT.map((text) => ["chat_delta", { turn_id: TURN_ID, text }] as const),
    status("completed"),
    ["chat_response", { ...turn, status: "completed", message }] as const,
  ];
  const value = all.map(([event, data], index) => `id: 1-${index + 1}\nevent: ${event}\n${line(data)}`).join("");
  return { summary: "A turn, from its beginning to the stored reply", value };
}

function presence(): Example {
  const ada = { entity_id: ADA_ID, name: "Ada" };
  const sets = [[ada], [ada, { entity_id: GRACE_ID, name: "Grace" }]];
  const value = sets.map((staff) => `id: 1-5\nevent: chat_presence\n${line({ staff })}`).join("");
  return { summary: "With `presence=true`: a colleague opens the conversation too", value };
}

function uiChunks(): Example {
  const messageMetadata = { conversation_id: CONVERSATION_ID, turn_id: TURN_ID, message_id: MESSAGE_ID };
  const all = [
    { type: "start", messageId: REPLY_ID, messageMetadata },
    { type: "start-step" },
    { type: "text-start", id: "text-1" },
    ...TEXT.map((delta) => ({ type: "text-delta", id: "text-1", delta })),
    { type: "text-end", id: "text-1" },
    { type: "finish-step" },
    { type: "finish", messageMetadata },
    "[DONE]",
  ];
  return { summary: "A UI message stream, for a body of the AI SDK", value: all.map(line).join("") };
}

function completionChunks(): Example {
  const about = { id: REPLY_ID, object: "chat.completion.chunk", created: 1_795_330_800, model: AGENT_ID };
  const chunk = (delta: object, finish_reason: "stop" | null = null, more: object = {}) => ({
    ...about,
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    ...more,
  });
  const conversation = { id: CONVERSATION_ID, turn_id: TURN_ID, message_id: MESSAGE_ID };
  const all = [
    chunk({ role: "assistant", content: "", refusal: null }, null, { conversation }),
    ...TEXT.map((content) => chunk({ content })),
    chunk({}, "stop"),
    "[DONE]",
  ];
  return { summary: "Chunks, as OpenAI's clients read them", value: all.map(line).join("") };
}

/** By the id of the operation. */
export const streamExamples = (message: object): Record<string, Record<string, Example>> => ({
  post_conversation_by_id_chat: { events: events(message), "ai-sdk": uiChunks() },
  get_conversation_by_id_messages_stream: { events: events(message), presence: presence() },
  get_conversation_by_id_chat_stream: { "ai-sdk": uiChunks() },
  get_conversation_by_id_chat_by_chat_id_stream: { "ai-sdk": uiChunks() },
  post_chat_completions: { chunks: completionChunks() },
});
