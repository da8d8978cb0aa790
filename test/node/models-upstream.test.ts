import { describe, expect, it } from "vitest";
import type { ModelMessage } from "../../src/chat/ports.ts";
import { MAX_ANSWER } from "../../src/models/answer-text.ts";
import { openModel } from "../../src/models/open.ts";
import { complete, type Step } from "../upstream/client.ts";
import { startUpstream } from "../upstream/server.ts";
import { ask, config, settings, useUpstream } from "./models-harness.ts";

const up = useUpstream();
const COUNTED = { prompt_tokens: 3, completion_tokens: 5 };

describe("an answer", () => {
  it("arrives piece by piece with the usage that the provider counted", async () => {
    await up.client.script("plain", [{ text: "Hel" }, { wait_ms: 50 }, ...complete(["lo ", "you"], COUNTED)]);
    const { text, pieces, finish, failure } = await ask(up.open("plain"));
    expect({ text, failure }).toEqual({ text: "Hello you", failure: null });
    expect(pieces[0]).toBe("Hel");
    expect(finish).toEqual({ type: "finish", usage: { input_tokens: 3, output_tokens: 5 } });
  });

  it("is asked for with the agent's settings, instructions first", async () => {
    const agent = { temperature: 0.5, max_output_tokens: 77, stop: ["END"] };
    const messages: ModelMessage[] = [
      { role: "user", content: "first" },
      { role: "assistant", content: "second" },
      { role: "user", content: "third" },
    ];
    await ask(up.open("vendor/settings:free", agent), messages, undefined, "Be kind.");
    const [seen] = await up.client.waitForAnswer("vendor/settings:free");
    expect(seen).toMatchObject({ path: "/v1/chat/completions", method: "POST", aborted: false });
    expect(seen?.headers.authorization).toBe("Bearer secret-key");
    expect(seen?.body).toEqual({
      model: "vendor/settings:free",
      temperature: 0.5,
      max_tokens: 77,
      stop: ["END"],
      stream: true,
      stream_options: { include_usage: true },
      messages: [
        { role: "system", content: "Be kind." },
        { role: "user", content: "first" },
        { role: "assistant", content: "second" },
        { role: "user", content: "third" },
      ],
    });
  });

  it("says nothing of what the agent leaves open", async () => {
    await ask(up.open("bare"), undefined, undefined, "");
    const [seen] = await up.client.requests("bare");
    expect(Object.keys(seen?.body).toSorted()).toEqual(["messages", "model", "stream", "stream_options"]);
    expect(seen?.body.messages).toHaveLength(1);
  });

  it("goes without a key where there is none", async () => {
    await ask(up.open("keyless", {}, { ...up.access(), api_key: null }));
    const [seen] = await up.client.requests("keyless");
    expect(seen?.headers).not.toHaveProperty("authorization");
  });

  it.each<[string, Step[], string]>([
    ["without a usage chunk", complete(["a", "b"]), "ab"],
    ["without [DONE]", [{ text: "a" }, { finish: "stop" }], "a"],
    ["without a finish reason, but with [DONE]", [{ text: "a" }, { done: true }], "a"],
    ["cut short by the token limit", [{ text: "a" }, { finish: "length" }, { done: true }], "a"],
    ["with a finish reason of its own", [{ text: "a" }, { finish: "eos_token" }, { done: true }], "a"],
    [
      "between keep-alive comments",
      [{ comment: "ping" }, { text: "a" }, { comment: "ping" }, ...complete(["b"])],
      "ab",
    ],
    ["after reasoning", [{ reasoning: "hmm" }, { text: "a" }, { reasoning: "so" }, ...complete(["b"])], "ab"],
    [
      "with CRLF line ends",
      [{ raw: 'data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\r\n\r\n' }],
      "a",
    ],
    ["on a connection that is left open", [...complete(["a"]), { hang: true }], "a"],
    [
      "about the protocol's own words",
      [
        { text: "\ndata: [DONE]\n" },
        { raw: 'data: {"choices":[{"delta":{"content":"data: [DONE]' },
        { raw: '\\n"}}]}\n\n' },
        ...complete(["b"]),
      ],
      "\ndata: [DONE]\ndata: [DONE]\nb",
    ],
    ["of white space", complete([" ", "\n"]), " \n"],
  ])("may come %s", async (_, steps, text) => {
    expect(await up.playing(steps)).toMatchObject({ text, failure: null, finish: { type: "finish", usage: null } });
  });

  it.each<[string, Record<string, unknown>, unknown]>([
    ["both", { prompt_tokens: 7, completion_tokens: 2 }, { input_tokens: 7, output_tokens: 2 }],
    ["one side only", { prompt_tokens: 7 }, { input_tokens: 7, output_tokens: null }],
    ["zeros, although it said something", { prompt_tokens: 0, completion_tokens: 0 }, null],
    ["nulls", { prompt_tokens: null, completion_tokens: null }, null],
    ["nonsense", { prompt_tokens: -3, completion_tokens: 1.5 }, null],
    ["nothing in particular", {}, null],
  ])("has the usage that was measured: %s", async (_, usage, expected) => {
    const { finish } = await up.playing([{ text: "a" }, { finish: "stop" }, { usage }, { done: true }]);
    expect(finish).toEqual({ type: "finish", usage: expected });
  });
});

