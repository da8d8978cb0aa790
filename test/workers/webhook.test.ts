/**
 * Webhooks, with receivers over HTTP that are played by the upstream: `tools/<name>` is an address, and scripts make it
 * misbehave. Signatures are checked by what the specification says, with Web Crypto.
 */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { createHmac } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { metered } from "../../bench/metered-database.ts";
import { publicKeys } from "../../src/auth/signing-key.ts";
import { configOf } from "../../src/config.ts";
import { openDatabase } from "../../src/db/database.ts";
import { companiesBehind, nextDue } from "../../src/db/webhook-delivery.ts";
import { upstream } from "../upstream/client.ts";
import { call, type Company, makeCompany } from "./company.ts";
import { chat, createConversation, history, settle } from "./conversation-client.ts";

const receiver = upstream(env.TEST_UPSTREAM);
let receivers = 0;

type Hook = { id: string; secret: string; name: string; public_key: string };

/** A webhook with an address of its own. */
async function register(company: Company, fields: object = {}): Promise<Hook> {
  const name = `tools/hook-${++receivers}-${company.company_id.slice(-8)}`;
  const body = { url: receiver.toolUrl(name.slice("tools/".length)), ...fields };
  const made = await call("POST", "/v1/webhook", { headers: company.admin, body });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return { ...made.body.webhook, secret: made.body.secret, name };
}

const received = async (hook: Hook, count: number) => (await receiver.waitForAnswer(hook.name, count)) as any[];
const deliveries = async (company: Company, hook: Hook): Promise<any[]> =>
  (await call("GET", `/v1/webhook/${hook.id}/deliveries?per_page=100`, { headers: company.admin })).body.deliveries;

/** The deliveries, once `isThere` holds of them. */
async function until(company: Company, hook: Hook, isThere: (rows: any[]) => boolean): Promise<any[]> {
  for (let tries = 0; tries < 200; tries++) {
    const rows = await deliveries(company, hook);
    if (isThere(rows)) return rows;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`never came true of ${JSON.stringify(await deliveries(company, hook))}`);
}

/** Lets the next attempt of everything that waits be now. */
async function hurry(company: Company) {
  await env.DB.prepare("UPDATE webhook_delivery SET next_at = 1 WHERE company_id = ? AND next_at IS NOT NULL")
    .bind(company.company_id)
    .run();
  await env.WEBHOOK.getByName(company.company_id).wake();
}

test("a turn arrives within seconds, in order, with ids alone", async () => {
  const company = await makeCompany();
  const hook = await register(company);
  const { id } = await createConversation(company);
  const { body } = await chat(company, id, "a secret word");
  const [, reply] = await history(company, id);
  const events = (await received(hook, 4)).map((request) => request.body);
  expect(events.map((event) => [event.type, event.data.sequence])).toEqual([
    ["conversation.created", 1],
    ["message.created", 2],
    ["message.created", 3],
    ["turn.completed", 4],
  ]);
  const common = { company_id: company.company_id, conversation_id: id };
  expect(events[3]).toEqual({
    type: "turn.completed",
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    data: { ...common, sequence: 4, turn_id: body.turn_id, message_id: reply?.id },
  });
  expect(JSON.stringify(events)).not.toContain("secret word");
  await until(company, hook, (rows) => rows.length === 4 && rows.every((row) => row.status === "delivered"));
});

test("what nobody told the dispatcher of, it finds when it looks again", async () => {
  const company = await makeCompany();
  const hook = await register(company);
  // By then it has looked, and found nothing.
  await new Promise((resolve) => setTimeout(resolve, 300));
  await env.DB.prepare(
    "INSERT INTO webhook_event (id, company_id, type, at, data) VALUES (?, ?, 'lead.created', 1, '{}')",
  )
    .bind(`evt_${company.company_id}`, company.company_id)
    .run();
  expect(await runDurableObjectAlarm(env.WEBHOOK.getByName(company.company_id))).toBe(true);
  expect(await received(hook, 1)).toHaveLength(1);
});

