/** The scheduled purge: what it takes, what it leaves, and that it can be cut off anywhere. */
import { createScheduledController, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { uuidv7 } from "uuidv7";
import { beforeAll, describe, expect, it } from "vitest";
import { readConfig } from "../../src/config.ts";
import { companyDatabase } from "../../src/db/database.ts";
import { message } from "../../src/db/schema.ts";
import { readTally } from "../../src/db/tally.ts";
import worker from "../../src/index.ts";
import { at, insertConversations, insertLeads, insertTurns } from "./analytic-data.ts";
import { call, callerOf, type Company, makeCompany, makeLead, send } from "./company.ts";
import { chat, createConversation, history, settle, streamOf } from "./conversation-client.ts";

const DAY = 86_400_000;
const days = (n: number) => Date.now() + n * DAY;

/** What other files have deleted, long ago as it seems, would take the run's budget. */
beforeAll(async () => {
  await env.DB.batch([
    env.DB.prepare("DELETE FROM message WHERE deleted_at IS NOT NULL"),
    env.DB.prepare("DELETE FROM conversation WHERE deleted_at IS NOT NULL"),
  ]);
});

/** The cron, as if it were `at` (ms), with RETENTION_DAYS as given. */
async function scheduled(at: number, RETENTION_DAYS?: string): Promise<void> {
  const controller = createScheduledController({ scheduledTime: new Date(at), cron: "17 * * * *" });
  await worker.scheduled(controller, { ...env, ...(RETENTION_DAYS === undefined ? {} : { RETENTION_DAYS }) });
}

const rows = async (query: string, ...values: unknown[]) =>
  (
    await env.DB.prepare(query)
      .bind(...values)
      .all()
  ).results;
const count = async (table: string, conversation_id: string) => {
  const column = table === "message" ? "conversation_id" : "id";
  return (await rows(`SELECT count(*) AS n FROM ${table} WHERE ${column} = ?`, conversation_id))[0]?.["n"];
};
const stub = (id: string) => env.CONVERSATION.getByName(id);

/** Every text in the object's own storage, and whether its alarm is set. */
const storageOf = (id: string) =>
  runInDurableObject(stub(id), async (_, { storage }) => {
    const tables = storage.sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
      )
      .toArray()
      .filter(({ name }) => !name.startsWith("sqlite_"));
    const content = tables.map(({ name }) => storage.sql.exec(`SELECT * FROM ${name}`).toArray());
    return { tables: tables.length, text: JSON.stringify(content), alarm: await storage.getAlarm() };
  });

const tallies = async ({ company_id, user_id, agent_id }: Company) => {
  const db = await companyDatabase(env, company_id);
  const [company, entity, agent, message] = await Promise.all([
    readTally(db, company_id, "company"),
    readTally(db, company_id, "entity", `user:${user_id}`),
    readTally(db, company_id, "agent", agent_id),
    readTally(db, company_id, "message"),
  ]);
  return { company, entity, agent, deleted_messages: message.deleted };
};

const state = (active: number, deleted: number) => ({ active, archived: 0, deleted });

const get = (company: Company, path: string) => call("GET", path, { headers: company.user });
const remove = (company: Company, path: string) => call("DELETE", path, { headers: company.user });
const restore = (company: Company, path: string, body?: object) => call("PATCH", path, { headers: company.user, body });
const actions = async (company: Company) =>
  (await rows("SELECT action FROM audit_event WHERE company_id = ? ORDER BY id", company.company_id)).map(
    (row) => row["action"],
  );

/** A deleted conversation in which a secret was said. */
async function deletedConversation(company: Company, text = "the secret"): Promise<string> {
  const { id } = await createConversation(company, { title: "A secret title", metadata: { secret: "meta" } });
  await chat(company, id, text, { metadata: { secret: "meta" } });
  expect((await remove(company, `/v1/conversation/${id}`)).status).toBe(200);
  return id;
}

