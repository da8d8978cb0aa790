/**
 * One week of a conversation in a day's rhythm: turns at human pace, so that nearly each wakes a cold object, retries, failures,
 * alarms, and on one day a minute without D1. What a day reads and writes, in the object and in D1, is the same on its first day and its last,
 * and the same for a conversation that was long already.
 */
import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { complete, upstream } from "../upstream/client.ts";
import { insertTurns } from "./analytic-data.ts";
import { call, makeCompany } from "./company.ts";
import { createConversation, settle } from "./conversation-client.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const DAYS = 7;
/** The day on which D1 is away for a while. */
const AWAY = 4;

type Cost = { object_read: number; object_written: number; d1_read: number; d1_written: number; batches: number };
const nothing = (): Cost => ({ object_read: 0, object_written: 0, d1_read: 0, d1_written: 0, batches: 0 });
let cost = nothing();
/** While this is true D1 takes no batch. */
let isAway = false;
/** The conversation whose week it is. Objects that other files have left behind may be at work as well. */
let subject = "";
const mentions = new WeakSet<object>();
const owners = new WeakMap<object, string>();

const restore: (() => void)[] = [];
/** Puts `make(former)` in the place of a method, for all instances, until the end of this file. */
function instrument<T extends object>(prototype: T, name: keyof T, make: (former: any) => any): void {
  const former = prototype[name];
  prototype[name] = make(former);
  restore.push(() => (prototype[name] = former));
}

beforeAll(async () => {
  const batch = (former: D1Database["batch"]) =>
    async function (this: D1Database, statements: D1PreparedStatement[]) {
      if (isAway) throw new Error("D1_ERROR: Network connection lost.");
      const results = await former.call(this, statements);
      if (!statements.some((statement) => mentions.has(statement))) return results;
      cost.batches++;
      for (const { meta } of results) {
        cost.d1_read += meta.rows_read;
        cost.d1_written += meta.rows_written;
      }
      return results;
    };
  instrument(Object.getPrototypeOf(env.DB) as D1Database, "batch", batch);
  instrument(Object.getPrototypeOf(env.DB.withSession()) as D1Database, "batch", batch);
  const bind = (former: D1PreparedStatement["bind"]) =>
    function (this: D1PreparedStatement, ...values: unknown[]) {
      const bound = former.call(this, ...values);
      if (subject !== "" && values.some((value) => String(value).includes(subject))) mentions.add(bound);
      return bound;
    };
  instrument(Object.getPrototypeOf(env.DB.prepare("SELECT 1")) as D1PreparedStatement, "bind", bind);
  await runInDurableObject(env.CONVERSATION.getByName("meter"), (_, { storage }) => {
    instrument(
      Object.getPrototypeOf(storage.sql) as SqlStorage,
      "exec",
      (former: SqlStorage["exec"]) =>
        function (this: SqlStorage, query: string, ...values: unknown[]) {
          const cursor = former.call(this, query, ...values);
          const rows = cursor.toArray();
          if (!owners.has(this)) {
            const isMade = former.call(this, "SELECT 1 FROM sqlite_master WHERE name = 'header'").toArray().length > 0;
            const [row] = isMade ? former.call(this, "SELECT id FROM header").toArray() : [];
            if (row) owners.set(this, String(row["id"]));
          }
          if (owners.get(this) === subject) {
            cost.object_read += cursor.rowsRead;
            cost.object_written += cursor.rowsWritten;
          }
          return Object.assign(rows, { toArray: () => rows, one: () => rows[0] });
        },
    );
  });
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
});
afterAll(() => {
  vi.useRealTimers();
  for (const undo of restore) undo();
});

const up = upstream(env.TEST_UPSTREAM);