test("every change of a conversation and its messages is an event of its type", async () => {
  const company = await makeCompany();
  const { id } = await createConversation(company);
  await chat(company, id, "before there was a webhook");
  const reply_id = (await history(company, id))[1]?.id;
  await settle(company, id);
  const hook = await register(company, {
    events: [
      ...["conversation.updated", "conversation.deleted", "conversation.restored"],
      ...["message.deleted", "message.restored", "message.rated"],
    ],
  });
  const message = `/v1/conversation/${id}/messages`;
  const one = `/v1/message/${reply_id}`;
  const as = { headers: company.user };
  expect((await call("PATCH", `/v1/conversation/${id}`, { ...as, body: { title: "Renamed" } })).status).toBe(200);
  expect((await call("PUT", `${one}/feedback`, { ...as, body: { rating: "up" } })).status).toBe(200);
  expect((await call("DELETE", one, as)).status).toBe(200);
  expect((await call("PATCH", `${one}/restore`, as)).status).toBe(200);
  expect((await call("DELETE", message, as)).status).toBe(200);
  expect((await call("DELETE", `/v1/conversation/${id}`, as)).status).toBe(200);
  expect((await call("PATCH", `/v1/conversation/${id}/restore`, as)).status).toBe(200);
  const events = (await received(hook, 7)).map((request) => request.body);
  expect(events.map((event) => event.type)).toEqual([
    "conversation.updated",
    "message.rated",
    "message.deleted",
    "message.restored",
    "message.deleted",
    "conversation.deleted",
    "conversation.restored",
  ]);
  const sequences = events.map((event) => event.data.sequence);
  expect(sequences).toEqual(sequences.map((_, index) => sequences[0] + index));
  expect(events[0].data.changed).toEqual(["title"]);
  expect(events[1].data.message_id).toBe(reply_id);
  expect(events[4].data).toMatchObject({ deleted: 2, deletion_id: expect.any(String) });
});

test("people come and go", async () => {
  const company = await makeCompany();
  const hook = await register(company, { events: ["lead.created", "lead.erased", "erasure.done"] });
  const lead = await call("POST", "/v1/lead/register", {
    body: { agent_id: company.agent_id },
    headers: { origin: "https://shop.example" },
  });
  expect(lead.status, JSON.stringify(lead.body)).toBe(201);
  const { id } = lead.body.lead;
  const erased = await call("DELETE", `/v1/lead/${id}?erase=true`, { headers: company.admin });
  expect(erased.status).toBe(200);
  const types = (await received(hook, 3)).map((request) => request.body.type);
  expect(new Set(types)).toEqual(new Set(["lead.created", "lead.erased", "erasure.done"]));
});

