/** An agent with several models: the next one answers as long as the one before it has said nothing. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { complete, type Step, upstream } from "../upstream/client.ts";
import { call, type Company, makeCompany } from "./company.ts";
import { chat, createConversation, history, streamChat } from "./conversation-client.ts";

const up = upstream(env.TEST_UPSTREAM);
let count = 0;

/** A conversation with an agent whose models follow these scripts, and then perhaps `last`. */
async function setUp(scripts: Step[][], { last = [], ...settings }: { last?: string[]; [name: string]: unknown } = {}) {
  const company = await makeCompany();
  await provider(company, "up", up.baseUrl);
  const names = scripts.map((_, n) => `link-${count++}-${n}`);
  for (const [n, name] of names.entries()) await up.script(name, scripts[n] ?? []);
  const model = [...names.map((name) => `up/${name}`), ...last];
  const agent = { name: "Helper", model, auto_title: false, ...settings };
  const made = await call("POST", "/v1/agent", { headers: company.admin, body: agent });
  expect(made.status).toBe(201);
  expect(made.body.agent.model).toEqual(model.length > 1 ? model : model[0]);
  const owner = { ...company, agent_id: made.body.agent.id as string };
  const { id } = await createConversation(owner);
  return { owner, id, names, models: model };
}

const provider = (company: Company, name: string, base_url: string) =>
  call("PUT", `/v1/model-provider/${name}`, { headers: company.admin, body: { kind: "openai-compatible", base_url } });

const attempt = (model: string | undefined, code: string | null) => ({
  model,
  status: code === null ? "completed" : "failed",
  code,
  duration_ms: expect.any(Number),
});

describe("the next model answers", () => {
  it.each<[string, Step[], string]>([
    ["refuses", [{ status: 403 }], "model_error"],
    ["is not known", [{ status: 404 }], "model_error"],
    ["is busy", [{ status: 429 }], "model_unavailable"],
    ["says that it is busy", [{ error: { type: "overloaded_error" } }], "model_unavailable"],
    ["fails", [{ status: 500 }], "model_error"],
    ["resets the connection", [{ reset: true }], "model_unavailable"],
    ["sends rubbish", [{ raw: "<html>" }], "model_error"],
    ["is stopped by a filter at once", [{ finish: "content_filter" }, { done: true }], "model_error"],
    ["says nothing", [{ finish: "stop" }, { done: true }], "model_error"],
    ["only thinks", [{ reasoning: "Hm." }, { finish: "stop" }, { done: true }], "model_error"],
  ])("when one %s", async (_, steps, code) => {
    const { owner, id, names, models } = await setUp([steps, complete(["Here."])]);
    const { status, body } = await chat(owner, id, "Hi");
    const attempts = [attempt(models[0], code), attempt(models[1], null)];
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { content: "Here.", model_used: models[1], reply: { attempts } },
    });
    expect(await up.requests(names[0] ?? "")).toHaveLength(1);
    expect((await history(owner, id)).map(({ role, attempts: kept }) => [role, kept])).toEqual([
      ["user", undefined],
      ["assistant", attempts],
    ]);
    const stored = await call("GET", `/v1/message/${body.reply.id}`, { headers: owner.user });
    expect(stored.body.message.attempts).toEqual(attempts);
  });

  it("when one is late before its first token", async () => {
    const { owner, id, models } = await setUp([[{ comment: "soon" }, { hang: true }], complete(["Here."])], {
      first_token_timeout_ms: 200,
    });
    const { body } = await chat(owner, id, "Hi");
    expect(body.reply).toMatchObject({
      content: "Here.",
      attempts: [attempt(models[0], "model_timeout"), attempt(models[1], null)],
    });
  });

  it("when there is no time left for the whole turn", async () => {
    const { owner, id } = await setUp([[{ hang: true }]], {
      turn_timeout_ms: 300,
      last: ["builtin/faq"],
      knowledge: [{ question: "Hi?", answer: "Hello." }],
    });
    expect((await chat(owner, id, "Hi?")).body).toMatchObject({ content: "Hello.", model_used: "builtin/faq" });
  });

  it("when the provider of one is gone, five models on, and in a stream", async () => {
    const scripts: Step[][] = [[{ status: 503 }], [{ status: 500 }], [{ status: 401 }]];
    const site = await setUp(scripts, {
      last: ["up/gone", "builtin/faq"],
      knowledge: [{ question: "Hi?", answer: "Hello." }],
    });
    await up.script("gone", [{ reset: true }]);
    const stream = await streamChat(site.owner, site.id, "Hi?");
    const end = await stream.until("chat_response");
    expect(end.data.message).toMatchObject({ content: "Hello.", status: "complete", model_used: "builtin/faq" });
    expect(end.data.message.attempts.map(({ code }: { code: string }) => code)).toEqual([
      ...["model_unavailable", "model_error", "model_error", "model_unavailable", null],
    ]);
    await call("DELETE", "/v1/model-provider/up", { headers: site.owner.admin });
    expect((await chat(site.owner, (await createConversation(site.owner)).id, "Hi?")).body.content).toBe("Hello.");
  });
});

