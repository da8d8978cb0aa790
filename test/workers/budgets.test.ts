/** Budgets and prices over HTTP, with models of a real upstream that say how many tokens they took. */
import { abortAllDurableObjects, evictDurableObject, listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { mostInput } from "../../src/chat/usage.ts";
import { calling, complete, type Step, upstream } from "../upstream/client.ts";
import { call, type Company, makeCompany, makeLead, send } from "./company.ts";
import { chat, createConversation, history, settle, streamChat } from "./conversation-client.ts";

const up = upstream(env.TEST_UPSTREAM);
let count = 0;

/** What a call reserves in a new conversation: its message, and as many tokens as the agent may write. */
const most = (content: string, output: number) =>
  mostInput({ instructions: "", messages: [{ role: "user", content }] }) + output;

type Site = Company & { model: string };

/** A company with an agent whose model follows these scripts. */
async function makeSite(scripts: Step[][], settings: Record<string, unknown> = {}): Promise<Site> {
  const company = await makeCompany();
  const name = `budget-${count++}`;
  await up.script(name, ...scripts);
  const provider = { kind: "openai-compatible", base_url: up.baseUrl };
  await call("PUT", "/v1/model-provider/up", { headers: company.admin, body: provider });
  const agent = { name: "Helper", model: `up/${name}`, auto_title: false, max_output_tokens: 100, ...settings };
  const made = await call("POST", "/v1/agent", { headers: company.admin, body: agent });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return { ...company, agent_id: made.body.agent.id, model: name };
}

async function setBudget(company: Company, fields: object): Promise<any> {
  const body = { applies_to: "company", period: "month", ...fields };
  const made = await call("POST", "/v1/budget", { headers: company.admin, body });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body.budget;
}

const look = async (company: Company, id: string, query = "") =>
  (await call("GET", `/v1/budget/${id}${query}`, { headers: company.admin })).body.budget;

const usage = { prompt_tokens: 20, completion_tokens: 30 };

/** A ledger is told of a turn behind its answer; a busy machine takes its time. */
const PATIENT = { timeout: 20_000 };

afterEach(() => {
  vi.useRealTimers();
});

describe("turns at the same time", () => {
  it("never overspend, over many conversations: of twenty exactly ten have room", async () => {
    const site = await makeSite([[{ gate: "twenty" }, ...complete(["Here."], usage)]]);
    const tokens = 10 * most("Hi", 100);
    const budget = await setBudget(site, { tokens });
    const conversations = await Promise.all(Array.from({ length: 20 }, () => createConversation(site)));
    const turns = conversations.map(({ id }) => chat(site, id, "Hi"));
    await up.waitAtGate("twenty", 10);
    expect(await look(site, budget.id)).toMatchObject({ used: 0, reserved: tokens });
    // Those for whom there is no room are refused while the others are answered.
    await Promise.any(turns.map(async (turn) => expect((await turn).status).toBe(429)));
    await up.openGate("twenty");
    const answers = await Promise.all(turns);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      ...Array.from({ length: 10 }, () => 200),
      ...Array.from({ length: 10 }, () => 429),
    ]);
    expect(await up.requests(site.model)).toHaveLength(10);
    expect(await look(site, budget.id)).toMatchObject({ used: 500, reserved: 0 });
    for (const [n, { status, body, headers }] of answers.entries()) {
      const said = await history(site, conversations[n]?.id ?? "");
      expect(said).toHaveLength(status === 200 ? 2 : 0);
      if (status === 200) continue;
      expect(body).toMatchObject({ code: "budget_exhausted", resets_at: budget.resets_at });
      const seconds = (Date.parse(budget.resets_at) - Date.now()) / 1000;
      expect(Math.abs(Number(headers.get("retry-after")) - seconds)).toBeLessThan(30);
    }
  });

  it("wait their turn in one conversation with their room, and give it back when they are taken back", async () => {
    const site = await makeSite([[{ gate: "queued" }, ...complete(["Here."], usage)]]);
    const budget = await setBudget(site, { tokens: 100_000 });
    const { id } = await createConversation(site);
    const first = chat(site, id, "one");
    await up.waitAtGate("queued");
    const waiting = await streamChat(site, id, "two");
    const queued = await waiting.until("chat_status");
    const { reserved } = await look(site, budget.id);
    expect(reserved).toBeGreaterThan(most("one", 100));
    const stop = { headers: site.user, body: { turn_id: queued.data.turn_id } };
    await call("POST", `/v1/conversation/${id}/chat/stop`, stop);
    expect((await look(site, budget.id)).reserved).toBe(most("one", 100));
    await up.openGate("queued");
    expect((await first).status).toBe(200);
    expect(await look(site, budget.id)).toMatchObject({ used: 50, reserved: 0 });
  });
});

