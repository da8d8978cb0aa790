/** Tools that an agent's model calls over HTTP: how they are set up, called, told, stored, stopped and forgotten. */
import { env } from "cloudflare:workers";
import { createScheduledController, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { configOf } from "../../src/config.ts";
import { Problem } from "../../src/problem/problem.ts";
import worker from "../../src/index.ts";
import type { Delta } from "../../src/chat/turn.ts";
import { storedTools, toolBody } from "../../src/routes/agent/tool.ts";
import { calling, complete, type Step, upstream } from "../upstream/client.ts";
import { everywhere } from "./everywhere.ts";
import { call, type Company, makeCompany, makeLead, send } from "./company.ts";
import {
  chat,
  createConversation,
  history,
  parseEvents,
  type StreamEvent,
  streamChat,
  streamOf,
} from "./conversation-client.ts";

const up = upstream(env.TEST_UPSTREAM);
let count = 0;

const SECRET = "Bearer tool-secret-value";
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

type Setup = Awaited<ReturnType<typeof setUp>>;

/** A conversation with an agent whose model follows these scripts; its tools are `names`, each at an address of its own. */
async function setUp(names: string[], scripts: Step[][], settings: object = {}) {
  const company = await makeCompany();
  const model = `tools-${count++}-${company.company_id}`;
  const provider = { kind: "openai-compatible", base_url: up.baseUrl };
  await call("PUT", "/v1/model-provider/up", { headers: company.admin, body: provider });
  const at = (name: string) => `${name}-${model}`;
  const tools = names.map((name) => ({ name, description: `About ${name}.`, parameters, url: up.toolUrl(at(name)) }));
  const made = await call("POST", "/v1/agent", {
    headers: company.read_write,
    body: { name: "Helper", model: `up/${model}`, tools, ...settings },
  });
  expect(made.status).toBe(201);
  await up.script(model, ...scripts);
  const { id } = await createConversation({ ...company, agent_id: made.body.agent.id });
  return {
    company,
    id,
    model,
    agent: made.body.agent,
    /** Makes a tool answer like this. */
    answer: (name: string, ...steps: Step[]) => up.script(`tools/${at(name)}`, steps),
    requests: (name: string) => up.requests(`tools/${at(name)}`),
    key: (name: string) => `tools/${at(name)}`,
  };
}

const oslo = { name: "weather", arguments: { city: "Oslo" } };
const usage = (prompt_tokens: number, completion_tokens: number) => ({ prompt_tokens, completion_tokens });

/** Name and data of what was told about tools, without what differs each time. */
const toolEvents = (events: StreamEvent[]) =>
  events
    .filter(({ event }) => event === "chat_tool")
    .map(({ data: { turn_id: _, call_id: __, duration_ms: ___, ...data } }) => data);
const textOf = (events: StreamEvent[]) =>
  events
    .filter(({ event }) => event === "chat_delta")
    .map(({ data }) => data.text)
    .join("");
const replay = async ({ company, id }: Setup, turn_id: string, headers = {}) =>
  parseEvents(
    (
      await call("GET", `/v1/conversation/${id}/messages/stream?turn_id=${turn_id}`, {
        headers: { ...company.user, ...headers },
      })
    ).body,
  );

describe("an agent's tools", () => {
  const withTools = (company: Company, tools: unknown, more: object = {}) => ({
    headers: company.read_write,
    body: { name: "Helper", tools, ...more },
  });
  const one = {
    name: "weather",
    url: "https://api.example.com/weather",
    secret_header: { name: "Authorization", value: SECRET },
  };

  it("are shown without the secret, everywhere", async () => {
    const company = await makeCompany();
    const made = await call("POST", "/v1/agent", withTools(company, [{ ...one, parameters }]));
    expect(made.status).toBe(201);
    const path = `/v1/agent/${made.body.agent.id}`;
    const shown = {
      ...one,
      description: "",
      parameters,
      timeout_ms: 10_000,
      secret_header: { name: "Authorization", has_secret: true },
    };
    const answers = [
      made,
      await call("GET", path, { headers: company.read_only }),
      await call("PUT", path, withTools(company, [{ ...one, parameters, secret_header: { name: "Authorization" } }])),
    ];
    for (const { body } of answers) expect(body.agent.tools).toEqual([shown]);
    const list = await call("GET", "/v1/agent", { headers: company.read_only });
    const audit = await call("GET", "/v1/audit", { headers: company.admin });
    const widget = await call("GET", path);
    const row = await env.DB.prepare("SELECT * FROM agent WHERE id = ?").bind(made.body.agent.id).first();
    for (const where of [...answers, list, audit, widget])
      expect(JSON.stringify(where.body)).not.toContain("tool-secret");
    expect(JSON.stringify(row)).not.toContain("tool-secret");
    expect(widget.body.agent).not.toHaveProperty("tools");
  });

  it("come back as answers have them, and a repeat changes nothing", async () => {
    const company = await makeCompany();
    const made = await call("POST", "/v1/agent", withTools(company, [one]));
    const path = `/v1/agent/${made.body.agent.id}`;
    for (const tools of [made.body.agent.tools, [one]]) {
      const put = await call("PUT", path, withTools(company, tools));
      expect(put).toMatchObject({ status: 200, body: { agent: made.body.agent } });
    }
    const untouched = await call("PUT", path, withTools(company, undefined, { description: "Other" }));
    expect(untouched.body.agent).toMatchObject({ description: "Other", tools: made.body.agent.tools });
    const gone = await call("PUT", path, withTools(company, []));
    expect(gone.body.agent.tools).toEqual([]);
  });

  it("keep a secret only under the same name and url", async () => {
    const company = await makeCompany();
    const made = await call("POST", "/v1/agent", withTools(company, [one]));
    const path = `/v1/agent/${made.body.agent.id}`;
    const header = { name: "X-Key" };
    for (const changes of [{ url: "https://api.example.com/other" }, { name: "rain" }]) {
      const refused = await call("PUT", path, withTools(company, [{ ...one, ...changes, secret_header: header }]));
      expect(refused.body.errors).toEqual([{ path: "/tools/0/secret_header/value", message: expect.any(String) }]);
    }
    const kept = await call("PUT", path, withTools(company, [{ ...one, description: "New", secret_header: header }]));
    expect(kept.body.agent.tools[0].secret_header).toEqual({ name: "X-Key", has_secret: true });
    await call("PUT", path, withTools(company, [{ ...one, secret_header: null }]));
    expect((await call("PUT", path, withTools(company, [{ ...one, secret_header: header }]))).status).toBe(422);
  });

  it.each<[string, unknown, string]>([
    ["a name with a space", [{ ...one, name: "get weather" }], "/tools/0/name"],
    ["a name of 65 characters", [{ ...one, name: "x".repeat(65) }], "/tools/0/name"],
    ["the same name twice", [one, { ...one, url: "https://b.example.com" }], "/tools/1/name"],
    ["http", [{ ...one, url: "http://api.example.com" }], "/tools/0/url"],
    ["a private address", [{ ...one, url: "https://10.1.2.3/" }], "/tools/0/url"],
    ["a private name", [{ ...one, url: "https://vault.internal/" }], "/tools/0/url"],
    ["no url", [{ name: "x" }], "/tools/0/url"],
    ["parameters of another type", [{ ...one, parameters: { type: "string" } }], "/tools/0/parameters/type"],
    ["parameters that are null", [{ ...one, parameters: null }], "/tools/0/parameters/type"],
    [
      "a member that is no schema",
      [{ ...one, parameters: { type: "object", properties: { a: 1 } } }],
      "/tools/0/parameters/properties/a",
    ],
    [
      "parameters that are too large",
      [{ ...one, parameters: { type: "object", description: "x".repeat(17_000) } }],
      "/tools/0/parameters",
    ],
    [
      "a header of the request itself",
      [{ ...one, secret_header: { name: "Host", value: "x" } }],
      "/tools/0/secret_header/name",
    ],
    ["no name of a header", [{ ...one, secret_header: { name: "a b", value: "x" } }], "/tools/0/secret_header/name"],
    [
      "a line end in a header",
      [{ ...one, secret_header: { name: "a", value: "x\r\nb: y" } }],
      "/tools/0/secret_header/value",
    ],
    ["a header without a value", [{ ...one, secret_header: { name: "a" } }], "/tools/0/secret_header/value"],
    ["no time at all", [{ ...one, timeout_ms: 0 }], "/tools/0/timeout_ms"],
    ["an unknown member", [{ ...one, method: "GET" }], "/tools/0/method"],
    ["17 tools", Array.from({ length: 17 }, (_, n) => ({ ...one, name: `t${n}` })), "/tools"],
    ["no list", {}, "/tools"],
  ])("are refused with %s", async (_, tools, path) => {
    const company = await makeCompany();
    const refused = await call("POST", "/v1/agent", withTools(company, tools));
    expect(refused.status).toBe(422);
    expect(refused.body.errors[0].path).toBe(path);
  });

  it("may be on this machine only in local running", async () => {
    const owner = { company_id: "c", agent_id: "a" };
    const tools = [toolBody().parse({ name: "near", url: up.toolUrl("near") })];
    const config = configOf(env);
    expect(await storedTools(config, owner, tools, [])).toHaveLength(1);
    expect(() => storedTools({ ...config, local: false }, owner, tools, [])).toThrow(Problem);
  });
});

describe("a turn with tools", () => {
  it("calls the tool with its secret, tells the model, and stores the call with the reply", async () => {
    const split = { ...oslo, split: true };
    const m = await setUp(
      [],
      [calling([split], ["Let me look."], usage(10, 5)), complete(["It is ", "sunny."], usage(30, 4))],
    );
    const tool = {
      name: "weather",
      parameters,
      url: up.toolUrl(`weather-${m.model}`),
      secret_header: { name: "Authorization", value: SECRET },
    };
    const path = `/v1/agent/${m.agent.id}`;
    const put = await call("PUT", path, {
      headers: m.company.read_write,
      body: { name: "Helper", model: m.agent.model, tools: [tool] },
    });
    expect(put.status).toBe(200);
    await m.answer("weather", { status: 200, body: { sky: "clear" } });

    const { status, body } = await chat(m.company, m.id, "Weather in Oslo?");
    expect(status).toBe(200);
    expect(body.content).toBe("Let me look.\n\nIt is sunny.");
    expect(body.usage).toMatchObject({ input_tokens: 40, output_tokens: 9, source: "measured" });

    const [request] = await m.requests("weather");
    expect(request).toMatchObject({
      method: "POST",
      headers: { authorization: SECRET, "content-type": "application/json" },
    });
    const stored = body.reply.tool_calls;
    expect(request?.body).toEqual({
      call_id: stored[0].call_id,
      name: "weather",
      arguments: { city: "Oslo" },
      conversation_id: m.id,
      turn_id: body.turn_id,
      entity_type: "user",
      entity_id: m.company.user_id,
    });
    expect(stored).toEqual([
      {
        call_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        name: "weather",
        input: { city: "Oslo" },
        state: "done",
        output: { sky: "clear" },
        duration_ms: expect.any(Number),
      },
    ]);
    const [question, reply] = await history(m.company, m.id);
    expect(reply).toEqual(body.reply);
    expect(question).not.toHaveProperty("tool_calls");
    const [, second] = await up.requests(m.model);
    expect(second?.body.messages.at(-1)).toMatchObject({ role: "tool", content: '{"sky":"clear"}' });
    expect(JSON.stringify(body)).not.toContain("tool-secret");
  });

  it("calls the tools of one step at the same time, and tells their results in the order of the calls", async () => {
    const m = await setUp(
      ["a", "b"],
      [
        calling([
          { name: "a", arguments: { city: "A" } },
          { name: "b", arguments: { city: "B" } },
        ]),
        complete(["ok"]),
      ],
    );
    await m.answer("a", { gate: `both-${m.model}` }, { status: 200, body: "first" });
    await m.answer("b", { gate: `both-${m.model}` }, { status: 200, body: '"second"' });
    const answer = chat(m.company, m.id, "both");
    await up.waitAtGate(`both-${m.model}`, 2);
    await up.openGate(`both-${m.model}`);
    expect((await answer).body).toMatchObject({
      content: "ok",
      reply: {
        tool_calls: [
          { name: "a", state: "failed" },
          { name: "b", output: "second" },
        ],
      },
    });
    const [, second] = await up.requests(m.model);
    const told = second?.body.messages.slice(-2).map(({ content, tool_call_id }: any) => [tool_call_id, content]);
    expect(told).toEqual([
      ["call_0", "The tool did not answer with JSON."],
      ["call_1", '"second"'],
    ]);
  });

  it("ends after five steps with what was said, or as a failure of the model", async () => {
    const said = await setUp(["weather"], [calling([oslo], ["hm "], usage(1, 1))]);
    expect((await chat(said.company, said.id, "go")).body).toMatchObject({
      content: "hm ".repeat(5),
      usage: { input_tokens: 5, output_tokens: 5, source: "measured" },
    });
    expect(await up.requests(said.model)).toHaveLength(5);
    const silent = await setUp(["weather"], [calling([oslo])]);
    const failed = await chat(silent.company, silent.id, "go");
    expect(failed).toMatchObject({ status: 502, body: { code: "model_error" } });
    const [, reply] = await history(silent.company, silent.id);
    expect(reply).toMatchObject({ status: "failed", content: "", usage: { source: "estimated" } });
    expect(reply?.["tool_calls"]).toHaveLength(4);
  });

  it.each<[string, Step[], string]>([
    ["redirects", [{ status: 302, headers: { location: "/tools/elsewhere" } }], "redirected"],
    ["answers with too much", [{ status: 200, body: { text: "x".repeat(70_000) } }], "too large"],
    ["breaks", [{ status: 500, body: "secret words" }], "status 500"],
    ["is gone", [{ reset: true }], "no connection"],
    ["refuses", [{ status: 404, body: { error: "no such city" } }], "no such city"],
  ])("tells the model, not the user, that a tool %s", async (_, steps, words) => {
    const m = await setUp(["weather"], [calling([oslo]), complete(["Sorry."])]);
    await m.answer("weather", ...steps);
    const { status, body } = await chat(m.company, m.id, "Weather?");
    expect({ status, content: body.content }).toEqual({ status: 200, content: "Sorry." });
    expect(body.reply.tool_calls).toMatchObject([{ state: "failed", output: expect.stringContaining(words) }]);
    const [, second] = await up.requests(m.model);
    expect(second?.body.messages.at(-1)).toMatchObject({ role: "tool", content: expect.stringContaining(words) });
    expect(JSON.stringify(second?.body)).not.toContain("secret words");
    expect(await up.requests("tools/elsewhere")).toEqual([]);
  });

  it("gives a tool its own time, whatever the model's is", async () => {
    const m = await setUp([], [calling([oslo]), complete(["late"])]);
    const tool = { name: "weather", url: up.toolUrl(`weather-${m.model}`), timeout_ms: 100 };
    const body = { name: "Helper", model: m.agent.model, tools: [tool], token_timeout_ms: 20_000 };
    await call("PUT", `/v1/agent/${m.agent.id}`, { headers: m.company.read_write, body });
    await m.answer("weather", { hang: true });
    const answer = await chat(m.company, m.id, "Weather?");
    expect(answer.body.reply.tool_calls).toMatchObject([
      { state: "failed", output: "The tool did not answer within 100 ms." },
    ]);
    await up.waitForAbort(m.key("weather"));
  });

  it("is not tried again once a tool was called", async () => {
    const m = await setUp(["weather"], [calling([oslo]), [{ status: 503 }]]);
    expect((await chat(m.company, m.id, "Weather?")).status).toBe(502);
    expect(await up.requests(m.model)).toHaveLength(2);
    expect(await m.requests("weather")).toHaveLength(1);
    await up.script(m.model, complete(["Better."]));
    const again = await chat(m.company, m.id, "Weather?");
    expect(again.body).toMatchObject({ content: "Better." });
    expect(again.body.reply).not.toHaveProperty("tool_calls");
    expect(await history(m.company, m.id)).toHaveLength(2);
  });

  it("is tried again when the model was not there at first", async () => {
    const m = await setUp(["weather"], [[{ status: 503 }], calling([oslo]), complete(["Fine."])]);
    expect((await chat(m.company, m.id, "Weather?")).body.content).toBe("Fine.");
    expect(await m.requests("weather")).toHaveLength(1);
  });

  it("estimates what was not counted, never below what it counted", async () => {
    const m = await setUp(["weather"], [calling([oslo], [], usage(100, 10)), complete(["ok"])]);
    const { usage: total } = (await chat(m.company, m.id, "Weather?")).body;
    expect(total.source).toBe("estimated");
    expect(total.input_tokens).toBeGreaterThan(100);
    expect(total.output_tokens).toBeGreaterThan(10);
  });

  it("cuts what is stored, not what the model is told", async () => {
    const m = await setUp(["weather"], [calling([oslo]), complete(["ok"])]);
    const long = { text: "ä".repeat(5000) };
    await m.answer("weather", { status: 200, body: long });
    const { body } = await chat(m.company, m.id, "Weather?");
    expect(body.reply.tool_calls[0].output).toMatch(/^\{"text":"ä+…$/);
    expect(body.reply.tool_calls[0].output).toHaveLength(2001);
    const [, second] = await up.requests(m.model);
    expect(second?.body.messages.at(-1).content).toBe(JSON.stringify(long));
  });
});

describe("the streams of a turn with tools", () => {
  const scripts = () => [calling([oslo], ["Let ", "me look. "]), complete(["It is ", "sunny."])];

  it("tell each call in its place, numbered like everything else, and the same again", async () => {
    const m = await setUp(["weather"], scripts());
    const events = await (await streamChat(m.company, m.id, "Weather?")).rest();
    const names = events
      .map(({ event }) => event)
      .filter((name, index, all) => name !== "heartbeat" && name !== all[index - 1]);
    expect(names).toEqual(["chat_status", "chat_delta", "chat_tool", "chat_delta", "chat_status", "chat_response"]);
    expect(toolEvents(events)).toEqual([
      { name: "weather", state: "called", input: { city: "Oslo" } },
      { name: "weather", state: "done", output: { echo: { city: "Oslo" } } },
    ]);
    const own = events.filter(({ event }) => event !== "heartbeat");
    expect(own.map(({ id }) => id)).toEqual(own.map((_, index) => `1-${index + 1}`));
    const reply = own.at(-1)?.data.message;
    expect(textOf(events)).toBe(reply.content);
    expect(reply.content).toBe("Let me look. It is sunny.");
    await evictDurableObject(env.CONVERSATION.getByName(m.id));
    const turn_id = own[0]?.data.turn_id;
    for (let seen = 0; seen < own.length; seen++) {
      const headers: Record<string, string> = seen > 0 ? { "last-event-id": own[seen - 1]?.id ?? "" } : {};
      expect(await replay(m, turn_id, headers)).toEqual(own.slice(seen));
    }
  });

  it("resume while a tool works", async () => {
    const m = await setUp(["weather"], scripts());
    await m.answer("weather", { gate: `resume-${m.model}` }, { status: 200, body: {} });
    const first = await streamChat(m.company, m.id, "Weather?");
    const called = await first.until("chat_tool");
    await first.cancel();
    const path = `/v1/conversation/${m.id}/messages/stream?turn_id=${called.data.turn_id}&last_event_id=${called.id}`;
    const second = streamOf(await send("GET", path, { headers: m.company.user }));
    await up.openGate(`resume-${m.model}`);
    const rest = await second.rest();
    expect(toolEvents(rest)).toEqual([{ name: "weather", state: "done", output: {} }]);
    expect(textOf(rest)).toBe("It is sunny.");
    expect(rest.at(-1)?.data.message.content).toBe("Let me look. It is sunny.");
  });

  it("give the AI SDK steps, with dynamic tools that are not its to run", async () => {
    const m = await setUp(
      ["weather", "rain"],
      [calling([oslo, { name: "rain", arguments: {} }], ["Let me look."]), complete(["Sunny."])],
    );
    const body = { id: "x", messages: [{ id: "u1", role: "user", parts: [{ type: "text", text: "Weather?" }] }] };
    const response = await call("POST", `/v1/conversation/${m.id}/chat`, { headers: m.company.user, body });
    const chunks = (response.body as string)
      .split("\n\n")
      .flatMap((line) => (line.startsWith("data: {") ? [JSON.parse(line.slice(6))] : []));
    const kinds = chunks.map(({ type }) => type).filter((type, index, all) => type !== all[index - 1]);
    expect(kinds).toEqual([
      "start",
      "start-step",
      "text-start",
      "text-delta",
      "text-end",
      "tool-input-available",
      expect.stringMatching(/^tool-output-/),
      expect.stringMatching(/^tool-output-/),
      "finish-step",
      "start-step",
      "text-start",
      "text-delta",
      "text-end",
      "finish-step",
      "finish",
    ]);
    const of = (type: string) => chunks.filter((chunk) => chunk.type === type);
    expect(of("tool-input-available")[0]).toEqual({
      type: "tool-input-available",
      toolCallId: expect.any(String),
      toolName: "weather",
      input: { city: "Oslo" },
      dynamic: true,
      providerExecuted: true,
    });
    expect(of("tool-output-available")).toMatchObject([{ output: { echo: { city: "Oslo" } }, dynamic: true }]);
    expect(of("tool-output-error")).toMatchObject([
      { errorText: 'The arguments do not fit: Instance does not have required property "city".', dynamic: true },
    ]);
    expect(of("text-start").map(({ id }) => id)).toEqual(["text-1", "text-2"]);
  });

  it("say nothing of tools to OpenAI's clients", async () => {
    const m = await setUp(["weather"], scripts());
    const body = { model: m.agent.id, messages: [{ role: "user", content: "Weather?" }], stream: true };
    const answer = await call("POST", "/v1/chat/completions", { headers: m.company.user, body });
    expect(answer.body).toContain("sunny.");
    expect(answer.body).not.toMatch(/tool|Oslo/);
    await up.script(m.model, ...scripts());
    const whole = await call("POST", "/v1/chat/completions", {
      headers: m.company.user,
      body: { ...body, stream: false },
    });
    expect(whole.body.choices[0].message).toEqual({
      role: "assistant",
      content: "Let me look. It is sunny.",
      refusal: null,
    });
  });
});

describe("what becomes of a call", () => {
  const expectNothingLeft = (id: string) =>
    runInDurableObject(env.CONVERSATION.getByName(id), (_, { storage: { sql } }) => {
      const left = ["message", "deltas", "turn", "outbox"].map((table) => sql.exec(`SELECT * FROM ${table}`).toArray());
      expect(left[0]).toHaveLength(2);
      expect(JSON.stringify(left)).not.toMatch(/Oslo|weather/);
    });

  it("that is stopped: the request is broken off, and the reply says that there was no answer", async () => {
    const m = await setUp(["weather"], [calling([oslo], ["Let me look. "], usage(7, 3)), complete(["never"])]);
    await m.answer("weather", { hang: true });
    const stream = await streamChat(m.company, m.id, "Weather?");
    await stream.until("chat_tool");
    await up.waitForRequest(m.key("weather"));
    expect((await call("POST", `/v1/conversation/${m.id}/chat/stop`, { headers: m.company.user })).status).toBe(200);
    await up.waitForAbort(m.key("weather"));
    const events = await stream.rest();
    expect(events.at(-1)?.data).toMatchObject({
      status: "stopped",
      message: {
        content: "Let me look. ",
        tool_calls: [{ name: "weather", state: "called", output: null, duration_ms: null }],
        usage: { input_tokens: 7, output_tokens: 3, source: "measured" },
      },
    });
    expect(await up.requests(m.model)).toHaveLength(1);
  });

  it("in a reply that is deleted: gone, and back after a restore", async () => {
    const m = await setUp(["weather"], [calling([oslo]), complete(["Sunny."])]);
    const { body } = await chat(m.company, m.id, "Weather?");
    const path = `/v1/message/${body.reply.id}`;
    await call("DELETE", path, { headers: m.company.user });
    const hidden = await replay(m, body.turn_id);
    expect(JSON.stringify(hidden)).not.toMatch(/Oslo|weather/);
    expect(await history(m.company, m.id)).toHaveLength(1);
    await call("PATCH", `${path}/restore`, { headers: m.company.user });
    expect((await history(m.company, m.id))[1]).toEqual(body.reply);
    const shown = await replay(m, body.turn_id);
    expect(toolEvents(shown).map(({ state }) => state)).toEqual(["called", "done"]);
    expect(textOf(shown)).toBe("Sunny.");
    const numbers = shown.map(({ id }) => Number(id.split("-")[1]));
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  });

  it("in a reply that retention takes away: gone from every store", async () => {
    const m = await setUp(["weather"], [calling([oslo]), complete(["Sunny."])]);
    const { body } = await chat(m.company, m.id, "What is it like?");
    await call("DELETE", `/v1/message/${body.reply.id}`, { headers: m.company.user });
    const controller = createScheduledController({
      scheduledTime: new Date(Date.now() + 3 * 86_400_000),
      cron: "17 * * * *",
    });
    await worker.scheduled(controller, { ...env, RETENTION_DAYS: "2" });
    const row = await env.DB.prepare("SELECT purged_at, tool_calls FROM message WHERE id = ?")
      .bind(body.reply.id)
      .first();
    expect(row).toEqual({ purged_at: expect.any(Number), tool_calls: null });
    await expectNothingLeft(m.id);
  });

  it("of somebody who is erased: gone from every store", async () => {
    const m = await setUp(["weather"], [calling([oslo]), complete(["Sunny."])]);
    const lead = await makeLead({ ...m.company, agent_id: m.agent.id });
    const { id } = await createConversation({ ...m.company, agent_id: m.agent.id }, {}, lead.headers);
    expect(
      (await call("POST", `/v1/conversation/${id}/chat`, { headers: lead.headers, body: { message: "Weather?" } }))
        .status,
    ).toBe(200);
    const erased = await call("DELETE", `/v1/lead/${lead.lead_id}?erase=true`, { headers: m.company.admin });
    expect(erased.status).toBe(200);
    const { results } = await env.DB.prepare("SELECT tool_calls FROM message WHERE conversation_id = ?").bind(id).all();
    expect(results).toEqual([{ tool_calls: null }, { tool_calls: null }]);
    expect(await everywhere(m.company, "Oslo")).toEqual([]);
  });

  it("that a crash cut off: it stays with the failed reply, and the retry takes its place", async () => {
    const m = await setUp(["weather"], [calling([oslo], ["Let me look. "]), complete(["Sunny."])]);
    const { body } = await chat(m.company, m.id, "Weather?", {}, { "idempotency-key": "k" });
    const object = env.CONVERSATION.getByName(m.id);
    await runInDurableObject(object, (_, { storage: { sql } }) => {
      sql.exec("UPDATE turn SET status = 'running', reply_sequence = NULL, last_event = NULL, ended_at = NULL");
      sql.exec("DELETE FROM message WHERE sequence = 2");
      const [{ list }] = [...sql.exec<{ list: string }>("SELECT list FROM deltas")] as [{ list: string }];
      const told = (JSON.parse(list) as Delta[]).slice(0, 2);
      expect(told.map(({ text, tool }) => text || tool?.state)).toEqual(["Let me look. ", "called"]);
      sql.exec("UPDATE deltas SET list = ?", JSON.stringify(told));
      sql.exec("UPDATE header SET next_sequence = 2, message_count = 1, handed_over = 1, open = '[1]'");
    });
    await env.DB.prepare("DELETE FROM message WHERE conversation_id = ? AND sequence = 2").bind(m.id).run();
    await evictDurableObject(object);
    const events = await replay(m, body.turn_id);
    expect(events.at(-1)?.data).toMatchObject({
      status: "failed",
      message: { content: "Let me look. ", tool_calls: [{ name: "weather", state: "called", output: null }] },
    });
    await up.script(m.model, complete(["Rainy."]));
    const again = await chat(m.company, m.id, "Weather?", {}, { "idempotency-key": "k" });
    expect(again.body.content).toBe("Rainy.");
    const [, reply] = await history(m.company, m.id);
    expect(reply).not.toHaveProperty("tool_calls");
  });
});
