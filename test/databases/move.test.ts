/**
 * Companies in two databases: the directory decides, and a move from one to the other loses nothing, shows nothing stale and
 * can be cut off anywhere. Only the clock is set forward; databases, objects and requests are real.
 */
import { env, exports } from "cloudflare:workers";
import { uuidv7 } from "uuidv7";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { moveCompany, MoveRefused, type Ports, type Stage } from "../../src/cli/tenant/move.ts";
import { Budget } from "../../src/compliance/budget.ts";
import { rollUpCompany } from "../../src/compliance/rollup.ts";
import { openDatabase } from "../../src/db/database.ts";
import { writeBatch } from "../../src/db/record.ts";
import type { Batch } from "../../src/chat/changes.ts";
import { call, type Company, makeCompany, makeLead } from "../workers/company.ts";
import { chat, createConversation, history } from "../workers/conversation-client.ts";
import { checkTrail, exportTrail, type Line } from "../../scripts/verify-audit.mjs";

const databases: Record<string, D1Database> = { DB: env.DB, DB_1: env["DB_1"] as D1Database };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
});
afterEach(() => {
  vi.useRealTimers();
});

/** What a move needs. Waiting sets the clock forward; `at` runs when a stage is reached. */
const ports = (at: Partial<Record<Stage, () => Promise<unknown>>> = {}): Ports => ({
  control: env.DB,
  home: (name) => (databases[name] ? { name, d1: databases[name] } : undefined),
  sleep: async (ms) => void vi.setSystemTime(Date.now() + ms),
  report: async (stage) => void (await at[stage]?.()),
  now: Date.now,
  newId: uuidv7,
});

const move = (company: Company, to: string, at?: Parameters<typeof ports>[0]) =>
  moveCompany(ports(at), company.company_id, to);

const TABLES = [
  "user",
  "agent",
  "lead",
  "model_provider",
  "conversation",
  "message",
  "erasure",
  "tally",
  "audit_event",
];

/** Every row that a database has of the company. */
async function rowsIn(name: string, { company_id }: Company): Promise<Record<string, unknown[]>> {
  const d1 = databases[name] as D1Database;
  const all = TABLES.map((table) =>
    d1.prepare(`SELECT * FROM "${table}" WHERE company_id = ? ORDER BY 1, 2, 3`).bind(company_id),
  );
  const results = await d1.batch(all);
  return Object.fromEntries(TABLES.map((table, i) => [table, results[i]?.results ?? []]));
}

const withoutAudit = ({ audit_event: _, tally, ...rows }: Record<string, unknown[]>) => ({
  ...rows,
  tally: (tally as { kind: string; active: number; archived: number; deleted: number }[]).filter(
    (row) => row.kind !== "audit" && row.active + row.archived + row.deleted > 0,
  ),
});

/** A company with something in every table; texts that are hard to carry among it. */
async function makeFull() {
  const company = await makeCompany();
  const { id } = await createConversation(company, { metadata: { n: 1 } });
  await chat(company, id, "NUL \0, quotes \"' and \u{1f600}\u2028");
  const second = await chat(company, id, "second");
  await call("DELETE", `/v1/message/${second.body.message_id}`, { headers: company.user });
  const archived = await createConversation(company);
  await call("PATCH", `/v1/conversation/${archived.id}`, { headers: company.user, body: { status: "archived" } });
  const deleted = await createConversation(company);
  await call("DELETE", `/v1/conversation/${deleted.id}`, { headers: company.user });
  const lead = await makeLead(company);
  await createConversation(company, {}, lead.headers);
  const provider = { kind: "openai-compatible", base_url: `${env.TEST_UPSTREAM}/v1`, api_key: "secret" };
  await call("PUT", "/v1/model-provider/mine", { headers: company.admin, body: provider });
  await call("POST", "/v1/auth/api-keys", { headers: company.admin, body: { name: "one more" } });
  return { company, id, lead };
}

/** What the API shows of a company, whatever database it is in. */
async function shown({ company, id, lead }: Awaited<ReturnType<typeof makeFull>>) {
  const get = async (path: string, headers = company.admin_user) => {
    const { status, body } = await call("GET", path, { headers });
    return [path, status, body];
  };
  return [
    await get("/v1/conversation"),
    await get("/v1/conversation/deleted"),
    await get("/v1/message/deleted"),
    await get(`/v1/conversation/${id}/messages`),
    await get("/v1/conversation/entity", lead.headers),
    await get("/v1/agent"),
    await get("/v1/lead/company"),
    await get("/v1/model-provider"),
    await get(`/v1/analytic/conversation/${id}`),
    await get(`/v1/agent/${company.agent_id}`, {}),
  ];
}