describe("a failure", () => {
  it.each([429, 503, 529])("is unavailable when the upstream says %i", async (status) => {
    const { failure, pieces } = await up.playing([{ status, body: { error: { message: "upstream words" } } }]);
    expect(failure).toMatchObject({ kind: "unavailable", message: `HTTP ${status}` });
    expect(pieces).toEqual([]);
  });

  it.each([400, 401, 403, 404, 418, 500, 502])("is an error when the upstream says %i", async (status) => {
    const { failure } = await up.playing([{ status, body: "<h1>upstream words</h1>" }]);
    expect(failure).toMatchObject({ kind: "error", message: `HTTP ${status}` });
  });

  it("is unavailable when nobody listens", async () => {
    const closed = await startUpstream();
    await closed.close();
    const { failure } = await ask(up.open("any", {}, { ...up.access(), base_url: `${closed.url}/v1` }));
    expect(failure).toMatchObject({ kind: "unavailable" });
  });

  it.each<[string, Step[]]>([
    ["before any answer", [{ reset: true }]],
    ["before the first token", [{ comment: "soon" }, { reset: true }]],
  ])("is unavailable when the connection is reset %s", async (_, steps) => {
    expect((await up.playing(steps)).failure).toMatchObject({ kind: "unavailable" });
  });

  it("is an error when the connection is reset in mid-answer, and keeps what was said", async () => {
    const { failure, text, finish } = await up.playing([{ text: "half an " }, { reset: true }]);
    expect(failure).toMatchObject({ kind: "error" });
    expect({ text, finish }).toEqual({ text: "half an ", finish: null });
  });

  it.each<[string, Step[], string]>([
    [
      "an error object inside the stream",
      [{ text: "a" }, { error: { message: "upstream words" } }, { done: true }],
      "a",
    ],
    ["an error object at once", [{ error: { message: "upstream words", code: "boom" } }], ""],
    ["a stream that just ends", [{ text: "a" }], "a"],
    ["a stream of nothing", [], ""],
    ["reasoning without an answer", [{ reasoning: "hmm" }, { finish: "stop" }, { done: true }], ""],
    ["an empty answer", [{ text: "" }, { finish: "stop" }, { done: true }], ""],
    ["a content filter", [{ text: "a" }, { finish: "content_filter" }, { done: true }], "a"],
    ["a tool call", [{ tool_call: { name: "t", arguments: {} } }, { finish: "tool_calls" }, { done: true }], ""],
    ["JSON that is none", [{ text: "a" }, { raw: "data: {upstream words\n\n" }, ...complete(["b"])], "a"],
    ["JSON of another shape", [{ raw: 'data: {"choices":"upstream words"}\n\n' }, ...complete(["b"])], ""],
    ["a web page", [{ raw: "<!doctype html><p>upstream words</p>" }], ""],
    ["a plain JSON answer without its end", [{ raw: '{"choices":[{"message":{"content":"a"}}]}' }], "a"],
    ["a redirect", [{ status: 302, headers: { location: "/elsewhere" } }], ""],
  ])("is an error: %s", async (_, steps, said) => {
    const { failure, text, finish } = await up.playing(steps);
    expect({ text, finish }).toEqual({ text: said, finish: null });
    expect(failure?.kind).toBe("error");
    expect(failure?.message).not.toMatch(/upstream words|<|secret-key/);
    expect(failure?.cause).toBeUndefined();
  });

  it("is unavailable when the stream itself says so before the first token, and an error after it", async () => {
    const busy: Step = { error: { message: "upstream words", code: 429 } };
    expect((await up.playing([busy])).failure).toMatchObject({ kind: "unavailable" });
    expect((await up.playing([{ text: "a" }, busy])).failure).toMatchObject({ kind: "error" });
  });

  it.each([
    { success: false, errors: [{ code: 3040, message: "Capacity temporarily exceeded" }], result: null },
    { code: 429, msg: "upstream words" },
    { error_code: 18, error_msg: "Open api qps request limit reached" },
  ])("is told in an answer of success, too: %j", async (body) => {
    expect((await up.playing([{ status: 200, body }])).failure).toMatchObject({ kind: "unavailable" });
  });

  it("does not follow a redirect", async () => {
    await up.client.script("redirect", [{ status: 307, headers: { location: `${up.client.baseUrl}/elsewhere` } }]);
    await ask(up.open("redirect"));
    expect(await up.client.requests("redirect")).toHaveLength(1);
  });

  it("ends an answer that is too long, and the connection with it", async () => {
    const piece = "é".repeat(8192);
    await up.client.script("long", [...Array.from({ length: 640 }, () => ({ text: piece })), { hang: true }]);
    const { failure, text, finish } = await ask(up.open("long"));
    expect(failure).toMatchObject({ kind: "error" });
    expect(finish).toBeNull();
    expect(new TextEncoder().encode(text).length).toBe(MAX_ANSWER);
    await up.client.waitForAbort("long");
  });

  it("ends a line that never ends", async () => {
    const megabyte = { raw: "x".repeat(1024 * 1024) };
    const { failure } = await up.playing(Array.from({ length: 40 }, () => megabyte));
    expect(failure).toMatchObject({ kind: "error", message: "outbound answer is too large" });
  });

  it.each(["http://example.com/v1", "https://10.0.0.1/v1", "https://metadata.internal/v1", "nonsense"])(
    "is an error where nobody may be asked: %s",
    async (base_url) => {
      const { failure } = await ask(up.open("any", {}, { ...up.access(), base_url }));
      expect(failure).toMatchObject({ kind: "error" });
    },
  );

  it("asks nobody on loopback in production", async () => {
    const model = openModel(
      { ...settings, model: "up/production" },
      { config: { ...config, local: false }, providers: up.access() },
    );
    expect((await ask(model)).failure).toMatchObject({ kind: "error" });
    expect(await up.client.requests("production")).toEqual([]);
  });
});

