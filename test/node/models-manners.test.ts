/** What models of Anthropic's and Google's refuse in a request, in their words, and how they are asked from then on. */
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../src/json.ts";
import type { Step } from "../upstream/client.ts";
import { answering, KINDS, protocolOf, sent } from "../upstream/protocols.ts";
import { ask, inTurn, useUpstream } from "./models-harness.ts";

const up = useUpstream();
let count = 0;

type Kind = "anthropic" | "google";
const refusal = (message: string): Step[] => [
  { status: 400, body: { error: { type: "invalid_request_error", status: "INVALID_ARGUMENT", message } } },
];
const settings = { temperature: 0.5, max_output_tokens: 77 };

type More = { instructions?: string; output_schema?: JsonObject; tools?: string[] };

/** Asks twice a model that refuses as scripted. Gives what it was sent each time. */
async function refusing(kind: Kind, agent: object, { tools = [], ...more }: More, ...refusals: Step[][]) {
  const model = `minds-${count++}`;
  await up.client.script(model, ...refusals, sent(...answering(kind, [more.output_schema ? "{}" : "Done."])));
  const open = () => up.open(model, { ...agent, tools: tools.map((name) => up.tool(name)) }, up.access(kind));
  for (const _ of [1, 2]) expect(await inTurn(open(), more)).toMatchObject({ failure: null });
  return (await up.client.requests(model)).map(({ body }) => body);
}

describe("Anthropic", () => {
  it("is asked without a temperature where that is refused, from then on", async () => {
    const bodies = await refusing("anthropic", settings, {}, refusal("`temperature` is deprecated for this model."));
    expect(bodies.map(({ temperature }) => temperature)).toEqual([0.5, undefined, undefined]);
  });

  it.each([
    ["max_tokens: 64000 > 8192, which is the maximum allowed number of output tokens for this model", 8192],
    ["max_tokens is too large", 4096],
  ])("is asked for less where the limit is refused: %s", async (message, most) => {
    const bodies = await refusing("anthropic", { max_output_tokens: 64_000 }, {}, refusal(message));
    expect(bodies.map(({ max_tokens }) => max_tokens)).toEqual([64_000, most, most]);
  });

  it.each(["output_config: Extra inputs are not permitted", "Schema is too complex"])(
    "is asked without the schema where that is refused: %s",
    async (message) => {
      const output_schema = { type: "object", additionalProperties: false };
      const bodies = await refusing("anthropic", {}, { output_schema }, refusal(message));
      expect(bodies.map((body) => "output_config" in body)).toEqual([true, false, false]);
    },
  );

  it("is asked in three manners at most", async () => {
    const tooMuch = (most: number) => refusal(`max_tokens: ${most + 1} > ${most}`);
    const bodies = await refusing("anthropic", settings, {}, refusal("temperature"), tooMuch(50));
    expect(bodies.at(-1)).toMatchObject({ max_tokens: 50 });
    expect(bodies.at(-1)).not.toHaveProperty("temperature");
    await up.client.script("minds-all", refusal("temperature"), tooMuch(50), tooMuch(20));
    const { failure } = await ask(up.open("minds-all", settings, up.access("anthropic")));
    expect(failure).toMatchObject({ kind: "error", trouble: "request", status: 400 });
    expect(await up.client.requests("minds-all")).toHaveLength(3);
  });
});

describe("Google", () => {
  const instructions = "Be kind.";
  const user = (text: string) => ({ role: "user", parts: [{ text }] });

  it("gets instructions in the user's first message where they are refused, from then on", async () => {
    const [first, ...later] = await refusing(
      "google",
      {},
      { instructions },
      refusal("Developer instruction is not enabled for models/gemma-3-27b-it"),
    );
    expect(first).toMatchObject({ systemInstruction: { parts: [{ text: "Be kind." }] }, contents: [user("Hi")] });
    for (const body of later) {
      expect(body).not.toHaveProperty("systemInstruction");
      expect(body.contents).toEqual([user("Be kind.\n\nHi")]);
    }
    expect(later).toHaveLength(2);
  });

  it.each(["JSON mode is not enabled for models/x", 'Invalid JSON payload received. Unknown name "const"'])(
    "is asked without the schema where that is refused: %s",
    async (message) => {
      const bodies = await refusing("google", {}, { output_schema: { type: "object" } }, refusal(message));
      expect(bodies.map(({ generationConfig }) => "responseJsonSchema" in generationConfig)).toEqual([
        true,
        false,
        false,
      ]);
    },
  );

  it("gets a stand-in for a signature that it misses, with the first of the calls made together", async () => {
    const model = "minds-signature";
    const { call, end, calls } = protocolOf("google");
    const twoCalls = sent(...call("", "add", { n: 1 }), ...call("", "add", { n: 2 }), ...end(calls));
    const message = "Function call is missing a thought_signature in functionCall parts.";
    await up.client.script(model, twoCalls, refusal(message), sent(...answering("google", ["Done."])));
    const agent = { tools: [up.tool("add")] };
    expect(await inTurn(up.open(model, agent, up.access("google")))).toEqual({ text: "Done.", failure: null });
    const [, second, third] = (await up.client.requests(model)).map(({ body }) => body.contents[1]?.parts);
    const parts = [1, 2].map((n) => ({ functionCall: { name: "add", args: { n } } }));
    expect(second).toEqual(parts);
    expect(third).toEqual([{ ...parts[0], thoughtSignature: "skip_thought_signature_validator" }, parts[1]]);
  });
});

describe.each(KINDS.filter((kind) => kind === "anthropic" || kind === "google"))("%s", (kind) => {
  it.each([
    [400, "messages: roles must be right"],
    [400, "API key not valid"],
    [403, "thinking, temperature and schema"],
    [404, "temperature"],
    [429, "temperature"],
    [500, "temperature"],
  ])("is not asked again where nothing else would help: %i %s", async (status, message) => {
    const model = `minds-${count++}`;
    await up.client.script(model, [{ status, body: { error: { message } } }]);
    const access = { ...up.access(kind), api_key: null };
    expect((await ask(up.open(model, { max_output_tokens: 50 }, access))).failure).toMatchObject({ status });
    expect(await up.client.requests(model)).toHaveLength(1);
  });
});
