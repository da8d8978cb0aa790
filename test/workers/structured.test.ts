/** Replies that have to fit a JSON Schema, over HTTP: `output_schema` of a turn, `response_format` of a completion. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { complete, type Step, upstream } from "../upstream/client.ts";
import { call, makeCompany } from "./company.ts";
import { chat, createConversation, history, streamChat } from "./conversation-client.ts";

const up = upstream(env.TEST_UPSTREAM);
let count = 0;
const output_schema = { type: "object", properties: { mood: { enum: ["good", "bad"] } }, required: ["mood"] };
const good = complete(['{"mood":', '"good"}'], { prompt_tokens: 5, completion_tokens: 3 });
const wrong = complete(["Good."], { prompt_tokens: 5, completion_tokens: 1 });

async function setUp(...scripts: Step[][]) {
  return setUpWith({}, ...scripts);
}

async function setUpWith(settings: object, ...scripts: Step[][]) {
  const company = await makeCompany();
  const body = { kind: "openai-compatible", base_url: up.baseUrl };
  await call("PUT", "/v1/model-provider/up", { headers: company.admin, body });
  const model = `shaped-${count++}-${company.company_id}`;
  await up.script(model, ...scripts);
  const agent = { name: "Helper", model: [`up/${model}`, "builtin/faq"], auto_title: false, ...settings };
  const made = await call("POST", "/v1/agent", { headers: company.admin, body: agent });
  const owner = { ...company, agent_id: made.body.agent.id as string };
  const { id } = await createConversation(owner);
  return { owner, id, model };
}

describe("output_schema", () => {
  it("gives a reply that has been parsed, everywhere and again", async () => {
    const { owner, id, model } = await setUp(good);
    const headers = { "idempotency-key": "once" };
    const first = await chat(owner, id, "Hi", { output_schema }, headers);
    const parsed = { mood: "good" };
    expect(first).toMatchObject({ status: 200, body: { content: '{"mood":"good"}', parsed, reply: { parsed } } });
    expect((await chat(owner, id, "Hi", { output_schema }, headers)).body.parsed).toEqual(parsed);
    expect(await up.requests(model)).toHaveLength(1);
    expect((await history(owner, id)).map((message) => message["parsed"])).toEqual([undefined, parsed]);
    const stored = await call("GET", `/v1/message/${first.body.reply.id}`, { headers: owner.user });
    expect(stored.body.message).toMatchObject({ content: '{"mood":"good"}', parsed });
    expect((await chat(owner, id, "Hi", { output_schema: { type: "object" } }, headers)).body.code).toBe(
      "idempotency_mismatch",
    );
  });

  it("takes its place in what a request may have: a long one leaves less room for what was said before", async () => {
    const { owner, id, model } = await setUpWith({ max_input_tokens: 400 }, good);
    for (let n = 0; n < 6; n++) expect((await chat(owner, id, `${n} ${"word ".repeat(20)}`)).status).toBe(200);
    const described = (characters: number) => ({ ...output_schema, description: "d".repeat(characters) });
    for (const characters of [1, 800, 8_000])
      expect((await chat(owner, id, "Hi", { output_schema: described(characters) })).status).toBe(200);
    const shown = (await up.requests(model)).slice(6).map(({ body }) => body.messages.length as number);
    expect(shown[0]).toBeGreaterThan(shown[1] ?? 0);
    expect(shown[1]).toBeGreaterThan(shown[2] ?? 0);
    // The instructions, and the message itself in any case.
    expect(shown[2]).toBe(2);
  });

  it("counts what both answers took", async () => {
    const { owner, id } = await setUp(wrong, good);
    const { body } = await chat(owner, id, "Hi", { output_schema });
    expect(body).toMatchObject({
      parsed: { mood: "good" },
      usage: { input_tokens: 10, output_tokens: 4, source: "measured" },
    });
  });

  it("is an error when nothing fits, which no other model answers; the message is kept, and the next turn is free", async () => {
    const { owner, id, model } = await setUp(wrong, wrong, wrong, wrong, complete(["Hello."]));
    const headers = { "idempotency-key": "again" };
    for (const requests of [2, 4]) {
      const answer = await chat(owner, id, "Hi", { output_schema }, headers);
      expect(answer).toMatchObject({ status: 502, body: { code: "output_invalid", message_id: expect.any(String) } });
      expect(JSON.stringify(answer.body)).not.toContain("Good.");
      expect(await up.requests(model)).toHaveLength(requests);
    }
    expect((await history(owner, id)).map(({ role, status }) => [role, status])).toEqual([
      ["user", "complete"],
      ["assistant", "failed"],
    ]);
    const next = await chat(owner, id, "Hello?");
    expect(next.body.content).toBe("Hello.");
    expect(next.body.reply).not.toHaveProperty("parsed");
  });

  it("streams what fits only", async () => {
    const { owner, id } = await setUp(wrong, good);
    const response = await call("POST", `/v1/conversation/${id}/chat`, {
      headers: { ...owner.user, accept: "text/event-stream" },
      body: { message: "Hi", output_schema },
    });
    const deltas = [...String(response.body).matchAll(/event: chat_delta\ndata: (.*)/g)].map(
      ([, data]) => JSON.parse(data ?? "").text,
    );
    expect(deltas.join("")).toBe('{"mood":"good"}');
    expect(String(response.body)).toContain('"parsed":{"mood":"good"}');
    await (await streamChat(owner, id, "And now?")).rest();
  });

  it.each<[unknown, string]>([
    [{ type: "string" }, "/output_schema/type"],
    [{ type: "object", properties: { a: 1 } }, "/output_schema/properties/a"],
    [[], "/output_schema/type"],
    [{ type: "object", description: "x".repeat(17_000) }, "/output_schema"],
    [{ type: "object", $ref: "https://example.com/x" }, "/output_schema/$ref"],
  ])("is refused: %j", async (schema, path) => {
    const { owner, id } = await setUp(good);
    const { status, body } = await chat(owner, id, "Hi", { output_schema: schema });
    expect(status).toBe(422);
    expect(body.errors.map((error: { path: string }) => error.path)).toContain(path);
    expect(await history(owner, id)).toEqual([]);
  });
});

describe("response_format", () => {
  const completion = async (response_format: unknown, ...scripts: Step[][]) => {
    const { owner } = await setUp(...scripts);
    const body = { model: owner.agent_id, messages: [{ role: "user", content: "Hi" }], response_format };
    return call("POST", "/v1/chat/completions", { headers: owner.user, body });
  };
  const format = { type: "json_schema", json_schema: { name: "mood", strict: true, schema: output_schema } };

  it.each<[unknown, Step[][], string]>([
    [format, [wrong, good], '{"mood":"good"}'],
    [{ type: "json_object" }, [complete(["{}"])], "{}"],
    [{ type: "text" }, [complete(["Good."])], "Good."],
    [null, [complete(["Good."])], "Good."],
  ])("%j", async (response_format, scripts, content) => {
    const { status, body } = await completion(response_format, ...scripts);
    expect(status).toBe(200);
    expect(body.choices[0]).toMatchObject({ message: { content }, finish_reason: "stop" });
  });

  it("is an error when nothing fits", async () => {
    const { status, body } = await completion(format, wrong, wrong);
    expect({ status, code: body.error.code }).toEqual({ status: 502, code: "output_invalid" });
  });

  it.each([
    { type: "xml" },
    { type: "json_schema" },
    { type: "json_schema", json_schema: { schema: { type: "array" } } },
  ])("is refused: %j", async (response_format) => {
    expect((await completion(response_format, good)).status).toBeGreaterThanOrEqual(400);
    expect((await completion(response_format, good)).status).toBeLessThan(500);
  });
});