/** Makes D1 refuse one kind of statement on the rows that `when` picks, as if it were cut off there, while `work` runs. */
async function refusing(what: string, when: string, work: () => Promise<void>): Promise<void> {
  await env.DB.prepare(
    `CREATE TRIGGER refused BEFORE ${what} WHEN ${when} BEGIN SELECT RAISE(ABORT, 'cut off'); END`,
  ).run();
  try {
    await work();
  } finally {
    await env.DB.prepare("DROP TRIGGER refused").run();
  }
}

/** Every request about a conversation that could show something of it. */
const aboutConversation = (id: string): [method: string, path: string, body?: object][] => [
  ["GET", `/v1/conversation/${id}`],
  ["GET", `/v1/conversation/${id}/messages`],
  ["GET", `/v1/conversation/${id}/messages/stream`],
  ["GET", `/v1/conversation/${id}/chat/stream`],
  ["GET", `/v1/analytic/conversation/${id}`],
  ["PATCH", `/v1/conversation/${id}/restore`],
  ["PATCH", `/v1/conversation/${id}`, { title: "mine" }],
  ["PATCH", `/v1/conversation/${id}/message/restore-all`, {}],
  ["POST", `/v1/conversation/${id}/chat`, { message: "hello" }],
  ["POST", `/v1/conversation/${id}/chat/stop`, {}],
  ["DELETE", `/v1/conversation/${id}/messages`],
  ["DELETE", `/v1/conversation/${id}`],
];

/** It is nowhere to be seen: every request answers like one about an id that never was. */
async function expectGone(company: Company, id: string): Promise<void> {
  const headers = { ...company.user, "x-request-id": "same" };
  const bodies = new Set<string>();
  for (const [method, path, body] of [...aboutConversation(id), ...aboutConversation(uuidv7())]) {
    const answer = await call(method, path, { headers, body });
    expect([method, path, answer.status]).toEqual([method, path, 404]);
    bodies.add(JSON.stringify(answer.body));
  }
  expect(bodies.size).toBe(1);
  expect((await get(company, "/v1/conversation/deleted")).body).toMatchObject({
    conversations: [],
    pagination: { total: 0 },
  });
}