describe("every way to a model", () => {
  it("takes of a budget what it was sent where an answer with a schema breaks off", async () => {
    const site = await makeSite([[{ text: '{"half' }]]);
    const budget = await setBudget(site, { tokens: 100_000 });
    const { id } = await createConversation(site);
    const body = { message: "Hi", output_schema: { type: "object" } };
    const answer = await call("POST", `/v1/conversation/${id}/chat`, { headers: site.user, body });
    expect(answer).toMatchObject({ status: 502, body: { code: "model_error" } });
    const { used, reserved } = await look(site, budget.id);
    expect([used > 0, reserved]).toEqual([true, 0]);
  });

  it("takes of a budget what answers took that do not fit their schema", async () => {
    const site = await makeSite([complete(["No"], usage), complete(["Never"], { ...usage, completion_tokens: 40 })]);
    const budget = await setBudget(site, { tokens: 100_000 });
    const { id } = await createConversation(site);
    const body = { message: "Hi", output_schema: { type: "object" } };
    const answer = await call("POST", `/v1/conversation/${id}/chat`, { headers: site.user, body });
    expect(answer).toMatchObject({ status: 502, body: { code: "output_invalid" } });
    expect(await look(site, budget.id)).toMatchObject({ used: 110, reserved: 0 });
    const reply = (await history(site, id)).at(-1);
    expect(reply?.["usage"]).toMatchObject({ input_tokens: 40, output_tokens: 70, source: "measured" });
  });

  it("is refused where a budget has no room, and nothing of it is stored", async () => {
    const site = await makeSite([complete(["Here."], usage)]);
    await setBudget(site, { tokens: 1, period: "day" });
    const { id } = await createConversation(site);
    const path = `/v1/conversation/${id}/chat`;
    const ui = { message: { id: "m1", role: "user", parts: [{ type: "text", text: "Hi" }] } };
    const completion = { model: site.agent_id, messages: [{ role: "user", content: "Hi" }] };
    const asks: [string, object, Record<string, string>][] = [
      [path, { message: "Hi" }, {}],
      [path, { message: "Hi" }, { accept: "text/event-stream" }],
      [path, { message: "Hi" }, { prefer: "respond-async" }],
      [path, ui, {}],
      [path, { message: "Hi", output_schema: { type: "object" } }, {}],
      ["/v1/chat/completions", completion, {}],
      ["/v1/chat/completions", { ...completion, stream: true }, {}],
    ];
    for (const [url, body, headers] of asks) {
      const answer = await call("POST", url, { headers: { ...site.user, ...headers }, body });
      expect(answer, JSON.stringify([url, body, headers])).toMatchObject({
        status: 429,
        body: { code: "budget_exhausted" },
      });
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    }
    expect(await history(site, id)).toEqual([]);
    expect(await up.requests(site.model)).toEqual([]);
    const refused = await call("POST", "/v1/chat/completions", { headers: site.user, body: completion });
    // OpenAI's clients send every 429 again, unless they are told not to.
    expect(refused.headers.get("x-should-retry")).toBe("false");
  });

  it("leaves a reply as it is that there is no room to make anew", async () => {
    const site = await makeSite([complete(["Here."], usage)]);
    const { id } = await createConversation(site);
    await chat(site, id, "Hi");
    await setBudget(site, { tokens: 1 });
    await env.CONVERSATION.getByName(id).settle(site.company_id);
    await evictDurableObject(env.CONVERSATION.getByName(id));
    const before = await history(site, id);
    const regenerate = { trigger: "regenerate-message", messages: [{ id: "m", role: "user", parts: [] }] };
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 20_000 });
    const answer = await call("POST", `/v1/conversation/${id}/chat`, { headers: site.user, body: regenerate });
    expect(answer).toMatchObject({ status: 429, body: { code: "budget_exhausted" } });
    expect(await history(site, id)).toEqual(before);
  });

  it("fails in its turn where a message waited and there is no room any more, and says until when", async () => {
    const long = "word ".repeat(400);
    const site = await makeSite([[{ gate: "waits" }, ...complete([long], usage)], complete(["Here."], usage)]);
    const first = most("one", 100);
    // The second message has room as it arrives; behind the long reply it has none.
    const budget = await setBudget(site, { tokens: first + most("one", 0) + most("two", 100) });
    const { id } = await createConversation(site);
    const turn = chat(site, id, "one");
    await up.waitAtGate("waits");
    const stream = await streamChat(site, id, "two");
    await stream.until("chat_status");
    await up.openGate("waits");
    expect((await turn).status).toBe(200);
    const { data } = await stream.until("chat_response");
    expect(data).toMatchObject({ status: "failed", error: { code: "budget_exhausted", resets_at: budget.resets_at } });
    expect(await look(site, budget.id)).toMatchObject({ used: 50, reserved: 0 });
  });

  it("takes what it was sent and has said when it is stopped", async () => {
    const site = await makeSite([[{ text: "word ".repeat(30) }, { gate: "stopped" }]]);
    const budget = await setBudget(site, { tokens: 10_000 });
    const { id } = await createConversation(site);
    const stream = await streamChat(site, id, "Hi");
    await stream.until("chat_delta");
    await call("POST", `/v1/conversation/${id}/chat/stop`, { headers: site.user, body: {} });
    const [, reply] = await history(site, id);
    const { input_tokens, output_tokens } = reply?.["usage"];
    await vi.waitFor(
      async () =>
        expect(await look(site, budget.id)).toMatchObject({ used: input_tokens + output_tokens, reserved: 0 }),
      PATIENT,
    );
  });

  it("takes room: background turns, streams, completions, replies made anew", async () => {
    const site = await makeSite([complete(["Here."], usage)]);
    const budget = await setBudget(site, { tokens: 1_000_000 });
    const { id } = await createConversation(site);
    const used = async () => (await look(site, budget.id)).used;
    await chat(site, id, "one");
    expect(await used()).toBe(50);
    const stream = await streamChat(site, id, "two");
    await stream.until("chat_response");
    await vi.waitFor(async () => expect(await used()).toBe(100), PATIENT);
    await chat(site, id, "three", {}, { prefer: "respond-async" });
    await vi.waitFor(async () => expect(await used()).toBe(150), PATIENT);
    const regenerate = {
      trigger: "regenerate-message",
      messages: [{ id: "m", role: "user", parts: [{ type: "text", text: "three" }] }],
    };
    expect((await call("POST", `/v1/conversation/${id}/chat`, { headers: site.user, body: regenerate })).status).toBe(
      200,
    );
    await vi.waitFor(async () => expect(await used()).toBe(200), PATIENT);
    const completion = { model: site.agent_id, messages: [{ role: "user", content: "four" }] };
    await call("POST", "/v1/chat/completions", { headers: site.user, body: completion });
    expect(await look(site, budget.id)).toMatchObject({ used: 250, reserved: 0 });
    // What repeats an answer that there is needs no room.
    const again = { headers: { ...site.user, "idempotency-key": "k" }, body: { message: "five" } };
    await call("POST", `/v1/conversation/${id}/chat`, again);
    await setBudget(site, { tokens: 1 });
    expect((await call("POST", `/v1/conversation/${id}/chat`, again)).headers.get("idempotent-replayed")).toBe("true");
  });

  it("takes room for each further call of a tool loop, and ends where there is none left", async () => {
    const tool = `tool-${count++}`;
    await up.script(`tools/${tool}`, [{ status: 200, body: { answer: "x".repeat(4000) } }]);
    const tools = [{ name: "look", description: "", parameters: { type: "object" }, url: up.toolUrl(tool) }];
    const script = [calling([{ name: "look", arguments: {} }], [], usage), complete(["Found."], usage)];
    const site = await makeSite(script, { tools });
    const enough = await setBudget(site, { tokens: 10_000 });
    const { id } = await createConversation(site);
    expect((await chat(site, id, "Hi")).body).toMatchObject({ content: "Found." });
    expect(await look(site, enough.id)).toMatchObject({ used: 100, reserved: 0 });
    await up.script(site.model, ...script);
    await setBudget(site, { tokens: 100 + 500 });
    const { body, status } = await chat(site, (await createConversation(site)).id, "Hi");
    expect({ status, body }).toMatchObject({
      status: 429,
      body: { code: "budget_exhausted", turn_id: expect.any(String) },
    });
    expect(await look(site, enough.id)).toMatchObject({ used: 150, reserved: 0 });
  });

  it("asks a model whose agent names no limit for no more than was reserved", async () => {
    const site = await makeSite([complete(["Here."], usage)], { max_output_tokens: null });
    const limits = async () => (await up.requests(site.model)).map(({ body }) => body.max_tokens);
    await chat(site, (await createConversation(site)).id, "Hi");
    expect(await limits()).toEqual([undefined]);
    await setBudget(site, { tokens: 5_000 });
    const { id } = await createConversation(site);
    await chat(site, id, "Hi");
    expect(await limits()).toEqual([undefined, 4096]);
    await setBudget(site, { tokens: 400 });
    await chat(site, (await createConversation(site)).id, "Hi");
    expect((await limits()).at(-1)).toBe(256);
  });

  it("counts what was not measured as it is estimated, and summaries too", async () => {
    const said = complete(["word ".repeat(40)]);
    const site = await makeSite([said], { summarize: true, max_context_length: 2 });
    const budget = await setBudget(site, { tokens: 1_000_000 });
    const { id } = await createConversation(site, { max_context_length: 2 });
    const { body } = await chat(site, id, "Hi");
    expect(body.usage).toMatchObject({ source: "estimated", cost: null, cached_input_tokens: null });
    expect((await look(site, budget.id)).used).toBe(body.usage.input_tokens + body.usage.output_tokens);
    for (const message of ["two", "three", "four"]) await chat(site, id, message);
    const turns = (await history(site, id)).flatMap(({ usage: took }) =>
      took ? [took.input_tokens + took.output_tokens] : [],
    );
    const sum = turns.reduce((a, b) => a + b, 0);
    await vi.waitFor(async () => {
      const { used, reserved } = await look(site, budget.id);
      expect(reserved).toBe(0);
      expect(used).toBeGreaterThan(sum);
    }, PATIENT);
  });
});

