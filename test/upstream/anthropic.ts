/** What Anthropic's Messages API streams, event by event (API reference, "Streaming messages"). */
import type { Step } from "./script.ts";

type Event = { type: string; [member: string]: unknown };

export const events = (...all: Event[]): Step[] =>
  all.map((data) => ({ raw: `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n` }));

export const start: Event = {
  type: "message_start",
  message: {
    id: "m",
    type: "message",
    role: "assistant",
    model: "claude",
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 11, output_tokens: 1 },
  },
};

export const block = (index: number, content_block: object, ...deltas: object[]): Event[] => [
  { type: "content_block_start", index, content_block },
  ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
  { type: "content_block_stop", index },
];

/** A block of text, said in pieces. */
export const said = (...texts: string[]): Event[] =>
  block(0, { type: "text", text: "" }, ...texts.map((text) => ({ type: "text_delta", text })));

export const end = (stop_reason: string): Event[] => [
  { type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 4 } },
  { type: "message_stop" },
];
