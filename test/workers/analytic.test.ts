/** Figures over a period: exact on rows whose times are known, cheap by their query plans, and nobody else's. */
import { env } from "cloudflare:workers";
import { type SQL, sql } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import { describe, expect, it } from "vitest";
import * as exported from "../../src/db/analytic-export.ts";
import { rollupOf, timesByAgent, timesByPlace } from "../../src/db/analytic-cell.ts";
import { sumsQuery } from "../../src/db/analytic-period.ts";
import { sumsOfConversation, timelineOfConversation } from "../../src/db/analytic-conversation.ts";
import { companyDatabase } from "../../src/db/database.ts";
import { at, DAY, insertAgent, insertConversations, insertLeads, insertTurns, type NewTurn } from "./analytic-data.ts";
import { call, type Company, makeCompany, makeLead } from "./company.ts";
import { chat, createConversation } from "./conversation-client.ts";

/** Tokens without a word of a cache, of models without a price. */
const used = (input_tokens: number, output_tokens: number, source: string) => ({
  ...{ input_tokens, cached_input_tokens: null, output_tokens, source, cost: null },
});

const get = (company: Pick<Company, "user">, path: string) =>
  call("GET", `/v1/analytic/${path}`, { headers: company.user });

/** Within 1 %, and exact below 50 ms: so wide are the buckets of percentiles. */
const about = (ms: number | null) => (ms === null || ms < 50 ? ms : expect.closeTo(ms, -Math.log10(ms * 0.02 + 1)));

/** Mean, median and 95th percentile by nearest rank, worked out here. */
function responseTimes(times: number[], shown: (ms: number | null) => unknown = about) {
  const sorted = times.toSorted((a, b) => a - b);
  const rank = (p: number) => sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? null;
  const sum = sorted.reduce((total, time) => total + time, 0);
  return {
    avg_response_time_ms: sorted.length === 0 ? null : Math.round(sum / sorted.length),
    p50_response_time_ms: shown(rank(0.5)),
    p95_response_time_ms: shown(rank(0.95)),
  };
}

/** Rates, and what nobody did. */
const rates = (turns: number, failed: number, stopped: number) => {
  const share = (n: number) => (turns === 0 ? null : n / turns);
  return {
    failure_rate: share(failed),
    stop_rate: share(stopped),
    feedback: { up: 0, down: 0, rate: share(0), up_rate: null },
    hand_overs: 0,
    hand_over_rate: share(0),
    staff_replies: 0,
    first_staff_replies: 0,
    avg_first_staff_reply_ms: null,
    p50_first_staff_reply_ms: null,
    p95_first_staff_reply_ms: null,
  };
};

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
  ...rates(0, 0, 0),
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
  p50_response_time_ms: about(1235),
  p95_response_time_ms: about(3000),
  usage: used(15, 27, "estimated"),
  ...rates(3, 1, 0),
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
  p50_response_time_ms: about(500),
  p95_response_time_ms: about(500),
  usage: used(4, 6, "measured"),
  ...rates(3, 0, 1),
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
  p50_response_time_ms: about(1235),
  p95_response_time_ms: about(3000),
  ...rates(6, 1, 1),
  usage: used(19, 33, "estimated"),
};
const PERIOD = "start_date=2026-03-01&end_date=2026-03-03";
const BOUNDS = { start_date: "2026-03-01T00:00:00.000Z", end_date: "2026-03-03T23:59:59.999Z", time_zone: "UTC" };

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
    // Those of a conversation are exact.
    const like = (name: string) => (/^p\d/.test(name) ? about(own[name]) : own[name]);
    for (const name of shared) expect([name, totals[name]]).toEqual([name, like(name)]);
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
      p50_response_time_ms: about(500),
      p95_response_time_ms: about(500),
      usage: used(3, 4, "measured"),
      ...rates(1, 0, 0),
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
    const estimated = of(1, 5, 7);
    const turns = ({ new_conversations: _, new_leads: __, ...figures }: Record<string, unknown>) => figures;
    expect(body).toEqual({
      ...BOUNDS,
      totals: { ...turns(ALL), measured: of(3, 14, 26), estimated },
      by_day: [
        { ...turns(FIRST), measured: of(1, 10, 20), estimated },
        { ...turns(SECOND), ...none },
        { ...turns(THIRD), measured: of(2, 4, 6), estimated: null },
      ],
      by_agent: [expect.any(Object), expect.any(Object)],
      by_model: [expect.any(Object), expect.any(Object), expect.any(Object)],
    });
    expect(body.by_agent).toMatchObject([
      {
        ...{ agent_id: company.agent_id, name: "Echo", turn_count: 5, failed_turns: 1, stopped_turns: 1 },
        ...{ message_count: 9, usage: used(16, 29, "estimated"), measured: of(2, 11, 22), estimated },
      },
      {
        ...{ agent_id: other, name: "Other", turn_count: 1, failed_turns: 0, stopped_turns: 0, message_count: 0 },
        ...{ avg_response_time_ms: 500, usage: used(3, 4, "measured"), measured: of(1, 3, 4), estimated: null },
      },
    ]);
    expect(body.by_model).toMatchObject([
      {
        ...{ model_used: "builtin/echo", turn_count: 4, failed_turns: 0 },
        ...{ usage: used(18, 31, "estimated"), measured: of(2, 13, 24), estimated },
      },
      { model_used: null, turn_count: 1, failed_turns: 1, ...none },
      {
        ...{ model_used: "x/y", turn_count: 1, stopped_turns: 1 },
        ...{ usage: used(1, 2, "measured"), measured: of(1, 1, 2), estimated: null },
      },
    ]);
    for (const row of [...body.by_agent, ...body.by_model]) expect(row).not.toHaveProperty("p50_response_time_ms");
  });
});

