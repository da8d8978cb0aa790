/** The audit trail: numbered, sealed, checkable by us and without us, and what is done to it by hand is noticed. */
import { createScheduledController } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import worker from "../../src/index.ts";
import { canonicalJson } from "../../src/json.ts";
import { call, type Company, type HeaderMap, makeCompany } from "./company.ts";
import { checkTrail, exportTrail } from "../../scripts/verify-audit.mjs";

const scheduled = () => worker.scheduled(createScheduledController({ cron: "17 * * * *" }), env);
const get = (company: Company, path: string) => call("GET", `/v1/audit${path}`, { headers: company.admin });
const seals = async (company: Company) => (await get(company, "/seals")).body.seals;
const check = async (company: Company) => (await get(company, "/verify")).body;

/** Changes, each of which leaves a row. */
async function change(company: Company, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await call("POST", "/v1/agent", { headers: company.admin, body: { name: `n${i}` } });
}

/** What the database itself would refuse: as somebody would who can drop triggers. */
async function byHand(sql: string, ...values: unknown[]): Promise<void> {
  const { results } = await env.DB.prepare(
    "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ('audit_event', 'audit_seal')",
  ).all<{ name: string; sql: string }>();
  await env.DB.batch([
    ...results.map(({ name }) => env.DB.prepare(`DROP TRIGGER ${name}`)),
    env.DB.prepare(sql).bind(...values),
    ...results.map((trigger) => env.DB.prepare(trigger.sql)),
  ]);
}

/** The trail as the script exports it, through this Worker. */
async function exported(company: Company): Promise<any[]> {
  const lines: any[] = [];
  const get = (url: URL, init: { headers: HeaderMap }) => exports.default.fetch(url.href, init);
  for await (const line of exportTrail("http://api.test", company.admin, get)) lines.push(line);
  return lines;
}

describe("JCS", () => {
  it("is as RFC 8785 has it", () => {
    const value = {
      "\u20ac": "Euro",
      "\r": "CR",
      "\ufb33": "Dagesh",
      1: "one",
      "\ud83d\ude00": "Smile",
      "\u0080": "C",
    };
    expect(canonicalJson(value)).toBe(
      '{"\\r":"CR","1":"one","\u0080":"C","\u20ac":"Euro","\ud83d\ude00":"Smile","\ufb33":"Dagesh"}',
    );
    expect(canonicalJson([56.0, 1e30, 1e-27, 0.1 + 0.2, -0, true, null, '\u000f\n"\\/<'])).toBe(
      '[56,1e+30,1e-27,0.30000000000000004,0,true,null,"\\u000f\\n\\"\\\\/<"]',
    );
    expect(canonicalJson({ b: { d: [], c: {} }, a: [{ z: 1, y: 2 }] })).toBe(
      '{"a":[{"y":2,"z":1}],"b":{"c":{},"d":[]}}',
    );
  });
});

