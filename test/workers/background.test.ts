/** Turns that nobody waits for: accepted with 202, asked for by their id. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { uuidv7 } from "uuidv7";
import { complete, type Step, upstream } from "../upstream/client.ts";
import { bearer, call, type HeaderMap, makeCompany, makeLead } from "./company.ts";
import { chat, createConversation, history, streamChat } from "./conversation-client.ts";

const up = upstream(env.TEST_UPSTREAM);
const ASYNC = { prefer: "respond-async" };
let count = 0;

/** A conversation whose model follows these scripts, one a turn; `gate` names one of this test's own. */
async function setUp(...scripts: ((gate: string) => Step[])[]) {
  const company = await makeCompany();
  const model = `background-${count++}`;
  const gate = `background-gate-${count}`;
  await call("PUT", "/v1/model-provider/up", {
    headers: company.admin,
    body: { kind: "openai-compatible", base_url: up.baseUrl },
  });
  const made = await call("POST", "/v1/agent", {
    headers: company.read_write,
    body: { name: "A", model: `up/${model}` },
  });
  await up.script(model, ...scripts.map((script) => script(gate)));
  const owner = { ...company, agent_id: made.body.agent.id as string };
  return { company: owner, gate, model, id: (await createConversation(owner)).id };
}

type Owner = { user: HeaderMap };
const read = (owner: Owner, turn_id: string, headers = owner.user) => call("GET", `/v1/turn/${turn_id}`, { headers });

/** The turn once it has ended: its stream ends with it. */
async function ended(owner: Owner, id: string, turn_id: string) {
  await call("GET", `/v1/conversation/${id}/messages/stream?turn_id=${turn_id}`, { headers: owner.user });
  return (await read(owner, turn_id)).body.turn;
}

const gated = (gate: string): Step[] => [{ gate }, ...complete(["Done."])];
const atOnce = () => complete(["Next."]);

describe("a turn in the background", () => {
  it("is accepted at once, and its id leads to its reply", async () => {
    const { company, id, gate } = await setUp(gated);
    const accepted = await chat(company, id, "Take your time", {}, ASYNC);
    expect(accepted.status).toBe(202);
    const { turn_id, message_id } = accepted.body;
    expect(accepted.body).toEqual({ turn_id, message_id, status: "in_progress" });
    expect(accepted.headers.get("preference-applied")).toBe("respond-async");
    expect(accepted.headers.get("location")).toBe(`http://api.test/v1/turn/${turn_id}`);
    await up.waitAtGate(gate);
    const running = await read(company, turn_id);
    expect(running.body).toEqual({
      turn: {
        id: turn_id,
        conversation_id: id,
        status: "in_progress",
        message_id,
        started_at: expect.any(String),
        ended_at: null,
      },
    });
    await up.openGate(gate);
    const turn = await ended(company, id, turn_id);
    const [, reply] = await history(company, id);
    expect(turn).toMatchObject({ id: turn_id, conversation_id: id, status: "completed", message_id });
    expect(turn.reply).toEqual(reply);
    expect(turn.reply.content).toBe("Done.");
    expect(Date.parse(turn.ended_at)).toBeGreaterThanOrEqual(Date.parse(turn.started_at));
    expect(turn).not.toHaveProperty("error");
    for (const body of [accepted.body, turn])
      for (const name of ["task_id", "status_url", "poll_url"]) expect(body).not.toHaveProperty(name);
  });

  it("waits behind others, in a place that it names", async () => {
    const { company, id, gate } = await setUp(gated, atOnce);
    const first = (await chat(company, id, "one", {}, ASYNC)).body.turn_id;
    const second = await chat(company, id, "two", {}, ASYNC);
    const third = (await chat(company, id, "three", {}, ASYNC)).body.turn_id;
    expect(second.body.status).toBe("queued");
    expect((await read(company, second.body.turn_id)).body.turn).toMatchObject({
      status: "queued",
      position: 1,
      started_at: null,
      ended_at: null,
    });
    expect((await read(company, third)).body.turn.position).toBe(2);
    await up.openGate(gate);
    for (const turn_id of [first, second.body.turn_id, third]) {
      const turn = await ended(company, id, turn_id);
      expect(turn.status).toBe("completed");
      expect(turn).not.toHaveProperty("position");
    }
    expect((await history(company, id)).map(({ content }) => content)).toEqual([
      ...["one", "Done.", "two", "Next.", "three", "Next."],
    ]);
  });

  it("says why it failed", async () => {
    const { company, id } = await setUp(() => [{ status: 400 }]);
    const { turn_id, message_id } = (await chat(company, id, "Hi", {}, ASYNC)).body;
    const turn = await ended(company, id, turn_id);
    expect(turn).toMatchObject({ status: "failed", error: { code: "model_error", status: 502, turn_id, message_id } });
  });

  it("keeps what it had said when it is stopped, and can be taken back while it waits", async () => {
    const { company, id, gate } = await setUp((name) => [{ text: "So far" }, { gate: name }]);
    const running = (await chat(company, id, "one", {}, ASYNC)).body.turn_id;
    const waiting = (await chat(company, id, "two", {}, ASYNC)).body.turn_id;
    await up.waitAtGate(gate);
    const stop = (turn_id: string) =>
      call("POST", `/v1/conversation/${id}/chat/stop`, { headers: company.user, body: { turn_id } });
    expect((await stop(waiting)).status).toBe(200);
    expect((await read(company, waiting)).body.turn).toMatchObject({
      status: "stopped",
      started_at: null,
      error: { code: "turn_stopped" },
    });
    expect((await stop(running)).status).toBe(200);
    expect((await read(company, running)).body.turn).toMatchObject({ status: "stopped", reply: { status: "stopped" } });
    await up.openGate(gate);
  });
});

