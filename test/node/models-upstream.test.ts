import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ModelEvent, ModelFailure, type ModelMessage } from "../../src/chat/ports.ts";
import type { Config } from "../../src/config.ts";
import { MAX_ANSWER } from "../../src/models/answer-text.ts";
import type { ProviderAccess } from "../../src/models/catalog.ts";
import { type ModelSettings, openModel } from "../../src/models/open.ts";
import { complete, type Step, type UpstreamClient, upstream } from "../upstream/client.ts";
import { startUpstream, type Upstream } from "../upstream/server.ts";

let server: Upstream;
let client: UpstreamClient;
beforeAll(async () => {
  server = await startUpstream();
  client = upstream(server.url);
});
afterAll(() => server.close());

const config: Config = {
  TOKEN_SECRETS: ["s".repeat(32)],
  ENCRYPTION_KEYS: [{ id: "k1", key: "A".repeat(43) }],
  TOKEN_ISSUER: "test",
  ALLOW_LOOPBACK_UPSTREAMS: "true",
  local: true,
};
const settings = { temperature: null, max_output_tokens: null, knowledge: [] };
const access = (kind: ProviderAccess["kind"] = "openai-compatible"): ProviderAccess => {
  const base_url = kind === "google" ? `${server.url}/v1beta` : client.baseUrl;
  return { name: "up", kind, base_url, api_key: "secret-key" };
};
const open = (model: string, more: Partial<ModelSettings> = {}, provider = access()) =>
  openModel({ ...settings, ...more, model: `up/${model}` }, { config, providers: provider });

type Heard = { text: string; pieces: string[]; finish: ModelEvent | null; failure: ModelFailure | null };

/** Everything a model says to `messages`, and how it ended. */
async function ask(
  model = open("default"),
  messages: ModelMessage[] = [{ role: "user", content: "Hi" }],
  signal = new AbortController().signal,
  instructions = "",
): Promise<Heard> {
  const heard: Heard = { text: "", pieces: [], finish: null, failure: null };
  try {
    for await (const event of model.stream({ instructions, messages }, signal)) {
      if (event.type === "text") heard.pieces.push(event.text);
      else heard.finish = event;
    }
  } catch (error) {
    if (!(error instanceof ModelFailure)) throw error;
    heard.failure = error;
  }
  heard.text = heard.pieces.join("");
  return heard;
}

let count = 0;
/** What comes of a script: a model of its own follows it once. */
async function playing(steps: Step[], kind: ProviderAccess["kind"] = "openai-compatible"): Promise<Heard> {
  const model = `script-${++count}`;
  await client.script(model, steps);
  return ask(open(model, {}, access(kind)));
}

describe("an answer", () => {
  it("arrives piece by piece with the usage that the provider counted", async () => {
    const { pieces, finish, failure } = await ask(open("plain"), [{ role: "user", content: "one two  three" }]);
    expect(failure).toBeNull();
    expect(pieces).toEqual(["reply ", "to: ", "one ", "two  ", "three"]);
    expect(finish).toEqual({ type: "finish", usage: { input_tokens: 3, output_tokens: 5 } });
  });

  it("is asked for with the agent's settings, instructions first", async () => {
    const agent = { temperature: 0.5, max_output_tokens: 77, stop: ["END"] };
    const messages: ModelMessage[] = [
      { role: "user", content: "first" },
      { role: "assistant", content: "second" },
      { role: "assistant", content: "" },
      { role: "user", content: "third" },
    ];
    await ask(open("vendor/settings:free", agent), messages, undefined, "Be kind.");
    const [seen] = await client.requests("vendor/settings:free");
    expect(seen).toMatchObject({ path: "/v1/chat/completions", method: "POST", state: "answered" });
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
    await ask(open("bare"), undefined, undefined, "");
    const [seen] = await client.requests("bare");
    expect(Object.keys(seen?.body).toSorted()).toEqual(["messages", "model", "stream", "stream_options"]);
    expect(seen?.body.messages).toHaveLength(1);
  });

  it("goes without a key where there is none", async () => {
    await ask(open("keyless", {}, { ...access(), api_key: null }));
    const [seen] = await client.requests("keyless");
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
    ["of white space", complete([" ", "\n"]), " \n"],
  ])("may come %s", async (_, steps, text) => {
    expect(await playing(steps)).toMatchObject({ text, failure: null, finish: { type: "finish", usage: null } });
  });

  it.each<[string, Record<string, unknown>, unknown]>([
    ["both", { prompt_tokens: 7, completion_tokens: 2 }, { input_tokens: 7, output_tokens: 2 }],
    ["one side only", { prompt_tokens: 7 }, { input_tokens: 7, output_tokens: null }],
    ["zeros, although it said something", { prompt_tokens: 0, completion_tokens: 0 }, null],
    ["nulls", { prompt_tokens: null, completion_tokens: null }, null],
    ["nonsense", { prompt_tokens: -3, completion_tokens: 1.5 }, null],
    ["nothing in particular", {}, null],
  ])("has the usage that was measured: %s", async (_, usage, expected) => {
    const { finish } = await playing([{ text: "a" }, { finish: "stop" }, { usage }, { done: true }]);
    expect(finish).toEqual({ type: "finish", usage: expected });
  });
});

