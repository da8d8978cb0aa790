/** Tools within a turn, where no network is needed: the watchdog's patience, and what the AI SDK's majors read of them. */
import type { Header } from "../../src/chat/journal/schema.ts";
import * as ai5 from "ai5";
import * as ai6 from "ai6";
import * as ai7 from "ai7";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ModelEvent, ModelFailure } from "../../src/chat/ports.ts";
import { replayNext } from "../../src/chat/projection/replay.ts";
import { uiEncoder } from "../../src/chat/projection/ui.ts";
import { callsOf, type ToolEvent, toolEvent } from "../../src/chat/tool-call.ts";
import { type Turn, type TurnEvent } from "../../src/chat/turn.ts";
import type { Message } from "../../src/chat/message.ts";
import { watched } from "../../src/chat/engine/watchdog.ts";
import { bench } from "./journal-harness.ts";

const call = (call_id: string) => ({ type: "tool_call" as const, call_id, name: "weather", input: { city: "Oslo" } });
const result = (call_id: string, failed = false) => ({
  type: "tool_result" as const,
  call_id,
  name: "weather",
  output: failed ? "No." : { sky: "clear" },
  failed,
});

describe("the watchdog", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const hang = () => new Promise<void>(() => {});
  const later = (ms = 30) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const sign: ModelEvent = { type: "text", text: "" };
  const said: ModelEvent = { type: "text", text: "x" };

  /** Plays events; what is a function is waited for. */
  async function* playing(steps: (ModelEvent | (() => Promise<void>))[]): AsyncGenerator<ModelEvent> {
    for (const step of steps) {
      if (typeof step === "function") await step();
      else yield step;
    }
  }
  async function ended(
    steps: Parameters<typeof playing>[0],
    betweenTokens: number,
    firstToken = 60_000,
    patience = 60_000,
  ) {
    const timeouts = { firstToken, betweenTokens, wholeTurn: patience };
    const seen: string[] = [];
    const { signal } = new AbortController();
    const watch = async () => {
      try {
        const deadline = Date.now() + patience;
        const events = watched(playing(steps), timeouts, deadline, Date.now, signal, () => {});
        for await (const { type } of events) seen.push(type);
        return { seen, failure: null };
      } catch (error) {
        return { seen, failure: (error as ModelFailure).kind };
      }
    };
    const [outcome] = await Promise.all([watch(), vi.runAllTimersAsync()]);
    return outcome;
  }

  it("waits for a tool, and then for a first token", async () => {
    const steps = [call("a"), call("b"), later, result("b"), later, result("a"), later, said];
    expect(await ended(steps, 1)).toEqual({
      seen: ["tool_call", "tool_call", "tool_result", "tool_result", "text"],
      failure: null,
    });
  });

  it("waits for a first token again after each sign of life, and then no longer than between tokens", async () => {
    const steps = [sign, later, sign, later, said, { type: "finish" as const, usage: null }];
    expect(await ended(steps, 1)).toEqual({ seen: ["text", "text", "text", "finish"], failure: null });
    expect(await ended([sign, said, hang, said], 20)).toEqual({ seen: ["text", "text"], failure: "timeout" });
    expect(await ended([said, later, said], 29)).toEqual({ seen: ["text"], failure: "timeout" });
    expect(await ended([said, later, said], 31)).toEqual({ seen: ["text", "text"], failure: null });
    expect(await ended([sign, hang], 60_000, 20)).toEqual({ seen: ["text"], failure: "timeout" });
  });

  it("does not wait for a model that says nothing after a tool, nor for a tool beyond the whole turn", async () => {
    expect(await ended([call("a"), result("a"), hang], 60_000, 100)).toMatchObject({ failure: "timeout" });
    expect(await ended([call("a"), hang], 60_000, 60_000, 100)).toMatchObject({
      seen: ["tool_call"],
      failure: "timeout",
    });
  });
});

describe("what is kept of calls", () => {
  it("is the same as what was told, in the order of the calls", () => {
    const told = [call("a"), call("b"), result("b", true), result("a")].map((event) => toolEvent(event, 7));
    expect(callsOf(told)).toEqual([
      {
        call_id: "a",
        name: "weather",
        input: { city: "Oslo" },
        state: "done",
        output: { sky: "clear" },
        duration_ms: 7,
      },
      { call_id: "b", name: "weather", input: { city: "Oslo" }, state: "failed", output: "No.", duration_ms: 7 },
    ]);
    expect(callsOf([])).toBeNull();
  });
});

