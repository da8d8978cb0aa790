/** The models in workerd: the same code, another fetch, other streams. The cases themselves are in test/node. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { ModelFailure } from "../../src/chat/ports.ts";
import { configOf } from "../../src/config.ts";
import { openModel } from "../../src/models/open.ts";
import { complete, type Step, upstream } from "../upstream/client.ts";
import { call, type Company, makeCompany } from "./company.ts";
import { chat, createConversation, history, parseEvents, type StreamEvent, streamChat } from "./conversation-client.ts";

const client = upstream(env.TEST_UPSTREAM);

function open(model: string, base_url = client.baseUrl) {
  const agent = { model: `up/${model}`, temperature: null, max_output_tokens: null, knowledge: [] };
  const provider = { name: "up", kind: "openai-compatible" as const, base_url, api_key: null };
  return openModel(agent, { config: configOf(env), providers: provider });
}

async function ask(model: ReturnType<typeof open>, content = "Hi", signal = new AbortController().signal) {
  const heard = { pieces: [] as string[], finish: null as unknown, failure: null as string | null };
  try {
    for await (const event of model.stream({ instructions: "", messages: [{ role: "user", content }] }, signal)) {
      if (event.type === "text" && event.text !== "") heard.pieces.push(event.text);
      else if (event.type === "text") continue;
      else heard.finish = event;
    }
  } catch (error) {
    if (!(error instanceof ModelFailure)) throw error;
    heard.failure = error.kind;
  }
  return heard;
}

describe("an upstream", () => {
  it("is heard piece by piece, with its usage", async () => {
    expect(await ask(open("workerd-plain"), "grüß 🙂")).toEqual({
      pieces: ["reply ", "to: ", "grüß ", "🙂"],
      finish: { type: "finish", usage: { input_tokens: 2, output_tokens: 4 } },
      failure: null,
    });
  });

  it("may cut a character anywhere", async () => {
    const bytes = new TextEncoder().encode(
      'data: {"choices":[{"delta":{"content":"é🙂"},"finish_reason":"stop"}]}\n\n',
    );
    const steps = [...bytes].map((byte) => ({ bytes_base64: btoa(String.fromCharCode(byte)) }));
    await client.script("workerd-bytes", steps);
    expect(await ask(open("workerd-bytes"))).toMatchObject({ pieces: ["é🙂"], failure: null });
  });

  it("is done when it says so, even if it leaves the connection open", async () => {
    await client.script("workerd-lingers", [...complete(["a"]), { hang: true }]);
    expect(await ask(open("workerd-lingers"))).toMatchObject({ pieces: ["a"], failure: null });
    await client.waitForAbort("workerd-lingers");
  });

  it("ends a connection properly where the upstream does", async () => {
    expect(await ask(open("workerd-ends"))).toMatchObject({ failure: null });
    expect(await client.waitForAnswer("workerd-ends")).toMatchObject([{ aborted: false }]);
  });

  it.each([
    ["says 503", [{ status: 503 }], "unavailable"],
    ["resets the connection at once", [{ reset: true as const }], "unavailable"],
    ["resets it before the first token", [{ comment: "soon" }, { reset: true as const }], "unavailable"],
    ["resets it in mid-answer", [{ text: "a" }, { reset: true as const }], "error"],
    ["just ends", [{ text: "a" }], "error"],
    ["says 500", [{ status: 500 }], "error"],
    ["redirects", [{ status: 302, headers: { location: "/v1/elsewhere" } }], "error"],
  ])("fails when it %s", async (name, steps, kind) => {
    const model = `workerd-${name.replaceAll(" ", "-")}`;
    await client.script(model, steps);
    expect(await ask(open(model))).toMatchObject({ failure: kind, finish: null });
  });

  it("is unavailable when nobody listens", async () => {
    expect(await ask(open("workerd-nobody", "http://127.0.0.1:9/v1"))).toMatchObject({ failure: "unavailable" });
  });

  it("sees the connection close when the answer is stopped", async () => {
    await client.script("workerd-stop", [{ text: "half " }, { gate: "workerd-stop" }, ...complete(["more"])]);
    const stop = new AbortController();
    const asked = ask(open("workerd-stop"), "Hi", stop.signal);
    await client.waitAtGate("workerd-stop");
    stop.abort();
    expect(await asked).toEqual({ pieces: ["half "], finish: null, failure: null });
    await client.waitForAbort("workerd-stop");
  });

  it("sees the connection close when it is stopped before it answered", async () => {
    await client.script("workerd-silent", [{ hang: true }]);
    const stop = new AbortController();
    const asked = ask(open("workerd-silent"), "Hi", stop.signal);
    await client.waitForRequest("workerd-silent");
    stop.abort();
    expect(await asked).toEqual({ pieces: [], finish: null, failure: null });
    await client.waitForAbort("workerd-silent");
  });

  it("sees the connection close when its answer is too long", async () => {
    const piece = { text: "x".repeat(8192) };
    await client.script("workerd-long", [...Array.from({ length: 129 }, () => piece), { hang: true }]);
    expect(await ask(open("workerd-long"))).toMatchObject({ failure: "error", finish: null });
    await client.waitForAbort("workerd-long");
  });
});

describe("a turn whose model thinks aloud", () => {
  let count = 0;
  async function setUp(steps: Step[]) {
    const company = await makeCompany();
    const model = `aloud-${count++}-${company.company_id}`;
    const provider = { kind: "openai-compatible", base_url: client.baseUrl };
    await call("PUT", "/v1/model-provider/up", { headers: company.admin, body: provider });
    const agent = { name: "Helper", model: `up/${model}`, auto_title: false };
    const made = await call("POST", "/v1/agent", { headers: company.read_write, body: agent });
    await client.script(model, steps);
    const owner = { ...company, agent_id: made.body.agent.id as string };
    const { id } = await createConversation(owner);
    return { owner, id, model };
  }
  const deltas = (events: StreamEvent[]) =>
    events.map(({ event, data }) => (event === "chat_delta" ? data.text : "")).join("");
  const replay = async ({ owner, id }: Awaited<ReturnType<typeof setUp>>, turn_id: string) => {
    const headers = { ...owner.user, accept: "text/event-stream" };
    const path = `/v1/conversation/${id}/messages/stream?turn_id=${turn_id}`;
    return parseEvents((await call("GET", path, { headers })).body);
  };

  it.each<[string, string[]]>([
    ["between tags", ["<think>The margin ", "is 40 %.", "</think>", "\n\nSorry."]],
    ["before a closing tag", ["The margin ", "is 40 %.", "</think>", "\n\nSorry."]],
    ["at length before a closing tag", ["The margin is 40 %. ".repeat(500), "So.</think>", "\n\nSorry."]],
  ])("tells and keeps only what it says: %s", async (_, pieces) => {
    const site = await setUp(complete(pieces));
    const answer = await chat(site.owner, site.id, "Hi");
    expect(answer).toMatchObject({ status: 200, body: { content: "Sorry.", reply: { content: "Sorry." } } });
    expect((await history(site.owner, site.id)).map(({ content }) => content)).toEqual(["Hi", "Sorry."]);
    expect(deltas(await replay(site, answer.body.turn_id))).toBe("Sorry.");
    await chat(site.owner, site.id, "Again");
    const [, second] = await client.requests(site.model);
    expect(JSON.stringify(second?.body.messages)).not.toContain("margin");
  });

  it("takes nothing back that somebody has seen: deltas and reply stay the same text", async () => {
    const site = await setUp([{ text: "The margin. " }, { gate: "aloud" }, ...complete(["So.</think>", "\n\nSorry."])]);
    const stream = await streamChat(site.owner, site.id, "Hi");
    await stream.until("chat_delta");
    await client.openGate("aloud");
    const events = await stream.rest();
    const reply = events.findLast(({ event }) => event === "chat_response")?.data.message.content;
    expect(`The margin. ${deltas(events)}`).toBe(reply);
    expect((await chat(site.owner, site.id, "Again")).body.content).toBe("Sorry.");
    const [, second] = await client.requests(site.model);
    expect(second?.body.messages.map(({ content }: { content: string }) => content)).toEqual(["Hi", "Sorry.", "Again"]);
  });
});

describe("trying a provider out", () => {
  const upstreamWords = { error: { message: "upstream words" } };
  async function provider(company: Company, more: object = {}) {
    const body = { kind: "openai-compatible", base_url: client.baseUrl, api_key: "secret-key", ...more };
    expect((await call("PUT", "/v1/model-provider/tried", { headers: company.admin, body })).status).toBe(201);
  }
  const tried = (company: Company, body: object | undefined, headers = company.admin) =>
    call("POST", "/v1/model-provider/tried/test", { headers, ...(body ? { body } : {}) });

  it.each<[string, Step[], object]>([
    ["answers", complete(["yes"]), { ok: true, status: 200, problem: null }],
    ["401", [{ status: 401, body: upstreamWords }], { ok: false, status: 401, problem: "key" }],
    ["403", [{ status: 403, body: upstreamWords }], { ok: false, status: 403, problem: "key" }],
    ["404", [{ status: 404, body: "upstream words" }], { ok: false, status: 404, problem: "address" }],
    ["no-model", [{ status: 404, body: { error: { code: "model_not_found" } } }], { status: 404, problem: "model" }],
    ["422", [{ status: 422, body: upstreamWords }], { ok: false, status: 422, problem: "request" }],
    ["429", [{ status: 429 }], { ok: false, status: 429, problem: "busy" }],
    ["500", [{ status: 500, body: "upstream words" }], { ok: false, status: 500, problem: "upstream" }],
    ["redirect", [{ status: 302, headers: { location: "/v1/x" } }], { ok: false, status: 302, problem: "address" }],
    ["page", [{ raw: "<html>upstream words</html>" }], { ok: false, status: 200, problem: "protocol" }],
    ["silence", [{ done: true }], { ok: false, status: 200, problem: "protocol" }],
    ["cut", [{ text: "ye" }], { ok: false, status: 200, problem: "protocol" }],
    ["told", [{ error: { type: "rate_limit_error" } }], { ok: false, status: 200, problem: "busy" }],
    ["told-a-status", [{ error: { code: "401", message: "x" } }], { ok: false, status: 401, problem: "key" }],
  ])("tells an admin what became of it: %s", async (name, steps, expected) => {
    const company = await makeCompany();
    await provider(company);
    const model = `tried-${name}-${company.company_id}`;
    await client.script(model, steps);
    const answer = await tried(company, { model });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ model: `tried/${model}`, detail: expect.any(String), ...expected });
    expect(JSON.stringify(answer.body)).not.toMatch(/upstream words|secret-key/);
  });

  it.each(["Bearer sk-1", '"sk-1"', "OPENAI_API_KEY=sk-1"])(
    "takes no key that was copied with more: %s",
    async (api_key) => {
      const company = await makeCompany();
      const body = { kind: "openai", api_key };
      const answer = await call("PUT", "/v1/model-provider/tried", { headers: company.admin, body });
      expect(answer.body).toMatchObject({ status: 422, errors: [{ path: "/api_key" }] });
      const padded = { kind: "openai", api_key: " c2stMQ== \n" };
      expect((await call("PUT", "/v1/model-provider/tried", { headers: company.admin, body: padded })).status).toBe(
        201,
      );
    },
  );

  it("tells when nothing listens", async () => {
    const company = await makeCompany();
    await provider(company, { base_url: "http://127.0.0.1:9/v1" });
    expect((await tried(company, { model: "m" })).body).toMatchObject({ ok: false, status: null, problem: "address" });
  });

  it("takes the model of an agent that uses the provider, and asks for one where there is none", async () => {
    const company = await makeCompany();
    await provider(company);
    expect((await tried(company, undefined)).body.errors).toEqual([{ path: "/model", message: expect.any(String) }]);
    expect((await tried(company, { model: "../x" })).status).toBe(422);
    const agent = { name: "Helper", model: `tried/of-an-agent` };
    await call("POST", "/v1/agent", { headers: company.admin, body: agent });
    expect((await tried(company, undefined)).body).toMatchObject({ ok: true, model: agent.model });
    expect((await tried(company, {})).body).toMatchObject({ ok: true, model: agent.model });
  });

  it("is for admins of the company only", async () => {
    const [company, other] = [await makeCompany(), await makeCompany()];
    await provider(company);
    expect((await tried(company, { model: "m" }, company.read_write)).status).toBe(403);
    expect((await tried(other, { model: "m" })).status).toBe(404);
  });
});

describe("builtin/faq", () => {
  const knowledge = [
    { question: "営業時間は何時ですか？", answer: "9時から18時までです。" },
    { question: "返品はできますか？", answer: "30日以内なら可能です。" },
    { question: "What are your opening hours?", answer: "Nine to six." },
  ];
  it.each([
    ["返品したいです", "30日以内なら可能です。"],
    ["when do you open", "Nine to six."],
  ])("cuts words as Node does: %s", async (message, answer) => {
    const agent = { model: "builtin/faq", temperature: null, max_output_tokens: null, knowledge };
    const { pieces } = await ask(openModel(agent, { config: configOf(env), providers: null }), message);
    expect(pieces.join("")).toBe(answer);
  });
});