describe("a deleted conversation", () => {
  it("is purged once it has been deleted for longer than RETENTION_DAYS", async () => {
    const company = await makeCompany();
    const kept = await createConversation(company);
    await chat(company, kept.id, "stays");
    const id = await deletedConversation(company);
    expect(await tallies(company)).toMatchObject({ company: state(1, 1), entity: state(1, 1), agent: state(1, 1) });

    await scheduled(days(29), "30");
    expect([await count("conversation", id), await count("message", id)]).toEqual([1, 2]);
    await scheduled(days(31), "30");

    expect([await count("conversation", id), await count("message", id)]).toEqual([0, 0]);
    expect(await storageOf(id)).toEqual({ tables: 0, text: "[]", alarm: null });
    expect(await tallies(company)).toMatchObject({ company: state(1, 0), entity: state(1, 0), agent: state(1, 0) });
    expect((await history(company, kept.id)).length).toBe(2);
    expect((await get(company, "/v1/conversation/deleted")).body.conversations).toEqual([]);
    const audit = await rows("SELECT * FROM audit_event WHERE company_id = ? ORDER BY id", company.company_id);
    expect(audit.map((row) => row["action"])).toEqual(["conversation.delete", "conversation.purge", "retention.sweep"]);
    expect(audit[2]).toMatchObject({ actor_type: "system", details: '{"conversations":1,"messages":0,"leads":0}' });
    expect(audit[1]).toMatchObject({
      actor_type: "system",
      actor_id: "retention",
      api_key_id: null,
      request_id: null,
      target_type: "conversation",
      target_id: id,
    });
    expect(JSON.stringify(audit)).not.toContain("secret");
  });

  it("is kept for ever where RETENTION_DAYS is 0 or not set", async () => {
    const company = await makeCompany();
    const id = await deletedConversation(company);
    await scheduled(days(100_000));
    await scheduled(days(100_000), "0");
    expect([await count("conversation", id), await count("message", id)]).toEqual([1, 2]);
    expect((await restore(company, `/v1/conversation/${id}/restore`)).status).toBe(200);
    expect((await history(company, id)).map((m) => m.content)).toEqual(["the secret", "echo: the secret"]);
  });

  it("is purged once only, whatever was deleted in it, and every late request finds nothing", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company);
    const { body } = await chat(company, id, "the secret");
    await remove(company, `/v1/message/${body.message_id}`);
    const reader = streamOf(await send("GET", `/v1/conversation/${id}/messages/stream`, { headers: company.user }));
    await reader.next();
    await remove(company, `/v1/conversation/${id}`);
    await reader.rest();
    await scheduled(days(31), "30");
    await expectGone(company, id);
    for (const path of [`/v1/message/${body.message_id}`, `/v1/message/${body.reply.id}`]) {
      expect((await get(company, path)).status).toBe(404);
      expect((await restore(company, `${path}/restore`)).status).toBe(404);
    }
    expect(await storageOf(id)).toEqual({ tables: 0, text: "[]", alarm: null });
    await scheduled(days(31), "30");
    expect(await actions(company)).toEqual([
      ...["message.delete", "conversation.delete", "conversation.purge", "retention.sweep"],
    ]);
    expect((await tallies(company)).deleted_messages).toBe(0);
  });

  it("that was restored in time stays, and so does one that only the object knows to be live", async () => {
    const company = await makeCompany();
    const id = await deletedConversation(company);
    await restore(company, `/v1/conversation/${id}/restore`);
    await scheduled(days(31), "30");
    const purge = (before: number) => stub(id).purge(company.company_id, { of: "deleted", before });
    expect(await purge(days(31))).toEqual({ ok: true, value: false });
    await remove(company, `/v1/conversation/${id}`);
    expect(await purge(days(-1))).toEqual({ ok: true, value: false });
    expect(await stub(id).purge(uuidv7(), { of: "deleted", before: days(31) })).toEqual({ ok: true, value: false });
    await restore(company, `/v1/conversation/${id}/restore`);
    expect((await history(company, id)).map((m) => m.content)).toEqual(["the secret", "echo: the secret"]);
  });

  it("is either restored whole or purged whole when both are asked for at the same time", async () => {
    const company = await makeCompany();
    const talkedIn = await Promise.all(Array.from({ length: 8 }, () => deletedConversation(company)));
    // Objects that have to read their conversation from D1 first.
    const [old, deleted_at] = [at("2020-01-01T00:00:00Z"), Date.now()];
    const row = { created_at: old, last_message_at: old, message_count: 2, deleted_at };
    const untouched = await insertConversations(
      company,
      Array.from({ length: 8 }, () => row),
    );
    await insertTurns(
      company,
      untouched.map((conversation_id) => ({ at: old, conversation_id })),
    );
    const outcomes = await Promise.all(
      [...talkedIn, ...untouched].map(async (id, i) => {
        const ask = {
          restored: () => restore(company, `/v1/conversation/${id}/restore`),
          purged: () => stub(id).purge(company.company_id, { of: "deleted", before: days(31) }),
        };
        const first = i % 2 === 0 ? ask.restored() : undefined;
        const [purged, restored] = await Promise.all([ask.purged(), first ?? ask.restored()]);
        const { tables } = await storageOf(id);
        const kept = [await count("conversation", id), await count("message", id)];
        return { restored: restored.status, purged: purged.ok && purged.value, kept, stored: tables > 0 };
      }),
    );
    const [whole, gone] = [
      { restored: 200, purged: false, kept: [1, 2], stored: true },
      { restored: 404, purged: true, kept: [0, 0], stored: false },
    ];
    for (const outcome of outcomes) expect([whole, gone]).toContainEqual(outcome);
  });

  it("goes in batches, of every company, and what is not due stays", async () => {
    const [one, two] = [await makeCompany(), await makeCompany()];
    const old = at("2020-01-01T00:00:00Z");
    const gone = await insertConversations(
      one,
      Array.from({ length: 23 }, () => ({ created_at: old, deleted_at: old })),
    );
    const long = gone[0] ?? "";
    await insertTurns(
      one,
      Array.from({ length: 520 }, (_, i) => ({ at: old + i, conversation_id: long })),
    );
    const [theirs = ""] = await insertConversations(two, [{ created_at: old, deleted_at: old + 1 }]);
    const [live = "", recent = ""] = await insertConversations(two, [
      { created_at: old },
      { created_at: old, deleted_at: Date.now() },
    ]);
    await insertTurns(two, [
      { at: old, conversation_id: live },
      { at: old, conversation_id: recent },
    ]);
    await scheduled(Date.now(), "30");
    for (const id of [...gone, theirs]) expect(await count("conversation", id)).toBe(0);
    expect(await count("message", long)).toBe(0);
    expect(await storageOf(long)).toEqual({ tables: 0, text: "[]", alarm: null });
    for (const id of [live, recent])
      expect([await count("conversation", id), await count("message", id)]).toEqual([1, 2]);
    expect(await tallies(one)).toMatchObject({ company: state(0, 0), entity: state(0, 0), agent: state(0, 0) });
    expect(await tallies(two)).toMatchObject({ company: state(1, 1), entity: state(1, 1), agent: state(1, 1) });
    expect(await actions(one)).toEqual([...gone.map(() => "conversation.purge"), "retention.sweep"]);
  });
});