describe.each([
  ["5", ai5.DefaultChatTransport, ai5.readUIMessageStream],
  ["6", ai6.DefaultChatTransport, ai6.readUIMessageStream],
  ["7", ai7.DefaultChatTransport, ai7.readUIMessageStream],
] as unknown as [string, typeof ai7.DefaultChatTransport, typeof ai7.readUIMessageStream][])(
  "ai %s",
  (_, Transport, readUIMessageStream) => {
    const turn = { number: 1, id: "t", reply_id: "r", user_message_id: "u", event_base: 0 } as Turn;

    /** The message that the client ends up with. */
    async function read(events: TurnEvent[]) {
      const encode = uiEncoder({ header: { id: "c" } as Header });
      const body = events.map((event) => encode({ turn, event })).join("");
      const headers = { "content-type": "text/event-stream", "x-vercel-ai-ui-message-stream": "v1" };
      const transport = new Transport({
        api: "http://api.test/chat",
        fetch: async () => new Response(body, { headers }),
      });
      const request = {
        chatId: "c",
        messages: [],
        trigger: "submit-message" as const,
        messageId: undefined,
        abortSignal: undefined,
      };
      const stream = await transport.sendMessages(request);
      let last: any;
      const onError = (error: unknown) => {
        throw error;
      };
      for await (const message of readUIMessageStream({ stream, onError, terminateOnError: true })) last = message;
      return last;
    }

    const tool = (event: ToolEvent): { type: "tool" } & ToolEvent => ({ type: "tool", ...event });
    const numbered = (...events: object[]) => events.map((event, index) => ({ n: index + 1, ...event })) as TurnEvent[];
    const reply = { id: "r", created_at: 0, deleted_at: null, content: "Let me look. It is sunny." } as Message;

    it("reads steps, texts and calls", async () => {
      const events = numbered(
        { type: "status", status: "running" },
        { type: "delta", text: "Let me " },
        { type: "delta", text: "look. " },
        tool(toolEvent(call("a"), 0)),
        tool(toolEvent(call("b"), 0)),
        tool(toolEvent(result("b", true), 5)),
        tool(toolEvent(result("a"), 6)),
        tool(toolEvent(call("c"), 0)),
        tool(toolEvent(result("c"), 6)),
        { type: "delta", text: "It is sunny." },
        { type: "status", status: "completed" },
        { type: "response", status: "completed", message: reply, error: null },
      );
      const called = { type: "dynamic-tool", toolName: "weather", input: { city: "Oslo" }, providerExecuted: true };
      const message = await read(events);
      expect(message.parts).toMatchObject([
        { type: "step-start" },
        { type: "text", text: "Let me look. ", state: "done" },
        { ...called, toolCallId: "a", state: "output-available", output: { sky: "clear" } },
        { ...called, toolCallId: "b", state: "output-error", errorText: "No." },
        { type: "step-start" },
        { ...called, toolCallId: "c", state: "output-available", output: { sky: "clear" } },
        { type: "step-start" },
        { type: "text", text: "It is sunny.", state: "done" },
      ]);
    });

    it("reads a reply that was deleted and restored, or stopped", async () => {
      const tool_calls = callsOf([toolEvent(call("a"), 0), toolEvent(result("a"), 3), toolEvent(call("b"), 0)]);
      const { journal, turn: run } = bench();
      const { turn: ended } = run("question", reply.content);
      journal.messages.change({ tool_calls, status: "stopped" }, "sequence = 2");
      const gone = { ...ended, status: "stopped", last_event: 9, delta_length: 1 } as Turn;
      const events = replayNext(journal, gone, 0);
      expect(events.map(({ n }) => n)).toEqual([1, 4, 5, 6, 7, 8, 9]);
      const message = await read(events);
      expect(message.parts).toMatchObject([
        { type: "step-start" },
        { toolCallId: "a", state: "output-available" },
        { type: "step-start" },
        { toolCallId: "b", state: "input-available" },
        { type: "text", text: reply.content },
      ]);
    });
  },
);
