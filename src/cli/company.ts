/** `npm run company -- create --name "Acme" [--remote]`: a company with its first user and admin key. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { uuidv7 } from "uuidv7";
import { openDatabase } from "../db/database.ts";
import { companyStatements, type NewKeys, newKeys } from "./new-company.ts";
import { fail } from "./project.ts";
import { sqlText } from "./sql-text.ts";
import { wrangler } from "./wrangler.ts";

const USAGE = 'Usage: npm run company -- create --name "Acme" [--remote]';

type Plan = Parameters<typeof companyStatements>[1];

const { name, remote } = readArguments();
const now = Date.now();
const plan: Plan = { company_id: uuidv7(), user_id: uuidv7(), name, owner: "Owner", role: "admin" };
const keys = await newKeys(plan, { admin: ["admin"] }, now);
await (remote ? storeRemotely(plan, keys) : storeLocally(plan, keys));

const { api_key, api_secret } = keys.credentials["admin"] ?? fail("No key was made.");
console.log(`
Company     ${name}
company_id  ${plan.company_id}
X-API-Key     ${api_key}
X-API-Secret  ${api_secret}

The key may do everything in this company. The secret is shown this once and stored nowhere: keep it now.`);

function readArguments(): { name: string; remote: boolean } {
  try {
    const { values, positionals } = parseArgs({
      options: { name: { type: "string" }, remote: { type: "boolean", default: false } },
      allowPositionals: true,
    });
    const name = values.name?.trim() ?? "";
    if (positionals.join() !== "create" || name === "") fail(USAGE);
    if (name.length > 200 || /\p{Cc}/u.test(name) || !name.isWellFormed()) {
      fail("The name may have at most 200 characters and no control characters.");
    }
    return { name, remote: values.remote };
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}

async function storeLocally(company: Plan, made: NewKeys): Promise<void> {
  // Loaded only here: what is wrong with the command line is said at once.
  const { openLocalDatabase } = await import("./local-database.ts");
  const { d1, close } = await openLocalDatabase();
  try {
    const db = openDatabase(d1);
    await db.batch(companyStatements(db, company, made, now));
  } finally {
    await close();
  }
}

/** As a file, because a file is imported whole or not at all. */
async function storeRemotely(company: Plan, made: NewKeys): Promise<void> {
  // Only asked for the text of its statements, which needs no connection.
  const db = openDatabase({} as D1Database);
  const folder = mkdtempSync(join(tmpdir(), "conversations-"));
  try {
    const file = join(folder, "company.sql");
    writeFileSync(file, sqlText(companyStatements(db, company, made, now).map((one) => one.toSQL())), { mode: 0o600 });
    const code = await wrangler("d1", "execute", "DB", "--remote", "--env", "production", "--yes", "--file", file);
    if (code !== 0) fail("Cloudflare did not take it; no company was made. What wrangler said is above.");
  } finally {
    rmSync(folder, { recursive: true });
  }
}
