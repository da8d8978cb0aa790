/** What clients in other languages do that JavaScript's do not: send null for nothing, tell floats from integers, ask OPTIONS. */
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { api } from "../../src/app.ts";
import { isLeftOutByNull, nullMembers } from "../../src/http/null-member.ts";
import { float } from "../../src/json.ts";
import { answerOf, call, type Company, makeCompany, makeLead, send } from "./company.ts";
import { chat, createConversation, history } from "./conversation-client.ts";

let company: Company;
let id: string;
beforeAll(async () => {
  company = await makeCompany();
  id = (await createConversation(company)).id;
});

const put = (method: string, path: string, body: unknown) => call(method, path, { headers: company.admin, body });

describe("null for a member that may be left out is the same as without it", () => {
  it("in a new conversation", async () => {
    const { agent_id } = company;
    const nulls = { agent_id, title: null, metadata: null, max_context_length: null };
    const made = await put("POST", "/v1/conversation", nulls);
    expect(made.status).toBe(201);
    const plain = await put("POST", "/v1/conversation", { agent_id });
    for (const member of ["title", "metadata", "max_context_length"])
      expect(made.body.conversation[member]).toEqual(plain.body.conversation[member]);
    const key = { "idempotency-key": "typed" };
    const headers = { ...company.user, ...key };
    const first = await call("POST", "/v1/conversation", { headers, body: nulls });
    const again = await call("POST", "/v1/conversation", { headers, body: { agent_id } });
    expect([first.status, again.status, again.body.conversation.id]).toEqual([201, 200, first.body.conversation.id]);
  });

  it("in a turn, which is the same turn when it is sent again without them", async () => {
    const headers = { ...company.user, "idempotency-key": "turn" };
    const path = `/v1/conversation/${id}/chat`;
    const body = { message: "hi", metadata: null, output_schema: null, on_busy: null };
    const first = await call("POST", path, { headers, body });
    const again = await call("POST", path, { headers, body: { message: "hi" } });
    expect([first.status, again.status, again.headers.get("idempotent-replayed")]).toEqual([200, 200, "true"]);
    expect((await history(company, id)).map(({ metadata }) => metadata)).toEqual([{}, {}]);
    expect(await put("POST", `${path}/stop`, { turn_id: null })).toMatchObject({ body: { code: "no_turn_running" } });
    const rating = { rating: "up", comment: null };
    const rated = await put("PUT", `/v1/message/${first.body.reply.id}/feedback`, rating);
    expect(rated.body.message.feedback).toEqual({ rating: "up" });
  });

  it("in every member of every body that says so", async () => {
    const agent = await put("POST", "/v1/agent", { name: "A", greeting: null, knowledge: null, status: null });
    expect([agent.status, agent.body.agent.greeting, agent.body.agent.status]).toEqual([201, "", "active"]);
    const token = { entity_type: "user", external_id: "e", name: null, email: null, role: null, expires_in: null };
    expect((await put("POST", "/v1/auth/token", token)).status).toBe(200);
    const key = await put("POST", "/v1/auth/api-keys", { name: null, scopes: null, expires_at: null });
    expect([key.status, key.body.api_key?.scopes ?? key.body.scopes]).toEqual([201, ["read", "write"]]);
    const checked = api.specs
      .filter(({ method, body }) => body && (method === "post" || method === "put"))
      .map(({ body }) => nullMembers(body?.() as z.ZodType).length);
    expect(checked.filter((n) => n > 0).length).toBeGreaterThan(10);
  });

  it("and refused where it could mean something else, or nothing", async () => {
    for (const [method, path, body] of [
      ["PATCH", `/v1/conversation/${id}`, { title: null }],
      ["PATCH", `/v1/conversation/${id}/message/restore-all`, { deletion_id: null }],
      ["POST", "/v1/conversation", { agent_id: null }],
      ["POST", "/v1/conversation", { agent_id: company.agent_id, unknown: null }],
      ["POST", `/v1/conversation/${id}/chat`, { message: null }],
    ] as const)
      expect(await put(method, path, body), `${method} ${path}`).toMatchObject({ status: 422 });
  });

  it("as the schema tells: not where null is a value of its own", () => {
    const text = z.string();
    const members = [text.optional(), text.default(""), text.nullish(), text.nullable().default(null), text];
    expect(members.map(isLeftOutByNull)).toEqual([true, true, false, false, false]);
  });
});

describe("OPTIONS", () => {
  it.each([
    ["/v1/conversation", "GET, HEAD, POST"],
    ["/api/v1/conversation/x/messages", "DELETE, GET, HEAD"],
    ["/v1/conversation/deleted", "GET, HEAD"],
  ])("of %s lists its methods", async (path, allow) => {
    const answer = await answerOf(await send("OPTIONS", path));
    expect([answer.status, answer.headers.get("allow"), answer.body]).toEqual([204, allow, ""]);
    expect(answer.headers.get("x-request-id")).toEqual(expect.any(String));
  });

  it("of no path is 404", async () => {
    expect(await answerOf(await send("OPTIONS", "/v1/nothing"))).toMatchObject({ status: 404 });
  });
});

it("processing_time has a decimal point wherever it is, so that no language takes it for an integer", async () => {
  expect(JSON.stringify([0, 0.25, 12].map(float))).toBe("[0.0,0.25,12.0]");
  const lead = await makeLead(company);
  const own = await createConversation(company, {}, lead.headers);
  const as = { user: lead.headers } as never;
  for (let n = 0; n < 5; n++) await chat(as, own.id, `n ${n}`);
  const last = (await history(company, own.id)).at(-1)?.id;
  const texts = await Promise.all(
    [
      `/v1/conversation/${own.id}/messages`,
      `/v1/conversation/${own.id}/messages/stream?turn_id=${(await history(company, own.id)).at(-1)?.turn_id}`,
      `/v1/message/${last}`,
      `/v1/lead/${lead.lead_id}/export`,
      `/v1/analytic/conversation/${own.id}`,
    ].map(async (path) => (await send("GET", path, { headers: company.admin })).text()),
  );
  const answer = await send("POST", `/v1/conversation/${own.id}/chat`, {
    headers: lead.headers,
    body: { message: "one more" },
  });
  for (const text of [...texts, await answer.text()]) {
    const values = [...text.matchAll(/"(?:processing_time|duration_seconds)":([\d.]+)/g)].map(([, value]) => value);
    expect(values.length, text.slice(0, 200)).toBeGreaterThan(0);
    for (const value of values) expect(value).toMatch(/^\d+\.\d+$/);
  }
});

it("no last event yet is an empty id, in the query as in the header", async () => {
  const path = `/v1/conversation/${id}/messages/stream?last_event_id=`;
  for (const headers of [company.user, { ...company.user, "last-event-id": "" }]) {
    const { status, body } = await send("GET", path, { headers });
    await body?.cancel();
    expect(status).toBe(200);
  }
});