describe("a request that is sent again", () => {
  it("is the same turn while it runs and once it has ended, whichever way it is asked for", async () => {
    const { company, id, gate } = await setUp(gated);
    const headers = { ...ASYNC, "idempotency-key": "k" };
    const first = await chat(company, id, "Hi", {}, headers);
    expect(first.headers.get("idempotent-replayed")).toBeNull();
    const again = await chat(company, id, "Hi", {}, headers);
    expect([again.status, again.body]).toEqual([202, first.body]);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(await chat(company, id, "Other", {}, headers)).toMatchObject({
      status: 422,
      body: { code: "idempotency_mismatch" },
    });
    const waiting = chat(company, id, "Hi", {}, { "idempotency-key": "k" });
    await up.openGate(gate);
    expect(await waiting).toMatchObject({ status: 200, body: { turn_id: first.body.turn_id, content: "Done." } });
    const later = await chat(company, id, "Hi", {}, headers);
    expect([later.status, later.body]).toEqual([202, { ...first.body, status: "completed" }]);
    expect(await history(company, id)).toHaveLength(2);
  });

  it("without a key is the same turn until that was read, and a new one from then on", async () => {
    const { company, id } = await setUp(atOnce);
    const first = (await chat(company, id, "Yes", {}, ASYNC)).body.turn_id;
    // To follow the stream of a turn, or to look at its head, is not to read its answer.
    await call("GET", `/v1/conversation/${id}/messages/stream?turn_id=${first}`, { headers: company.user });
    await call("HEAD", `/v1/turn/${first}`, { headers: company.user });
    const again = await chat(company, id, "Yes", {}, ASYNC);
    expect(again.body).toMatchObject({ turn_id: first, status: "completed" });
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect((await read(company, first)).body.turn.status).toBe("completed");
    const next = await chat(company, id, "Yes", {}, ASYNC);
    expect(next.body.turn_id).not.toBe(first);
    expect(next.headers.get("idempotent-replayed")).toBeNull();
  });

  it("is a new turn where one client has the answer, though another left that named its request alike", async () => {
    const { company, id, gate } = await setUp(gated, atOnce);
    const headers = { "x-request-id": "chosen-by-the-client" };
    const stays = chat(company, id, "Yes", {}, headers);
    const leaves = await streamChat(company, id, "Yes", headers);
    await up.waitAtGate(gate);
    await leaves.cancel();
    await up.openGate(gate);
    expect((await stays).body.content).toBe("Done.");
    expect((await chat(company, id, "Yes")).body.content).toBe("Next.");
  });

  it("is a new turn where one client has read it all, whoever leaves afterwards", async () => {
    const { company, id, gate } = await setUp(gated, atOnce);
    const [reads, leaves] = [await streamChat(company, id, "Yes"), await streamChat(company, id, "Yes")];
    await up.waitAtGate(gate);
    await up.openGate(gate);
    expect((await reads.rest()).at(-1)?.event).toBe("chat_response");
    await leaves.cancel();
    expect((await chat(company, id, "Yes")).body.content).toBe("Next.");
  });

  it("answers a failed one anew", async () => {
    const { company, id } = await setUp(() => [{ status: 403 }], atOnce);
    const headers = { ...ASYNC, "idempotency-key": "k" };
    const { turn_id } = (await chat(company, id, "Hi", {}, headers)).body;
    expect((await ended(company, id, turn_id)).status).toBe("failed");
    expect((await chat(company, id, "Hi", {}, headers)).body).toMatchObject({ turn_id, status: "in_progress" });
    const turn = await ended(company, id, turn_id);
    expect(turn).toMatchObject({ status: "completed", reply: { content: "Next." } });
    expect(turn).not.toHaveProperty("error");
  });
});