describe("a purge that is cut off", { tags: "slow" }, () => {
  const EMPTY = { tables: 0, text: "[]", alarm: null };

  /** Purges a conversation, of which `what` is refused by D1, and its neighbour, which one failure does not hold up. */
  async function cutOff(what: string, when: string) {
    const company = await makeCompany();
    const id = await deletedConversation(company);
    const neighbour = await deletedConversation(company);
    await refusing(what, `${when} = '${id}'`, async () => {
      await scheduled(days(31), "30");
      expect([await count("conversation", id), await count("conversation", neighbour)]).toEqual([1, 0]);
      await evictDurableObject(stub(id));
      expect((await restore(company, `/v1/conversation/${id}/restore`)).status).toBe(404);
    });
    return { company, id };
  }

  async function expectFinished(company: Company, id: string) {
    await scheduled(days(31), "30");
    await expectGone(company, id);
    expect([await count("conversation", id), await count("message", id)]).toEqual([0, 0]);
    expect(await storageOf(id)).toEqual(EMPTY);
    expect(await tallies(company)).toMatchObject({ company: state(0, 0), entity: state(0, 0), agent: state(0, 0) });
    const purges = (await actions(company)).filter((action) => action === "conversation.purge");
    expect(purges).toHaveLength(2);
  }

  it("before anything is gone is finished by the next one, and nothing can be restored in between", async () => {
    const when = "new.erased_at IS NOT NULL AND new.id";
    const { company, id } = await cutOff("UPDATE OF erased_at ON conversation", when);
    expect(await count("message", id)).toBe(2);
    await expectFinished(company, id);
  });

  it.each([
    ["before the first message is gone", "DELETE ON message", "old.conversation_id", 2],
    ["before the conversation is gone", "DELETE ON conversation", "old.id", 0],
    ["before it is recorded", "INSERT ON audit_event", "new.action = 'conversation.purge' AND new.target_id", 0],
  ])("%s shows nothing of what is left, and the next one finishes it", async (_, what, when, messages) => {
    const { company, id } = await cutOff(what, when);
    await expectGone(company, id);
    expect(await count("message", id)).toBe(messages);
    // Nor has a late request made the object take over what is left in D1.
    expect(await storageOf(id)).toEqual(EMPTY);
    await expectFinished(company, id);
  });
});

