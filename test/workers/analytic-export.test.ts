/** Exports: whole, well-formed, nothing deleted among them, and visibly broken where they are not whole. */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { uuidv7 } from "uuidv7";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { csvLine } from "../../src/routes/analytic/csv.ts";
import { textStream } from "../../src/http/text-stream.ts";
import { encode } from "../../src/routes/analytic/export.ts";
import { at, DAY, insertAgent, insertConversations, insertLeads, insertTurns } from "./analytic-data.ts";
import { answerOf, call, type Company, type HeaderMap, makeCompany, makeLead, send } from "./company.ts";
import { chat, createConversation, settle } from "./conversation-client.ts";

const TYPES = ["conversations", "leads", "agents", "usage"] as const;
const MARCH = { start_date: "2026-03-01", end_date: "2026-03-31" };

const ask = (headers: HeaderMap, body: object) => send("POST", "/v1/analytic/export", { headers, body });

async function textOf(company: Pick<Company, "user">, body: object): Promise<string> {
  const response = await ask(company.user, body);
  expect(response.status).toBe(200);
  return response.text();
}

/** RFC 4180 to the letter: throws at whatever is not in its grammar. */
function parseCsv(text: string): string[][] {
  const records: string[][] = [];
  const token = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy;
  for (let record: string[] = []; token.lastIndex < text.length;) {
    const from = token.lastIndex;
    const match = token.exec(text);
    if (!match) throw new Error(`not CSV at ${from}: ${JSON.stringify(text.slice(from, from + 50))}`);
    record.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === ",") continue;
    records.push(record);
    record = [];
  }
  return records;
}

/** Records by the names in the first line. */
function csvRows(text: string): Record<string, string>[] {
  const [names = [], ...records] = parseCsv(text);
  return records.map((record) => {
    expect(record).toHaveLength(names.length);
    return Object.fromEntries(names.map((name, i) => [name, record[i] ?? ""]));
  });
}