describe("an exhausted budget", () => {
  it("takes what a summary took, also where its conversation is gone meanwhile", async () => {
    const scripts = [
      complete(["Here."], usage),
      complete(["Here."], usage),
      [{ gate: "gone" }, ...complete(["So."], usage)],
    ];
    const site = await makeSite(scripts, { summarize: true, max_input_tokens: 256 });
    const budget = await setBudget(site, { tokens: 100_000 });
    const { id } = await createConversation(site);
    for (const n of [1, 2]) expect((await chat(site, id, `${n} ${"x".repeat(900)}`)).status).toBe(200);
    await up.waitAtGate("gone");
    const before = await look(site, budget.id);
    expect(before.reserved).toBeGreaterThan(0);
    const erased = await call("DELETE", `/v1/conversation/${id}?purge=true`, { headers: site.admin });
    expect(erased.status).toBe(200);
    await up.openGate("gone");
    await expect.poll(async () => (await look(site, budget.id)).reserved).toBe(0);
    expect((await look(site, budget.id)).used).toBe(before.used + 50);
  });

  it("lets the next model answer that there is room for, and at last the one that costs nothing", async () => {
    const site = await makeSite([complete(["Dear."], usage)], {
      knowledge: [{ question: "Hi?", answer: "Hello." }],
    });
    const cheap = `cheap-${count++}`;
    await up.script(cheap, complete(["Cheap."], usage));
    const prices = {
      [site.model]: { input: "1000", output: "1000", currency: "EUR" },
      [cheap]: { input: 1, output: 1, currency: "EUR" },
    };
    await call("PUT", "/v1/model-provider/up/prices", { headers: site.admin, body: prices });
    const agent = {
      name: "x",
      model: [`up/${site.model}`, `up/${cheap}`],
      max_output_tokens: 100,
      auto_title: false,
      knowledge: [{ question: "Hi?", answer: "Hello." }],
    };
    await call("PUT", `/v1/agent/${site.agent_id}`, { headers: site.admin, body: agent });
    const budget = await setBudget(site, { amount: "0.001", currency: "EUR", on_exhausted: "fallback" });
    const { body } = await chat(site, (await createConversation(site)).id, "Hi?");
    expect(body).toMatchObject({ content: "Cheap.", usage: { cost: { amount: "0.00005", currency: "EUR" } } });
    expect(body.reply.attempts).toMatchObject([
      { model: `up/${site.model}`, status: "failed", code: "budget_exhausted" },
      { model: `up/${cheap}`, status: "completed", code: null },
    ]);
    expect(await look(site, budget.id)).toMatchObject({ used: "0.00005", reserved: "0" });
    await setBudget(site, { tokens: 1, on_exhausted: "fallback" });
    const last = await chat(site, (await createConversation(site)).id, "Hi?");
    expect(last.body).toMatchObject({ content: "Hello.", model_used: "builtin/faq" });
    expect(last.body.reply.attempts).toHaveLength(3);
    expect(await look(site, budget.id)).toMatchObject({ used: "0.00005", reserved: "0" });
  });

  it("refuses a reply that is made anew, also as one more attempt of one that failed", async () => {
    const site = await makeSite([complete(["Here."], usage), [{ status: 401 }]]);
    await setBudget(site, { tokens: 1_000_000 });
    const { id } = await createConversation(site);
    const { reply } = (await chat(site, id, "Hi")).body;
    const body = { trigger: "regenerate-message", messages: [{ id: reply.id, role: "assistant", parts: [] }] };
    const headers = { ...site.user, "idempotency-key": "anew" };
    const anew = () => call("POST", `/v1/conversation/${id}/chat`, { headers, body });
    expect((await anew()).body).toContain('"type":"error"');
    await setBudget(site, { tokens: 1 });
    expect((await anew()).body).toMatchObject({ status: 429, code: "budget_exhausted" });
  });

  it("hands the conversation to the staff: the message is kept, and somebody is waited for", async () => {
    const site = await makeSite([complete(["Here."], usage)]);
    const name = `handed-${site.company_id.slice(-8)}`;
    const hook = { url: up.toolUrl(name), events: ["handling.changed"] };
    await call("POST", "/v1/webhook", { headers: site.admin, body: hook });
    await setBudget(site, { tokens: 1, on_exhausted: "hand_over" });
    const { id } = await createConversation(site);
    const { status, body } = await chat(site, id, "Hi");
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { status: "handled_by_staff", reply: null, content: "" },
    });
    expect((await history(site, id)).map(({ content }) => content)).toEqual(["Hi"]);
    const { conversation } = (await call("GET", `/v1/conversation/${id}`, { headers: site.user })).body;
    expect(conversation).toMatchObject({ handled_by: "agent", waiting_since: expect.any(String) });
    await chat(site, id, "Anybody there?");
    const handling = await call("GET", `/v1/conversation/${id}/handling`, { headers: site.user });
    expect(handling.body.handling).toMatchObject([{ action: "hand_over", reason: "budget_exhausted" }]);
    const [event] = (await up.waitForAnswer(`tools/${name}`, 1)) as any[];
    expect(event.body).toMatchObject({ type: "handling.changed", data: { conversation_id: id, handled_by: "agent" } });
    const parts = [{ type: "text", text: "And now?" }];
    for (const [accept, said, shown] of [
      ["text/event-stream", { message: "And now?" }, '"handled_by":"staff"'],
      ["application/json", { message: "And now?" }, '"status":"handled_by_staff"'],
      ["*/*", { messages: [{ id: "m1", role: "user", parts }] }, '"data":{"handled_by":"staff","handler":null}'],
    ] as const) {
      const headers = { ...site.user, accept };
      const more = await send("POST", `/v1/conversation/${id}/chat`, { headers, body: said });
      expect(await more.text()).toContain(shown);
    }
    expect(await up.requests(site.model)).toEqual([]);
    // Once there is room again, the agent answers.
    const { budgets } = (await call("GET", "/v1/budget", { headers: site.admin })).body;
    await call("DELETE", `/v1/budget/${budgets[0].id}`, { headers: site.admin });
    expect((await chat(site, id, "Hello?")).body.content).toBe("Here.");
  });

  it("is told of once, by a webhook", async () => {
    const site = await makeSite([complete(["Here."], usage)]);
    const name = `warned-${site.company_id.slice(-8)}`;
    const hook = { url: up.toolUrl(name), events: ["budget.warning"] };
    expect((await call("POST", "/v1/webhook", { headers: site.admin, body: hook })).status).toBe(201);
    const budget = await setBudget(site, { tokens: 250 });
    for (let n = 0; n < 8; n++) await chat(site, (await createConversation(site)).id, "Hi");
    const [event] = (await up.waitForAnswer(`tools/${name}`, 1)) as any[];
    expect(event.body).toMatchObject({
      type: "budget.warning",
      data: { company_id: site.company_id, budget_id: budget.id, limit: 250, resets_at: budget.resets_at },
    });
    expect(await up.requests(`tools/${name}`)).toHaveLength(1);
  });
});

