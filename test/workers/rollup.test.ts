/**
 * Figures from what is rolled up, beside what this file counts itself from the same rows: after any mixture of turns, edits,
 * removals, late and repeated writes, with some of it rolled up and some not, in any time zone.
 */
import { env } from "cloudflare:workers";
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import fc from "fast-check";
import { uuidv7 } from "uuidv7";
import { describe, expect, it } from "vitest";
import { metered } from "../../bench/metered-database.ts";
import app from "../../src/app.ts";
import { systemAuditRow } from "../../src/chat/audit.ts";
import type { Batch, Change } from "../../src/chat/changes.ts";
import type { Message } from "../../src/chat/message.ts";
import { type Cost, decimalOf, unitsOf } from "../../src/chat/money.ts";
import { remakeFigures } from "../../src/cli/tenant/figures.ts";
import { Budget } from "../../src/compliance/budget.ts";
import { rollUpCompany, rollUpDue } from "../../src/compliance/rollup.ts";
import { daysOf } from "../../src/db/day.ts";
import { companyDatabase } from "../../src/db/database.ts";
import { writeBatch } from "../../src/db/record.ts";
import { removeConversation } from "../../src/db/retention.ts";
import { beginRollup } from "../../src/db/rollup.ts";
import { at, DAY, insertAgent, insertConversations, insertLeads, insertTurns } from "./analytic-data.ts";
import { call, type Company, makeCompany, makeLead } from "./company.ts";
import { chat, createConversation, settle } from "./conversation-client.ts";

type Row = Record<string, any>;
const rowsOf = async (table: string, { company_id }: Company): Promise<Row[]> =>
  (await env.DB.prepare(`SELECT * FROM ${table} WHERE company_id = ?`).bind(company_id).all<Row>()).results;

/** The clocks of Berlin go back on the 25th. */
const START = at("2026-10-22T00:00:00Z");
const DAYS = 6;
const ZONES = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati"];
const PERIOD = "start_date=2026-10-22&end_date=2026-10-27";
const dateIn = (time_zone: string, moment: number) =>
  new Intl.DateTimeFormat("sv-SE", { timeZone: time_zone, dateStyle: "short" }).format(moment);

type Raw = { messages: Row[]; conversations: Row[]; leads: Row[] };