describe("the rows of a company", () => {
  it("are numbered 1, 2, 3 … in the order in which they were written, whoever writes at the same time", async () => {
    const [company, other] = [await makeCompany(), await makeCompany()];
    await Promise.all([change(company, 5), change(other, 3), change(company, 5)]);
    const { body } = await get(company, "?per_page=100");
    const numbers = body.audit_events.map((row: { sequence: number }) => row.sequence);
    expect(numbers.toSorted((a: number, b: number) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it("can be walked to the end under every filter, and filters that meet miss nothing", async () => {
    const company = await makeCompany();
    await env.DB.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
       INSERT INTO audit_event (id, company_id, at, actor_type, actor_id, action, target_type, target_id, details)
       SELECT printf('%08x-0000-7000-8000-', i) || substr(?1, 25), ?1, i / 3, 'user', ?2, iif(i % 500, 'a.b', 'rare.one'),
         iif(i % 2, 'agent', 'lead'), 'x', '{}' FROM n`,
    )
      .bind(company.company_id, company.user_id)
      .run();
    const walk = async (query: string) => {
      const rows: { id: string; sequence: number }[] = [];
      for (let cursor = "", pages = 0; pages < 60; pages++) {
        const { body } = await get(company, `?per_page=100&${query}${cursor}`);
        expect(body.audit_events.length).toBeLessThanOrEqual(100);
        rows.push(...body.audit_events);
        if (body.pagination.next_cursor === null) return rows;
        cursor = `&cursor=${body.pagination.next_cursor}`;
      }
      throw new Error("no end");
    };
    const all = await walk("");
    expect(all.map((row) => row.sequence)).toEqual(Array.from({ length: 2500 }, (_, i) => 2500 - i));
    const rare = await walk(`action=rare.one&actor_id=${company.user_id}&target_type=lead`);
    expect(rare.map((row) => row.sequence)).toEqual([2500, 2000, 1500, 1000, 500]);
    expect(await walk("target_type=user")).toEqual([]);
    expect(await walk("target_id=x&target_type=agent")).toHaveLength(1250);
  });
});

describe("seals", () => {
  it("are made by the scheduled run, each over the one before, and signed", { tags: "slow" }, async () => {
    const company = await makeCompany();
    expect(await seals(company)).toEqual([]);
    await change(company, 3);
    await scheduled();
    const [first] = await seals(company);
    expect(first).toEqual({
      ...{ id: expect.any(String), first_sequence: 1, last_sequence: 3, rows: 3, previous_hash: null },
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      sealed_at: expect.any(String),
      signature: expect.stringMatching(/^[\w-]+\.\.[\w-]+$/),
    });
    const rows = (await get(company, "")).body.audit_events.toReversed();
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(canonicalJson(rows)));
    expect(first.hash).toBe([...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
    await change(company, 2);
    await scheduled();
    await scheduled();
    const both = await seals(company);
    expect(both).toHaveLength(2);
    expect(both[0]).toEqual(first);
    expect(both[1]).toMatchObject({ first_sequence: 4, last_sequence: 5, previous_hash: first.hash });
  });

  it("are made once, by however many at the same time", async () => {
    const company = await makeCompany();
    await change(company, 4);
    const answers = await Promise.all(Array.from({ length: 6 }, () => check(company)));
    for (const answer of answers) expect(answer).toMatchObject({ valid: true, broken_at: null });
    const list = await seals(company);
    expect(list.reduce((sum: number, seal: { rows: number }) => sum + seal.rows, 0)).toBe(4);
  });

  it("cannot be changed or removed", async () => {
    const company = await makeCompany();
    await change(company, 1);
    await check(company);
    const before = await seals(company);
    for (const sql of ["UPDATE audit_seal SET hash = 'x'", "DELETE FROM audit_seal"]) {
      const run = async () => env.DB.prepare(`${sql} WHERE company_id = ?`).bind(company.company_id).run();
      await expect(run()).rejects.toThrow("append-only");
    }
    await env.DB.prepare(
      `INSERT OR REPLACE INTO audit_seal SELECT 'another', company_id, first_sequence, last_sequence, rows, 'x', previous_hash,
       sealed_at, signature FROM audit_seal WHERE company_id = ?`,
    )
      .bind(company.company_id)
      .run();
    expect(await seals(company)).toEqual(before);
  });
});

describe("a check", () => {
  it("seals what is open and finds an untouched trail good", async () => {
    const company = await makeCompany();
    expect(await check(company)).toEqual({
      ...{ valid: true, rows: 0, seals: 0, head: null, broken_at: null, next_cursor: null },
    });
    await change(company, 3);
    const found = await check(company);
    const [seal] = await seals(company);
    expect(found).toEqual({ valid: true, rows: 3, seals: 1, head: seal.hash, broken_at: null, next_cursor: null });
  });

  it.each<[what: string, sql: string, broken_at: number]>([
    ["a row that was changed", "UPDATE audit_event SET actor_id = 'nobody' WHERE sequence = 5", 4],
    ["a row whose details were changed", `UPDATE audit_event SET details = '{"a":1}' WHERE sequence = 2`, 1],
    ["a row that is missing", "DELETE FROM audit_event WHERE sequence = 5", 5],
    ["the last row", "DELETE FROM audit_event WHERE sequence = 6", 6],
    [
      "rows that changed places",
      "UPDATE audit_event SET sequence = iif(sequence = 1, 1002, sequence) WHERE sequence < 3",
      1,
    ],
    ["a seal that is missing", "DELETE FROM audit_seal WHERE first_sequence = 1", 1],
    ["a seal that was changed", "UPDATE audit_seal SET sealed_at = 1 WHERE first_sequence = 4", 4],
    ["a signature by nobody", "UPDATE audit_seal SET signature = 'e30..AAAA' WHERE first_sequence = 1", 1],
  ])("notices %s", async (_, sql, broken_at) => {
    const company = await makeCompany();
    for (let i = 0; i < 2; i++) {
      await change(company, 3);
      expect(await check(company)).toMatchObject({ valid: true });
    }
    await byHand(`${sql} AND company_id = ?`, company.company_id);
    expect(await check(company)).toMatchObject({ valid: false, broken_at });
    const { problems } = checkTrail(await exported(company));
    expect(problems).not.toEqual([]);
  });

  it("notices rows that vanished before they were sealed, while later ones came or their number is known", async () => {
    for (const sequence of [2, 3]) {
      const company = await makeCompany();
      await change(company, 3);
      await byHand("DELETE FROM audit_event WHERE sequence = ? AND company_id = ?", sequence, company.company_id);
      expect(await check(company)).toMatchObject({ valid: false, broken_at: sequence });
    }
  });

  it("notices a row that was put in", async () => {
    const company = await makeCompany();
    await change(company, 2);
    await check(company);
    await byHand(
      `INSERT INTO audit_event (id, company_id, sequence, at, actor_type, actor_id, action, target_type, target_id, details)
       SELECT 'forged', company_id, 3, at, actor_type, actor_id, action, target_type, target_id, details FROM audit_event WHERE sequence = 1 AND company_id = ?`,
      company.company_id,
    );
    await byHand("UPDATE audit_seal SET last_sequence = 3, rows = 3 WHERE company_id = ?", company.company_id);
    expect(await check(company)).toMatchObject({ valid: false, broken_at: 1 });
  });

  it.each([["0"], ["-1"], ["NULL"], ["'one'"], ["9e15+8e12"]])(
    "notices a row that was put in as number %s",
    async (number) => {
      const company = await makeCompany();
      await change(company, 2);
      await check(company);
      await byHand(
        `INSERT INTO audit_event (id, company_id, sequence, at, actor_type, actor_id, action, target_type, target_id, details)
       SELECT 'forged' || id, company_id, ${number}, at, actor_type, actor_id, action, target_type, target_id, details
       FROM audit_event WHERE sequence = 1 AND company_id = ?`,
        company.company_id,
      );
      expect(await check(company)).toMatchObject({ valid: false, broken_at: 0, next_cursor: null });
    },
  );

  it("goes on where a long trail was left, and says the same in the end", { tags: "slow" }, async () => {
    const company = await makeCompany();
    await env.DB.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10600)
       INSERT INTO audit_event (id, company_id, at, actor_type, actor_id, action, target_type, target_id, details)
       SELECT printf('%08x-0000-7000-8000-', i) || substr(?1, 25), ?1, i, 'system', 'x', 'a.b', 'agent', 'x', '{}' FROM n`,
    )
      .bind(company.company_id)
      .run();
    await scheduled();
    const first = await check(company);
    expect(first).toMatchObject({ valid: true, rows: 10_000, seals: 20, next_cursor: expect.any(String) });
    const rest = (await get(company, `/verify?cursor=${first.next_cursor}`)).body;
    expect(rest).toMatchObject({ valid: true, rows: 600, seals: 2, next_cursor: null });
    expect(rest.head).toBe((await seals(company)).at(-1).hash);
    await byHand("UPDATE audit_event SET action = 'c.d' WHERE sequence = 10100 AND company_id = ?", company.company_id);
    expect(await check(company)).toMatchObject({ valid: true });
    const late = (await get(company, `/verify?cursor=${first.next_cursor}`)).body;
    expect(late).toMatchObject({ valid: false, broken_at: 10_001, next_cursor: null });
    expect((await get(await makeCompany(), `/verify?cursor=${first.next_cursor}`)).status).toBe(400);
  });

  it("is possible without the service, from what it exported and its public keys", async () => {
    const company = await makeCompany();
    await change(company, 3);
    const { head } = await check(company);
    await change(company, 2);
    await scheduled();
    await change(company, 1);
    const lines = await exported(company);
    expect(checkTrail(lines, [head])).toEqual({ problems: [], rows: 6, seals: 2, unsealed: 1 });
    expect(checkTrail(lines.toReversed(), [head]).problems).toEqual([]);
    expect(checkTrail(lines, ["0".repeat(64)]).problems).toHaveLength(1);
    const without = (predicate: (line: any) => boolean) =>
      checkTrail(lines.filter((line) => !predicate(line))).problems;
    expect(without((line) => line.audit_event?.sequence === 2)).not.toEqual([]);
    expect(without((line) => line.seal?.first_sequence === 1)).not.toEqual([]);
    expect(without((line) => "keys" in line)).not.toEqual([]);
    expect(without((line) => "seal" in line)).not.toEqual([]);
    expect(checkTrail([]).problems).not.toEqual([]);
    const more = (change: object) => checkTrail([{ audit_event: { ...row, ...change } }, ...lines]).problems;
    const [row] = lines.flatMap((line) => line.audit_event ?? []);
    for (const change of [{ action: "a.b" }, { sequence: 0 }, { sequence: null }, { sequence: 1.5 }, { sequence: 9 }])
      expect(more(change)).not.toEqual([]);
    const forged = lines.map((line) =>
      line.audit_event?.sequence === 2 ? { audit_event: { ...line.audit_event, action: "a.b" } } : line,
    );
    expect(checkTrail(forged).problems).toEqual(["rows 1 to 3: not as they were sealed"]);
  });
});
