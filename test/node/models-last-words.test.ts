/** Servers that neither close nor say in their protocol's way that this was all, but go on with signs of life. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { StreamPart } from "../../src/models/connect.ts";
import { AnthropicEvents } from "../../src/models/provider/anthropic-events.ts";
import { GoogleChunks } from "../../src/models/provider/google-chunks.ts";
import { ChatChunks } from "../../src/models/provider/openai-chunks.ts";
import { LAST_WORDS, parsed } from "../../src/models/provider/parts.ts";
import { eventsIn } from "../../src/models/provider/sse.ts";
import { answering, protocolOf } from "../upstream/protocols.ts";

const PARSERS = {
  "openai-compatible": () => new ChatChunks(),
  anthropic: () => new AnthropicEvents(),
  google: () => new GoogleChunks(),
};
const KINDS = Object.keys(PARSERS) as (keyof typeof PARSERS)[];
const HEARTBEAT = 1000;
const isEnd = (data: string) => data === "[DONE]" || data.includes("message_stop");

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** The parts of `documents`, which heartbeats follow for as long as somebody reads; those of `late` come after one of them. */
async function heard(kind: keyof typeof PARSERS, documents: string[], late: string[] = []) {
  const encoder = new TextEncoder();
  let timer: ReturnType<typeof setInterval> | undefined;
  let closed = false;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const send = (data: string[]) => {
        for (const one of data) controller.enqueue(encoder.encode(`data: ${one}\n\n`));
      };
      send(documents);
      timer = setInterval(() => {
        send(late.splice(0));
        controller.enqueue(encoder.encode(": alive\n\n"));
      }, HEARTBEAT);
    },
    cancel() {
      closed = true;
      clearInterval(timer);
    },
  });
  const source = parsed(eventsIn(body.getReader()), PARSERS[kind]());
  const parts: StreamPart[] = [];
  const reading = (async () => {
    for (let next = await source.read(); !next.done; next = await source.read()) parts.push(next.value);
  })();
  await vi.advanceTimersByTimeAsync(LAST_WORDS + 2 * HEARTBEAT);
  const text = parts.map((part) => (part.type === "text" ? part.text : "")).join("");
  const ended = parts.at(-1)?.type;
  const hasClosed = closed;
  await source.cancel();
  await reading;
  return { text, ended, hasClosed, timers: vi.getTimerCount() };
}

it.each(KINDS)("%s: an answer that said how it ended is over when nothing of it follows", async (kind) => {
  const documents = answering(kind, ["We are", " open."]).filter((data) => !isEnd(data));
  const over = { text: "We are open.", ended: "finish", hasClosed: true, timers: 0 };
  expect(await heard(kind, documents)).toEqual(over);
  const calls = [...protocolOf(kind).call("a", "add", {}), ...protocolOf(kind).end(protocolOf(kind).calls)];
  const called = [...protocolOf(kind).begin, ...calls].filter((data) => !isEnd(data));
  expect(await heard(kind, called)).toEqual({ ...over, text: "" });
});

/** A text and, in the same event where the protocol has a place for it, the good word. */
function both(kind: keyof typeof PARSERS, said: string): string[] {
  const { text, end, stop } = protocolOf(kind);
  if (kind === "anthropic") return [text(said), ...end(stop).filter((data) => !isEnd(data))];
  return [
    text(said)
      .replace('"finish_reason":null', '"finish_reason":"stop"')
      .replace(/(?=,"index":0}])/, ',"finishReason":"STOP"'),
  ];
}

it.each([
  ["anthropic", ["We are", " open."]],
  ["google", ["We are"]],
  ["google", ["We are", " open."]],
  ["openai-compatible", ["We are"]],
  ["openai-compatible", ["We are", " open."]],
] as const)("%s: one that has a good word with everything may go on: %j", async (kind, [first, ...late]) => {
  const documents = [...protocolOf(kind).begin, ...both(kind, first)];
  const text = [first, ...late].join("");
  const heardLate = late.flatMap((one) => both(kind, one));
  expect(await heard(kind, documents, heardLate)).toEqual({ text, ended: "alive", hasClosed: false, timers: 0 });
});

it("one whose good word comes behind a thought may go on", async () => {
  const thought = JSON.stringify({ choices: [{ index: 0, delta: { reasoning: "Hm." } }] });
  const { end, stop } = protocolOf("openai-compatible");
  const [word = ""] = end(stop);
  expect(await heard("openai-compatible", [thought, word])).toMatchObject({ ended: "alive", hasClosed: false });
});
