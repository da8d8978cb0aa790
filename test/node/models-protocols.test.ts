import { describe, expect, it } from "vitest";
import { complete, type Step } from "../upstream/client.ts";
import { ask, useUpstream } from "./models-harness.ts";

const up = useUpstream();

describe("protocols", () => {
  it("OpenAI", async () => {
    await up.client.script("gpt-4o", complete(["Hello ", "you"], { prompt_tokens: 9, completion_tokens: 3 }));
    const heard = await ask(
      up.open("gpt-4o", { max_output_tokens: 5 }, up.access("openai")),
      undefined,
      undefined,
      "Be kind.",
    );
    expect(heard).toMatchObject({ text: "Hello you", finish: { usage: { input_tokens: 9, output_tokens: 3 } } });
    const [seen] = await up.client.requests("gpt-4o");
    expect(seen).toMatchObject({ path: "/v1/chat/completions", body: { stream: true, max_tokens: 5 } });
    expect(seen?.headers.authorization).toBe("Bearer secret-key");
    expect(seen?.body.messages[0]).toEqual({ role: "system", content: "Be kind." });
  });

  it("OpenAI's reasoning models", async () => {
    await up.client.script("o3", complete(["Hello"]));
    await ask(
      up.open("o3", { max_output_tokens: 5, temperature: 0.2 }, up.access("openai")),
      undefined,
      undefined,
      "Be kind.",
    );
    const [seen] = await up.client.requests("o3");
    expect(seen?.body).toMatchObject({ max_completion_tokens: 5, messages: [{ role: "developer" }, { role: "user" }] });
    expect(seen?.body).not.toHaveProperty("temperature");
  });

  const events = (...all: { type: string; [member: string]: unknown }[]): Step[] =>
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
    await up.client.script("claude", events(start, block, delta("Hello "), delta("you"), ...stopped("end_turn")));
    const heard = await ask(
      up.open("claude", { max_output_tokens: 5 }, up.access("anthropic")),
      undefined,
      undefined,
      "Be kind.",
    );
    expect(heard).toMatchObject({ text: "Hello you", failure: null });
    expect(heard.finish).toEqual({ type: "finish", usage: { input_tokens: 11, output_tokens: 4 } });
    const [seen] = await up.client.requests("claude");
    expect(seen).toMatchObject({ path: "/v1/messages", body: { model: "claude", max_tokens: 5, stream: true } });
    expect(seen?.headers).toMatchObject({ "x-api-key": "secret-key", "anthropic-version": "2023-06-01" });
    expect(seen?.body.system).toMatchObject([{ text: "Be kind." }]);
  });

  it.each<[string, Step[], string, string]>([
    [
      "overloaded at once",
      events({ type: "error", error: { type: "overloaded_error", message: "upstream words" } }),
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
        error: { type: "overloaded_error", message: "upstream words" },
      }),
      "error",
      "a",
    ],
  ])("Anthropic: %s", async (_, steps, kind, said) => {
    const { failure, text } = await up.playing(steps, "anthropic");
    expect(failure?.kind).toBe(kind);
    expect(failure?.message).not.toContain("upstream words");
    expect(text).toBe(said);
  });

  const part = (text: string, more: object = {}): Step => ({
    raw: `data: ${JSON.stringify({ candidates: [{ content: { role: "model", parts: [{ text }] }, index: 0, ...more }], usageMetadata: { promptTokenCount: 6, candidatesTokenCount: 2, totalTokenCount: 8 } })}\n\n`,
  });

  it("Google", async () => {
    await up.client.script("gemini-2.5-flash", [part("Hello "), part("you", { finishReason: "STOP" })]);
    const agent = { max_output_tokens: 5, temperature: 0.1 };
    const heard = await ask(up.open("gemini-2.5-flash", agent, up.access("google")), undefined, undefined, "Be kind.");
    expect(heard).toMatchObject({ text: "Hello you", failure: null });
    expect(heard.finish).toEqual({ type: "finish", usage: { input_tokens: 6, output_tokens: 2 } });
    const [seen] = await up.client.requests("gemini-2.5-flash");
    expect(seen?.path).toBe("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
    expect(seen?.headers["x-goog-api-key"]).toBe("secret-key");
    expect(seen?.body).toMatchObject({ generationConfig: { maxOutputTokens: 5, temperature: 0.1 } });
  });

  it.each<[string, Step[], string]>([
    ["broken off", [part("a")], "a"],
    ["stopped for safety", [part("a", { finishReason: "SAFETY" })], "a"],
  ])("Google: %s", async (_, steps, said) => {
    const { failure, text } = await up.playing(steps, "google");
    expect(failure).toMatchObject({ kind: "error" });
    expect(text).toBe(said);
  });

  it("Workers AI with an address of one's own speaks OpenAI's", async () => {
    expect(await up.playing(complete(["Hi"]), "workers-ai")).toMatchObject({ text: "Hi", failure: null });
  });
});
