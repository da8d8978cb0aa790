/** Google's Gemini API as its reference has it: what it is asked, how its answers end, what its errors mean. */
import { describe, expect, it } from "vitest";
import type { Step } from "../upstream/client.ts";
import { sent } from "../upstream/protocols.ts";
import { ask, inTurn, useUpstream } from "./models-harness.ts";

const up = useUpstream();

const chunk = (parts: object[], more: object = {}) =>
  JSON.stringify({ candidates: [{ content: { role: "model", parts }, index: 0, ...more }] });
const STOP = { finishReason: "STOP" };
const done = sent(chunk([{ text: "Done." }], STOP));

/** A new model that does as scripted. */
const scripted = (...scripts: Step[][]) => up.scripted("gemini-test", ...scripts);
const open = (model: string, more: object = {}) => up.open(model, more, up.access("google"));
const user = (text: string) => ({ role: "user", parts: [{ text }] });

describe("what it is asked", () => {
  it("is one request with the agent's settings, instructions and history", async () => {
    const model = await scripted(done);
    const settings = { temperature: 0.5, max_output_tokens: 77, stop: ["END"] };
    const history = [
      { role: "user" as const, content: "first" },
      { role: "assistant" as const, content: "second" },
      { role: "user" as const, content: "third" },
    ];
    expect(await ask(open(model, settings), history, undefined, "Be kind.")).toMatchObject({ text: "Done." });
    const [seen] = await up.client.requests(model);
    expect(seen).toMatchObject({ method: "POST", path: `/v1beta/models/${model}:streamGenerateContent?alt=sse` });
    expect(seen?.headers).toMatchObject({ "content-type": "application/json", "x-goog-api-key": "secret-key" });
    expect(seen?.body).toEqual({
      systemInstruction: { parts: [{ text: "Be kind." }] },
      contents: [user("first"), { role: "model", parts: [{ text: "second" }] }, user("third")],
      generationConfig: { temperature: 0.5, maxOutputTokens: 77, stopSequences: ["END"] },
    });
  });

  it("says nothing of what the agent leaves open, and goes without a key where there is none", async () => {
    const model = await scripted(done);
    await ask(up.open(model, {}, { ...up.access("google"), api_key: null }));
    const [seen] = await up.client.requests(model);
    expect(seen?.body).toEqual({ contents: [user("Hi")], generationConfig: {} });
    expect(seen?.headers).not.toHaveProperty("x-goog-api-key");
  });

  it("is asked of a model in the folder that its name says", async () => {
    await ask(open("tunedModels/ours"));
    const [seen] = await up.client.requests("");
    expect(seen?.path).toBe("/v1beta/tunedModels/ours:streamGenerateContent?alt=sse");
  });

  it("offers the tools, and gives back texts and calls as they came, and the results in order", async () => {
    const call = (name: string, args: object, more: object = {}) => ({ functionCall: { name, args, ...more } });
    const calls = sent(
      chunk([{ text: "hidden", thought: true, thoughtSignature: "never" }]),
      chunk([{ text: "A mo" }]),
      chunk([{ text: "ment." }]),
      chunk([{ text: "", thoughtSignature: "text" }]),
      chunk([{ ...call("add", { n: 1 }, { id: "c1" }), thoughtSignature: "call" }, call("gone", {})], STOP),
    );
    const model = await scripted(calls, done);
    await up.client.script("tools/add", [{ status: 200, body: { sum: 2 } }]);
    const tools = [up.tool("add", { description: "Adds." }), up.tool("plain")];
    expect(await inTurn(open(model, { tools }))).toEqual({ text: "A moment.\n\nDone.", failure: null });
    const [first, second] = await up.bodiesOf(model);
    const parametersJsonSchema = { type: "object" };
    expect(first.tools).toEqual([
      {
        functionDeclarations: [
          { name: "add", description: "Adds.", parametersJsonSchema },
          { name: "plain", description: "", parametersJsonSchema },
        ],
      },
    ]);
    expect(first).not.toHaveProperty("toolConfig");
    const [, model_, results] = second.contents;
    expect(model_).toEqual({
      role: "model",
      parts: [
        { text: "A moment." },
        { text: "", thoughtSignature: "text" },
        { ...call("add", { n: 1 }, { id: "c1" }), thoughtSignature: "call" },
        call("gone", {}),
      ],
    });
    const response = (name: string, content: object) => ({ name, response: { name, ...content } });
    expect(results).toEqual({
      role: "user",
      parts: [
        { functionResponse: { id: "c1", ...response("add", { content: { sum: 2 } }) } },
        { functionResponse: response("gone", { error: "There is no such tool." }) },
      ],
    });
  });

  it("may call nothing any more in the last step", async () => {
    const model = await scripted(sent(chunk([{ functionCall: { name: "add" } }], STOP)));
    await inTurn(open(model, { tools: [up.tool("add")] }));
    const modes = (await up.bodiesOf(model)).map(({ toolConfig }) => toolConfig?.functionCallingConfig);
    expect(modes).toEqual([undefined, undefined, undefined, undefined, { mode: "NONE" }]);
  });

  it("gets the schema of an answer, but not beside tools", async () => {
    const output_schema = { type: "object", properties: { mood: { type: "string" } } };
    const model = await scripted(sent(chunk([{ text: "{}" }], STOP)));
    await inTurn(open(model), { output_schema });
    await inTurn(open(model, { tools: [up.tool("add")] }), { output_schema });
    const configs = (await up.bodiesOf(model)).map(({ generationConfig }) => generationConfig);
    expect(configs).toEqual([{ responseMimeType: "application/json", responseJsonSchema: output_schema }, {}]);
  });
});

