/** Anthropic's Messages API as its reference has it: what it is asked, how its answers end, what its errors mean. */
import { describe, expect, it } from "vitest";
import { block, end, events, said, start } from "../upstream/anthropic.ts";
import type { Step } from "../upstream/client.ts";
import { inTurn, ask, useUpstream } from "./models-harness.ts";

const up = useUpstream();

const done = events(start, ...said("Done."), ...end("end_turn"));
const error = (type: string, message: string) => ({ type: "error", error: { type, message }, request_id: "r" });
const schemaOf = (more: object) => ({ type: "object", properties: { mood: { type: "string" } }, ...more });
const settings = { temperature: 0.5, max_output_tokens: 77, stop: ["END", "\n"] };

/** A new model that does as scripted. */
const scripted = (...scripts: Step[][]) => up.scripted("claude-test", ...scripts);
const open = (model: string, more: object = {}) => up.open(model, more, up.access("anthropic"));

describe("what it is asked", () => {
  it("is one request with the agent's settings, instructions and history", async () => {
    const model = await scripted(done);
    const history = [
      { role: "user" as const, content: "first" },
      { role: "assistant" as const, content: "second" },
      { role: "user" as const, content: "third" },
    ];
    expect(await ask(open(model, settings), history, undefined, "Be kind.")).toMatchObject({ text: "Done." });
    const [seen] = await up.client.requests(model);
    expect(seen).toMatchObject({ method: "POST", path: "/v1/messages" });
    expect(seen?.headers).toMatchObject({
      "content-type": "application/json",
      "x-api-key": "secret-key",
      "anthropic-version": "2023-06-01",
    });
    expect(seen?.headers).not.toHaveProperty("authorization");
    const text = (role: string, content: string) => ({ role, content: [{ type: "text", text: content }] });
    expect(seen?.body).toEqual({
      model,
      max_tokens: 77,
      temperature: 0.5,
      stop_sequences: ["END"],
      system: [{ type: "text", text: "Be kind." }],
      messages: history.map(({ role, content }) => text(role, content)),
      stream: true,
    });
  });

  it("says nothing of what the agent leaves open, but for the limit that it insists on", async () => {
    const limits: Record<string, number> = {
      "claude-opus-4-1-20250805": 32_000,
      "claude-sonnet-5": 32_000,
      "anthropic.claude-haiku-4-5-20251001-v1:0": 32_000,
      "claude-3-haiku-20240307": 4_096,
      "MiniMax-M2": 4_096,
    };
    for (const [model, max_tokens] of Object.entries(limits)) {
      await up.client.script(model, done);
      await ask(open(model));
      const messages = [{ role: "user", content: [{ type: "text", text: "Hi" }] }];
      expect(await up.bodiesOf(model)).toEqual([{ model, max_tokens, messages, stream: true }]);
    }
  });

  it("goes without a key where there is none", async () => {
    const model = await scripted(done);
    await ask(up.open(model, {}, { ...up.access("anthropic"), api_key: null }));
    const [seen] = await up.client.requests(model);
    expect(seen?.headers).not.toHaveProperty("x-api-key");
  });

  it("offers the tools, and gives back all that was said with the calls, and their results in order", async () => {
    const calls = events(
      start,
      ...block(0, { type: "thinking", thinking: "", signature: "" }, { type: "signature_delta", signature: "sig" }),
      ...block(1, { type: "redacted_thinking", data: "secret" }),
      ...block(2, { type: "text", text: "" }, { type: "text_delta", text: " " }),
      ...block(3, { type: "tool_use", id: "t1", name: "add", input: {} }),
      ...block(4, { type: "text", text: "" }, { type: "text_delta", text: "A moment." }),
      ...block(5, { type: "tool_use", id: "t2", name: "gone", input: { n: 2 } }),
      ...end("tool_use"),
    );
    const model = await scripted(calls, done);
    await up.client.script("tools/add", [{ status: 200, body: { sum: 2 } }]);
    const tool = up.tool("add", { description: "Adds." });
    expect(await inTurn(open(model, { tools: [tool, up.tool("plain")] }))).toMatchObject({ failure: null });
    const [first, second] = await up.bodiesOf(model);
    const input_schema = { type: "object" };
    expect(first.tools).toEqual([
      { name: "add", description: "Adds.", input_schema },
      { name: "plain", input_schema },
    ]);
    expect(second.messages.slice(1)).toEqual([
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "", signature: "sig" },
          { type: "redacted_thinking", data: "secret" },
          { type: "text", text: "A moment." },
          { type: "tool_use", id: "t1", name: "add", input: {} },
          { type: "tool_use", id: "t2", name: "gone", input: { n: 2 } },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "t1", content: '{"sum":2}' },
          { type: "tool_result", tool_use_id: "t2", content: "There is no such tool.", is_error: true },
        ],
      },
    ]);
  });

  it("may call nothing any more in the last step", async () => {
    const again = events(start, ...block(0, { type: "tool_use", id: "t", name: "add", input: {} }), ...end("tool_use"));
    const model = await scripted(again);
    await inTurn(open(model, { tools: [up.tool("add")] }));
    const choices = (await up.bodiesOf(model)).map(({ tool_choice }) => tool_choice);
    expect(choices).toEqual([undefined, undefined, undefined, undefined, { type: "none" }]);
  });

  it("gets the schema of an answer where it is one that it takes", async () => {
    const json = events(start, ...said("{}"), ...end("end_turn"));
    const closed = schemaOf({ additionalProperties: false });
    const nested = { type: "object", additionalProperties: false, properties: { in: schemaOf({}) } };
    for (const [schema, isSent] of [
      [closed, true],
      [schemaOf({}), false],
      [nested, false],
    ] as const) {
      const model = await scripted(json);
      expect(await inTurn(open(model), { output_schema: schema as any })).toMatchObject({ failure: null });
      const [body] = await up.bodiesOf(model);
      expect(body.output_config).toEqual(isSent ? { format: { type: "json_schema", schema } } : undefined);
    }
  });
});