/** What a program does with a cell, to have what a JSON export says. */
const meant = (cell: string) => cell.replaceAll(/(^|[;\t\r\n])'/g, "$1");

/** What a spreadsheet takes for a formula: it skips what nobody sees. */
const RUNS = /^[\s\p{Cf}\p{Cc}\u3164]*[=+\-@\u2212\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20]/u;
const asCell = (value: unknown) => (value === null ? "" : String(value));

const AWKWARD = [
  "plain",
  'say "hi"',
  "comma, and; more",
  "line\nbreak",
  "carriage\r\nreturn",
  '=HYPERLINK("http://evil.example","x")',
  "+49 30 1234",
  "-1+1",
  "@SUM(1)",
  "\tTab",
  "\rReturn",
  "'quoted'",
  "  spaces  ",
  "日本語 👩🏽‍🚀 ",
  "",
  '"',
  ",",
  "a=b",
  "'=1+1",
  "''@x",
  "'",
  "rock 'n' roll",
  "\n=1+1",
  "\r\n\r\n+1",
  " \t =1+1",
  "\u00a0=1",
  "\u3000-1",
  "\ufeff@x",
  "\u200b\u2060=1",
  "\u3164=1",
  "\u0000=1",
  "\uff1d1",
  "\uff0b1",
  "\uff20SUM(1)",
  "\u22121",
  'a;=HYPERLINK("x")',
  "a\t@x",
  "a;;'b;\t'",
  "a\n \uff0b1\r-2\r\nend",
  "x;\n\t;+",
];

describe("CSV", () => {
  it.each(AWKWARD)("brings back %j", (text) => {
    const line = csvLine([text, 1, null, true, text]);
    const [cells = []] = parseCsv(line);
    expect(cells.map(meant)).toEqual([text, "1", "", "true", text]);
    expect(parseCsv(line)).toHaveLength(1);
  });

  it("has no cell that a spreadsheet takes for a formula, and leaves numbers alone", () => {
    for (const text of AWKWARD) {
      const line = csvLine(["first", text, "last"]);
      for (const cell of parseCsv(line)[0] ?? []) expect(cell).not.toMatch(RUNS);
      // Split at something else, as a spreadsheet with other settings splits it, whatever it makes of the quotes.
      for (const cell of line.split(/[;\t\r\n]/)) expect(cell.replace(/^"+/, ""), text).not.toMatch(RUNS);
    }
    expect(csvLine([-5, -0.5])).toBe("-5,-0.5\r\n");
  });

  it("brings back what anybody can write, and stays safe", () => {
    const sign = fc.constantFrom("=", "+", "@", "'", ";", "\t", "\n", "\r", " ", '"', ",", "\u3000", "\uff1d", "a");
    fc.assert(
      fc.property(fc.string({ unit: sign, maxLength: 12 }), (text) => {
        const [[cell = ""] = []] = parseCsv(csvLine([text]));
        expect(meant(cell)).toBe(text);
        for (const part of cell.split(/[;\t\r\n]/)) expect(part).not.toMatch(RUNS);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("an export", () => {
  let company: Company;
  let other: string;
  let conversations: string[];

  beforeAll(async () => {
    company = await makeCompany();
    other = await insertAgent(company, { name: "=Other, with a comma", created_at: at("2026-01-01T00:00:00Z") });
    conversations = await insertConversations(company, [
      ...AWKWARD.map((title, i) => ({ title, created_at: at("2026-03-01T00:00:00Z") + i })),
      {
        created_at: at("2026-03-31T23:59:59.999Z"),
        status: "archived",
        message_count: 4,
        last_message_at: at("2026-04-05T06:07:08.009Z"),
      },
    ]);
    await insertConversations(company, [
      { title: "too early", created_at: at("2026-02-28T23:59:59.999Z") },
      { title: "too late", created_at: at("2026-04-01T00:00:00Z") },
      { title: "deleted", created_at: at("2026-03-05T00:00:00Z"), deleted_at: at("2026-03-06T00:00:00Z") },
      { title: "erased", created_at: at("2026-03-05T00:00:00Z"), deleted_at: 1, erased_at: 1 },
    ]);
    await insertLeads(company, [
      ...AWKWARD.map((first_name, i) => ({ first_name, phone: `+${i}`, created_at: at("2026-03-02T00:00:00Z") + i })),
      { first_name: "deleted", created_at: at("2026-03-02T00:00:00Z"), deleted_at: 1 },
      { created_at: at("2026-03-02T00:00:00Z"), deleted_at: 1, erased_at: 1 },
      { first_name: "too late", created_at: at("2026-04-01T00:00:00Z") },
    ]);
    await insertTurns(company, [
      { at: at("2026-03-01T00:00:00Z"), seconds: 2, usage: [1, 2, "measured"] },
      { at: at("2026-03-01T23:59:59.999Z"), seconds: 4, usage: [3, 4, "measured"], deleted: ["user"] },
      { at: at("2026-03-01T12:00:00Z"), seconds: 6, usage: [5, 6, "estimated"] },
      { at: at("2026-03-31T12:00:00Z"), agent_id: other, status: "failed", model: null },
      { at: at("2026-04-01T00:00:00Z"), usage: [9, 9, "measured"] },
    ]);
    const stranger = await makeCompany();
    await insertConversations(stranger, [{ title: "theirs", created_at: at("2026-03-05T00:00:00Z") }]);
    await insertLeads(stranger, [{ first_name: "theirs", created_at: at("2026-03-05T00:00:00Z") }]);
    await insertTurns(stranger, [{ at: at("2026-03-05T00:00:00Z"), usage: [7, 7, "measured"] }]);
  });

  const rowsOf = async (type: string) => JSON.parse(await textOf(company, { type, format: "json", ...MARCH })) as any[];

  it("of conversations has those that live and were made in the period, oldest first", async () => {
    const rows = await rowsOf("conversations");
    expect(rows.map((row) => row.id)).toEqual(conversations);
    expect(rows.map((row) => row.title)).toEqual([...AWKWARD, "Some title"]);
    expect(rows.at(-1)).toEqual({
      id: conversations.at(-1),
      agent_id: company.agent_id,
      entity_type: "user",
      entity_id: company.user_id,
      title: "Some title",
      status: "archived",
      message_count: 4,
      max_context_length: 20,
      last_message_at: "2026-04-05T06:07:08.009Z",
      created_at: "2026-03-31T23:59:59.999Z",
      updated_at: "2026-03-31T23:59:59.999Z",
    });
  });

  it("of leads has those that live and registered in the period", async () => {
    const rows = await rowsOf("leads");
    expect(rows.map((row) => [row.first_name, row.phone])).toEqual(AWKWARD.map((name, i) => [name, `+${i}`]));
    expect(JSON.stringify(rows)).not.toMatch(/deleted|late|theirs/);
  });

  it("of agents has every live agent, with its figures", async () => {
    const rows = await rowsOf("agents");
    const nothing = {
      message_count: 0,
      deleted_message_count: 0,
      input_tokens: null,
      output_tokens: null,
      usage_source: null,
    };
    const untimed = { avg_response_time_ms: null, p50_response_time_ms: null, p95_response_time_ms: null };
    const people = {
      ...{ rated_up: 0, rated_down: 0, hand_overs: 0, staff_replies: 0, first_staff_replies: 0 },
      ...{ avg_first_staff_reply_ms: null, p50_first_staff_reply_ms: null, p95_first_staff_reply_ms: null },
    };
    const rates = (rate: number | null) => ({ failure_rate: rate, stop_rate: rate, hand_over_rate: rate });
    const none = {
      ...{ turn_count: 0, failed_turns: 0, stopped_turns: 0 },
      ...{ ...nothing, ...untimed, ...people, ...rates(null) },
    };
    const about = (id: string, name: string) => ({ id, name, status: "active", created_at: expect.any(String) });
    const ofName = (name: string) => rows.find((row) => row.name === name);
    expect(rows).toHaveLength(3);
    expect(ofName("FAQ")).toEqual({ ...about(company.faq_agent_id, "FAQ"), model: "builtin/faq", ...none });
    expect(ofName("Echo")).toEqual({
      ...about(company.agent_id, "Echo"),
      model: "builtin/echo",
      ...{ turn_count: 3, failed_turns: 0, stopped_turns: 0, message_count: 5, deleted_message_count: 1 },
      ...{ avg_response_time_ms: 4000, p50_response_time_ms: expect.closeTo(4000, -1.9) },
      ...{ p95_response_time_ms: expect.closeTo(6000, -2), ...people, ...rates(0) },
      ...{ input_tokens: 9, output_tokens: 12, usage_source: "estimated" },
    });
    expect(ofName("=Other, with a comma")).toEqual({
      ...about(other, "=Other, with a comma"),
      model: "builtin/echo",
      ...none,
      ...{ turn_count: 1, failed_turns: 1, message_count: 2, failure_rate: 1, stop_rate: 0, hand_over_rate: 0 },
    });
  });

  it("of usage has tokens by day, agent, model and way of counting", async () => {
    const echo = { agent_id: company.agent_id, agent_name: "Echo", model_used: "builtin/echo" };
    const otherAgent = { agent_id: other, agent_name: "=Other, with a comma", model_used: null };
    expect(await rowsOf("usage")).toEqual([
      { date: "2026-03-01", ...echo, source: "estimated", turn_count: 1, input_tokens: 5, output_tokens: 6 },
      { date: "2026-03-01", ...echo, source: "measured", turn_count: 2, input_tokens: 4, output_tokens: 6 },
      { date: "2026-03-31", ...otherAgent, source: null, turn_count: 1, input_tokens: null, output_tokens: null },
    ]);
  });

  it.each(TYPES)("of %s says the same as CSV, names its file, and has no text of any message", async (type) => {
    const rows = await rowsOf(type);
    const response = await ask(company.read_only, { type, format: "csv", ...MARCH });
    expect(response.headers.get("content-type")).toBe("text/csv; charset=utf-8; header=present");
    expect(response.headers.get("content-disposition")).toBe(
      `attachment; filename="${type}_2026-03-01_2026-03-31.csv"`,
    );
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("cache-control")).toBe("no-store");
    const text = await response.text();
    const records = csvRows(text);
    expect(records.map((record) => Object.values(record).map(meant))).toEqual(
      rows.map((row) => Object.values(row).map(asCell)),
    );
    expect(Object.keys(records[0] ?? {})).toEqual(Object.keys(rows[0]));
    expect(text + JSON.stringify(rows)).not.toMatch(/secret/);
    const json = await ask(company.user, { type, format: "json", ...MARCH });
    expect(json.headers.get("content-type")).toBe("application/json");
    expect(json.headers.get("content-disposition")).toBe(`attachment; filename="${type}_2026-03-01_2026-03-31.json"`);
    await json.body?.cancel();
  });

  it("begins with a byte order mark as CSV, unless that is not wanted", async () => {
    const begins = async (more: object) => {
      const response = await ask(company.user, { type: "leads", ...MARCH, ...more });
      return [...new Uint8Array(await response.arrayBuffer()).subarray(0, 3)];
    };
    expect(await begins({ format: "csv" })).toEqual([0xef, 0xbb, 0xbf]);
    expect(await begins({ format: "csv", bom: true })).toEqual([0xef, 0xbb, 0xbf]);
    expect(await begins({ format: "csv", bom: false })).toEqual([...new TextEncoder().encode("id,")]);
    expect((await begins({ format: "json", bom: true }))[0]).toBe("[".charCodeAt(0));
  });

  it.each(TYPES)("of %s that has no rows is an empty array, and a first line alone", async (type) => {
    const empty = await makeCompany();
    if (type === "agents") await env.DB.prepare("DELETE FROM agent WHERE company_id = ?").bind(empty.company_id).run();
    expect(JSON.parse(await textOf(empty, { type, format: "json" }))).toEqual([]);
    const csv = await textOf(empty, { type, format: "csv" });
    expect(parseCsv(csv)).toHaveLength(1);
  });

  it("forgets what is deleted, and has it again when it is restored", async () => {
    const own = await makeCompany();
    const { id } = await createConversation(own, { title: "Mine" });
    await chat(own, id, "secret words");
    await settle(own, id);
    const exported = async () => JSON.parse(await textOf(own, { type: "conversations", format: "json" }));
    expect(await exported()).toMatchObject([{ id, title: "Mine", message_count: 2 }]);
    await call("DELETE", `/v1/conversation/${id}`, { headers: own.user });
    expect(await exported()).toEqual([]);
    await call("PATCH", `/v1/conversation/${id}/restore`, { headers: own.user });
    expect(await exported()).toMatchObject([{ id }]);
    for (const type of TYPES) expect(await textOf(own, { type, format: "json" })).not.toContain("secret words");
  });
});

describe("a request for an export", () => {
  it.each([
    [{}, ["/type", "/format"]],
    [{ type: "messages", format: "json" }, ["/type"]],
    [{ type: "leads", format: "xml" }, ["/format"]],
    [{ type: ["leads"], format: "csv" }, ["/type"]],
    [{ type: "leads", format: "csv", company_id: "x" }, ["/company_id"]],
    [{ type: "leads", format: "csv", start_date: 1 }, ["/start_date"]],
    [{ type: "leads", format: "csv", start_date: null }, ["/start_date"]],
    [{ type: "leads", format: "csv", start_date: "2026-03-02", end_date: "2026-03-01" }, ["/start_date"]],
    [{ type: "leads", format: "csv", start_date: "2020-01-01" }, ["/start_date"]],
    [{ type: "leads", format: "csv", end_date: '2026-03-01"\r\nX: y' }, ["/end_date"]],
  ])("is refused as %j", async (body, paths) => {
    const company = await makeCompany();
    const answer = await call("POST", "/v1/analytic/export", { headers: company.user, body });
    expect(answer).toMatchObject({ status: 422, body: { code: "validation_failed" } });
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toEqual(paths);
    expect(answer.headers.get("content-disposition")).toBeNull();
  });

  it("is for staff that may read", async () => {
    const company = await makeCompany();
    const visitor = await makeLead(company);
    const body = { type: "leads", format: "json" };
    expect((await call("POST", "/v1/analytic/export", { headers: visitor.headers, body })).status).toBe(403);
    expect((await call("POST", "/v1/analytic/export", { body })).status).toBe(401);
    expect((await call("POST", "/v1/analytic/export", { headers: company.read_only, body })).status).toBe(200);
  });
});

describe("a long export", () => {
  const ROWS = 6001;
  let company: Company;

  beforeAll(async () => {
    company = await makeCompany();
    // Several were made in the same millisecond, also where a batch ends.
    const row = (i: number) => ({
      first_name: `Lead ${i}`,
      source: "x".repeat(200),
      created_at: Date.now() - DAY + (i >> 3),
    });
    await insertLeads(
      company,
      Array.from({ length: ROWS }, (_, i) => row(i)),
    );
  });

  it.each(["json", "csv"])("has every row once as %s", async (format) => {
    const text = await textOf(company, { type: "leads", format });
    const rows: { id: string; first_name: string; created_at: string }[] =
      format === "json" ? JSON.parse(text) : csvRows(text);
    expect(rows).toHaveLength(ROWS);
    expect(new Set(rows.map((row) => row.id)).size).toBe(ROWS);
    expect(new Set(rows.map((row) => row.first_name)).size).toBe(ROWS);
    const keys = rows.map((row) => row.created_at + row.id);
    expect(keys).toEqual(keys.toSorted());
  });

  it("breaks off when the database fails half way", async () => {
    const response = await ask(company.user, { type: "leads", format: "json" });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const decoder = new TextDecoder();
    let text = decoder.decode((await reader.read()).value, { stream: true });
    await env.DB.prepare("ALTER TABLE lead RENAME TO lead_elsewhere").run();
    const rest = async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        text += decoder.decode(value, { stream: true });
      }
    };
    try {
      await expect(rest()).rejects.toThrow(/./);
    } finally {
      await env.DB.prepare("ALTER TABLE lead_elsewhere RENAME TO lead").run();
    }
    expect(text).toMatch(/^\[\n\{/);
    expect(() => JSON.parse(text)).toThrow(SyntaxError);
    expect(text).not.toMatch(/Error|no such table/);
    expect(await textOf(company, { type: "leads", format: "csv" })).toContain("Lead 6000");
  });

  it("is a 500 that is logged when a query of ours is wrong: another try would not help", async ({
    onTestFinished,
  }) => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    onTestFinished(() => log.mockRestore());
    await env.DB.prepare("ALTER TABLE lead RENAME TO lead_elsewhere").run();
    try {
      const answer = await answerOf(await ask(company.user, { type: "leads", format: "csv" }));
      expect(answer).toMatchObject({ status: 500, body: { code: "internal_error" } });
      expect(answer.headers.has("retry-after")).toBe(false);
      expect(JSON.stringify(answer.body)).not.toContain("lead");
      const [entry] = log.mock.calls[0] ?? [];
      expect(entry).toMatchObject({ event: "internal_error", request_id: answer.body.request_id });
      expect(entry.error).toContain("no such table: lead");
      expect(JSON.stringify(log.mock.calls)).not.toContain(company.company_id);
    } finally {
      await env.DB.prepare("ALTER TABLE lead_elsewhere RENAME TO lead").run();
    }
  });

  it("reads a batch only when somebody wants it, and none after the reader has gone", async () => {
    let read = 0;
    let closed = false;
    async function* endless() {
      try {
        for (;;) {
          read++;
          yield [{ id: uuidv7() }];
        }
      } finally {
        closed = true;
      }
    }
    const chunks = encode(endless(), "leads", "csv");
    const reader = textStream(await chunks.next(), chunks, () => {}).getReader();
    await reader.read();
    expect(read).toBe(1);
    await reader.read();
    expect(read).toBe(2);
    await reader.cancel();
    expect([read, closed]).toEqual([2, true]);
  });
});