describe("the next model does not answer", () => {
  it.each<[string, Step[]]>([
    ["breaks off", [{ text: "half " }]],
    ["fails", [{ text: "half " }, { error: { code: 503 } }]],
    ["is late", [{ text: "half " }, { hang: true }]],
  ])("when one %s after its first token", async (_, steps) => {
    const { owner, id, names, models } = await setUp([steps, complete(["Here."])], { token_timeout_ms: 200 });
    expect((await chat(owner, id, "Hi")).status).toBeGreaterThanOrEqual(502);
    const reply = (await history(owner, id)).at(-1);
    expect(reply).toMatchObject({
      status: "failed",
      content: "half ",
      model_used: models[0],
      attempts: [{ status: "failed" }],
    });
    expect(await up.requests(names[1] ?? "")).toEqual([]);
  });

  it("when all have failed: the last one's failure is told, which is asked once more if it was not there", async () => {
    const { owner, id, names, models } = await setUp([[{ status: 500 }], [{ status: 503 }]]);
    expect(await chat(owner, id, "Hi")).toMatchObject({ status: 503, body: { code: "model_unavailable" } });
    expect(await up.requests(names[1] ?? "")).toHaveLength(2);
    const reply = (await history(owner, id)).at(-1);
    expect(reply?.["attempts"]).toEqual([
      attempt(models[0], "model_error"),
      attempt(models[1], "model_unavailable"),
      attempt(models[1], "model_unavailable"),
    ]);
  });
});

describe("an agent's models", () => {
  it.each<[unknown, string]>([
    [[], "/model"],
    [Array.from({ length: 6 }, () => "builtin/faq"), "/model"],
    [["builtin/faq", 7], "/model"],
    [["builtin/faq", "nowhere/x"], "/model/1"],
    [["", "builtin/faq"], "/model"],
    [{ name: "x" }, "/model"],
  ])("are refused: %j", async (model, path) => {
    const company = await makeCompany();
    const { status, body } = await call("POST", "/v1/agent", { headers: company.admin, body: { name: "x", model } });
    expect(status).toBe(422);
    expect(body.errors[0].path).toMatch(new RegExp(`^${path}`));
  });

  it("come back as they were given, and one alone as its name; a reply of one has no attempts", async () => {
    const company = await makeCompany();
    const put = (id: string, model: unknown) =>
      call("PUT", `/v1/agent/${id}`, { headers: company.admin, body: { name: "x", model } });
    const made = await call("POST", "/v1/agent", {
      headers: company.admin,
      body: { name: "x", model: ["builtin/echo", "builtin/faq"] },
    });
    expect(made.body.agent.model).toEqual(["builtin/echo", "builtin/faq"]);
    expect((await put(made.body.agent.id, ["builtin/echo"])).body.agent.model).toBe("builtin/echo");
    const owner = { ...company, agent_id: made.body.agent.id as string };
    const { body } = await chat(owner, (await createConversation(owner)).id, "Hi");
    expect(body.reply).not.toHaveProperty("attempts");
  });
});