describe("a company without budgets", () => {
  it("never wakes a ledger, and hears within seconds of its first budget", async () => {
    const site = await makeSite([complete(["Here."], usage)]);
    const { id } = await createConversation(site);
    expect((await chat(site, id, "Hi")).status).toBe(200);
    const ledgers = async () => (await listDurableObjectIds(env.BUDGET)).map(String);
    const own = env.BUDGET.idFromName(site.company_id).toString();
    expect(await ledgers()).not.toContain(own);
    const budget = await setBudget(site, { tokens: 1 });
    expect(await ledgers()).toContain(own);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 15_001 });
    expect((await chat(site, id, "Hi again")).status).toBe(429);
    await call("DELETE", `/v1/budget/${budget.id}`, { headers: site.admin });
    expect((await chat(site, id, "Hi again")).status).toBe(200);
  });
});

describe("a crash", () => {
  it("between reservation and settlement: what was reserved is not free, and counts once its time is over", async () => {
    const site = await makeSite([[{ gate: "crash" }, ...complete(["Here."], usage)]], { turn_timeout_ms: 60_000 });
    const tokens = most("Hi", 100) + 10;
    const budget = await setBudget(site, { tokens });
    const { id } = await createConversation(site);
    const turn = chat(site, id, "Hi").catch(() => null);
    await up.waitAtGate("crash");
    await abortAllDurableObjects();
    await turn;
    expect(await look(site, budget.id)).toMatchObject({ used: 0, reserved: most("Hi", 100) });
    expect((await chat(site, (await createConversation(site)).id, "Hi")).status).toBe(429);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 10 * 60_000 });
    expect(await look(site, budget.id)).toMatchObject({ used: most("Hi", 100), reserved: 0 });
  });
});