describe("a conversation", () => {
  const STATUS = { complete: "completed", failed: "failed", stopped: "stopped" } as const;

  it.each([0, 1, 2, 19, 20, 501, 777])("of %i turns has the figures of all, and the latest 500 of them", async (n) => {
    const company = await makeCompany();
    const [id = ""] = await insertConversations(company, [{ created_at: 1000, message_count: 2 * n }]);
    const made = Array.from({ length: n }, (_, i): NewTurn => {
      const status = i % 7 === 3 ? "failed" : i % 11 === 4 ? "stopped" : "complete";
      const counts: NewTurn =
        i % 5 === 1 ? { at: 0 } : { at: 0, usage: [i, 2 * i, i % 13 === 6 ? "estimated" : "measured"] };
      const deleted: NewTurn["deleted"] = i % 17 === 5 ? ["user"] : i % 17 === 6 ? ["user", "assistant"] : [];
      const seconds = i % 19 === 8 ? null : ((i * 7919) % 1000) / 100;
      return { ...counts, at: 10_000 * (i + 1), conversation_id: id, status, deleted, seconds };
    });
    await insertTurns(company, made);
    const { status, body } = await get(company, `conversation/${id}`);
    expect(status).toBe(200);
    const timed = made.filter((turn) => turn.status === "complete" && turn.seconds !== null);
    const times = timed.map((turn) => Math.round(Number(turn.seconds) * 1000));
    const counted = made.flatMap(({ usage }) => (usage ? [usage] : []));
    const total = (of: 0 | 1) => counted.reduce((sum, usage) => sum + usage[of], 0);
    const gone = (role: "user" | "assistant") => made.filter((turn) => turn.deleted?.includes(role)).length;
    const isEstimated = counted.some(([, , source]) => source === "estimated");
    const { timeline, ...figures } = body;
    expect(figures).toEqual({
      conversation_id: id,
      status: "active",
      message_count: 2 * n - gone("user") - gone("assistant"),
      messages_by_role: { user: n - gone("user"), assistant: n - gone("assistant") },
      turn_count: n,
      failed_turns: made.filter((turn) => turn.status === "failed").length,
      stopped_turns: made.filter((turn) => turn.status === "stopped").length,
      duration_seconds: n === 0 ? 0 : 10 * (n - 1) + 1,
      first_response_time_ms: times[0] ?? null,
      ...responseTimes(times, (ms) => ms),
      usage: counted.length === 0 ? null : used(total(0), total(1), isEstimated ? "estimated" : "measured"),
      deleted_message_count: gone("user") + gone("assistant"),
      first_message_at: n === 0 ? null : new Date(9000).toISOString(),
      last_message_at: n === 0 ? null : new Date(10_000 * n).toISOString(),
      timeline_truncated: n > 500,
    });
    expect(timeline).toEqual(
      made.slice(-500).map((turn, i) => ({
        turn_id: expect.any(String),
        sequence: 2 * (Math.max(0, n - 500) + i) + 1,
        started_at: new Date(turn.at - 1000).toISOString(),
        status: STATUS[turn.status ?? "complete"],
        response_time_ms: turn.seconds === null ? null : Math.round(Number(turn.seconds) * 1000),
        input_tokens: turn.usage?.[0] ?? null,
        output_tokens: turn.usage?.[1] ?? null,
      })),
    );
  });

  it("is in progress while a turn has no reply, and is read along one index", { tags: "slow" }, async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company);
    await chat(company, id, "one");
    const waiting = chat(company, id, "/sleep 1500 two");
    const latest = async () => (await get(company, `conversation/${id}`)).body.timeline.at(-1);
    await expect
      .poll(latest, { timeout: 5000 })
      .toMatchObject({ sequence: 3, status: "in_progress", response_time_ms: null });
    await waiting;
    await expect.poll(latest, { timeout: 5000 }).toMatchObject({ sequence: 3, status: "completed" });
    const db = await companyDatabase(env, company.company_id);
    for (const query of [sumsOfConversation("c", "d"), timelineOfConversation("c", "d")]) {
      const plan = await db.all<{ detail: string }>(sql`EXPLAIN QUERY PLAN ${query}`);
      const details = plan.map(({ detail }) => detail);
      expect(details.filter((detail) => /message/.test(detail))).toEqual([
        expect.stringContaining("USING PRIMARY KEY (conversation_id=?)"),
      ]);
    }
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
  const period = { company_id: "c", from: 1, until: 2 };
  const scope = { company_id: "c", pieces: [{ from: 1, until: 2 }] };
  const one = { ...scope, agents: ["a"] };
  const last = { created_at: 1, id: "a" };
  /** What lies between the spans, by time; and the spans by theirs. */
  const GAPS = ["INDEX message_reply_time", "INDEX conversation_created", "INDEX lead_created"];
  const SPANS = ["s USING PRIMARY KEY", "r USING PRIMARY KEY"];

  const planned: [string, (db: Awaited<ReturnType<typeof companyDatabase>>) => SQL, string[]][] = [
    ["sums", () => sumsQuery(scope, ["total", "day", "agent", "model"]), [...GAPS, ...SPANS]],
    ["sums of an agent", () => sumsQuery(one, ["total", "day", "top_agent"]), [...GAPS, ...SPANS]],
    ["percentiles", () => timesByPlace(scope), ["message_reply_time", ...SPANS]],
    ["percentiles of an agent", () => timesByPlace(one), ["message_reply_time", ...SPANS]],
    ["percentiles of agents", () => timesByAgent(one), ["message_reply_time", ...SPANS]],
    ["what is rolled up", () => rollupOf("c", { from: 1, until: 2 }), GAPS],
    ["exported conversations", (db) => exported.conversationQuery(db, period, null).getSQL(), ["conversation_created"]],
    ["more of them", (db) => exported.conversationQuery(db, period, last).getSQL(), ["conversation_created"]],
    ["exported leads", (db) => exported.leadQuery(db, period, last).getSQL(), ["lead_created"]],
    ["exported usage", () => exported.usageQuery(scope), ["message_reply_time", ...SPANS]],
  ];

  it.each(planned)("%s: by an index on time, and no table is scanned", async (_, query, indexes) => {
    const db = await companyDatabase(env, "c");
    const plan = await db.all<{ detail: string }>(sql`EXPLAIN QUERY PLAN ${query(db)}`);
    const details = plan.map((step) => step.detail);
    const own =
      /^SCAN (?!CONSTANT ROW|piece|span|gap|said|cell|timing|counted|placed|summed|\w+_times|json_each|t VIRTUAL|\(subquery|\(join|\d)/;
    expect(details.filter((detail) => own.test(detail))).toEqual([]);
    for (const index of indexes) expect(details.filter((detail) => detail.includes(`${index} (`))).not.toEqual([]);
    const onTime = details.filter((detail) => /INDEX (message_reply_time|\w+_created) /.test(detail));
    for (const detail of onTime) expect(detail).toMatch(/\(company_id=\? AND (created_at>|\(created_at,id\)>)/);
    // By time alone, nothing has to be sorted.
    const sorted = details.filter((detail) => detail.includes("TEMP B-TREE FOR ORDER BY"));
    expect(indexes.every((index) => index.endsWith("_created")) ? sorted : []).toEqual([]);
  });
});