/** A conversation with `turns` from before, and what each day of its week costs. */
async function week(turns: number): Promise<Cost[]> {
  const company = await makeCompany();
  const headers = company.read_write;
  const model = `week-${company.company_id}`;
  await call("PUT", "/v1/model-provider/up", {
    headers: company.admin,
    body: { kind: "openai-compatible", base_url: up.baseUrl },
  });
  const made = await call("POST", "/v1/agent", { headers, body: { name: "A", model: `up/${model}` } });
  const { id } = await createConversation(company, { agent_id: made.body.agent.id, max_context_length: 10 }, headers);
  subject = id;
  const start = Math.ceil(Date.now() / DAY) * DAY;
  if (turns > 0) {
    const before = start - 10 * DAY;
    await insertTurns(
      company,
      Array.from({ length: turns }, (_, n) => ({ at: before + n, conversation_id: id })),
    );
    await env.DB.prepare("UPDATE conversation SET message_count = ?2, last_message_at = ?3 WHERE id = ?1")
      .bind(id, 2 * turns, before + turns)
      .run();
  }
  // A stub breaks with its object.
  const object = () => env.CONVERSATION.getByName(id);
  const chat = (message: string, key?: string, accept = "application/json") =>
    call("POST", `/v1/conversation/${id}/chat`, {
      headers: { ...headers, accept, ...(key ? { "idempotency-key": key } : {}) },
      body: { message },
    });
  /** At a time, after the alarms that were due until then; what the object has in memory is gone. */
  const at = async (time: number) => {
    for (;;) {
      const due = await runInDurableObject(object(), (_, { storage }) => storage.getAlarm());
      if (due === null || due > time) break;
      vi.setSystemTime(Math.max(due, Date.now()));
      await runDurableObjectAlarm(object());
    }
    vi.setSystemTime(time);
    await abortAllDurableObjects();
  };

  const days: Cost[] = [];
  for (let day = 0; day < DAYS; day++) {
    const clock = (minutes: number) => at(start + day * DAY + minutes * MINUTE);
    cost = nothing();
    await up.script(model, complete(["an answer of ", "the usual length"]));
    // Some turns, minutes apart; one of them streamed, one sent twice.
    for (let n = 0; n < 3; n++) {
      await clock(60 + 7 * n);
      const answer = await chat(
        `question ${n} of day ${day}`,
        `k${day}-${n}`,
        n === 1 ? "text/event-stream" : undefined,
      );
      expect(answer.status).toBe(200);
      const again = n === 2 ? await chat(`question ${n} of day ${day}`, `k${day}-${n}`) : answer;
      expect(again.status).toBe(200);
      await settle(company, id);
    }
    // A model that fails, and is asked again.
    await clock(200);
    await up.script(model, [{ status: 401 }], complete(["after all"]));
    expect((await chat(`failing ${day}`, `f${day}`)).status).toBe(502);
    await clock(202);
    expect((await chat(`failing ${day}`, `f${day}`)).status).toBe(200);
    await settle(company, id);
    await clock(300);
    isAway = day === AWAY;
    const warn = vi.spyOn(console, "warn");
    for (const minute of [301, 301.2, 301.4]) {
      await clock(minute);
      expect((await chat(`away ${day} ${minute}`)).status).toBe(200);
    }
    isAway = false;
    // What is logged of it names the agent and nothing that was said or shown.
    const logged = warn.mock.calls.flat().join("\n");
    warn.mockRestore();
    expect(logged.includes("agent_from_cache")).toBe(day === AWAY);
    expect(logged).not.toMatch(/question|hash|metadata/);
    await clock(310);
    await settle(company, id);
    // Somebody reads.
    await clock(700);
    for (const path of ["", "/messages", "/messages?order=desc&per_page=5"])
      expect((await call("GET", `/v1/conversation/${id}${path}`, { headers })).status).toBe(200);
    await clock(1439);
    days.push({ ...cost });
  }
  const { results } = await env.DB.prepare(
    "SELECT count(*) AS n, max(sequence) AS last FROM message WHERE conversation_id = ?",
  )
    .bind(id)
    .all();
  const messages = 2 * turns + DAYS * 2 * 7;
  expect(results).toEqual([{ n: messages, last: messages }]);
  return days;
}

/** Blocks of messages that the object counts by, each in one row once it is full. */
const BLOCK = 256;
const BLOCKS = 4;

it("costs the same every day, and the same after a thousand messages", { tags: "slow", timeout: 120_000 }, async () => {
  const [young, old] = [await week(0), await week((BLOCKS * BLOCK) / 2)];
  const [, usual] = young;
  for (const [day, cost] of [...young.entries(), ...old.entries()]) {
    // The first day takes the conversation over, and fills the window.
    if (day === 0) continue;
    const same = day === AWAY ? young[AWAY] : usual;
    const about = { batches: cost.batches, d1_written: cost.d1_written };
    expect([day, about]).toEqual([day, { batches: same?.batches, d1_written: same?.d1_written }]);
    expect(Math.abs(cost.d1_read - (same?.d1_read ?? 0))).toBeLessThanOrEqual(12);
    // How many notes share a write depends on what arrives first.
    expect(Math.abs(cost.object_written - (same?.object_written ?? 0))).toBeLessThanOrEqual(5);
  }
  // What is counted in the last block, which is not full, is read row by row: never more, whatever was before it.
  for (const [day, { object_read }] of old.slice(1).entries()) {
    const requests = 60;
    expect(object_read - (young[day + 1]?.object_read ?? 0)).toBeLessThanOrEqual(BLOCKS * requests);
    expect(object_read).toBeLessThan(requests * BLOCK);
  }
});