describe("costs", () => {
  const price = { input: "0.15", cached_input: 0.075, output: "0.60", currency: "USD" };

  it("have the price of when the model was asked, and cached tokens their own", async () => {
    const cached = { ...usage, prompt_tokens_details: { cached_tokens: 8 } };
    const site = await makeSite([complete(["Here."], cached)]);
    const put = (prices: object) => call("PUT", "/v1/model-provider/up/prices", { headers: site.admin, body: prices });
    const shown = { input: "0.15", cached_input: "0.075", output: "0.6", currency: "USD" };
    expect((await put({ [site.model]: price })).body).toEqual({ prices: { [site.model]: shown } });
    const prices = await call("GET", "/v1/model-provider/up/prices", { headers: site.admin });
    expect(prices.body.prices).toEqual({ [site.model]: shown });
    const { id } = await createConversation(site);
    const { body } = await chat(site, id, "Hi");
    const first = {
      ...{ input_tokens: 20, cached_input_tokens: 8, output_tokens: 30, source: "measured" },
      cost: { amount: "0.0000204", currency: "USD" },
    };
    expect(body.usage).toEqual(first);
    expect(body.reply.usage).toEqual(first);
    await put({ [site.model]: { input: 1, output: 2, currency: "EUR" } });
    const later = await chat(site, (await createConversation(site)).id, "Hi");
    expect(later.body.usage.cost).toEqual({ amount: "0.00008", currency: "EUR" });
    expect((await history(site, id)).at(-1)?.["usage"]).toEqual(first);
    await settle(site, id);
    const stored = await env.DB.prepare("SELECT cached_input_tokens, cost FROM message WHERE id = ?")
      .bind(body.reply.id)
      .first();
    expect(stored).toEqual({ cached_input_tokens: 8, cost: JSON.stringify(first.cost) });
    const completion = { model: site.agent_id, messages: [{ role: "user", content: "Hi" }] };
    const completed = await call("POST", "/v1/chat/completions", { headers: site.user, body: completion });
    expect(completed.body.usage).toMatchObject({
      ...{ prompt_tokens: 20, prompt_tokens_details: { cached_tokens: 8 } },
      cost: { amount: "0.00008", currency: "EUR" },
    });
    await put({});
    expect((await chat(site, (await createConversation(site)).id, "Hi")).body.usage.cost).toBeNull();
  });

  it("that nobody can reckon: a budget in money says so, and one in tokens does not mind", async () => {
    const site = await makeSite([complete(["Here."], usage)]);
    const budget = await setBudget(site, { amount: 5, currency: "EUR" });
    const unpriced = async () =>
      (await call("GET", `/v1/budget/${budget.id}`, { headers: site.admin })).body.unpriced_models;
    expect(await unpriced()).toEqual([`up/${site.model}`]);
    const { id } = await createConversation(site);
    expect(await chat(site, id, "Hi")).toMatchObject({ status: 409, body: { code: "budget_unpriced" } });
    expect(await history(site, id)).toEqual([]);
    const body = { [site.model]: { input: 1, output: 1, currency: "EUR" } };
    await call("PUT", "/v1/model-provider/up/prices", { headers: site.admin, body });
    expect(await unpriced()).toEqual([]);
    expect((await chat(site, (await createConversation(site)).id, "Hi")).status).toBe(200);
    expect(await look(site, budget.id)).toMatchObject({ used: "0.00005", reserved: "0", amount: "5", tokens: null });
  });

  it.each([
    [{ m: { input: "1.0000001", output: 1, currency: "EUR" } }, "/m/input"],
    [{ m: { input: -1, output: 1, currency: "EUR" } }, "/m/input"],
    [{ m: { input: 1, output: "1000000000", currency: "EUR" } }, "/m/output"],
    [{ m: { input: 1e-9, output: 1, currency: "EUR" } }, "/m/input"],
    [{ m: { input: 1, output: 1, currency: "euro" } }, "/m/currency"],
    [{ m: { input: 1, output: 1 } }, "/m/currency"],
    [{ "a b": { input: 1, output: 1, currency: "EUR" } }, "/a b"],
    [{ m: { input: 1, output: 1, currency: "EUR", more: 1 } }, "/m/more"],
    [JSON.parse('{"__proto__":{"input":1,"output":1,"currency":"EUR"}}'), "/__proto__"],
    [[], ""],
  ])("of %j are refused", async (body, path) => {
    const company = await makeCompany();
    const provider = { kind: "openai-compatible", base_url: up.baseUrl };
    await call("PUT", "/v1/model-provider/up", { headers: company.admin, body: provider });
    const answer = await call("PUT", "/v1/model-provider/up/prices", { headers: company.admin, body });
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0].path).toBe(path);
  });
});

