/** What servers refuse in a request, and how they are asked then; what statuses and their bodies mean. */
import { describe, expect, it } from "vitest";
import { ProviderFailure } from "../../src/models/provider/failure.ts";
import { complete, type Step } from "../upstream/client.ts";
import { ask, useUpstream } from "./models-harness.ts";

const up = useUpstream();
let count = 0;

const refusal = (status: number, body: unknown): Step[] => [{ status, body }];
const named = (param: string, message: string) => ({ error: { message, type: "invalid_request_error", param } });
const EXTRA = {
  detail: [{ type: "extra_forbidden", loc: ["body", "stream_options"], msg: "Extra inputs are not permitted" }],
};
const limit = named("max_tokens", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.");
const otherLimit = named("max_completion_tokens", "Unrecognized request argument: max_completion_tokens");
const warm = named("temperature", "Unsupported value: 'temperature' does not support 0.3 with this model.");
const system = { object: "error", message: "System role not supported", code: 400 };
const agent = { max_output_tokens: 300, temperature: 0.3 };

/** Asks twice a model that refuses as scripted; gives what it was sent each time. */
async function asked(kind: "openai" | "openai-compatible" | "workers-ai", ...refusals: Step[][]) {
  const model = `refuses-${count++}`;
  await up.client.script(model, ...refusals, complete(["Bonjour."]));
  for (const _ of [1, 2]) {
    const heard = await ask(up.open(model, agent, up.access(kind)), undefined, undefined, "Be kind.");
    expect(heard).toMatchObject({ text: "Bonjour.", failure: null });
  }
  return (await up.client.requests(model)).map(({ body }) => body);
}

describe.each([400, 422])("a refusal with %i", (status) => {
  it("of stream_options is followed by asking without them, from then on", async () => {
    const bodies = await asked("openai-compatible", refusal(status, EXTRA));
    expect(bodies.map((body) => "stream_options" in body)).toEqual([true, false, false]);
    expect(bodies.at(-1)).toMatchObject({ max_tokens: 300, temperature: 0.3 });
  });

  it("of max_tokens is followed by max_completion_tokens, and the other way round", async () => {
    const bodies = await asked("openai-compatible", refusal(status, limit));
    expect(bodies.map(({ max_tokens, max_completion_tokens }) => [max_tokens, max_completion_tokens])).toEqual([
      [300, undefined],
      [undefined, 300],
      [undefined, 300],
    ]);
    const others = await asked("openai", refusal(status, otherLimit));
    expect(others.map(({ max_tokens, max_completion_tokens }) => [max_tokens, max_completion_tokens])).toEqual([
      [undefined, 300],
      [300, undefined],
      [300, undefined],
    ]);
  });

  it.each([
    "max_tokens is too large: 300. This model supports at most 128 completion tokens, whereas you provided 300.",
    "`max_tokens` must be less than or equal to `128`, the maximum is less than the `context_window` for this model",
    "Invalid max_tokens value, the valid range of max_tokens is [1, 128]",
    "max_tokens: 300 > 128, which is the maximum allowed number of output tokens",
  ])("of too many tokens is followed by asking for as many as it names, from then on: %s", async (message) => {
    const bodies = await asked("openai-compatible", refusal(status, { error: { message, code: "invalid_value" } }));
    expect(bodies.map(({ max_tokens }) => max_tokens)).toEqual([300, 128, 128]);
  });

  it("of one member after another is followed by asking without each", async () => {
    const bodies = await asked("workers-ai", refusal(status, warm), refusal(status, EXTRA));
    expect(bodies.at(-1)).not.toHaveProperty("temperature");
    expect(bodies.at(-1)).not.toHaveProperty("stream_options");
    expect(bodies.at(-1)).toMatchObject({ max_tokens: 300 });
  });

  it("of the system's role is followed by instructions in the user's message", async () => {
    const bodies = await asked("openai-compatible", refusal(status, system));
    expect(bodies.at(-1).messages).toEqual([{ role: "user", content: "Be kind.\n\nHi" }]);
  });

  it("without a word is followed by both, and at last by the limit's first name", async () => {
    const once = await asked("openai-compatible", refusal(status, ""));
    expect(once.at(-1)).toMatchObject({ max_completion_tokens: 300 });
    expect(once.at(-1)).not.toHaveProperty("stream_options");
    const twice = await asked("openai-compatible", refusal(status, ""), refusal(status, "<p>no</p>"));
    expect(twice.at(-1)).toMatchObject({ max_tokens: 300 });
    expect(twice.at(-1)).not.toHaveProperty("stream_options");
  });
});

it("a refusal inside the answer, before anything of it, is one too", async () => {
  const inside = (code: string | number) => [{ error: { message: "Unknown parameter: stream_options", code } }];
  const bodies = await asked("openai-compatible", [{ comment: "a moment" }, ...inside(400)]);
  expect(bodies.map((body) => "stream_options" in body)).toEqual([true, false, false]);
  await up.client.script("refuses-late", [{ text: "Bon" }, ...inside("400")]);
  expect(await ask(up.open("refuses-late"))).toMatchObject({ text: "Bon", failure: { kind: "error" } });
  expect(await up.client.requests("refuses-late")).toHaveLength(1);
});

it.each([
  ["stop", named("stop", "Argument not supported on this model: stop"), { stop: undefined }],
  [
    "instructions, by a template that knows none",
    { object: "error", message: "Conversation roles must alternate user/assistant/user/assistant/...", code: 400 },
    { messages: [{ role: "user", content: "Be kind.\n\nHi" }] },
  ],
  [
    "instructions, in other words",
    { error: { code: 400, message: "Developer instruction is not enabled for models/gemma-3-27b-it" } },
    { messages: [{ role: "user", content: "Be kind.\n\nHi" }] },
  ],
])("a refusal of %s is followed by asking without", async (_, body, sent) => {
  const model = `refuses-${count++}`;
  await up.client.script(model, refusal(400, body), complete(["Bonjour."]));
  const heard = await ask(up.open(model, { stop: ["END"] }), undefined, undefined, "Be kind.");
  expect(heard).toMatchObject({ text: "Bonjour.", failure: null });
  const [, second] = await up.client.requests(model);
  for (const [name, value] of Object.entries(sent)) expect(second?.body[name]).toEqual(value);
});

it("a server that says that it loads its model is asked until it has", async () => {
  const loading = refusal(503, { error: { code: 503, message: "Loading model", type: "unavailable_error" } });
  await up.client.script("loads", loading, complete(["Good morning."]));
  expect(await ask(up.open("loads"))).toMatchObject({ text: "Good morning.", failure: null });
  await up.client.script("loads-for-ever", loading);
  const left = new AbortController();
  const asking = ask(up.open("loads-for-ever"), undefined, left.signal);
  await up.client.waitForRequest("loads-for-ever");
  left.abort();
  expect(await asking).toMatchObject({ text: "", finish: null, failure: null });
});

it("a refusal that stays one is told after three tries at most, and nothing is remembered", async () => {
  await up.client.script("stubborn", refusal(400, { error: { message: "upstream words" } }));
  for (const requests of [3, 6]) {
    expect((await ask(up.open("stubborn", agent))).failure).toMatchObject({ kind: "error", message: "HTTP 400" });
    expect(await up.client.requests("stubborn")).toHaveLength(requests);
  }
  await up.client.script("plain-no", refusal(400, ""));
  await ask(up.open("plain-no"));
  expect(await up.client.requests("plain-no")).toHaveLength(2);
});

it.each([401, 403, 404, 429, 500, 503])("%i is not asked again", async (status) => {
  await up.client.script(`once-${status}`, refusal(status, EXTRA));
  await ask(up.open(`once-${status}`));
  expect(await up.client.requests(`once-${status}`)).toHaveLength(1);
});

describe("what a status and its body mean", () => {
  const quota = { error: { message: "x", type: "insufficient_quota", code: "insufficient_quota" } };
  it.each<[number, unknown, string, string]>([
    [401, "", "key", "error"],
    [403, {}, "key", "error"],
    [
      400,
      { error: { code: 400, status: "INVALID_ARGUMENT", details: [{ reason: "API_KEY_INVALID" }] } },
      "key",
      "error",
    ],
    [402, "", "quota", "error"],
    [429, quota, "quota", "error"],
    [429, "", "busy", "unavailable"],
    [529, "", "busy", "unavailable"],
    [500, { error: { type: "overloaded_error" } }, "busy", "unavailable"],
    [404, { error: { message: "The model `x` does not exist.", type: "NotFoundError", code: 404 } }, "model", "error"],
    [400, { error: { code: "model_not_found" } }, "model", "error"],
    [404, "404 page not found", "address", "error"],
    [405, "<html>", "address", "error"],
    [400, { error: { message: "Model Not Exist", type: "invalid_request_error" } }, "model", "error"],
    [400, { message: "The provided model identifier is invalid." }, "model", "error"],
    [400, { code: "Client specified an invalid argument", error: "Incorrect API key provided: s***k" }, "key", "error"],
    [400, { error: { type: "invalid_request_error", message: "Your credit balance is too low" } }, "quota", "error"],
    [422, { detail: "no" }, "request", "error"],
    [500, "upstream words", "upstream", "error"],
  ])("%i %j", async (status, body, trouble, kind) => {
    const { failure } = await up.playing([{ status, body }]);
    expect(failure).toBeInstanceOf(ProviderFailure);
    expect(failure).toMatchObject({ trouble, kind, status, message: `HTTP ${status}` });
  });

  it("is told although the body is long", async () => {
    const { failure } = await up.playing([{ status: 503, body: "x".repeat(100_000) }]);
    expect(failure).toMatchObject({ trouble: "busy", status: 503 });
  });
});