const auditOf = async ({ admin_user }: Company, query = "") =>
  (await call("GET", `/v1/audit?per_page=100${query}`, { headers: admin_user })).body;

describe("a move", () => {
  test("changes nothing that anybody sees, and leaves nothing behind but audit", async () => {
    const full = await makeFull();
    const { company } = full;
    const other = await makeFull();
    const [before, of, audit] = [
      await rowsIn("DB", company),
      await rowsIn("DB", other.company),
      await auditOf(company),
    ];
    const seen = await shown(full);
    await move(company, "DB_1");
    expect(withoutAudit(await rowsIn("DB_1", company))).toEqual(withoutAudit(before));
    const left = await rowsIn("DB", company);
    expect(
      Object.entries(left)
        .filter(([, rows]) => rows.length > 0)
        .map(([table]) => table),
    ).toEqual(["tally", "audit_event"]);
    expect(await shown(full)).toEqual(seen);
    expect(await rowsIn("DB", other.company)).toEqual(of);
    const after = await auditOf(company);
    expect(after.audit_events[0]).toMatchObject({ action: "company.move", details: { from: "DB", to: "DB_1" } });
    // What stays in the control database is a chain of its own from now on.
    const stayed = audit.audit_events.map((row: object) => ({ ...row, chain: "control" }));
    expect(after.audit_events.slice(1)).toEqual(stayed);
  });

  test("leaves nothing in any table but audit, also of what was rolled up; that is made anew", async () => {
    const { company } = await makeFull();
    const { company_id } = company;
    const tablesOf = (d1: D1Database) =>
      d1
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%company_id%' ORDER BY name")
        .all<{ name: string }>();
    const withRows = async (name: string) => {
      const d1 = databases[name] as D1Database;
      const { results } = await tablesOf(d1);
      const count = ({ name: table }: { name: string }) =>
        d1.prepare(`SELECT count(*) AS n FROM "${table}" WHERE company_id = ?`).bind(company_id);
      const counts = await d1.batch<{ n: number }>(results.map(count));
      return results.flatMap(({ name: table }, i) => (counts[i]?.results[0]?.n ? [table] : []));
    };
    const rollUp = (name: string) =>
      rollUpCompany(
        openDatabase(databases[name] as D1Database),
        { company_id, time_zone: "UTC", now: Date.now() + 3 * 86_400_000 },
        new Budget(1000),
      );
    await rollUp("DB");
    expect(await withRows("DB")).toEqual(expect.arrayContaining(["rollup", "rollup_span"]));
    await move(company, "DB_1");
    const stay = ["api_key", "audit_event", "departed", "issuer", "tally"];
    expect((await withRows("DB")).filter((table) => !stay.includes(table))).toEqual([]);
    expect(await withRows("DB_1")).toContain("rollup_due");
    expect(await rollUp("DB_1")).toBeGreaterThan(0);
    expect(await withRows("DB_1")).toEqual(expect.arrayContaining(["rollup", "rollup_span"]));
  });

  test("and back again", async () => {
    const full = await makeFull();
    const before = withoutAudit(await rowsIn("DB", full.company));
    const seen = await shown(full);
    await move(full.company, "DB_1");
    await move(full.company, "DB");
    expect(withoutAudit(await rowsIn("DB", full.company))).toEqual(before);
    expect(await shown(full)).toEqual(seen);
  });

  test("afterwards everything is written to the new database", async () => {
    const full = await makeFull();
    const { company, id } = full;
    await move(company, "DB_1");
    const made = await createConversation(company);
    expect((await chat(company, made.id, "hello")).status).toBe(200);
    expect((await chat(company, id, "third")).status).toBe(200);
    expect((await call("DELETE", `/v1/conversation/${made.id}`, { headers: company.user })).status).toBe(200);
    expect((await rowsIn("DB", company))["conversation"]).toEqual([]);
    const { conversation = [], message = [] } = await rowsIn("DB_1", company);
    expect(conversation).toContainEqual(expect.objectContaining({ id: made.id, deleted_at: expect.any(Number) }));
    expect(message.filter((row) => (row as { conversation_id: string }).conversation_id === made.id)).toHaveLength(2);
    // A visitor who knows an agent's id only, and a lead that it makes.
    const headers = { origin: "https://shop.example" };
    const registered = await call("POST", "/v1/lead/register", { headers, body: { agent_id: company.agent_id } });
    expect(registered.status).toBe(201);
    expect((await rowsIn("DB_1", company))["lead"]).toContainEqual(
      expect.objectContaining({ id: registered.body.lead.id }),
    );
  });
});

