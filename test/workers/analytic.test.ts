/** Figures over a period: exact on rows whose times are known, cheap by their query plans, and nobody else's. */
import { env } from "cloudflare:workers";
import { type SQL, sql } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import { describe, expect, it } from "vitest";
import { responseTimes } from "../../src/routes/analytic/conversation-figures.ts";
import * as exported from "../../src/db/analytic-export.ts";
import { createdQuery, percentilesQuery, type Scope, sumsQuery } from "../../src/db/analytic-period.ts";
import { companyDatabase } from "../../src/db/database.ts";
import { at, DAY, insertAgent, insertConversations, insertLeads, insertTurns } from "./analytic-data.ts";
import { call, type Company, makeCompany, makeLead } from "./company.ts";
import { chat, createConversation } from "./conversation-client.ts";

const get = (company: Pick<Company, "user">, path: string) =>
  call("GET", `/v1/analytic/${path}`, { headers: company.user });

const NOTHING = {
  new_conversations: 0,
  new_leads: 0,
  turn_count: 0,
  failed_turns: 0,
  stopped_turns: 0,
  message_count: 0,
  messages_by_role: { user: 0, assistant: 0 },
  deleted_message_count: 0,
  avg_response_time_ms: null,
  p50_response_time_ms: null,
  p95_response_time_ms: null,
  usage: null,
};

/** Three days of a company, whose figures are worked out by hand in FIRST, THIRD and ALL. */
async function threeDays() {
  const company = await makeCompany();
  const other = await insertAgent(company, { name: "Other" });
  const [id = ""] = await insertConversations(company, [
    { created_at: at("2026-03-01T00:00:00Z"), message_count: 3 },
    { created_at: at("2026-03-03T12:00:00Z"), status: "archived" },
    { created_at: at("2026-03-03T23:59:59.999Z"), deleted_at: at("2026-03-04T00:00:00Z") },
    { created_at: at("2026-02-28T23:59:59.999Z") },
    { created_at: at("2026-03-04T00:00:00Z"), agent_id: other },
  ]);
  await insertLeads(company, [
    { created_at: at("2026-03-01T10:00:00Z") },
    { created_at: at("2026-03-01T11:00:00Z"), deleted_at: at("2026-03-02T00:00:00Z") },
    { created_at: at("2026-03-04T00:00:00Z") },
  ]);
  await insertTurns(company, [
    { at: at("2026-02-28T23:59:59.999Z"), seconds: 99, usage: [999, 999, "measured"] },
    { at: at("2026-03-01T00:00:00Z"), conversation_id: id, seconds: 1.2345, usage: [10, 20, "measured"] },
    {
      at: at("2026-03-01T12:00:00Z"),
      conversation_id: id,
      seconds: 3,
      usage: [5, 7, "estimated"],
      deleted: ["assistant"],
    },
    { at: at("2026-03-01T13:00:00Z"), conversation_id: id, status: "failed", seconds: 50, model: null },
    { at: at("2026-03-03T00:00:00Z"), status: "stopped", seconds: 60, usage: [1, 2, "measured"], model: "x/y" },
    {
      at: at("2026-03-03T23:59:59.999Z"),
      agent_id: other,
      seconds: 0.5,
      usage: [3, 4, "measured"],
      deleted: ["user", "assistant"],
    },
    { at: at("2026-03-03T20:00:00Z"), seconds: null },
    { at: at("2026-03-04T00:00:00Z"), seconds: 99, usage: [999, 999, "measured"] },
  ]);
  return { company, other };
}