describe("stopping", () => {
  it("ends at once in mid-answer, and the upstream sees the connection close", async () => {
    await up.client.script("stop", [{ text: "half " }, { gate: "never" }, ...complete(["more"])]);
    const stop = new AbortController();
    const asked = ask(up.open("stop"), undefined, stop.signal);
    await up.client.waitAtGate("never");
    stop.abort();
    expect(await asked).toMatchObject({ finish: null, failure: null });
    await up.client.waitForAbort("stop");
  });

  it("ends at once before the upstream has answered anything", async () => {
    await up.client.script("silent", [{ hang: true }]);
    const stop = new AbortController();
    const asked = ask(up.open("silent"), undefined, stop.signal);
    await up.client.waitForRequest("silent");
    stop.abort();
    expect(await asked).toEqual({ text: "", pieces: [], finish: null, failure: null });
    await up.client.waitForAbort("silent");
  });

  it("asks nobody when it was stopped before it began", async () => {
    expect(await ask(up.open("unasked"), undefined, AbortSignal.abort())).toMatchObject({
      failure: null,
      finish: null,
    });
    expect(await up.client.requests("unasked")).toEqual([]);
  });

  it("closes the connection when the listener leaves", async () => {
    await up.client.script("left", [{ text: "a" }, { hang: true }]);
    for await (const event of up
      .open("left")
      .stream({ instructions: "", messages: [] }, new AbortController().signal)) {
      expect(event).toEqual({ type: "text", text: "a" });
      break;
    }
    await up.client.waitForAbort("left");
  });
});