describe("while it goes on", () => {
  test("turns are kept and arrive, other writes are told to come again, reads go on", async () => {
    const full = await makeFull();
    const { company, id } = full;
    const before = await history(company, id);
    const key = { "idempotency-key": "during" };
    const refusals: number[] = [];
    const during = async () => {
      const turn = await chat(company, id, "are you there?", {}, key);
      expect([turn.status, turn.body.content]).toEqual([200, "echo: are you there?"]);
      const agent = await call("DELETE", `/v1/agent/${company.faq_agent_id}`, { headers: company.user });
      const fresh = await call("POST", "/v1/conversation", {
        headers: company.user,
        body: { agent_id: company.agent_id },
      });
      const edit = await call("PATCH", `/v1/conversation/${id}`, { headers: company.user, body: { title: "moved" } });
      refusals.push(agent.status, fresh.status, edit.status);
      expect(agent.headers.get("retry-after")).not.toBe(null);
      expect((await history(company, id)).slice(0, before.length)).toEqual(before);
    };
    await move(company, "DB_1", { fenced: during, switched: during });
    expect(refusals).toEqual([503, 503, 503, 503, 503, 503]);
    const answered = await chat(company, id, "are you there?", {}, key);
    expect(answered.status).toBe(200);
    const after = await history(company, id);
    expect(after.slice(0, before.length)).toEqual(before);
    expect(after.slice(before.length).map((m) => m.content)).toEqual(["are you there?", "echo: are you there?"]);
    const { body } = await call("GET", `/v1/conversation/${id}`, { headers: company.user });
    expect(body.conversation).toMatchObject({ title: "moved", message_count: after.length });
  });

  test("whoever still remembers the old database reads what is true and cannot write there", async () => {
    const { company, id } = await makeFull();
    const { agent_id, company_id } = company;
    const before = await rowsIn("DB", company);
    let stale: unknown;
    await move(company, "DB_1", {
      open: async () => {
        expect(withoutAudit(await rowsIn("DB", company))).toEqual(withoutAudit(before));
        const header = {
          ...{ id, company_id, agent_id },
          message_count: 1,
          last_message_at: 1,
          updated_at: 1,
          revision: 1e6,
          unread_lead: 0,
          unread_staff: 0,
        };
        const message = {
          ...{ id: uuidv7(), turn_id: uuidv7(), sequence: 99 },
          role: "user",
          content: "late",
          status: "complete",
        };
        const late = {
          header,
          messages: [{ ...message, metadata: {}, created_at: 1 }],
          changes: [],
        } as unknown as Batch;
        stale = await writeBatch(env.DB.withSession("first-primary"), late).catch((error: unknown) => error);
      },
    });
    expect(String(stale)).toContain("another database");
    expect((await rowsIn("DB", company))["message"]).toEqual([]);
  });

  test("other companies of either database notice nothing", async () => {
    const [{ company }, { company: neighbour, id }] = [await makeFull(), await makeFull()];
    const { company: there, id: theirs } = await makeFull();
    await move(there, "DB_1");
    const during = async () => {
      expect((await chat(neighbour, id, `hello ${Date.now()}`)).status).toBe(200);
      expect((await chat(there, theirs, `hello ${Date.now()}`)).status).toBe(200);
      vi.setSystemTime(Date.now() + 1);
    };
    await move(company, "DB_1", { begun: during, fenced: during, copied: during, switched: during, open: during });
  });
});

