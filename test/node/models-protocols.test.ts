import { describe, expect, it } from "vitest";
import { end, events, said, start } from "../upstream/anthropic.ts";
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
    expect(seen).toMatchObject({ path: "/v1/chat/completions", body: { stream: true, max_completion_tokens: 5 } });
    expect(seen?.headers.authorization).toBe("Bearer secret-key");
    expect(seen?.body.messages[0]).toEqual({ role: "system", content: "Be kind." });
  });

  it("Anthropic", async () => {
    await up.client.script("claude", events(start, ...said("Hello ", "you"), ...end("end_turn")));
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
    ["broken off", events(start, ...said("a")), "error", "a"],
    ["a refusal", events(start, ...said("a"), ...end("refusal")), "error", "a"],
    [
      "an error in mid-answer",
      events(start, ...said("a"), {
        type: "error",
        error: { type: "overloaded_error", message: "upstream words" },
      }),
      "error",
      "a",
    ],
  ])("Anthropic: %s", async (_, steps, kind, heard) => {
    const { failure, text } = await up.playing(steps, "anthropic");
    expect(failure?.kind).toBe(kind);
    expect(failure?.message).not.toContain("upstream words");
    expect(text).toBe(heard);
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
  ])("Google: %s", async (_, steps, heard) => {
    const { failure, text } = await up.playing(steps, "google");
    expect(failure).toMatchObject({ kind: "error" });
    expect(text).toBe(heard);
  });

  it("Workers AI with an address of one's own speaks OpenAI's", async () => {
    expect(await up.playing(complete(["Hi"]), "workers-ai")).toMatchObject({ text: "Hi", failure: null });
  });
});