describe("a failure", () => {
  it.each([429, 503, 529])("is unavailable when the upstream says %i", async (status) => {
    const { failure, pieces } = await playing([{ status, body: { error: { message: "upstream words" } } }]);
    expect(failure).toMatchObject({ kind: "unavailable", message: `HTTP ${status}` });
    expect(pieces).toEqual([]);
  });

  it.each([400, 401, 403, 404, 418, 500, 502])("is an error when the upstream says %i", async (status) => {
    const { failure } = await playing([{ status, body: "<h1>upstream words</h1>" }]);
    expect(failure).toMatchObject({ kind: "error", message: `HTTP ${status}` });
  });

  it("is unavailable when nobody listens", async () => {
    const closed = await startUpstream();
    await closed.close();
    const { failure } = await ask(open("any", {}, { ...access(), base_url: `${closed.url}/v1` }));
    expect(failure).toMatchObject({ kind: "unavailable" });
  });

  it.each<[string, Step[]]>([
    ["before any answer", [{ reset: true }]],
    ["before the first token", [{ comment: "soon" }, { reset: true }]],
  ])("is unavailable when the connection is reset %s", async (_, steps) => {
    expect((await playing(steps)).failure).toMatchObject({ kind: "unavailable" });
  });

  it("is an error when the connection is reset in mid-answer, and keeps what was said", async () => {
    const { failure, text, finish } = await playing([{ text: "half an " }, { reset: true }]);
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
    ["a plain JSON answer", [{ raw: '{"choices":[{"message":{"content":"upstream words"}}]}' }], ""],
    ["a redirect", [{ status: 302, headers: { location: "/elsewhere" } }], ""],
  ])("is an error: %s", async (_, steps, said) => {
    const { failure, text, finish } = await playing(steps);
    expect({ text, finish }).toEqual({ text: said, finish: null });
    expect(failure?.kind).toBe("error");
    expect(failure?.message).not.toMatch(/upstream words|<|secret-key/);
    expect(failure?.cause).toBeUndefined();
  });

  it("is unavailable when the stream itself says so before the first token, and an error after it", async () => {
    const busy: Step = { error: { message: "upstream words", code: 429 } };
    expect((await playing([busy])).failure).toMatchObject({ kind: "unavailable" });
    expect((await playing([{ text: "a" }, busy])).failure).toMatchObject({ kind: "error" });
  });

  it("does not follow a redirect", async () => {
    await client.script("redirect", [{ status: 307, headers: { location: `${client.baseUrl}/elsewhere` } }]);
    await ask(open("redirect"));
    expect(await client.requests("redirect")).toHaveLength(1);
  });

  it("ends an answer that is too long, and the connection with it", async () => {
    const piece = "é".repeat(8192);
    await client.script("long", [...Array.from({ length: 640 }, () => ({ text: piece })), ...complete(["end"])]);
    const { failure, text, finish } = await ask(open("long"));
    expect(failure).toMatchObject({ kind: "error" });
    expect(finish).toBeNull();
    expect(new TextEncoder().encode(text).length).toBe(MAX_ANSWER);
    await client.waitForAbort("long");
  });

  it("ends a line that never ends", async () => {
    const megabyte = { raw: "x".repeat(1024 * 1024) };
    const { failure } = await playing(Array.from({ length: 40 }, () => megabyte));
    expect(failure).toMatchObject({ kind: "error", message: "outbound answer is too large" });
  });

  it.each(["http://example.com/v1", "https://10.0.0.1/v1", "https://metadata.internal/v1", "nonsense"])(
    "is an error where nobody may be asked: %s",
    async (base_url) => {
      const { failure } = await ask(open("any", {}, { ...access(), base_url }));
      expect(failure).toMatchObject({ kind: "error" });
    },
  );

  it("asks nobody on loopback in production", async () => {
    const model = openModel(
      { ...settings, model: "up/production" },
      { config: { ...config, local: false }, providers: access() },
    );
    expect((await ask(model)).failure).toMatchObject({ kind: "error" });
    expect(await client.requests("production")).toEqual([]);
  });
});