/** What the wire should say of these rows. */
function expected({ messages, conversations, leads }: Raw, isIn: (row: Row) => boolean) {
  const written = messages.filter((m) => m["role"] === "assistant" && isIn(m));
  const turns = written.filter((m) => m["author"] === null);
  const staff = written.filter((m) => m["author"] !== null);
  const asked = (r: Row) =>
    messages.find(
      (m) =>
        m["conversation_id"] === r["conversation_id"] &&
        m["sequence"] === r["sequence"] - 1 &&
        m["turn_id"] === r["turn_id"] &&
        m["role"] === "user",
    );
  const questions = turns.flatMap((r) => asked(r) ?? []);
  const count = (rows: Row[], test: (row: Row) => boolean) => rows.filter(test).length;
  const live = (row: Row) => row["deleted_at"] === null;
  const rating = (r: Row) => (r["feedback"] ? JSON.parse(r["feedback"]).rating : null);
  const detail = (r: Row, name: string) => (r["details"] ? (JSON.parse(r["details"])[name] ?? null) : null);
  const share = (part: number, whole: number) => (whole === 0 ? null : part / whole);
  const times = turns
    .filter((r) => r["status"] === "complete" && r["processing_time"] !== null)
    .map((r) => Math.round(r["processing_time"] * 1000));
  const waits = staff.flatMap((r) => detail(r, "waited_ms") ?? []);
  const tokens = turns.filter((r) => r["usage_source"] !== null);
  const cached = tokens.filter((r) => r["cached_input_tokens"] !== null);
  const sum = (rows: Row[], name: string) => rows.reduce((total, row) => total + row[name], 0);
  const mean = (all: number[]) =>
    all.length === 0 ? null : Math.round(all.reduce((total, one) => total + one, 0) / all.length);
  const [up, down] = [count(turns, (r) => rating(r) === "up"), count(turns, (r) => rating(r) === "down")];
  const user = count(questions, live);
  const assistant = count(turns, live);
  const failed = count(turns, (r) => r["status"] === "failed");
  const stopped = count(turns, (r) => r["status"] === "stopped");
  const handed = count(turns, (r) => detail(r, "handed_over") !== null);
  return {
    figures: {
      turn_count: turns.length,
      failed_turns: failed,
      failure_rate: share(failed, turns.length),
      stopped_turns: stopped,
      stop_rate: share(stopped, turns.length),
      message_count: user + assistant,
      messages_by_role: { user, assistant },
      deleted_message_count: count([...turns, ...questions], (m) => !live(m)),
      avg_response_time_ms: mean(times),
      usage:
        tokens.length === 0
          ? null
          : {
              input_tokens: sum(tokens, "input_tokens"),
              cached_input_tokens: cached.length === 0 ? null : sum(cached, "cached_input_tokens"),
              output_tokens: sum(tokens, "output_tokens"),
              source: tokens.some((r) => r["usage_source"] === "estimated") ? "estimated" : "measured",
              cost: costOf(tokens),
            },
      feedback: { up, down, rate: share(up + down, turns.length), up_rate: share(up, up + down) },
      hand_overs: handed,
      hand_over_rate: share(handed, turns.length),
      staff_replies: staff.length,
      first_staff_replies: waits.length,
      avg_first_staff_reply_ms: mean(waits),
    },
    new_conversations: count(conversations, isIn),
    new_leads: count(leads, isIn),
    times,
    waits,
  };
}

/** Exact; null where something has no price, or there are several currencies. */
function costOf(rows: Row[]) {
  const priced = rows.flatMap((r) => (r["cost"] ? [JSON.parse(r["cost"]) as Cost] : []));
  const isFree = (r: Row) => String(r["model_used"]).startsWith("builtin/");
  const [first] = priced;
  const isWhole = rows.every((r) => r["cost"] || isFree(r)) && priced.every((one) => one.currency === first?.currency);
  if (!first || !isWhole) return null;
  const units = priced.reduce((total, { amount }) => total + (unitsOf(amount) ?? 0n), 0n);
  return { amount: decimalOf(units), currency: first.currency };
}

/** Nearest rank; a bucket is within 1 % of it, and exact below 50 ms. */
function expectPercentiles(shown: Row, name: string, all: number[]) {
  const sorted = all.toSorted((a, b) => a - b);
  for (const p of [50, 95]) {
    const exact = sorted[Math.ceil((p * sorted.length) / 100) - 1];
    const found = shown[`p${p}_${name}_ms`];
    if (exact === undefined) expect(found).toBeNull();
    else expect(Math.abs(found - exact)).toBeLessThanOrEqual(exact < 50 ? 0 : exact * 0.01 + 0.5);
  }
}

const get = async (company: Company, path: string) => {
  const { status, body } = await call("GET", `/v1/analytic/${path}`, { headers: company.admin });
  expect(status).toBe(200);
  return body;
};