describe("an answer", () => {
  const ending = (more: object) => up.playing(sent(chunk([{ text: "Yes." }]), JSON.stringify(more)), "google");

  it.each(["STOP", "MAX_TOKENS"])("is whole after %s", async (finishReason) => {
    expect(await ending({ candidates: [{ finishReason }] })).toMatchObject({ text: "Yes.", failure: null });
  });

  it.each([
    ...["SAFETY", "RECITATION", "LANGUAGE", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"],
    ...["MALFORMED_FUNCTION_CALL", "IMAGE_SAFETY", "NO_IMAGE", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"],
    ...["MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE", "CONTINUATION", "A_NEW_REASON"],
  ])("is none after %s", async (finishReason) => {
    const heard = await ending({ candidates: [{ finishReason }] });
    expect(heard).toMatchObject({ text: "Yes.", finish: null, failure: { kind: "error" } });
  });

  it.each(["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "A_NEW_REASON"])(
    "is none to a prompt that is blocked: %s",
    async (blockReason) => {
      const blocked = { promptFeedback: { blockReason }, usageMetadata: { promptTokenCount: 3 } };
      const heard = await up.playing(sent(JSON.stringify(blocked)), "google");
      expect(heard).toMatchObject({ text: "", finish: null, failure: { kind: "error" } });
    },
  );

  it("counts what the model thought, and what went to its own tools, in whichever chunks that stands", async () => {
    const usages = [
      { promptTokenCount: 10, thoughtsTokenCount: 3, totalTokenCount: 13 },
      { promptTokenCount: 10, toolUsePromptTokenCount: 2, cachedContentTokenCount: 8, candidatesTokenCount: 4 },
      { candidatesTokenCount: 5, promptTokenCount: 0, thoughtsTokenCount: null },
    ];
    const documents = usages.map((usageMetadata) => JSON.stringify({ candidates: [], usageMetadata }));
    const { finish } = await up.playing(sent(...documents, chunk([{ text: "Yes." }], STOP)), "google");
    const usage = { input_tokens: 12, cached_input_tokens: 8, output_tokens: 8 };
    expect(finish).toEqual({ type: "finish", usage });
  });
});

describe("an error", () => {
  it.each<[number, string, string, string, string]>([
    [400, "INVALID_ARGUMENT", "Please ensure that the number of function response parts is equal", "request", "error"],
    [400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", "key", "error"],
    [400, "FAILED_PRECONDITION", "User location is not supported for the API use.", "request", "error"],
    [403, "PERMISSION_DENIED", "x", "key", "error"],
    [404, "NOT_FOUND", "models/none is not found for API version v1beta", "model", "error"],
    [429, "RESOURCE_EXHAUSTED", "You exceeded your current quota", "busy", "unavailable"],
    [500, "INTERNAL", "An internal error has occurred", "upstream", "error"],
    [503, "UNAVAILABLE", "The model is overloaded", "busy", "unavailable"],
    [504, "DEADLINE_EXCEEDED", "x", "upstream", "error"],
  ])("%i %s: %s", async (status, name, message, trouble, kind) => {
    const body = { error: { code: status, message, status: name } };
    for (const answer of [body, [body]]) {
      const { failure } = await up.playing([{ status, body: answer }], "google");
      expect(failure).toMatchObject({ trouble, kind, status, message: `HTTP ${status}` });
    }
  });
});