const FIRST = {
  date: "2026-03-01",
  new_conversations: 1,
  new_leads: 2,
  turn_count: 3,
  failed_turns: 1,
  stopped_turns: 0,
  message_count: 5,
  messages_by_role: { user: 3, assistant: 2 },
  deleted_message_count: 1,
  avg_response_time_ms: 2118,
  p50_response_time_ms: 1235,
  p95_response_time_ms: 3000,
  usage: { input_tokens: 15, output_tokens: 27, source: "estimated" },
};
const SECOND = { date: "2026-03-02", ...NOTHING };
const THIRD = {
  date: "2026-03-03",
  new_conversations: 2,
  new_leads: 0,
  turn_count: 3,
  failed_turns: 0,
  stopped_turns: 1,
  message_count: 4,
  messages_by_role: { user: 2, assistant: 2 },
  deleted_message_count: 2,
  avg_response_time_ms: 500,
  p50_response_time_ms: 500,
  p95_response_time_ms: 500,
  usage: { input_tokens: 4, output_tokens: 6, source: "measured" },
};
const ALL = {
  new_conversations: 3,
  new_leads: 2,
  turn_count: 6,
  failed_turns: 1,
  stopped_turns: 1,
  message_count: 9,
  messages_by_role: { user: 5, assistant: 4 },
  deleted_message_count: 3,
  avg_response_time_ms: 1578,
  p50_response_time_ms: 1235,
  p95_response_time_ms: 3000,
  usage: { input_tokens: 19, output_tokens: 33, source: "estimated" },
};
const PERIOD = "start_date=2026-03-01&end_date=2026-03-03";
const BOUNDS = { start_date: "2026-03-01T00:00:00.000Z", end_date: "2026-03-03T23:59:59.999Z" };

describe("the dashboard", () => {
  it("has exact totals, every day of the period, and the agents with most turns", async () => {
    const { company, other } = await threeDays();
    const { status, body } = await get(company, `dashboard?${PERIOD}`);
    expect(status).toBe(200);
    const { top_agents, ...rest } = body;
    expect(rest).toEqual({
      ...BOUNDS,
      conversations: { active: 3, archived: 1, deleted: 1 },
      leads: 2,
      totals: ALL,
      by_day: [FIRST, SECOND, THIRD],
    });
    expect(top_agents).toMatchObject([
      { agent_id: company.agent_id, name: "Echo", turn_count: 5, failed_turns: 1, stopped_turns: 1, message_count: 9 },
      { agent_id: other, name: "Other", turn_count: 1, message_count: 0, avg_response_time_ms: 500 },
    ]);
  });

  it("shows ten agents at most, those with most turns", async () => {
    const company = await makeCompany();
    const agents = await Promise.all(
      Array.from({ length: 12 }, (_, i) => insertAgent(company, { name: `Agent ${i}` })),
    );
    const turns = agents.flatMap((agent_id, i) =>
      Array.from({ length: i + 1 }, () => ({ at: Date.now() - DAY, agent_id })),
    );
    await insertTurns(company, turns);
    const { body } = await get(company, "dashboard");
    expect(body.top_agents.map((a: any) => [a.name, a.turn_count])).toEqual(
      Array.from({ length: 10 }, (_, i) => [`Agent ${11 - i}`, 12 - i]),
    );
    expect(body.totals.turn_count).toBe(78);
  });

  it("agrees with what was really said", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company);
    await chat(company, id, "one");
    const { body: second } = await chat(company, id, "two");
    await call("DELETE", `/v1/message/${second.reply.id}`, { headers: company.user });
    const own = (await get(company, `conversation/${id}`)).body;
    const { conversations, totals, by_day } = (await get(company, "dashboard")).body;
    expect(conversations).toEqual({ active: 1, archived: 0, deleted: 0 });
    expect(totals).toMatchObject({ new_conversations: 1, new_leads: 0 });
    const shared = Object.keys(totals).filter((name) => name in own);
    expect(shared.length).toBe(10);
    for (const name of shared) expect([name, totals[name]]).toEqual([name, own[name]]);
    expect(by_day).toHaveLength(30);
    expect(by_day.at(-1)).toMatchObject({ turn_count: 2, message_count: 3 });
  });
});

