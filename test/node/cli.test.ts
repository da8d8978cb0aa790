/** The pure parts of the commands: SQL as text, run by a real SQLite, and the count of what passed. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { drizzle } from "drizzle-orm/d1";
import { getTableConfig } from "drizzle-orm/sqlite-core";
import { uuidv7 } from "uuidv7";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hashSecret } from "../../src/auth/api-key.ts";
import { FENCED } from "../../src/cli/tenant/move.ts";
import { COMPANY_TABLES } from "../../src/cli/tenant/rows.ts";
import { companyStatements, newKeys } from "../../src/cli/tenant/new-company.ts";
import { deployedOrigin } from "../../src/cli/tool/deployed-origin.ts";
import { paths } from "../../src/cli/tool/project.ts";
import { secretNames } from "../../src/cli/tool/remote-secret.ts";
import { completeVars, readVars } from "../../src/cli/tool/vars-file.ts";
import { sqlText } from "../../src/cli/tenant/sql-text.ts";
import { count, type Report } from "../../src/cli/tool/vitest.ts";
import * as schema from "../../src/db/schema.ts";

/** Migrated as wrangler does it: every file, in order. */
function openDatabase(): DatabaseSync {
  const database = new DatabaseSync(":memory:");
  const files = readdirSync(paths.migrations).filter((file) => file.endsWith(".sql"));
  for (const file of files.toSorted()) database.exec(readFileSync(join(paths.migrations, file), "utf8"));
  return database;
}

describe("A company that moves", () => {
  // Rows of these stay in the control database.
  const control = ["company", "api_key", "issuer"];
  const tables = Object.values(schema)
    .map((table) => getTableConfig(table))
    .filter(({ name, columns }) => !control.includes(name) && columns.some((column) => column.name === "company_id"))
    .map(({ name }) => name);

  // Made anew wherever the company is.
  const derived = ["rollup_span", "rollup", "rollup_due"];

  it("takes along its rows of every table", () => {
    expect(tables.filter((name) => !COMPANY_TABLES.has(name) && !derived.includes(name))).toEqual([]);
  });

  it("is refused by every table that a request can write", () => {
    // Triggers of other tables maintain tally; the audit trail and its seals are fenced outside the control database.
    const others = ["tally", "departed", "audit_event", "audit_seal", ...derived];
    expect(tables.filter((name) => !FENCED.includes(name) && !others.includes(name))).toEqual([]);
  });
});

describe("A company as a file of SQL", () => {
  it.each(["Acme", "O'Reilly; DROP TABLE company; --", 'a "quoted" ? name', "Größe 🌱 \u{1F469}\u200D\u{1F33E}", "'"])(
    "is stored whole: %s",
    async (name) => {
      const plan = { company_id: uuidv7(), user_id: uuidv7(), name, owner: "Owner", role: "admin" } as const;
      const keys = await newKeys(plan, { admin: ["admin"] }, 1_700_000_000_000);
      // Only asked for SQL: it never reaches a database of its own.
      const db = drizzle({} as D1Database, { schema });
      const text = sqlText(companyStatements(db, plan, keys, 1_700_000_000_000).map((one) => one.toSQL()));

      const database = openDatabase();
      database.exec(text);
      const all = (sql: string) =>
        database
          .prepare(sql)
          .all()
          .map((row) => ({ ...row }));
      expect(all("SELECT id, name, created_at FROM company")).toEqual([
        { id: plan.company_id, name, created_at: 1_700_000_000_000 },
      ]);
      expect(all("SELECT id, company_id, role FROM user")).toEqual([
        { id: plan.user_id, company_id: plan.company_id, role: "admin" },
      ]);
      const { api_key = "", api_secret = "" } = keys.credentials["admin"] ?? {};
      expect(all("SELECT key, secret_hash, scopes, user_id FROM api_key")).toEqual([
        {
          key: api_key,
          secret_hash: await hashSecret(api_secret),
          scopes: '["admin"]',
          user_id: plan.user_id,
        },
      ]);
      expect(text).not.toContain(api_secret);
      expect(all("SELECT action, actor_type, target_id FROM audit_event ORDER BY action DESC")).toEqual([
        { action: "company.create", actor_type: "system", target_id: plan.company_id },
        { action: "api_key.create", actor_type: "system", target_id: keys.rows[0]?.id },
      ]);
    },
  );

  it("is refused rather than written wrong", () => {
    expect(() => sqlText([{ sql: "INSERT INTO t VALUES (?)", params: [] }])).toThrow("as many values");
    expect(() => sqlText([{ sql: "INSERT INTO t VALUES (?)", params: [Number.NaN] }])).toThrow("number");
    expect(() => sqlText([{ sql: "INSERT INTO t VALUES (?)", params: ["a\0b"] }])).toThrow("string");
    expect(() => sqlText([{ sql: "INSERT INTO t VALUES (?)", params: [undefined] }])).toThrow("undefined");
  });
});