describe("a deleted message of a conversation that lives", () => {
  /** Three turns, of which the second has been deleted. */
  async function threeTurns() {
    const company = await makeCompany();
    const { id } = await createConversation(company);
    await chat(company, id, "first");
    const { body } = await chat(
      company,
      id,
      "the secret",
      { metadata: { secret: "meta" } },
      { "idempotency-key": "secret" },
    );
    await chat(company, id, "third");
    const ids: [string, string] = [body.message_id, body.reply.id];
    for (const message_id of ids) expect((await remove(company, `/v1/message/${message_id}`)).status).toBe(200);
    return { company, id, ids };
  }

  it("keeps its place and loses what it says, for good", async () => {
    const { company, id, ids } = await threeTurns();
    await scheduled(days(29), "30");
    expect((await get(company, "/v1/message/deleted")).body.pagination.total).toBe(2);
    await scheduled(days(31), "30");

    const db = await companyDatabase(env, company.company_id);
    const stored = await db.select().from(message).orderBy(message.sequence);
    const mine = stored.filter((row) => row.conversation_id === id);
    expect(mine.map((row) => row.sequence)).toEqual([1, 2, 3, 4, 5, 6]);
    for (const row of mine.slice(2, 4)) {
      expect(row).toMatchObject({ content: "", metadata: {}, feedback: null, purged_at: expect.any(Number) });
      expect(row.deleted_at).not.toBeNull();
    }
    expect(JSON.stringify(mine)).not.toContain("secret");
    expect((await storageOf(id)).text).not.toMatch(/secret|meta"/);

    expect((await get(company, "/v1/message/deleted")).body).toMatchObject({ messages: [], pagination: { total: 0 } });
    const headers = { ...company.user, "x-request-id": "same" };
    const bodies = new Set<string>();
    for (const message_id of [...ids, uuidv7()]) {
      for (const [method, path] of [
        ["GET", ""],
        ["DELETE", ""],
        ["PATCH", "/restore"],
      ] as const) {
        const answer = await call(method, `/v1/message/${message_id}${path}`, { headers });
        expect([method, answer.status]).toEqual([method, 404]);
        bodies.add(JSON.stringify(answer.body));
      }
    }
    expect(bodies.size).toBe(1);
    const direct = await stub(id).restoreMessage(callerOf(company), ids[0]);
    expect(direct).toMatchObject({ ok: false, error: { code: "not_found" } });
    expect((await restore(company, `/v1/conversation/${id}/message/restore-all`)).body).toEqual({ restored: 0 });

    const { body } = await chat(company, id, "fourth");
    expect(body.messages.map((m: { content: string }) => m.content)).toEqual([
      ...["first", "echo: first", "third", "echo: third", "fourth", "echo: fourth"],
    ]);
    expect((await history(company, id)).map((m) => m.sequence)).toEqual([1, 2, 5, 6, 7, 8]);
    const audit = await rows("SELECT * FROM audit_event WHERE company_id = ? ORDER BY id", company.company_id);
    expect(audit.map((row) => row["action"])).toEqual([
      ...["message.delete", "message.delete", "message.purge", "retention.sweep"],
    ]);
    expect(audit[2]).toMatchObject({ actor_type: "system", target_id: id, details: '{"purged":2}' });
    await settle(company, id);
    expect(await get(company, `/v1/analytic/conversation/${id}`)).toMatchObject({
      body: { turn_count: 4, message_count: 6, deleted_message_count: 2 },
    });
  });

  it("stays gone when those beside it are restored, and when its conversation is", async () => {
    const { company, id } = await threeTurns();
    const bulk = async () => (await remove(company, `/v1/conversation/${id}/messages`)).body.deletion_id;
    await remove(company, `/v1/conversation/${id}`);
    await scheduled(Date.now() + 1, "1");
    await env.DB.prepare("UPDATE conversation SET deleted_at = ? WHERE id = ?").bind(days(30), id).run();
    await scheduled(days(2), "1");
    await restore(company, `/v1/conversation/${id}/restore`);
    expect((await history(company, id)).map((m) => m.sequence)).toEqual([1, 2, 5, 6]);
    await bulk();
    expect((await restore(company, `/v1/conversation/${id}/message/restore-all`)).body).toEqual({ restored: 4 });
    expect((await history(company, id)).map((m) => m.content)).toEqual([
      "first",
      "echo: first",
      "third",
      "echo: third",
    ]);
    expect((await tallies(company)).deleted_messages).toBe(0);
  });

  it("goes in batches, from conversations that no object has touched yet, too", async () => {
    const company = await makeCompany();
    const old = at("2020-01-01T00:00:00Z");
    const ids = await insertConversations(company, [
      { created_at: old, last_message_at: old, message_count: 0 },
      { created_at: old, last_message_at: old, message_count: 2 },
    ]);
    const [long = "", short = ""] = ids;
    const deleted = ["user", "assistant"] as const;
    await insertTurns(
      company,
      Array.from({ length: 230 }, (_, i) => ({ at: old + i, conversation_id: long, deleted: [...deleted] })),
    );
    await insertTurns(company, [
      { at: old, conversation_id: short },
      { at: old + 1, conversation_id: short, deleted: ["user"] },
    ]);
    expect((await tallies(company)).deleted_messages).toBe(461);
    await scheduled(Date.now(), "30");
    const left = await rows(
      "SELECT conversation_id, content FROM message WHERE company_id = ? AND content <> ''",
      company.company_id,
    );
    expect(left.map((row) => row["conversation_id"])).toEqual([short, short, short]);
    expect([await count("message", long), await count("message", short)]).toEqual([460, 4]);
    expect((await tallies(company)).deleted_messages).toBe(0);
    expect((await storageOf(long)).text).not.toContain("secret");
  });

  it("is finished by the next run where D1 refused it", async () => {
    const { company, id } = await threeTurns();
    await refusing("UPDATE OF purged_at ON message", `new.conversation_id = '${id}'`, () => scheduled(days(31), "30"));
    expect((await get(company, "/v1/message/deleted")).body.pagination.total).toBe(2);
    await scheduled(days(31), "30");
    expect((await get(company, "/v1/message/deleted")).body.pagination.total).toBe(0);
    const left = await rows("SELECT content FROM message WHERE conversation_id = ? AND content LIKE '%secret%'", id);
    expect(left).toEqual([]);
    expect((await actions(company)).filter((action) => action === "message.purge")).toHaveLength(1);
  });
});

describe("what a company keeps", () => {
  const set = async (company: Company, retention: object) =>
    expect((await call("PATCH", "/v1/company", { headers: company.admin, body: { retention } })).status).toBe(200);
  const sweeps = async (company: Company) =>
    (
      await rows(
        "SELECT details FROM audit_event WHERE company_id = ? AND action = 'retention.sweep' ORDER BY id",
        company.company_id,
      )
    ).map((row) => JSON.parse(String(row["details"])));

  it("is its own choice: what another company deleted stays", async () => {
    const [one, two] = [await makeCompany(), await makeCompany()];
    await set(one, { deleted_days: 7 });
    const [gone, kept] = [await deletedConversation(one), await deletedConversation(two)];
    await scheduled(days(6));
    expect(await count("conversation", gone)).toBe(1);
    await scheduled(days(8));
    expect([await count("conversation", gone), await count("conversation", kept)]).toEqual([0, 1]);
    expect(await sweeps(one)).toEqual([{ conversations: 1, messages: 0, leads: 0 }]);
    expect(await sweeps(two)).toEqual([]);
    // Shorter than the deployment's own, or longer in vain.
    await set(two, { deleted_days: 90 });
    await scheduled(days(31), "30");
    expect(await count("conversation", kept)).toBe(0);
  });

  it("ends for deleted messages of live conversations as well", async () => {
    const company = await makeCompany();
    await set(company, { deleted_days: 7 });
    const { id } = await createConversation(company);
    const { body } = await chat(company, id, "the secret");
    await remove(company, `/v1/message/${body.message_id}`);
    await scheduled(days(8));
    expect(
      (await rows("SELECT content FROM message WHERE conversation_id = ? ORDER BY sequence", id)).map(
        (row) => row["content"],
      ),
    ).toEqual(["", "echo: the secret"]);
    expect(await sweeps(company)).toEqual([{ conversations: 0, messages: 1, leads: 0 }]);
  });

  it("takes live conversations from their last message on, archived ones too, touched or not", async () => {
    const company = await makeCompany();
    await set(company, { conversations_days: 30 });
    const old = at("2020-01-01T00:00:00Z");
    const [untouched = "", archived = ""] = await insertConversations(company, [
      { created_at: old, last_message_at: old, message_count: 2 },
      { created_at: old, last_message_at: old, message_count: 2, status: "archived" },
    ]);
    await insertTurns(company, [
      { at: old, conversation_id: untouched },
      { at: old, conversation_id: archived },
    ]);
    const { id } = await createConversation(company, { title: "A secret title" });
    await chat(company, id, "the secret");
    await scheduled(Date.now());
    for (const gone of [untouched, archived]) {
      expect([await count("conversation", gone), await count("message", gone)]).toEqual([0, 0]);
    }
    expect((await history(company, id)).length).toBe(2);
    await scheduled(days(31));
    expect([await count("conversation", id), await count("message", id)]).toEqual([0, 0]);
    expect(await storageOf(id)).toEqual({ tables: 0, text: "[]", alarm: null });
    expect((await get(company, `/v1/conversation/${id}`)).status).toBe(404);
    expect(await tallies(company)).toMatchObject({ company: state(0, 0), entity: state(0, 0), agent: state(0, 0) });
    expect(await sweeps(company)).toEqual([
      { conversations: 2, messages: 0, leads: 0 },
      { conversations: 1, messages: 0, leads: 0 },
    ]);
  });

  it("leaves a conversation in which something was just said, whatever D1 still believes", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company);
    await chat(company, id, "just now");
    const before = Date.now() - DAY;
    await rows("UPDATE conversation SET activity_at = 1, last_message_at = 1 WHERE id = ?", id);
    expect(await stub(id).purge(company.company_id, { of: "idle", before })).toEqual({ ok: true, value: false });
    expect((await history(company, id)).map((m) => m.content)).toEqual(["just now", "echo: just now"]);
  });

  it("goes although some of the oldest cannot", async () => {
    const company = await makeCompany();
    const old = at("2020-01-01T00:00:00Z");
    const busy: string[] = [];
    for (let n = 0; n < 12; n++) {
      const { id } = await createConversation(company);
      await chat(company, id, "just now");
      await settle(company, id);
      busy.push(id);
    }
    const among = `id IN (${busy.map((id) => `'${id}'`).join()})`;
    await rows(`UPDATE conversation SET activity_at = 1, last_message_at = 1 WHERE ${among}`);
    const idle = await insertConversations(
      company,
      Array.from({ length: 25 }, () => ({ created_at: old, last_message_at: old, message_count: 0 })),
    );
    await set(company, { conversations_days: 30 });
    await scheduled(Date.now());
    for (const id of idle) expect(await count("conversation", id)).toBe(0);
    for (const id of busy) expect(await count("conversation", id)).toBe(1);
  });

  it("hears of visitors in conversations that were deleted since, which hold up nobody", async () => {
    const company = await makeCompany();
    const old = at("2020-01-01T00:00:00Z");
    const lately = Date.now() - 5 * DAY;
    const heard = Array.from({ length: 25 }, () => ({ id: uuidv7(), created_at: old }));
    const silent = Array.from({ length: 3 }, () => ({ id: uuidv7(), created_at: old }));
    await insertLeads(company, [...heard, ...silent]);
    await insertConversations(
      company,
      heard.map(({ id }) => ({ created_at: lately, entity_type: "lead", entity_id: id, deleted_at: Date.now() - DAY })),
    );
    await set(company, { leads_days: 30 });
    await scheduled(Date.now());
    const left = async () =>
      (await rows("SELECT id FROM lead WHERE company_id = ? AND erased_at IS NULL", company.company_id)).map(
        (row) => row["id"],
      );
    expect((await left()).map(String).toSorted()).toEqual(heard.map(({ id }) => id).toSorted());
    await scheduled(days(31));
    expect(await left()).toEqual([]);
  });

  it("is finished by the next run where it was cut off, and shows nothing of what is left in between", async () => {
    const company = await makeCompany();
    await set(company, { conversations_days: 30 });
    const { id } = await createConversation(company, { title: "A secret title" });
    await chat(company, id, "the secret");
    await refusing("DELETE ON message", `old.conversation_id = '${id}'`, () => scheduled(days(31)));
    expect(await count("message", id)).toBe(2);
    await expectGone(company, id);
    await set(company, { conversations_days: null });
    await scheduled(days(31));
    expect([await count("conversation", id), await count("message", id)]).toEqual([0, 0]);
  });

  it("takes visitors who were not heard of, with everything of theirs, and nobody else", async () => {
    const company = await makeCompany();
    await set(company, { leads_days: 30 });
    const old = at("2020-01-01T00:00:00Z");
    const past = { created_at: old, updated_at: old };
    const [silent, talked, changed] = [
      await makeLead(company, { first_name: "Silent", ...past }),
      await makeLead(company, { first_name: "Talked", ...past }),
      await makeLead(company, { first_name: "Changed", created_at: old }),
    ];
    await insertLeads(
      company,
      Array.from({ length: 45 }, () => ({ first_name: "Silent", created_at: old })),
    );
    const [theirs = "", deleted = ""] = await insertConversations(company, [
      { created_at: old, entity_type: "lead", entity_id: silent.lead_id },
      { created_at: old, entity_type: "lead", entity_id: silent.lead_id, deleted_at: old },
    ]);
    const { id } = await createConversation(company, {}, talked.headers);
    await scheduled(Date.now());
    const left = await rows(
      "SELECT id FROM lead WHERE company_id = ? AND erased_at IS NULL ORDER BY id",
      company.company_id,
    );
    expect(left.map((row) => row["id"])).toEqual([talked.lead_id, changed.lead_id].toSorted());
    expect(
      await rows("SELECT id FROM lead WHERE first_name = 'Silent' AND company_id = ?", company.company_id),
    ).toEqual([]);
    expect([
      await count("conversation", theirs),
      await count("conversation", deleted),
      await count("conversation", id),
    ]).toEqual([0, 0, 1]);
    expect(await sweeps(company)).toEqual([{ conversations: 2, messages: 0, leads: 46 }]);
    const erased = (await actions(company)).filter((action) => action === "lead.erase");
    expect(erased).toHaveLength(46);
    await scheduled(days(31));
    expect(await rows("SELECT id FROM lead WHERE company_id = ? AND erased_at IS NULL", company.company_id)).toEqual(
      [],
    );
  });

  it("is looked after in one budget, of which every run takes some", { tags: "slow", timeout: 180_000 }, async () => {
    const company = await makeCompany();
    await set(company, { deleted_days: 1 });
    const old = at("2020-01-01T00:00:00Z");
    await insertConversations(
      company,
      Array.from({ length: 700 }, () => ({ created_at: old, deleted_at: old })),
    );
    const left = async () =>
      (await rows("SELECT count(*) AS n FROM conversation WHERE company_id = ?", company.company_id))[0]?.["n"];
    await scheduled(Date.now());
    const after = Number(await left());
    expect(after).toBeGreaterThan(200);
    expect(after).toBeLessThan(400);
    await scheduled(Date.now());
    expect(await left()).toBe(0);
    expect((await sweeps(company)).reduce((sum, one) => sum + one.conversations, 0)).toBe(700);
  });
});

describe("RETENTION_DAYS", () => {
  it.each(["30d", "-1", "1.5", "", " 7", "1e3", "100000"])("is refused as %j", (RETENTION_DAYS) => {
    const { TOKEN_SECRETS, ENCRYPTION_KEYS } = env;
    expect(() => readConfig({ TOKEN_SECRETS, ENCRYPTION_KEYS, RETENTION_DAYS })).toThrow(/RETENTION_DAYS must be/);
  });
});