describe("percentiles", () => {
  it.each([1, 2, 3, 19, 20, 21, 40, 99, 100, 101])("are those of %i turns by nearest rank", async (n) => {
    const company = await makeCompany();
    // In no order, and some of them equal.
    const times = Array.from({ length: n }, (_, i) => ((i * 7919) % (n + 3)) + (i % 3 === 0 ? 0 : 1));
    const noon = at("2026-05-05T12:00:00Z");
    await insertTurns(
      company,
      times.map((time, i) => ({ at: noon + (i % 2) * DAY, seconds: time / 1000 })),
    );
    const { body } = await get(company, "dashboard?start_date=2026-05-05&end_date=2026-05-06");
    expect(body.totals).toMatchObject(responseTimes(times));
    for (const i of [0, 1]) expect(body.by_day[i]).toMatchObject(responseTimes(times.filter((_, j) => j % 2 === i)));
  });
});

describe("an agent", () => {
  it("has its own figures only", async () => {
    const { company, other } = await threeDays();
    const { body } = await get(company, `agent/${other}?${PERIOD}`);
    const figures = {
      ...NOTHING,
      turn_count: 1,
      deleted_message_count: 2,
      avg_response_time_ms: 500,
      p50_response_time_ms: 500,
      p95_response_time_ms: 500,
      usage: { input_tokens: 3, output_tokens: 4, source: "measured" },
    };
    expect(body).toEqual({
      agent_id: other,
      name: "Other",
      ...BOUNDS,
      conversations: { active: 1, archived: 0, deleted: 0 },
      leads: 0,
      totals: figures,
      by_day: [
        { date: "2026-03-01", ...NOTHING },
        { date: "2026-03-02", ...NOTHING },
        { date: "2026-03-03", ...figures },
      ],
    });
    const { body: echo } = await get(company, `agent/${company.agent_id}?${PERIOD}`);
    expect(echo.totals).toMatchObject({ new_conversations: 3, new_leads: 2, turn_count: 5 });
  });

  it("that is unknown, malformed, deleted or somebody else's is one and the same 404", async () => {
    const [company, stranger] = [await makeCompany(), await makeCompany()];
    const deleted = await insertAgent(company, { deleted_at: Date.now() });
    const headers = { ...company.user, "x-request-id": "same" };
    const bodies = await Promise.all(
      [uuidv7(), "x", "%00", company.agent_id.toUpperCase(), deleted, stranger.agent_id].map(async (id) => {
        const answer = await call("GET", `/v1/analytic/agent/${id}`, { headers });
        expect([id, answer.status]).toEqual([id, 404]);
        return JSON.stringify(answer.body);
      }),
    );
    expect(new Set(bodies).size).toBe(1);
  });
});

describe("usage", () => {
  it("is by day, by agent and by model, measured and estimated apart", async () => {
    const { company, other } = await threeDays();
    const { body } = await get(company, `usage?${PERIOD}`);
    const of = (turn_count: number, input_tokens: number, output_tokens: number) => ({
      turn_count,
      input_tokens,
      output_tokens,
    });
    const none = { usage: null, measured: null, estimated: null };
    const sum = (input_tokens: number, output_tokens: number, source: string) => ({
      input_tokens,
      output_tokens,
      source,
    });
    const estimated = of(1, 5, 7);
    expect(body).toEqual({
      ...BOUNDS,
      totals: { turn_count: 6, usage: sum(19, 33, "estimated"), measured: of(3, 14, 26), estimated },
      by_day: [
        { date: "2026-03-01", turn_count: 3, usage: sum(15, 27, "estimated"), measured: of(1, 10, 20), estimated },
        { date: "2026-03-02", turn_count: 0, ...none },
        { date: "2026-03-03", turn_count: 3, usage: sum(4, 6, "measured"), measured: of(2, 4, 6), estimated: null },
      ],
      by_agent: [
        {
          ...{ agent_id: company.agent_id, name: "Echo", turn_count: 5 },
          ...{ usage: sum(16, 29, "estimated"), measured: of(2, 11, 22), estimated },
        },
        {
          ...{ agent_id: other, name: "Other", turn_count: 1 },
          ...{ usage: sum(3, 4, "measured"), measured: of(1, 3, 4), estimated: null },
        },
      ],
      by_model: [
        {
          ...{ model_used: "builtin/echo", turn_count: 4 },
          ...{ usage: sum(18, 31, "estimated"), measured: of(2, 13, 24), estimated },
        },
        { model_used: null, turn_count: 1, ...none },
        { model_used: "x/y", turn_count: 1, usage: sum(1, 2, "measured"), measured: of(1, 1, 2), estimated: null },
      ],
    });
  });
});