describe("a budget", () => {
  it("begins anew where the company's day does, also after its clocks have changed", async () => {
    const company = await makeCompany();
    const budget = await setBudget(company, { tokens: 1000, period: "day" });
    expect(budget.resets_at).toBe(`${new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)}T00:00:00.000Z`);
    const zone = (time_zone: string) => call("PATCH", "/v1/company", { headers: company.admin, body: { time_zone } });
    await zone("Europe/Berlin");
    const at = async (now: string) => {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(now) });
      return (await call("GET", `/v1/budget/${budget.id}`, { headers: company.admin })).body.budget.resets_at;
    };
    expect(await at("2026-10-24T22:00:00Z")).toBe("2026-10-25T23:00:00.000Z");
    expect(await at("2027-03-27T23:00:00Z")).toBe("2027-03-28T22:00:00.000Z");
    await zone("America/New_York");
    expect(await at("2027-03-28T05:00:00Z")).toBe("2027-03-29T04:00:00.000Z");
  });

  it("counts what its period had before it was set, of its own company alone", async () => {
    const site = await makeSite([complete(["Here."], usage)]);
    const body = { [site.model]: { input: "0.3", output: "0.7", currency: "EUR" } };
    await call("PUT", "/v1/model-provider/up/prices", { headers: site.admin, body });
    const lead = await makeLead(site);
    const { id } = await createConversation(site);
    const own = await call("POST", "/v1/conversation", { headers: lead.headers, body: { agent_id: site.agent_id } });
    for (const [conversation, headers] of [
      [id, site.user],
      [own.body.conversation.id, lead.headers],
    ] as const) {
      await call("POST", `/v1/conversation/${conversation}/chat`, { headers, body: { message: "Hi" } });
      await settle(site, conversation);
    }
    const other = await makeSite([complete(["Here."], usage)]);
    expect(await setBudget(other, { tokens: 1000 })).toMatchObject({ used: 0 });
    expect(await setBudget(site, { tokens: 1000 })).toMatchObject({ used: 100, reserved: 0 });
    expect(await setBudget(site, { amount: "1", currency: "EUR" })).toMatchObject({ used: "0.000054" });
    expect(await setBudget(site, { amount: "1", currency: "USD" })).toMatchObject({ used: "0" });
    const entity = { applies_to: "entity", entity_type: "lead", entity_id: lead.lead_id };
    expect(await setBudget(site, { ...entity, tokens: 1000 })).toMatchObject({ used: 50 });
    const each = await setBudget(site, { applies_to: "each_lead", tokens: 1000 });
    expect(each).toMatchObject({ used: null, reserved: null });
    expect(await look(site, each.id, `?lead_id=${lead.lead_id}`)).toMatchObject({ used: 50, reserved: 0 });
    for (const lead_id of [site.agent_id, site.user_id, (await makeLead(other)).lead_id]) {
      for (const path of [`/budget/${each.id}`, "/budget"]) {
        const answer = await call("GET", `/v1${path}?lead_id=${lead_id}`, { headers: site.admin });
        expect(answer).toMatchObject({ status: 422, body: { errors: [{ path: "/lead_id" }] } });
      }
    }
    expect(await setBudget(site, { applies_to: "agent", agent_id: site.faq_agent_id, tokens: 9 })).toMatchObject({
      used: 0,
    });
  });

  it("counts in the end what a turn took that did not know of it yet", async () => {
    const site = await makeSite([complete(["Here."], usage)]);
    const { id } = await createConversation(site);
    await chat(site, id, "Hi");
    await settle(site, id);
    const budget = await setBudget(site, { tokens: 10_000 });
    expect(budget).toMatchObject({ used: 50 });
    await chat(site, id, "Again");
    await settle(site, id);
    // 50 where the conversation's object still believes that there is no budget, as it may for 15 seconds.
    expect([50, 100]).toContain((await look(site, budget.id)).used);
    // A minute later.
    const ledger = env.BUDGET.getByName(site.company_id);
    await runInDurableObject(ledger, (_, { storage }) => {
      storage.sql.exec("UPDATE budget SET since = since - 61000");
    });
    await evictDurableObject(ledger);
    await vi.waitUntil(async () => (await look(site, budget.id)).used === 100, PATIENT);
  });

  it("is listed, looked at and removed; nobody else sees it, and each change is in the trail", async () => {
    const [company, other] = [await makeCompany(), await makeCompany()];
    const budget = await setBudget(company, { tokens: 7, period: "day" });
    await setBudget(company, { applies_to: "agent", agent_id: company.agent_id, amount: "2.50", currency: "EUR" });
    const { body } = await call("GET", "/v1/budget", { headers: company.admin });
    expect(body).toMatchObject({
      budgets: [
        { applies_to: "agent", amount: "2.5", used: "0" },
        { tokens: 7, used: 0, on_exhausted: "refuse" },
      ],
      pagination: { total: 2 },
    });
    for (const [method, path] of [
      ["GET", `/v1/budget/${budget.id}`],
      ["DELETE", `/v1/budget/${budget.id}`],
    ] as const) {
      expect((await call(method, path, { headers: other.admin })).status).toBe(404);
      expect((await call(method, path, { headers: company.read_write })).status).toBe(403);
    }
    expect((await call("GET", "/v1/budget", { headers: other.admin })).body.budgets).toEqual([]);
    expect((await call("DELETE", `/v1/budget/${budget.id}`, { headers: company.admin })).body.budget.id).toBe(
      budget.id,
    );
    expect((await call("GET", `/v1/budget/${budget.id}`, { headers: company.admin })).status).toBe(404);
    const trail = await call("GET", "/v1/audit?per_page=5", { headers: company.admin });
    expect(trail.body.audit_events.map(({ action }: any) => action)).toEqual([
      "budget.delete",
      "budget.create",
      "budget.create",
    ]);
  });

  it("of one company takes nothing of another's", async () => {
    const [poor, rich] = [await makeSite([complete(["Here."], usage)]), await makeSite([complete(["Here."], usage)])];
    await setBudget(poor, { tokens: 1 });
    const budget = await setBudget(rich, { tokens: 1000 });
    expect((await chat(poor, (await createConversation(poor)).id, "Hi")).status).toBe(429);
    expect((await chat(rich, (await createConversation(rich)).id, "Hi")).status).toBe(200);
    expect((await look(rich, budget.id)).used).toBe(50);
  });

  it.each<[object, string]>([
    [{}, "/tokens"],
    [{ tokens: 0 }, "/tokens"],
    [{ tokens: 1.5 }, "/tokens"],
    [{ amount: "0", currency: "EUR" }, "/amount"],
    [{ amount: "1" }, "/currency"],
    [{ tokens: 1, amount: "1", currency: "EUR" }, "/tokens"],
    [{ tokens: 1, period: "year" }, "/period"],
    [{ tokens: 1, applies_to: "agent" }, "/agent_id"],
    [{ tokens: 1, applies_to: "entity", entity_type: "lead" }, "/entity_id"],
    [{ tokens: 1, agent_id: "019ab2f4-6f1e-7c3a-9d3e-0a8d1c2b3a4f" }, "/agent_id"],
    [{ tokens: 1, on_exhausted: "explode" }, "/on_exhausted"],
  ])("of %j is refused", async (fields, path) => {
    const company = await makeCompany();
    const body = { applies_to: "company", period: "day", ...fields };
    const answer = await call("POST", "/v1/budget", { headers: company.admin, body });
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map((one: any) => one.path)).toContain(path);
  });

  it("for an agent or a person that the company does not have is 404", async () => {
    const [company, other] = [await makeCompany(), await makeCompany()];
    const common = { period: "day", tokens: 1 };
    for (const subject of [
      { applies_to: "agent", agent_id: other.agent_id },
      { applies_to: "entity", entity_type: "user", entity_id: other.user_id },
      { applies_to: "entity", entity_type: "lead", entity_id: company.user_id },
    ]) {
      const body = { ...common, ...subject };
      expect((await call("POST", "/v1/budget", { headers: company.admin, body })).status).toBe(404);
    }
  });
});