test("an event is signed by the secret and by the published key; a rotation overlaps", async () => {
  const company = await makeCompany();
  const hook = await register(company);
  const rotated = await call("POST", `/v1/webhook/${hook.id}/rotate`, { headers: company.admin });
  expect(rotated.status).toBe(200);
  expect(rotated.body.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(rotated.body.secret).not.toBe(hook.secret);
  const sent = await call("POST", `/v1/webhook/${hook.id}/test`, { headers: company.admin });
  expect(sent.status).toBe(202);
  const [request] = await received(hook, 1);
  const header = (name: string) => String(request.headers[name]);
  expect(header("webhook-id")).toBe(sent.body.delivery.event_id);
  expect(Math.abs(Number(header("webhook-timestamp")) - Date.now() / 1000)).toBeLessThan(30);
  const signed = `${header("webhook-id")}.${header("webhook-timestamp")}.${JSON.stringify(request.body)}`;
  const hmac = (secret: string) =>
    `v1,${createHmac("sha256", Buffer.from(secret.slice(6), "base64"))
      .update(signed)
      .digest("base64")}`;
  const signatures = header("webhook-signature").split(" ");
  expect(signatures.slice(0, 2)).toEqual([hmac(rotated.body.secret), hmac(hook.secret)]);
  const [published] = (await publicKeys(configOf(env))).keys;
  const key = await crypto.subtle.importKey("jwk", published as JsonWebKey, "Ed25519", false, ["verify"]);
  const signature = Buffer.from(signatures[2]?.replace("v1a,", "") ?? "", "base64");
  expect(await crypto.subtle.verify("Ed25519", key, signature, Buffer.from(signed))).toBe(true);
  expect(Buffer.from(hook.public_key.slice(5), "base64").toString("base64url")).toBe(published?.x);

  await env.DB.prepare("UPDATE webhook SET previous_until = 1 WHERE id = ?").bind(hook.id).run();
  await call("POST", `/v1/webhook/${hook.id}/test`, { headers: company.admin });
  const second = (await received(hook, 2))[1];
  expect(second.headers["webhook-signature"].split(" ").map((one: string) => one.split(",")[0])).toEqual(["v1", "v1a"]);
});

test("of two that rotate at the same time, each has a secret that signs", async () => {
  const company = await makeCompany();
  const hook = await register(company);
  const rotate = () => call("POST", `/v1/webhook/${hook.id}/rotate`, { headers: company.admin });
  const secrets = (await Promise.all([rotate(), rotate()])).map(({ body }) => body.secret as string);
  await call("POST", `/v1/webhook/${hook.id}/test`, { headers: company.admin });
  const [{ headers, body }] = await received(hook, 1);
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${JSON.stringify(body)}`;
  const shared = secrets.map(
    (secret) =>
      `v1,${createHmac("sha256", Buffer.from(secret.slice(6), "base64"))
        .update(signed)
        .digest("base64")}`,
  );
  expect(headers["webhook-signature"].split(" ")).toEqual(expect.arrayContaining(shared));
});

test("what fails is sent again under the same id, and what comes after it waits for it", async () => {
  const company = await makeCompany();
  const hook = await register(company);
  await receiver.script(
    hook.name,
    [{ status: 500 }],
    [{ status: 302, headers: { location: "/elsewhere" } }],
    [{ status: 204 }],
  );
  const { id } = await createConversation(company);
  await chat(company, id, "hello");
  await until(company, hook, (rows) => rows.length === 4 && rows.some((row) => row.attempts === 1));
  const rows = await deliveries(company, hook);
  const first = rows.find((row) => row.type === "conversation.created");
  expect(first).toMatchObject({ status: "pending", attempts: 1, last_status: 500 });
  expect(rows.filter((row) => row !== first).map((row) => [row.attempts, row.next_at])).toEqual([
    [0, null],
    [0, null],
    [0, null],
  ]);
  await hurry(company);
  const twice = await until(company, hook, (all) => all.some((row) => row.attempts === 2));
  expect(twice.find((row) => row.attempts === 2)).toMatchObject({ status: "pending", last_status: 302 });
  await hurry(company);
  await until(company, hook, (all) => all.every((row) => row.status === "delivered"));
  const requests = await received(hook, 6);
  expect(new Set(requests.slice(0, 3).map((request) => request.headers["webhook-id"])).size).toBe(1);
  expect(requests.slice(2).map((request) => request.body.data.sequence)).toEqual([1, 2, 3, 4]);
});

test("a turn that fails or is stopped is not a completed one", async () => {
  const company = await makeCompany();
  const hook = await register(company, { events: ["turn.completed", "turn.failed", "turn.stopped"] });
  const body = { kind: "openai-compatible", base_url: receiver.baseUrl };
  await call("PUT", "/v1/model-provider/scripted", { headers: company.admin, body });
  const model = `webhook-${company.company_id}`;
  const agent = { name: "Scripted", model: `scripted/${model}` };
  const made = await call("POST", "/v1/agent", { headers: company.admin, body: agent });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  await receiver.script(model, [{ status: 401 }], [{ text: "some " }, { hang: true }]);
  const { id } = await createConversation(company, { agent_id: made.body.agent.id });
  expect((await chat(company, id, "fails")).status).toBe(502);
  const stopped = chat(company, id, "is stopped");
  await receiver.waitForRequest(model, 2);
  expect((await call("POST", `/v1/conversation/${id}/chat/stop`, { headers: company.user })).status).toBe(200);
  await stopped;
  const events = (await received(hook, 2)).map((request) => request.body);
  expect(events.map((event) => event.type)).toEqual(["turn.failed", "turn.stopped"]);
});

test("a conversation goes to a person and back; what a person writes is no turn of the agent", async () => {
  const company = await makeCompany();
  const hook = await register(company, { events: ["handling.changed", "message.created", "turn.completed"] });
  const { id } = await createConversation(company);
  const path = `/v1/conversation/${id}`;
  const as = { headers: company.user };
  expect((await call("POST", `${path}/take-over`, { ...as, body: {} })).status).toBe(200);
  const said = await call("POST", `${path}/reply`, { ...as, body: { message: "I am a person." } });
  expect(said.status, JSON.stringify(said.body)).toBe(201);
  expect((await call("POST", `${path}/give-back`, { ...as, body: {} })).status).toBe(200);
  const events = (await received(hook, 3)).map(({ body }) => [body.type, body.data.handled_by ?? body.data.role]);
  expect(new Map(events as [string, string][]).get("handling.changed")).toBe("agent");
  expect(events.map(([type]) => type).filter((type) => type === "turn.completed")).toEqual([]);
  expect(events).toHaveLength(3);
});

test("a receiver that hangs keeps no other webhook waiting", async () => {
  const company = await makeCompany();
  const slow = await register(company);
  const quick = await register(company);
  await receiver.script(slow.name, [{ gate: slow.name }, { text: "late" }]);
  await createConversation(company);
  await receiver.waitForRequest(slow.name, 1);
  await createConversation(company);
  await received(quick, 2);
  expect((await deliveries(company, slow)).map((row) => row.status)).toEqual(["pending", "pending"]);
  await receiver.openGate(slow.name);
  await until(company, slow, (rows) => rows.every((row) => row.status === "delivered"));
});

test("a receiver that never answers is given up for now, and asked again", { tags: "slow" }, async () => {
  const company = await makeCompany();
  const hook = await register(company);
  await receiver.script(hook.name, [{ hang: true }], [{ status: 200 }]);
  await createConversation(company);
  // Ten seconds later.
  await receiver.waitForAbort(hook.name);
  const [row] = await until(company, hook, (rows) => rows[0]?.attempts === 1);
  expect(row).toMatchObject({ status: "pending", last_status: null });
  await hurry(company);
  await until(company, hook, (rows) => rows[0]?.status === "delivered");
  const [first, second] = await receiver.requests(hook.name);
  expect(second?.headers["webhook-id"]).toBe(first?.headers["webhook-id"]);
});

test("a receiver that answers 410 is not sent anything any more, until it is put again", async () => {
  const company = await makeCompany();
  const hook = await register(company);
  await receiver.script(hook.name, [{ status: 410 }], [{ status: 200 }]);
  await createConversation(company);
  await until(company, hook, (rows) => rows[0]?.status === "dead");
  const path = `/v1/webhook/${hook.id}`;
  const { body } = await call("GET", path, { headers: company.admin });
  expect(body.webhook.disabled_at).not.toBeNull();
  await createConversation(company);
  expect(await deliveries(company, hook)).toHaveLength(1);
  expect((await call("POST", `${path}/test`, { headers: company.admin })).status).toBe(409);
  const put = await call("PUT", path, {
    headers: company.admin,
    body: { url: body.webhook.url, description: "again" },
  });
  expect(put.body.webhook).toMatchObject({ disabled_at: null, description: "again", events: null, payload: "thin" });
  await createConversation(company);
  await until(company, hook, (rows) => rows[0]?.status === "delivered");
});

test("a receiver says when to come back", async () => {
  const company = await makeCompany();
  const hook = await register(company);
  await receiver.script(hook.name, [{ status: 503, headers: { "retry-after": "3600" } }]);
  await createConversation(company);
  const [row] = await until(company, hook, (rows) => rows[0]?.attempts === 1);
  expect(row).toMatchObject({ status: "pending", last_status: 503 });
  const wait = Date.parse(row.next_at) - Date.now();
  expect(wait).toBeGreaterThan(3_500_000);
  expect(wait).toBeLessThan(3_700_000);
});

describe("by the clock", () => {
  beforeEach(() => {
    // Later than D1's own clock, by which an event is due.
    vi.useFakeTimers({ toFake: ["Date"], now: vi.getRealSystemTime() + 60_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Goes from attempt to attempt at the first event, until `isOver`; the pauses between them, in milliseconds. */
  async function attempts(company: Company, hook: Hook, isOver: (row: any) => boolean): Promise<number[]> {
    const pauses: number[] = [];
    const first = (rows: any[]) => rows.find((row) => row.type === "conversation.created");
    for (let count = 1; ; count++) {
      const row = first(await until(company, hook, (rows) => first(rows)?.attempts === count));
      if (isOver(row)) return pauses;
      const due = Date.parse(row.next_at);
      pauses.push(due - Date.now());
      vi.setSystemTime(due - 1_000);
      await env.WEBHOOK.getByName(company.company_id).wake();
      expect(first(await deliveries(company, hook)).attempts).toBe(count);
      vi.setSystemTime(due);
      await env.WEBHOOK.getByName(company.company_id).wake();
    }
  }

  test("a receiver that answers 500 for a day gets everything afterwards, in order", async () => {
    const company = await makeCompany();
    const hook = await register(company);
    await receiver.script(hook.name, [{ status: 500 }]);
    const { id } = await createConversation(company, {}, company.read_write);
    const said = await call("POST", `/v1/conversation/${id}/chat`, {
      headers: company.read_write,
      body: { message: "hello" },
    });
    expect(said.status).toBe(200);
    await settle(company, id);
    const began = Date.now();
    const pauses = await attempts(company, hook, () => Date.now() - began > 86_400_000);
    // Each pause is longer than the one before, by more than its jitter.
    expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
    const before = await receiver.requests(hook.name);
    expect(new Set(before.map((request) => request.headers["webhook-id"])).size).toBe(1);
    for (const { headers } of before.slice(-1))
      expect(Math.abs(Number(headers["webhook-timestamp"]) * 1000 - Date.now())).toBeLessThan(60_000);
    await receiver.script(hook.name, [{ status: 204 }]);
    await hurry(company);
    await until(company, hook, (rows) => rows.length === 4 && rows.every((row) => row.status === "delivered"));
    const after = (await receiver.requests(hook.name)).slice(before.length);
    expect(after.map(({ body }) => body.data.sequence)).toEqual([1, 2, 3, 4]);
  });

  test("after three days it is given up, and what comes after it has its own three days", async () => {
    const company = await makeCompany();
    const hook = await register(company);
    await receiver.script(hook.name, [{ status: 500 }]);
    const { id } = await createConversation(company, {}, company.read_write);
    await call("PATCH", `/v1/conversation/${id}`, { headers: company.read_write, body: { title: "new" } });
    const began = Date.now();
    await attempts(company, hook, ({ status }) => status === "dead");
    const took = (Date.now() - began) / 86_400_000;
    expect(took).toBeGreaterThan(2.7);
    expect(took).toBeLessThan(3.4);
    const rows = await until(company, hook, (all) =>
      all.some((row) => row.type !== "conversation.created" && row.attempts),
    );
    expect(rows.map(({ type, status, attempts: n }) => [type, status, n])).toEqual([
      ["conversation.updated", "pending", 1],
      ["conversation.created", "dead", 11],
    ]);
  });
});

test("what there is to do is found in a few rows, however much waits", async () => {
  const company = await makeCompany();
  const hook = await register(company);
  const waiting = 3_000;
  const due = Date.now() + 3_600_000;
  await env.DB.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?3)
     INSERT INTO webhook_delivery (id, company_id, webhook_id, event_id, type, conversation_id, sequence, status, next_at, created_at)
     SELECT 'w' || i || ?2, ?1, ?2, 'e' || i || ?2, 'x', 'c' || i, 1, 'pending', ?4 + i, 1 FROM n`,
  )
    .bind(company.company_id, hook.id, waiting, due)
    .run();
  const read: number[] = [];
  const db = openDatabase(
    metered(env.DB, ({ costs }) => void read.push(costs.reduce((sum, { rows_read }) => sum + rows_read, 0))),
  );
  expect(await nextDue(db, company.company_id)).toEqual([{ webhook_id: hook.id, at: due + 1 }]);
  await companiesBehind(db, 0, 10);
  const webhooks = await env.DB.prepare("SELECT count(*) AS n FROM webhook").first<{ n: number }>();
  expect(read[0]).toBeLessThan(10);
  expect(read[1]).toBeLessThan(3 * (webhooks?.n ?? 0) + 10);
  expect((await companiesBehind(db, due + 5, 1_000)).map((row) => row.company_id)).toContain(company.company_id);
});