describe("stopping", () => {
  it("ends at once in mid-answer, and the upstream sees the connection close", async () => {
    await client.script("stop", [{ text: "half " }, { gate: "never" }, ...complete(["more"])]);
    const stop = new AbortController();
    const asked = ask(open("stop"), undefined, stop.signal);
    await client.waitAtGate("never");
    stop.abort();
    expect(await asked).toMatchObject({ finish: null, failure: null });
    await client.waitForAbort("stop");
  });

  it("ends at once before the upstream has answered anything", async () => {
    await client.script("silent", [{ hang: true }]);
    const stop = new AbortController();
    const asked = ask(open("silent"), undefined, stop.signal);
    await client.waitForRequest("silent");
    stop.abort();
    expect(await asked).toEqual({ text: "", pieces: [], finish: null, failure: null });
    await client.waitForAbort("silent");
  });

  it("asks nobody when it was stopped before it began", async () => {
    expect(await ask(open("unasked"), undefined, AbortSignal.abort())).toMatchObject({ failure: null, finish: null });
    expect(await client.requests("unasked")).toEqual([]);
  });

  it("closes the connection when the listener leaves", async () => {
    await client.script("left", [{ text: "a" }, { hang: true }]);
    for await (const event of open("left").stream({ instructions: "", messages: [] }, new AbortController().signal)) {
      expect(event).toEqual({ type: "text", text: "a" });
      break;
    }
    await client.waitForAbort("left");
  });
});