/** Every figure of the period, beside what the rows say. */
async function check(company: Company, time_zone: string, agents: string[]) {
  const [messages, conversations, leads] = await Promise.all(
    ["message", "conversation", "lead"].map((table) => rowsOf(table, company)),
  );
  const raw = { messages, conversations, leads } as Raw;
  const dates = Array.from({ length: DAYS }, (_, i) => new Date(START + i * DAY).toISOString().slice(0, 10));
  const day = (row: Row) => dateIn(time_zone, row["created_at"]);
  const verify = (shown: Row, isIn: (row: Row) => boolean, withCreated: boolean) => {
    const { figures, new_conversations, new_leads, times, waits } = expected(raw, isIn);
    expect(shown).toMatchObject({ ...figures, ...(withCreated ? { new_conversations, new_leads } : {}) });
    expectPercentiles(shown, "response_time", times);
    expectPercentiles(shown, "first_staff_reply", waits);
  };
  const period = (row: Row) => dates.includes(day(row));
  const [dashboard, usage, ...ofAgents] = await Promise.all([
    get(company, `dashboard?${PERIOD}`),
    get(company, `usage?${PERIOD}`),
    ...agents.map((id) => get(company, `agent/${id}?${PERIOD}`)),
  ]);
  expect(dashboard.time_zone).toBe(time_zone);
  for (const [body, created] of [[dashboard, true] as const, [usage, false] as const]) {
    expect(body.by_day.map(({ date }: Row) => date)).toEqual(dates);
    verify(body.totals, period, created);
    for (const shown of body.by_day) verify(shown, (row) => day(row) === shown.date, created);
  }
  for (const body of ofAgents) verify(body.totals, (row) => row["agent_id"] === body.agent_id && period(row), true);
  const grouped = { by_agent: "agent_id", by_model: "model_used" };
  for (const [name, column] of Object.entries(grouped)) {
    for (const shown of usage[name]) {
      const { figures } = expected(
        raw,
        (row) => row[column] === shown[column] && period(row) && row["author"] === null,
      );
      const { staff_replies: _, first_staff_replies: __, avg_first_staff_reply_ms: ___, ...turns } = figures;
      expect(shown).toMatchObject(turns);
    }
    const total = usage[name].reduce((sum: number, row: Row) => sum + row.turn_count, 0);
    expect(total).toBe(usage.totals.turn_count);
  }
  const options = {
    headers: company.admin,
    body: { type: "agents", format: "json", start_date: dates[0], end_date: dates[5] },
  };
  for (const row of (await call("POST", "/v1/analytic/export", options)).body) {
    const { figures, times } = expected(raw, (one) => one["agent_id"] === row.id && period(one));
    const { messages_by_role: _, usage: used, feedback, ...plain } = figures;
    expect(row).toMatchObject({ ...plain, rated_up: feedback.up, input_tokens: used?.input_tokens ?? null });
    expectPercentiles(row, "response_time", times);
  }
}