describe("a period", () => {
  it("is the last thirty UTC days by default, today being the last", async () => {
    const company = await makeCompany();
    const before = Date.now();
    const { body } = await get(company, "usage");
    const days = body.by_day.map((day: { date: string }) => at(`${day.date}T00:00:00Z`));
    expect(days).toHaveLength(30);
    for (let i = 1; i < 30; i++) expect(days[i] - days[i - 1]).toBe(DAY);
    expect(at(body.end_date)).toBeGreaterThanOrEqual(before);
    expect(at(body.start_date)).toBe(days[0]);
    expect(days[29]).toBe(Math.floor(at(body.end_date) / DAY) * DAY);
  });

  it.each([
    ["start_date=2026-03-01&end_date=2026-03-01", 3, ["2026-03-01"]],
    ["start_date=2026-03-01T12:00:00Z&end_date=2026-03-01T13:00:00Z", 2, ["2026-03-01"]],
    ["start_date=2026-03-01T12:00:00.001Z&end_date=2026-03-01T12:59:59.999Z", 0, ["2026-03-01"]],
    ["start_date=2026-03-01T13:00:00Z&end_date=2026-03-01T13:00:00Z", 1, ["2026-03-01"]],
    ["start_date=2026-03-01T02:00:00%2B02:00&end_date=2026-02-28T20:00:00-04:00", 1, ["2026-03-01"]],
    ["start_date=2026-03-03T20:00:00Z&end_date=2026-03-04T00:00:00Z", 3, ["2026-03-03", "2026-03-04"]],
  ])("%s includes both its ends", async (query, turns, days) => {
    const { company } = await threeDays();
    const { status, body } = await get(company, `dashboard?${query}`);
    expect([status, body.totals.turn_count]).toEqual([200, turns]);
    expect(body.by_day.map((day: { date: string }) => day.date)).toEqual(days);
    const summed = body.by_day.reduce((sum: number, day: { turn_count: number }) => sum + day.turn_count, 0);
    expect(summed).toBe(turns);
  });

  it("has thirty days to its end, where only that is said, and ends now, where only its beginning is", async () => {
    const { company } = await threeDays();
    const { body } = await get(company, "dashboard?end_date=2026-03-03");
    expect([body.start_date, body.end_date, body.by_day.length]).toEqual([
      "2026-02-02T00:00:00.000Z",
      BOUNDS.end_date,
      30,
    ]);
    expect(body.totals.turn_count).toBe(7);
    const yesterday = new Date(Date.now() - DAY).toISOString().slice(0, 10);
    const before = Date.now();
    const since = (await get(company, `dashboard?start_date=${yesterday}`)).body;
    expect(since.start_date).toBe(`${yesterday}T00:00:00.000Z`);
    expect(at(since.end_date)).toBeGreaterThanOrEqual(before);
  });

  it("has 366 days at most, and a leap year is one", async () => {
    const company = await makeCompany();
    const { status, body } = await get(company, "usage?start_date=2024-01-01&end_date=2024-12-31");
    expect([status, body.by_day.length, body.by_day[59].date]).toEqual([200, 366, "2024-02-29"]);
  });

  it.each([
    ["start_date=2026-03-02&end_date=2026-03-01", "/start_date"],
    ["start_date=2026-03-01T00:00:00.001Z&end_date=2026-03-01T00:00:00Z", "/start_date"],
    ["start_date=2024-01-01&end_date=2025-01-01", "/start_date"],
    ["start_date=2999-01-01", "/start_date"],
    ["start_date=1999-01-01", "/start_date"],
    ["start_date=yesterday", "/start_date"],
    ["end_date=2026-02-29", "/end_date"],
    ["end_date=2026-13-01", "/end_date"],
    ["end_date=20260301", "/end_date"],
    ["end_date=2026-03-01T00:00:00", "/end_date"],
    ["end_date=1772323200000", "/end_date"],
    ["start_date=", "/start_date"],
    ["start_date=2026-03-01&start_date=2026-03-02", "/start_date"],
    ["end_date=%00", "/end_date"],
  ])("is refused as %s", async (query, path) => {
    const company = await makeCompany();
    for (const route of ["dashboard", "usage", `agent/${company.agent_id}`]) {
      const answer = await get(company, `${route}?${query}`);
      expect(answer).toMatchObject({ status: 422, body: { code: "validation_failed", errors: [{ path }] } });
    }
  });
});