test("what was given up or has arrived is sent again when somebody asks: one, or a stretch of time", async () => {
  const company = await makeCompany();
  const hook = await register(company);
  await receiver.script(hook.name, [{ status: 500 }], [{ status: 200 }]);
  const { id } = await createConversation(company);
  const [first] = await until(company, hook, (rows) => rows[0]?.attempts === 1);
  await env.DB.prepare("UPDATE webhook_delivery SET attempts = 10 WHERE id = ?").bind(first.id).run();
  await receiver.script(hook.name, [{ status: 500 }], [{ status: 200 }]);
  await hurry(company);
  await until(company, hook, (rows) => rows[0]?.status === "dead" && rows[0].next_at === null);
  const replay = (body: object) => call("POST", `/v1/webhook/${hook.id}/replay`, { headers: company.admin, body });
  expect((await replay({ delivery_id: first.id })).body).toEqual({ replayed: 1, next_from: null });
  await until(company, hook, (rows) => rows[0]?.status === "delivered" && rows[0].attempts === 1);
  await chat(company, id, "hello");
  await until(company, hook, (rows) => rows.length === 4 && rows.every((row) => row.status === "delivered"));

  const late = await register(company, { events: ["turn.completed", "conversation.created"] });
  const again = await call("POST", `/v1/webhook/${late.id}/replay`, {
    headers: company.admin,
    body: { from: new Date(Date.now() - 600_000).toISOString(), to: new Date(Date.now() + 1000).toISOString() },
  });
  expect(again.body).toEqual({ replayed: 2, next_from: null });
  const events = await received(late, 2);
  expect(events.map((request) => request.body.type)).toEqual(["conversation.created", "turn.completed"]);
  expect(events[0].headers["webhook-id"]).toBe(first.event_id);

  expect((await replay({ delivery_id: company.company_id })).status).toBe(404);
  for (const body of [{}, { from: "2026-01-01" }, { from: "2026-02-01", to: "2026-01-01" }, { delivery_id: "x" }])
    expect((await replay(body)).status, JSON.stringify(body)).toBe(422);
});