/** Conversations whose messages are written as their objects write them, at any time. */
async function world() {
  const company = await makeCompany();
  const agents = [company.agent_id, await insertAgent(company, { name: "Other" })];
  const db = await companyDatabase(env, company.company_id);
  const session = () => env.DB.withSession("first-primary");
  let time_zone = "UTC";
  const ids: string[] = [];
  const said = new Map<string, Message[]>();
  let last: Batch | null = null;

  const write = async (id: string, messages: Message[], changes: Change[] = []) => {
    const row = (await env.DB.prepare("SELECT * FROM conversation WHERE id = ?").bind(id).first<Row>()) as Row;
    const header = { ...row, metadata: {}, hold: null, revision: row["revision"] + 1, updated_at: Date.now() };
    last = { header: header as unknown as Batch["header"], messages, changes, upto: 0, last_change: 0 };
    await writeBatch(session(), last);
  };
  const audit = () =>
    systemAuditRow(company.company_id, "test", { action: "x.y", target_type: "x", target_id: "y" }, 1);
  const pick = <T>(list: readonly T[], n: number): T | undefined => list[n % Math.max(1, list.length)];
  const messageOf = (sequence: number, turn_id: string, more: Partial<Message>): Message => ({
    ...{ id: uuidv7(), turn_id, sequence, role: "user", content: "text", status: "complete", model_used: null },
    ...{ processing_time: null, input_tokens: null, output_tokens: null, usage_source: null, metadata: {} },
    ...{ cached_input_tokens: null, cost: null },
    ...{ tool_calls: null, details: null, author: null, feedback: null, created_at: 0, deleted_at: null },
    ...{ deleted_by: null, deletion_id: null, purged_at: null, ...more },
  });
  const replyOf = (n: number, when: number): Partial<Message> => ({
    ...{ role: "assistant", created_at: when, model_used: pick(["a/b", "c/d", "builtin/faq", null], n) ?? null },
    status: pick(["complete", "complete", "failed", "stopped"] as const, n >> 2) ?? "complete",
    processing_time: n % 7 === 0 ? null : (n % 100_003) / 1000,
    ...(n % 5 === 0
      ? {}
      : {
          ...{ input_tokens: n % 50, output_tokens: n % 70, usage_source: n % 3 === 0 ? "estimated" : "measured" },
          cached_input_tokens: n % 4 === 0 ? null : n % 20,
          cost: n % 37 === 0 ? null : { amount: decimalOf(BigInt(n) ** 2n), currency: n % 41 === 0 ? "USD" : "EUR" },
        }),
    details: n % 11 === 0 ? { handed_over: true } : null,
  });

  const steps = {
    async conversation(n: number, when: number) {
      const [id = ""] = await insertConversations(company, [{ created_at: when, agent_id: pick(agents, n) as string }]);
      ids.push(id);
      said.set(id, []);
    },
    lead: (_: number, when: number) => insertLeads(company, [{ created_at: when }]),
    async turn(n: number, when: number) {
      const id = pick(ids, n);
      if (!id) return;
      const before = said.get(id) ?? [];
      const turn_id = uuidv7();
      const next = before.length + 1;
      const asked = messageOf(next, turn_id, { created_at: when - 1000 });
      const reply = messageOf(next + 1, turn_id, replyOf(n, when));
      before.push(asked, reply);
      await write(id, [asked, reply]);
    },
    async staff(n: number, when: number) {
      const id = pick(ids, n);
      if (!id) return;
      const before = said.get(id) ?? [];
      const author = { type: "staff", entity_id: company.user_id, name: "Owner" } as const;
      const details = n % 2 === 0 ? { waited_ms: n % 600_000 } : null;
      const message = messageOf(before.length + 1, uuidv7(), { role: "assistant", created_at: when, author, details });
      before.push(message);
      await write(id, [message]);
    },
    async rewrite(n: number, when: number) {
      const id = pick(ids, n);
      const before = (id && said.get(id)) || [];
      const at_ = before.findLastIndex((m) => m.role === "assistant" && m.author === null);
      const former = before[at_];
      if (!id || !former) return;
      before[at_] = { ...former, ...replyOf(n + 1, when) };
      await write(id, [before[at_] as Message]);
    },
    async edit(n: number, when: number) {
      const id = pick(ids, n);
      const message = id && pick(said.get(id) ?? [], n >> 3);
      if (!id || !message) return;
      const { sequence } = message;
      const range = { after: sequence - 1, upto: sequence + (n % 2) };
      const deletion = { deleted_at: when, deleted_by: "x", deletion_id: null };
      const changes: Change[] = [
        { op: "delete_messages", ...range, ...deletion, audit: audit() },
        { op: "restore_messages", ranges: [[sequence, sequence]], audit: audit() },
        { op: "purge_messages", ids: [message.id], purged_at: when, audit: audit() },
        { op: "feedback", message_id: message.id, feedback: { rating: n % 2 === 0 ? "up" : "down" }, audit: audit() },
        { op: "feedback", message_id: message.id, feedback: null, audit: audit() },
      ];
      await write(id, [], [pick(changes, n >> 5) as Change]);
    },
    async erase(n: number) {
      const id = n % 4 === 0 ? pick(ids, n) : undefined;
      if (id) await write(id, [], [{ op: "erase", audit: audit() }]);
    },
    async remove(n: number) {
      const id = n % 4 === 0 ? pick(ids, n) : undefined;
      if (!id) return;
      await env.DB.prepare(
        "UPDATE conversation SET deleted_by = 'retention', deleted_at = 1, erased_at = 1 WHERE id = ?",
      )
        .bind(id)
        .run();
      await removeConversation(db, { company_id: company.company_id, id }, audit());
      ids.splice(ids.indexOf(id), 1);
    },
    /** What arrives twice, and an older state that arrives late. */
    async repeat(n: number) {
      if (!last || !ids.includes(last.header.id)) return;
      const revision = last.header.revision - (n % 2);
      await writeBatch(session(), { ...last, header: { ...last.header, revision } }).catch((error: unknown) => {
        if (!String(error).includes("older revision")) throw error;
      });
    },
    async roll(n: number, when: number) {
      await rollUpCompany(db, { company_id: company.company_id, time_zone, now: when }, new Budget(5 + (n % 40)));
    },
    async zone(n: number) {
      time_zone = pick(ZONES, n) ?? "UTC";
      const set = { headers: company.admin, body: { time_zone } };
      expect((await call("PATCH", "/v1/company", set)).status).toBe(200);
    },
    check: () => check(company, time_zone, agents),
  };
  return { company, steps, zone: () => time_zone };
}