describe("A file of variables", () => {
  const make = { TOKEN_SECRETS: () => "made-tokens", ENCRYPTION_KEYS: () => "made-keys" };
  let folder: string;
  let file: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "conversations-vars-"));
    file = join(folder, "vars");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ["is not there", null, { TOKEN_SECRETS: "made-tokens", ENCRYPTION_KEYS: "made-keys" }],
    [
      "is the empty example",
      "TOKEN_SECRETS=\nENCRYPTION_KEYS=\n",
      { TOKEN_SECRETS: "made-tokens", ENCRYPTION_KEYS: "made-keys" },
    ],
    ["has one", "TOKEN_SECRETS=mine", { TOKEN_SECRETS: "mine", ENCRYPTION_KEYS: "made-keys" }],
    [
      "comes from Windows",
      "\uFEFFTOKEN_SECRETS=mine\r\nENCRYPTION_KEYS=my keys\r\n",
      { TOKEN_SECRETS: "mine", ENCRYPTION_KEYS: "my keys" },
    ],
    [
      "has quotes and comments",
      "# x\nexport TOKEN_SECRETS='mine # too' # y\nENCRYPTION_KEYS=\"k\"",
      { TOKEN_SECRETS: "mine # too", ENCRYPTION_KEYS: "k" },
    ],
    [
      "has spaces",
      "  TOKEN_SECRETS = mine\nENCRYPTION_KEYS =\n",
      { TOKEN_SECRETS: "mine", ENCRYPTION_KEYS: "made-keys" },
    ],
    [
      "has what looks alike",
      "MY_TOKEN_SECRETS=x\n#TOKEN_SECRETS=y\nENCRYPTION_KEYS=k",
      { TOKEN_SECRETS: "made-tokens", ENCRYPTION_KEYS: "k" },
    ],
  ])("that %s gets what is missing, and keeps every byte", (_, before, after) => {
    rmSync(file, { force: true });
    if (before !== null) writeFileSync(file, before);
    completeVars(file, make);
    const text = readFileSync(file, "utf8");
    expect(text.startsWith(before ?? "")).toBe(true);
    expect(readVars(file)).toMatchObject(after);
    completeVars(file, { TOKEN_SECRETS: () => "another", ENCRYPTION_KEYS: () => "another" });
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  it("that is new is for its owner alone", () => {
    rmSync(file, { force: true });
    completeVars(file, make);
    expect(statSync(file).mode & 0o077).toBe(process.platform === "win32" ? 0o066 : 0);
  });

  it("that is written as wrangler also reads it keeps its secrets", () => {
    writeFileSync(file, "TOKEN_SECRETS: mine\nENCRYPTION_KEYS: keys\n");
    completeVars(file, make);
    expect(readFileSync(file, "utf8")).toBe("TOKEN_SECRETS: mine\nENCRYPTION_KEYS: keys\n");
  });
});

describe("Where a deployment answers", () => {
  const report = (...targets: string[]) =>
    [{ type: "wrangler-session" }, { type: "deploy", targets }].map((line) => `${JSON.stringify(line)}\n`).join("");

  it.each([
    [
      report("https://conversations-api.acme.workers.dev", "schedule: 17 * * * *"),
      undefined,
      "https://conversations-api.acme.workers.dev",
    ],
    [report("schedule: 17 * * * *", "api.example.com (custom domain)"), undefined, "https://api.example.com"],
    [report("api.example.com (custom domain - zone name: example.com)"), undefined, "https://api.example.com"],
    [report("*.example.com/api/* (zone name: example.com)", "schedule: 17 * * * *"), undefined, null],
    [report("https://conversations-api.acme.workers.dev"), "https://api.example.com/", "https://api.example.com"],
    ["", undefined, null],
  ])("%#", (text, configured, origin) => {
    expect(deployedOrigin(text, configured)).toBe(origin);
  });
});

describe("Which secrets a Worker has", () => {
  const both =
    '[\n  {\n    "name": "ENCRYPTION_KEYS",\n    "type": "secret_text"\n  },\n  {\n    "name": "TOKEN_SECRETS",\n    "type": "secret_text"\n  }\n]\n';

  it.each<[string, number, string, string[] | null]>([
    ["both", 0, both, ["ENCRYPTION_KEYS", "TOKEN_SECRETS"]],
    ["both, after a warning", 0, `▲ [WARNING] Something is new.\n\n${both}`, ["ENCRYPTION_KEYS", "TOKEN_SECRETS"]],
    ["none", 0, "[]\n", []],
    ["none, because there is no Worker", 1, '✘ [ERROR] Worker "conversations-api" not found.\n\nIf this is new…', []],
    ["unknown without a sign-in", 1, "✘ [ERROR] In a non-interactive environment, it's necessary to set a token", null],
    [
      "unknown when Cloudflare fails",
      1,
      `✘ [ERROR] A request to the Cloudflare API failed. [code: 10000]\n${both}`,
      null,
    ],
    ["unknown when nothing is printed", 0, "", null],
  ])("is %s", (_, code, output, names) => {
    expect(secretNames(code, output)).toEqual(names && new Set(names));
  });
});

describe("The count of tests", () => {
  const report = (changes: Partial<Report>): Report => ({
    numPassedTests: 0,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    testResults: [],
    ...changes,
  });

  it("is what vitest counted", () => {
    expect(count(report({ numPassedTests: 7, numPendingTests: 1, numTodoTests: 1 }), 0)).toEqual({
      passed: 7,
      failed: 0,
      skipped: 2,
    });
    const failed = { status: "failed", assertionResults: [{ status: "failed" }, { status: "passed" }] };
    expect(count(report({ numPassedTests: 1, numFailedTests: 1, testResults: [failed] }), 1)).toMatchObject({
      failed: 1,
    });
  });

  it("has a failure for a file that could not be loaded", () => {
    const broken = { status: "failed", assertionResults: [] };
    expect(count(report({ numPassedTests: 3, testResults: [broken] }), 1)).toMatchObject({ passed: 3, failed: 1 });
  });

  it("has a failure when the run failed without naming one, or left no report", () => {
    expect(count(report({ numPassedTests: 3 }), 1)).toMatchObject({ passed: 3, failed: 1 });
    expect(count(null, 0)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });
});