describe("cut off", () => {
  const stages: Stage[] = ["begun", "fenced", "copied", "switched", "open"];
  test.each(stages)("after %s, the same command goes on", async (stage) => {
    const full = await makeFull();
    const { company } = full;
    const before = withoutAudit(await rowsIn("DB", company));
    const seen = await shown(full);
    const cut = async () => {
      throw new Error("cut off");
    };
    await expect(move(company, "DB_1", { [stage]: cut })).rejects.toThrow("cut off");
    expect(await shown(full)).toEqual(seen);
    await move(company, "DB_1");
    expect(withoutAudit(await rowsIn("DB_1", company))).toEqual(before);
    expect((await rowsIn("DB", company))["conversation"]).toEqual([]);
    expect(await shown(full)).toEqual(seen);
    await expect(move(company, "DB_1")).rejects.toThrow(MoveRefused);
  });

  test("anywhere while it copies, the same command goes on", async () => {
    const full = await makeFull();
    const { company } = full;
    const before = withoutAudit(await rowsIn("DB", company));
    let cuts = 0;
    for (let allowed = 1; ; allowed += 2) {
      let calls = 0;
      const d1 = new Proxy(databases["DB_1"] as D1Database, {
        get(target, name) {
          if (name === "batch" && ++calls > allowed) throw new Error("cut off");
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
      const all = ports();
      const home = (name: string) => (name === "DB_1" ? { name, d1 } : all.home(name));
      const cut = await moveCompany({ ...all, home }, company.company_id, "DB_1").catch((error: unknown) => error);
      if (cut === undefined) break;
      expect(String(cut)).toContain("cut off");
      cuts++;
    }
    expect(cuts).toBeGreaterThan(2);
    expect(withoutAudit(await rowsIn("DB_1", company))).toEqual(before);
    expect((await rowsIn("DB", company))["message"]).toEqual([]);
  });

  test.each(["begun", "fenced", "copied"] as Stage[])(
    "after %s, it can be cancelled and begun again",
    async (stage) => {
      const full = await makeFull();
      const { company, id } = full;
      const cut = async () => {
        throw new Error("cut off");
      };
      await expect(move(company, "DB_1", { [stage]: cut })).rejects.toThrow("cut off");
      await move(company, "DB");
      expect((await chat(company, id, "still here")).status).toBe(200);
      expect(withoutAudit(await rowsIn("DB_1", company))).toMatchObject({ conversation: [], message: [], tally: [] });
      const before = withoutAudit(await rowsIn("DB", company));
      await move(company, "DB_1");
      expect(withoutAudit(await rowsIn("DB_1", company))).toEqual(before);
    },
  );
});

test("what cannot be done is refused and changes nothing", async () => {
  const { company } = await makeFull();
  const before = await rowsIn("DB", company);
  await expect(move(company, "DB")).rejects.toThrow("already");
  await expect(move(company, "DB_7")).rejects.toThrow("DB_7");
  await expect(moveCompany(ports(), uuidv7(), "DB_1")).rejects.toThrow("no such company");
  expect(await rowsIn("DB", company)).toEqual(before);
});

test("audit of both databases is one list, walked by cursor", async () => {
  const { company } = await makeFull();
  await move(company, "DB_1");
  for (let n = 0; n < 12; n++) {
    const path = n % 2 ? "/v1/auth/api-keys" : "/v1/agent";
    const body = n % 2 ? { name: `key ${n}` } : { name: `agent ${n}` };
    expect((await call("POST", path, { headers: company.admin, body })).status).toBe(201);
  }
  const ids = (await auditOf(company)).audit_events.map((row: { id: string }) => row.id);
  expect(ids.length).toBeGreaterThan(12);
  expect(ids).toEqual(ids.toSorted((a: string, b: string) => (a < b ? 1 : -1)));
  const byCursor: string[] = [];
  for (let cursor = ""; ;) {
    const { body } = await call("GET", `/v1/audit?per_page=5${cursor}`, { headers: company.admin_user });
    byCursor.push(...body.audit_events.map((row: { id: string }) => row.id));
    if (body.pagination.next_cursor === null) break;
    cursor = `&cursor=${body.pagination.next_cursor}`;
  }
  expect(byCursor).toEqual(ids);
});

test("audit is checkable wherever its company has been", async () => {
  const { company } = await makeFull();
  const check = async () => {
    let [rows, valid, cursor] = [0, true, ""];
    for (;;) {
      const { body } = await call("GET", `/v1/audit/verify${cursor}`, { headers: company.admin_user });
      rows += body.rows;
      valid &&= body.valid;
      if (body.next_cursor === null) return { rows, valid };
      cursor = `?cursor=${body.next_cursor}`;
    }
  };
  const change = () => call("POST", "/v1/agent", { headers: company.admin, body: { name: "one more" } });
  for (const to of ["DB_1", "DB", "DB_1"]) {
    await change();
    await check();
    await change();
    await move(company, to);
    const { audit_events } = await auditOf(company);
    expect([to, await check()]).toEqual([to, { rows: audit_events.length, valid: true }]);
    const lines: Line[] = [];
    const get = async (url: URL, init: object) => exports.default.fetch(url.href, init);
    for await (const line of exportTrail("http://api.test", company.admin_user, get)) lines.push(line);
    expect(checkTrail(lines)).toMatchObject({ problems: [], rows: audit_events.length, unsealed: 0 });
  }
});