test("a full payload has what is there when it is sent", async () => {
  const company = await makeCompany();
  const hook = await register(company, {
    payload: "full",
    events: ["turn.completed", "message.deleted", "conversation.created"],
  });
  const { id, title } = await createConversation(company, { title: "The title" });
  await chat(company, id, "hello");
  const [created, completed] = (await received(hook, 2)).map((request) => request.body.data);
  const [, reply] = await history(company, id);
  expect(created.conversation).toMatchObject({ id, title });
  expect(completed.message).toMatchObject({ id: reply?.id, content: reply?.content });
  await call("DELETE", `/v1/message/${reply?.id}`, { headers: company.user });
  const deleted = (await received(hook, 3))[2].body.data;
  expect(deleted).toMatchObject({ message_id: reply?.id, message: null });
});

test("a batch that reaches D1 twice makes each event once", async () => {
  const company = await makeCompany();
  const hook = await register(company);
  const { id } = await createConversation(company);
  await chat(company, id, "hello");
  await settle(company, id);
  const before = await until(company, hook, (rows) => rows.length === 4);
  await env.DB.prepare("UPDATE message SET status = status, created_at = created_at WHERE conversation_id = ?")
    .bind(id)
    .run();
  await env.DB.prepare(
    "INSERT INTO message SELECT * FROM message WHERE conversation_id = ? ON CONFLICT (conversation_id, sequence) DO UPDATE SET content = excluded.content, created_at = excluded.created_at",
  )
    .bind(id)
    .run()
    .catch(() => undefined);
  expect((await deliveries(company, hook)).map((row) => row.event_id)).toEqual(before.map((row) => row.event_id));
});