type Steps = Awaited<ReturnType<typeof world>>["steps"];
const NAMES: (keyof Steps)[] = [
  ...(["turn", "turn", "turn", "turn", "conversation", "conversation", "staff", "staff", "lead", "rewrite"] as const),
  ...(["edit", "edit", "edit", "erase", "remove", "repeat", "roll", "roll", "zone", "check"] as const),
];

describe("figures", () => {
  it("are those of the rows, whatever happened, rolled up or not", { tags: "slow", timeout: 120_000 }, async () => {
    const step = fc.record({
      name: fc.constantFrom(...NAMES),
      n: fc.nat(1_000_000),
      when: fc.integer({ min: START - DAY / 2, max: START + (DAYS + 0.5) * DAY }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (all) => {
        const { company, steps, zone } = await world();
        for (const n of [0, 1, 2]) await steps.conversation(n, START + n * DAY);
        for (const { name, n, when } of all) await steps[name](n, when);
        const db = await companyDatabase(env, company.company_id);
        const plan = { company_id: company.company_id, time_zone: zone(), now: START + 30 * DAY };
        await rollUpCompany(db, plan, new Budget(1000));
        await steps.check();
        const before = await rowsOf("rollup", company);
        await remakeFigures(new Map([["DB", env.DB]]), company.company_id, plan.now, () => undefined);
        expect(await rowsOf("rollup", company)).toEqual(before);
        await steps.check();
      }),
      { numRuns: 6, endOnFailure: true },
    );
  });

  it("follow what is really said, deleted, rated and answered by people", async () => {
    const company = await makeCompany();
    const visitor = await makeLead(company);
    const lead = { user: visitor.headers, agent_id: company.agent_id };
    const { id } = await createConversation(lead);
    const db = await companyDatabase(env, company.company_id);
    const roll = () =>
      rollUpCompany(
        db,
        { company_id: company.company_id, time_zone: "UTC", now: Date.now() + DAY * 2 },
        new Budget(1000),
      );
    const totals = async () => {
      await settle(company, id);
      return (await get(company, "dashboard")).totals;
    };
    const { reply } = (await chat(lead, id, "one")).body;
    await chat(lead, id, "two");
    expect(await roll()).toBeGreaterThan(0);
    expect(await totals()).toMatchObject({ turn_count: 2, message_count: 4, new_conversations: 1, new_leads: 1 });
    const rated = { headers: lead.user, body: { rating: "up" } };
    expect((await call("PUT", `/v1/message/${reply.id}/feedback`, rated)).status).toBe(200);
    expect((await totals()).feedback).toEqual({ up: 1, down: 0, rate: 0.5, up_rate: 1 });
    await roll();
    await call("DELETE", `/v1/message/${reply.id}`, { headers: company.user });
    expect(await totals()).toMatchObject({ turn_count: 2, message_count: 3, deleted_message_count: 1 });
    await roll();
    await call("PATCH", `/v1/message/${reply.id}/restore`, { headers: company.user });
    await call("POST", `/v1/conversation/${id}/take-over`, { headers: company.user });
    await call("POST", `/v1/conversation/${id}/reply`, { headers: company.user, body: { message: "Hi" } });
    await call("POST", `/v1/conversation/${id}/reply`, { headers: company.user, body: { message: "I am Ann" } });
    const answered = { turn_count: 2, message_count: 4, staff_replies: 2 };
    expect(await totals()).toMatchObject(answered);
    const [row] = await rowsOf("message", company).then((all) => all.filter((m) => m["details"]?.includes("waited")));
    const { waited_ms } = JSON.parse(row?.["details"] ?? '{"waited_ms":0}');
    expect((await totals()).avg_first_staff_reply_ms ?? 0).toBe(waited_ms);
    await call("DELETE", `/v1/conversation/${id}?purge=true`, { headers: company.admin });
    expect(await totals()).toMatchObject({ ...answered, feedback: { up: 0, down: 0 } });
    await roll();
    expect(await totals()).toMatchObject({ ...answered, feedback: { up: 0, down: 0 } });
  });
});

describe("what is rolled up", () => {
  it("is what a figure reads: no turn of the days that are over", async () => {
    const company = await makeCompany();
    const turns = Array.from({ length: 2000 }, (_, i) => ({ at: START + (i % 5) * DAY + i, seconds: (i % 97) / 10 }));
    await insertTurns(company, turns);
    const cost = async () => {
      let rows = 0;
      const DB = metered(env.DB, ({ costs }) => {
        for (const { rows_read } of costs) rows += rows_read;
      });
      const ctx = createExecutionContext();
      const request = new Request(`http://api.test/v1/analytic/dashboard?${PERIOD}`, { headers: company.admin_user });
      const response = await app.fetch(request, { ...env, DB }, ctx);
      const body = (await response.json()) as Row;
      await waitOnExecutionContext(ctx);
      expect(body["totals"].turn_count).toBe(2000);
      return rows;
    };
    expect(await cost()).toBeGreaterThan(4000);
    const due = async () => (await rowsOf("rollup_due", company)).length;
    const run = async () => {
      // Of other tests' companies much is due as well.
      await env.DB.prepare("DELETE FROM rollup_due WHERE company_id <> ?").bind(company.company_id).run();
      await rollUpDue(env, START + 10 * DAY);
      expect(await due()).toBe(0);
    };
    expect(await due()).toBe(1);
    await run();
    expect(await cost()).toBeLessThan(500);
    const spans = async () => (await rowsOf("rollup_span", company)).length;
    const before = await spans();
    await env.DB.prepare("UPDATE message SET deleted_at = 1 WHERE company_id = ? AND created_at = ?")
      .bind(company.company_id, START + DAY + 1)
      .run();
    expect(await spans()).toBe(before - 1);
    expect(await due()).toBe(1);
    await run();
    expect(await cost()).toBeLessThan(500);
  });

  it("has hours of a day that is not over, in their place the day once it is, and no hour that has not settled", async () => {
    const company = await makeCompany();
    await insertTurns(company, [{ at: START + 90 * 60_000 }, { at: START + 150 * 60_000 }]);
    const db = await companyDatabase(env, company.company_id);
    const plan = { company_id: company.company_id, time_zone: "UTC" };
    const spans = async () => (await rowsOf("rollup_span", company)).map((row) => [row["from_at"], row["until_at"]]);
    const hour = 3_600_000;
    await rollUpCompany(db, { ...plan, now: START + 3 * hour + 60_000 }, new Budget(100));
    expect(await spans()).toEqual([0, 1].map((n) => [START + n * hour, START + (n + 1) * hour]));
    expect(await rowsOf("rollup_due", company)).toHaveLength(1);
    await rollUpCompany(db, { ...plan, now: START + DAY + hour }, new Budget(100));
    expect(await spans()).toEqual([[START, START + DAY]]);
    expect(await rowsOf("rollup", company)).toMatchObject([{ turns: 2 }]);
  });
});

describe("a run that is cut off", () => {
  it("leaves the company due and its figures right, and the next run goes on", async () => {
    const company = await makeCompany();
    await insertTurns(company, [{ at: START }, { at: START + DAY }, { at: START + 2 * DAY }]);
    const db = await companyDatabase(env, company.company_id);
    const roll = () =>
      rollUpCompany(db, { company_id: company.company_id, time_zone: "UTC", now: START + 4 * DAY }, new Budget(100));
    const count = async (table: string) => (await rowsOf(table, company)).length;
    await env.DB.exec(
      `CREATE TRIGGER cut_off BEFORE INSERT ON rollup_span WHEN new.company_id = '${company.company_id}' AND new.from_at = ${START + DAY} BEGIN SELECT RAISE(ABORT, 'cut off'); END`,
    );
    const failure = await roll().catch((error: unknown) => String((error as Error).cause ?? error));
    await env.DB.exec("DROP TRIGGER cut_off");
    expect(failure).toContain("cut off");
    expect(await count("rollup_due")).toBe(1);
    const spans = await count("rollup_span");
    expect(spans).toBeGreaterThan(0);
    expect((await get(company, `dashboard?${PERIOD}`)).totals.turn_count).toBe(3);
    expect(await roll()).toBe(2);
    expect(await count("rollup_span")).toBe(spans + 2);
    expect(await count("rollup_due")).toBe(0);
  });

  it("leaves the company due also where nothing of it goes on after the first call of D1", async () => {
    const company = await makeCompany();
    await insertTurns(company, [{ at: START }]);
    const due = async () => (await rowsOf("rollup_due", company)).length;
    const now = START + 2 * DAY;
    await beginRollup(await companyDatabase(env, company.company_id), company.company_id, START);
    expect(await due()).toBe(1);
    await env.DB.prepare("DELETE FROM rollup_due WHERE company_id <> ?").bind(company.company_id).run();
    await rollUpDue(env, now);
    expect(await rowsOf("rollup", company)).toMatchObject([{ turns: 1 }]);
    expect(await due()).toBe(0);
  });
});

describe("days", () => {
  it.each(ZONES)("of %s follow one another, and begin at midnight", (zone) => {
    const days = daysOf(zone, { from: at("2026-01-01T12:00:00Z"), until: at("2027-01-02T12:00:00Z") });
    for (const { date, from, until } of days) {
      expect([dateIn(zone, from), dateIn(zone, until - 1)]).toEqual([date, date]);
    }
    const [, ...later] = days;
    const begins = later.map(({ from }) => new Date(from).toLocaleTimeString("sv-SE", { timeZone: zone }));
    expect(new Set(begins)).toEqual(new Set(["00:00:00"]));
    expect(later.map(({ from }) => from)).toEqual(days.slice(0, -1).map(({ until }) => until));
    expect(new Set(days.map(({ date }) => date)).size).toBe(days.length);
  });

  it("begin after midnight where the clocks are put forward over it, and last 23 and 25 hours where they change", () => {
    const cairo = daysOf("Africa/Cairo", { from: at("2026-04-23T12:00:00Z"), until: at("2026-04-25T12:00:00Z") });
    expect(cairo.map(({ from }) => new Date(from).toISOString())).toEqual([
      "2026-04-23T12:00:00.000Z",
      "2026-04-23T22:00:00.000Z",
      "2026-04-24T21:00:00.000Z",
    ]);
    const hours = (from: string, until: string) =>
      daysOf("Europe/Berlin", { from: at(from), until: at(until) }).map((day) => (day.until - day.from) / 3_600_000);
    expect(hours("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")).toEqual([23]);
    expect(hours("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")).toEqual([25]);
  });
});