it("keeps the temperature within what is taken", async () => {
  const model = await scripted(done);
  await ask(open(model, { temperature: 1.6 }));
  expect((await up.bodiesOf(model))[0]).toMatchObject({ temperature: 1 });
});

describe("an answer", () => {
  it.each(["end_turn", "max_tokens", "stop_sequence", "model_context_window_exceeded"])(
    "is whole after %s",
    async (word) => {
      const heard = await up.playing(events(start, ...said("Yes."), ...end(word)), "anthropic");
      expect(heard).toMatchObject({ text: "Yes.", failure: null });
    },
  );

  it.each(["refusal", "pause_turn", "compaction", "tool_use", "a_new_reason"])("is none after %s", async (word) => {
    const heard = await up.playing(events(start, ...said("Yes."), ...end(word)), "anthropic");
    expect(heard).toMatchObject({ text: "Yes.", finish: null, failure: { kind: "error" } });
  });

  it("counts the tokens that its beginning and its end tell of, those of the cache among them", async () => {
    const message = {
      usage: { input_tokens: 3, cache_read_input_tokens: 8, cache_creation_input_tokens: 1, output_tokens: 1 },
    };
    const delta = { type: "message_delta", delta: { stop_reason: "end_turn" } };
    const counted = (usage: object) =>
      up.playing(
        events(
          { type: "message_start", message },
          { type: "ping" },
          ...said("Yes."),
          { ...delta, usage },
          { type: "message_stop" },
        ),
        "anthropic",
      );
    const whole = { input_tokens: 12, cached_input_tokens: 8, output_tokens: 9 };
    expect((await counted({ output_tokens: 9 })).finish).toEqual({ type: "finish", usage: whole });
    const again = { input_tokens: 4, cache_read_input_tokens: 0, output_tokens: 9, output_tokens_details: {} };
    const later = { input_tokens: 5, cached_input_tokens: 0, output_tokens: 9 };
    expect((await counted(again)).finish).toEqual({ type: "finish", usage: later });
  });
});

describe("an error", () => {
  it.each<[number, string, string, string, string]>([
    [400, "invalid_request_error", "messages.1: all messages must have non-empty content", "request", "error"],
    [400, "invalid_request_error", "Your credit balance is too low to access the API", "quota", "error"],
    [401, "authentication_error", "invalid x-api-key", "key", "error"],
    [402, "billing_error", "x", "quota", "error"],
    [403, "permission_error", "x", "key", "error"],
    [404, "not_found_error", "model: claude-none", "model", "error"],
    [413, "request_too_large", "Request exceeds the maximum size", "request", "error"],
    [429, "rate_limit_error", "This request would exceed your organization's rate limit", "busy", "unavailable"],
    [500, "api_error", "Internal server error", "upstream", "error"],
    [504, "timeout_error", "x", "upstream", "error"],
    [529, "overloaded_error", "Overloaded", "busy", "unavailable"],
  ])("%i %s: %s", async (status, type, message, trouble, kind) => {
    const { failure } = await up.playing([{ status, body: error(type, message) }], "anthropic");
    expect(failure).toMatchObject({ trouble, kind, status, message: `HTTP ${status}` });
  });
});