describe("who may look", () => {
  it("is staff with the scope to read, and nobody sees another company", async () => {
    const { company } = await threeDays();
    const stranger = await makeCompany();
    const visitor = await makeLead(company);
    for (const route of ["dashboard", "usage", `agent/${company.agent_id}`]) {
      const path = `/v1/analytic/${route}?${PERIOD}`;
      expect(await call("GET", path, { headers: visitor.headers })).toMatchObject({
        status: 403,
        body: { code: "forbidden" },
      });
      expect((await call("GET", path, { headers: company.read_only })).status).toBe(200);
      expect((await call("GET", path.replace("/v1", "/api/v1"), { headers: company.read_only })).status).toBe(200);
    }
    const { body } = await get(stranger, `dashboard?${PERIOD}`);
    expect(body.totals).toEqual(NOTHING);
    expect(body.top_agents).toEqual([]);
    expect((await get(stranger, `usage?${PERIOD}`)).body.by_agent).toEqual([]);
  });
});

describe("query plans", () => {
  const scope: Scope = { company_id: "c", from: 1, until: 2 };
  const one = { ...scope, agents: ["a"] };
  const last = { created_at: 1, id: "a" };

  const planned: [string, (db: Awaited<ReturnType<typeof companyDatabase>>) => SQL, string[]][] = [
    ["sums", () => sumsQuery(scope, ["total", "day", "agent", "model"]), ["message_reply_time", "message_sequence"]],
    [
      "sums of an agent",
      () => sumsQuery(one, ["total", "day", "top_agent"]),
      ["message_reply_time", "message_sequence"],
    ],
    ["percentiles", () => percentilesQuery(scope, "day"), ["message_reply_time"]],
    ["percentiles of agents", () => percentilesQuery(one, "agent"), ["message_reply_time"]],
    ["new conversations", () => createdQuery(one, "conversation"), ["conversation_created"]],
    ["new leads", () => createdQuery(scope, "lead"), ["lead_created"]],
    ["exported conversations", (db) => exported.conversationQuery(db, scope, null).getSQL(), ["conversation_created"]],
    ["more of them", (db) => exported.conversationQuery(db, scope, last).getSQL(), ["conversation_created"]],
    ["exported leads", (db) => exported.leadQuery(db, scope, last).getSQL(), ["lead_created"]],
    ["exported usage", () => exported.usageQuery(scope), ["message_reply_time"]],
  ];

  it.each(planned)("%s: by an index on time, and no table is scanned", async (_, query, indexes) => {
    const db = await companyDatabase(env, "c");
    const plan = await db.all<{ detail: string }>(sql`EXPLAIN QUERY PLAN ${query(db)}`);
    const details = plan.map((step) => step.detail);
    const scanned = details.filter((detail) => /^SCAN (?!cell|timed|placed|json_each|\(subquery|\d)/.test(detail));
    expect(scanned).toEqual([]);
    for (const index of indexes)
      expect(details.filter((detail) => detail.includes(`INDEX ${index} (`))).not.toEqual([]);
    const onTime = details.filter((detail) => /INDEX (message_reply_time|\w+_created) /.test(detail));
    for (const detail of onTime) expect(detail).toMatch(/\(company_id=\? AND (created_at>|\(created_at,id\)>)/);
    // By time alone, nothing has to be sorted.
    const sorted = details.filter((detail) => detail.includes("TEMP B-TREE FOR ORDER BY"));
    expect(indexes.some((index) => index.endsWith("_created")) ? sorted : []).toEqual([]);
  });
});