test("only admins of the company see a webhook, and never its secret again", async () => {
  const company = await makeCompany();
  const other = await makeCompany();
  const hook = await register(company);
  const path = `/v1/webhook/${hook.id}`;
  const shown = await call("GET", path, { headers: company.admin });
  const listed = await call("GET", "/v1/webhook", { headers: company.admin });
  expect(listed.body.webhooks).toEqual([shown.body.webhook]);
  const row = await env.DB.prepare("SELECT * FROM webhook WHERE id = ?").bind(hook.id).first();
  for (const text of [shown.body, listed.body, row]) expect(JSON.stringify(text)).not.toContain(hook.secret.slice(6));
  for (const ending of ["", "/deliveries"]) {
    expect((await call("GET", path + ending, { headers: company.read_write })).status).toBe(403);
    expect((await call("GET", path + ending, { headers: other.admin })).status).toBe(404);
  }
  expect((await call("DELETE", path, { headers: company.admin })).status).toBe(200);
  expect((await call("GET", path, { headers: company.admin })).status).toBe(404);
  await createConversation(company);
  expect(
    await env.DB.prepare("SELECT 1 FROM webhook_event WHERE company_id = ?").bind(company.company_id).first(),
  ).toBeNull();
});

test.each([
  [{ url: "ftp://example.com" }, "/url"],
  [{ url: "https://10.0.0.1/hook" }, "/url"],
  [{ url: "https://user:word@example.com" }, "/url"],
  [{ url: "https://metadata.internal/" }, "/url"],
  [{ url: "" }, "/url"],
  [{}, "/url"],
  [{ url: "https://example.com", events: [] }, "/events"],
  [{ url: "https://example.com", events: ["turn.began"] }, "/events/0"],
  [{ url: "https://example.com", payload: "fat" }, "/payload"],
])("%j is refused", async (body, path) => {
  const company = await makeCompany();
  const answer = await call("POST", "/v1/webhook", { headers: company.admin, body });
  expect(answer.status).toBe(422);
  expect(answer.body.errors[0].path).toBe(path);
});