describe("bytes", () => {
  const sse = (text: string, ascii: boolean) => {
    const json = JSON.stringify({ choices: [{ index: 0, delta: { content: text }, finish_reason: null }] });
    const escaped = json.replaceAll(
      /[\u0080-\uffff]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
    return `data: ${ascii ? escaped : json}\n\n`;
  };
  const end = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';

  it("survive any cut, between the pieces of a text and between the chunks of a connection", async () => {
    const unit = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom("🙂", "é", "\u0000", "\ufeff", "\r\n", "👩‍👩‍👧", "\u2028"),
    );
    const text = fc.array(unit, { minLength: 1, maxLength: 12 }).map((units) => units.join(""));
    const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(text, cuts, cuts, fc.boolean(), async (whole, textCuts, byteCuts, ascii) => {
        fc.pre(whole !== "");
        const pieces = cutAt(
          whole,
          textCuts.map((at) => Math.floor(at * whole.length)),
          (from, to) => whole.slice(from, to),
        );
        const stream = Buffer.from(pieces.map((piece) => sse(piece, ascii)).join("") + end);
        const at = byteCuts.map((cut) => Math.floor(cut * stream.length));
        const chunks = cutAt(stream, at, (from, to) => stream.subarray(from, to));
        const heard = await playing(chunks.map((chunk) => ({ bytes_base64: chunk.toString("base64") })));
        expect(heard).toMatchObject({ text: whole, failure: null });
        for (const piece of heard.pieces) expect(piece.isWellFormed()).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it("that are half a character and stay so are replaced", async () => {
    const { text, failure } = await playing([
      { raw: 'data: {"choices":[{"delta":{"content":"a\\ud83d"}}]}\n\n' },
      { raw: 'data: {"choices":[{"delta":{"content":"b\\udc00c\\ud83d"},"finish_reason":"stop"}]}\n\n' },
    ]);
    expect({ text, failure }).toEqual({ text: "a\ufffdb\ufffdc\ufffd", failure: null });
  });

  function cutAt<T extends { length: number }>(whole: T, at: number[], slice: (from: number, to: number) => T): T[] {
    const bounds = [...new Set([0, ...at, whole.length])].toSorted((a, b) => a - b);
    return bounds.slice(1).map((to, i) => slice(bounds[i] ?? 0, to));
  }
});

describe("protocols", () => {
  it("OpenAI", async () => {
    await client.script("gpt-4o", complete(["Hello ", "you"], { prompt_tokens: 9, completion_tokens: 3 }));
    const heard = await ask(
      open("gpt-4o", { max_output_tokens: 5 }, access("openai")),
      undefined,
      undefined,
      "Be kind.",
    );
    expect(heard).toMatchObject({ text: "Hello you", finish: { usage: { input_tokens: 9, output_tokens: 3 } } });
    const [seen] = await client.requests("gpt-4o");
    expect(seen).toMatchObject({ path: "/v1/chat/completions", body: { stream: true, max_tokens: 5 } });
    expect(seen?.headers.authorization).toBe("Bearer secret-key");
    expect(seen?.body.messages[0]).toEqual({ role: "system", content: "Be kind." });
  });

  it("OpenAI's reasoning models", async () => {
    await client.script("o3", complete(["Hello"]));
    await ask(
      open("o3", { max_output_tokens: 5, temperature: 0.2 }, access("openai")),
      undefined,
      undefined,
      "Be kind.",
    );
    const [seen] = await client.requests("o3");
    expect(seen?.body).toMatchObject({ max_completion_tokens: 5, messages: [{ role: "developer" }, { role: "user" }] });
    expect(seen?.body).not.toHaveProperty("temperature");
  });

  const events = (...all: { type: string }[]): Step[] =>
    all.map((data) => ({ raw: `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n` }));
  const start = {
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
  const block = { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } };
  const delta = (text: string) => ({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } });
  const stopped = (stop_reason: string) => [
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 4 } },
    { type: "message_stop" },
  ];

  it("Anthropic", async () => {
    await client.script("claude", events(start, block, delta("Hello "), delta("you"), ...stopped("end_turn")));
    const heard = await ask(
      open("claude", { max_output_tokens: 5 }, access("anthropic")),
      undefined,
      undefined,
      "Be kind.",
    );
    expect(heard).toMatchObject({ text: "Hello you", failure: null });
    expect(heard.finish).toEqual({ type: "finish", usage: { input_tokens: 11, output_tokens: 4 } });
    const [seen] = await client.requests("claude");
    expect(seen).toMatchObject({ path: "/v1/messages", body: { model: "claude", max_tokens: 5, stream: true } });
    expect(seen?.headers).toMatchObject({ "x-api-key": "secret-key", "anthropic-version": "2023-06-01" });
    expect(seen?.body.system).toMatchObject([{ text: "Be kind." }]);
  });

  it.each<[string, Step[], string, string]>([
    [
      "overloaded at once",
      events({ type: "error", ...{ error: { type: "overloaded_error", message: "upstream words" } } }),
      "unavailable",
      "",
    ],
    ["overloaded with a status", [{ status: 529, body: {} }], "unavailable", ""],
    ["broken off", events(start, block, delta("a")), "error", "a"],
    ["a refusal", events(start, block, delta("a"), ...stopped("refusal")), "error", "a"],
    [
      "an error in mid-answer",
      events(start, block, delta("a"), {
        type: "error",
        ...{ error: { type: "overloaded_error", message: "upstream words" } },
      }),
      "error",
      "a",
    ],
  ])("Anthropic: %s", async (_, steps, kind, said) => {
    const { failure, text } = await playing(steps, "anthropic");
    expect(failure?.kind).toBe(kind);
    expect(failure?.message).not.toContain("upstream words");
    expect(text).toBe(said);
  });

  const part = (text: string, more: object = {}): Step => ({
    raw: `data: ${JSON.stringify({ candidates: [{ content: { role: "model", parts: [{ text }] }, index: 0, ...more }], usageMetadata: { promptTokenCount: 6, candidatesTokenCount: 2, totalTokenCount: 8 } })}\n\n`,
  });

  it("Google", async () => {
    await client.script("gemini-2.5-flash", [part("Hello "), part("you", { finishReason: "STOP" })]);
    const agent = { max_output_tokens: 5, temperature: 0.1 };
    const heard = await ask(open("gemini-2.5-flash", agent, access("google")), undefined, undefined, "Be kind.");
    expect(heard).toMatchObject({ text: "Hello you", failure: null });
    expect(heard.finish).toEqual({ type: "finish", usage: { input_tokens: 6, output_tokens: 2 } });
    const [seen] = await client.requests("gemini-2.5-flash");
    expect(seen?.path).toBe("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
    expect(seen?.headers["x-goog-api-key"]).toBe("secret-key");
    expect(seen?.body).toMatchObject({ generationConfig: { maxOutputTokens: 5, temperature: 0.1 } });
  });

  it.each<[string, Step[], string]>([
    ["broken off", [part("a")], "a"],
    ["stopped for safety", [part("a", { finishReason: "SAFETY" })], "a"],
  ])("Google: %s", async (_, steps, said) => {
    const { failure, text } = await playing(steps, "google");
    expect(failure).toMatchObject({ kind: "error" });
    expect(text).toBe(said);
  });

  it("Workers AI with an address of one's own speaks OpenAI's", async () => {
    expect(await playing(complete(["Hi"]), "workers-ai")).toMatchObject({ text: "Hi", failure: null });
  });
});

describe("opening", () => {
  it("fails for a provider that is not there any more", () => {
    expect(() => openModel({ ...settings, model: "gone/x" }, { config, providers: null })).toThrow(ModelFailure);
    expect(() => openModel({ ...settings, model: "nonsense" }, { config, providers: null })).toThrow(ModelFailure);
    expect(() => openModel({ ...settings, model: "other/x" }, { config, providers: access() })).toThrow(ModelFailure);
  });

  it("fails for Workers AI without its binding, and for a provider without an address", () => {
    const noBinding: ProviderAccess = { ...access("workers-ai"), base_url: null };
    expect(() => open("x", {}, noBinding)).toThrow(ModelFailure);
    expect(() => open("x", {}, { ...access(), base_url: null })).toThrow(ModelFailure);
  });

  it("takes a company's provider before the Worker's of the same name", async () => {
    const worker = { ...config, OPENAI_COMPATIBLE_BASE_URL: `${server.url}/worker` };
    const agent = { ...settings, model: "openai-compatible/which" };
    await ask(openModel(agent, { config: worker, providers: null }));
    await ask(openModel(agent, { config: worker, providers: { ...access(), name: "openai-compatible" } }));
    expect((await client.requests("which")).map(({ path }) => path)).toEqual([
      "/worker/chat/completions",
      "/v1/chat/completions",
    ]);
  });

  it("names the model as the agent does", () => {
    expect(open("meta/llama").name).toBe("up/meta/llama");
  });
});