describe("the preference", () => {
  it.each([
    ["respond-async", 202],
    ["Respond-Async", 202],
    ["return=minimal, respond-async; x=1", 202],
    ['foo="a, b", respond-async', 202],
    ['respond-async=""', 202],
    ["respond-async, wait=10", 202],
    ["", 200],
    ["respond-sync", 200],
    ["respond-async=no", 200],
    ['respond-async="no"', 200],
    ['foo="a, respond-async, b"', 200],
    ["foo; respond-async", 200],
    ['foo="', 200],
    [String.raw`foo="a\", respond-async, b"`, 200],
  ])("%j is answered with %i", async (prefer, status) => {
    const company = await makeCompany();
    const { id } = await createConversation(company);
    const answer = await chat(company, id, "Hi", {}, { prefer });
    expect(answer.status).toBe(status);
    expect(answer.headers.get("preference-applied")).toBe(status === 202 ? "respond-async" : null);
  });

  it("refuses what is refused without it", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company);
    expect((await chat(company, id, "", {}, ASYNC)).status).toBe(422);
    expect((await chat(company, uuidv7(), "Hi", {}, ASYNC)).status).toBe(404);
    await env.DB.prepare("UPDATE agent SET status = 'inactive' WHERE id = ?").bind(company.agent_id).run();
    expect(await chat(company, id, "Hi", {}, ASYNC)).toMatchObject({ status: 409, body: { code: "agent_inactive" } });
  });

  it("is one that pages may send, with headers that they may read", async () => {
    const company = await makeCompany();
    const lead = await makeLead(company);
    const { id } = await createConversation(company, {}, lead.headers);
    const headers = { ...lead.headers, ...ASYNC, origin: "https://shop.example" };
    const answer = await chat({ user: headers }, id, "Hi");
    expect(answer.status).toBe(202);
    expect(answer.headers.get("access-control-expose-headers")).toMatch(/Location.*Preference-Applied/);
    const { origin } = headers;
    const path = `/v1/conversation/${id}/chat`;
    const preflight = await call("OPTIONS", path, { headers: { origin, "access-control-request-method": "POST" } });
    expect(preflight.headers.get("access-control-allow-headers")).toContain("Prefer");
    expect(await ended({ user: lead.headers }, id, answer.body.turn_id)).toMatchObject({ status: "completed" });
  });
});

describe("who may read a turn", () => {
  it("is whoever may read its conversation, and for nobody else it is there", async () => {
    const company = await makeCompany();
    const [lead, stranger, other] = [await makeLead(company), await makeLead(company), await makeCompany()];
    const { id } = await createConversation(company, {}, lead.headers);
    const { turn_id } = (await chat({ user: lead.headers }, id, "Hi")).body;
    expect((await read(company, turn_id, lead.headers)).status).toBe(200);
    expect((await read(company, turn_id, company.read_only)).status).toBe(200);
    const missing = [
      await read(company, turn_id, stranger.headers),
      await read(company, turn_id, other.user),
      await read(company, uuidv7()),
      await read(company, "nonsense"),
      await read(company, id),
    ];
    const bodies = missing.map(({ status, body: { request_id: _, ...body } }) => ({ status, body }));
    for (const answer of bodies) expect(answer).toEqual({ ...bodies[0], status: 404 });
    const writer = await call("POST", "/v1/auth/api-keys", { headers: company.admin, body: { scopes: ["write"] } });
    const token = await call("POST", "/v1/auth/token", {
      headers: { "x-api-key": writer.body.api_key, "x-api-secret": writer.body.api_secret },
      body: { entity_type: "lead", external_id: "w" },
    });
    expect((await read(company, turn_id, bearer(token.body.access_token))).status).toBe(403);
  });

  it("sees no reply that was deleted, and nothing of a conversation that was", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company);
    const { turn_id, reply } = (await chat(company, id, "Hi")).body;
    const path = `/v1/message/${reply.id}`;
    await call("DELETE", path, { headers: company.user });
    const { turn } = (await read(company, turn_id)).body;
    expect(turn).toMatchObject({ id: turn_id, status: "completed" });
    expect(turn).not.toHaveProperty("reply");
    await call("PATCH", `${path}/restore`, { headers: company.user });
    expect((await read(company, turn_id)).body.turn.reply).toEqual(reply);
    await call("DELETE", `/v1/conversation/${id}`, { headers: company.user });
    expect((await read(company, turn_id)).status).toBe(404);
  });

  it("also finds a turn that was streamed", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company);
    const stream = await streamChat(company, id, "Hi");
    const { data } = await stream.until("chat_response");
    expect((await read(company, data.turn_id)).body.turn.reply).toEqual(data.message);
  });
});
