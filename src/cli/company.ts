/**
 * `npm run company -- create --name "Acme" [--remote]`: a company with its first user and admin key.
 * `npm run company -- link [--remote] [--url https://…]`: the same through the page /setup, for whoever gets the link.
 * `npm run company -- move --id <company_id> --to DB_1 [--remote]`: its rows to another database (see tenant/move.ts).
 * `npm run company -- reindex [--remote]`: the search index of all companies, made anew (see tenant/reindex.ts).
 * `npm run company -- figures [--id <company_id>] [--remote]`: what figures are sums of, counted anew (see tenant/figures.ts).
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { uuidv7 } from "uuidv7";
import { openDatabase } from "../db/database.ts";
import { readDemo } from "./local/demo.ts";
import { companyStatements, type NewKeys, newKeys } from "./tenant/new-company.ts";
import { fail, paths } from "./tool/project.ts";
import { sqlText } from "./tenant/sql-text.ts";
import { wrangler } from "./tool/wrangler.ts";

const USAGE = `Usage: npm run company -- create --name "Acme" [--remote]
       npm run company -- link [--remote] [--url https://api.example.com]
       npm run company -- move --id <company_id> --to DB_1 [--remote]
       npm run company -- reindex [--remote]
       npm run company -- figures [--id <company_id>] [--remote]`;

type Plan = Parameters<typeof companyStatements>[1];

const options = readArguments();
if (options.command === "move") await move(options);
else if (options.command === "link") await link(options);
else if (options.command === "reindex") await remakeIndex(options);
else if (options.command === "figures") await countAnew(options);
else await create(options);

async function create({ name, remote }: { name: string; remote: boolean }): Promise<void> {
  const now = Date.now();
  const plan: Plan = { company_id: uuidv7(), user_id: uuidv7(), name, owner: "Owner", role: "admin" };
  const keys = await newKeys(plan, { admin: ["admin"] }, now);
  await (remote ? storeRemotely(plan, keys, now) : storeLocally(plan, keys, now));

  const { api_key, api_secret } = keys.credentials["admin"] ?? fail("No key was made.");
  console.log(`
Company     ${name}
company_id  ${plan.company_id}
X-API-Key     ${api_key}
X-API-Secret  ${api_secret}

The key may do everything in this company. The secret is shown this once and stored nowhere: keep it now.`);
}

async function link({ remote, url }: { remote: boolean; url: string }): Promise<void> {
  if (!remote) await migrateLocally();
  const { makeSetupLink } = await import("./tenant/setup-link.ts");
  const where = remote ? ["--remote"] : ["--local", "--config", paths.localConfig];
  const made = await makeSetupLink(where, { first: false });
  if (made.kind !== "made") return fail(`${made.kind === "failed" ? made.output : ""}\nNo link was made.`);
  console.log(`${url}${made.path}

Whoever opens it first, within the hour, names a company and gets its admin key. It works once; links from before do not work any more.`);
}

async function migrateLocally(): Promise<void> {
  const { openLocalDatabase } = await import("./local/database.ts");
  await (await openLocalDatabase()).close();
}

async function move({ id, to, remote }: { id: string; to: string; remote: boolean }): Promise<void> {
  const { openDatabases } = await import("./local/database.ts");
  const { moveCompany, MoveRefused, STAGES } = await import("./tenant/move.ts");
  const { homes, close } = await openDatabases({ remote });
  const home = (name: string) => {
    const d1 = homes.get(name);
    return d1 && { name, d1 };
  };
  const control = homes.get("DB") ?? fail("wrangler.toml binds no DB.");
  const report = (stage: keyof typeof STAGES) => console.log(STAGES[stage]);
  try {
    await moveCompany({ control, home, sleep, report, now: Date.now, newId: uuidv7 }, id, to);
  } catch (error) {
    await close();
    if (error instanceof MoveRefused) fail(error.message);
    fail(
      `${error instanceof Error ? error.message : String(error)}\nRun the same command again: it goes on from there.`,
    );
  }
  await close();
}

async function remakeIndex({ remote }: { remote: boolean }): Promise<void> {
  const { openDatabases } = await import("./local/database.ts");
  const { reindex } = await import("./tenant/reindex.ts");
  const { homes, close } = await openDatabases({ remote });
  const search = homes.get("SEARCH") ?? fail("wrangler.toml binds no SEARCH.");
  const books = [...homes].filter(([name]) => name !== "SEARCH").map(([, d1]) => d1);
  try {
    const count = await reindex(books, search, (n) => console.log(`${n} conversations`));
    console.log(`The search index has all ${count} conversations.`);
  } finally {
    await close();
  }
}

async function countAnew({ id, remote }: { id?: string | undefined; remote: boolean }): Promise<void> {
  const { openDatabases } = await import("./local/database.ts");
  const { remakeFigures } = await import("./tenant/figures.ts");
  const { homes, close } = await openDatabases({ remote });
  try {
    const report = (company: string, spans: number) => console.log(`${company}: ${spans} spans of time`);
    const count = await remakeFigures(homes, id, Date.now(), report);
    if (count === 0 && id !== undefined) fail(`There is no company ${id}.`);
    console.log(`The figures of ${count} ${count === 1 ? "company" : "companies"} are counted anew.`);
  } finally {
    await close();
  }
}

type Options =
  | { command: "link"; remote: boolean; url: string }
  | { command: "reindex"; remote: boolean }
  | { command: "figures"; id?: string | undefined; remote: boolean }
  | { command: "create"; name: string; remote: boolean }
  | { command: "move"; id: string; to: string; remote: boolean };

function readArguments(): Options {
  try {
    const { values, positionals } = parseArgs({
      options: {
        name: { type: "string" },
        id: { type: "string" },
        to: { type: "string" },
        url: { type: "string" },
        remote: { type: "boolean", default: false },
      },
      allowPositionals: true,
    });
    const { id, to, remote } = values;
    const [command, ...rest] = positionals;
    if (command === "move" && rest.length === 0 && id && to) return { command, id, to, remote };
    if (command === "link" && rest.length === 0) return { command, remote, url: originOf(values.url, remote) };
    if (command === "reindex" && rest.length === 0) return { command, remote };
    if (command === "figures" && rest.length === 0) return { command, id, remote };
    const name = values.name?.trim() ?? "";
    if (command !== "create" || rest.length > 0 || name === "") return fail(USAGE);
    if (name.length > 200 || /\p{Cc}/u.test(name) || !name.isWellFormed()) {
      fail("The name may have at most 200 characters and no control characters.");
    }
    return { command, name, remote };
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}

/** Where the service is: as the option says, or as the last `npm start` served. */
function originOf(url: string | undefined, remote: boolean): string {
  if (url !== undefined)
    return URL.canParse(url)
      ? new URL(url).origin
      : fail(`--url is "${url}", but must be an address such as https://api.example.com`);
  return remote ? "https://<the address of your service>" : (readDemo()?.base_url ?? "http://127.0.0.1:8787");
}

async function storeLocally(company: Plan, keys: NewKeys, now: number): Promise<void> {
  // Loading this takes a while, so it waits until the command line is checked.
  const { openLocalDatabase } = await import("./local/database.ts");
  const { d1, close } = await openLocalDatabase();
  try {
    const db = openDatabase(d1);
    await db.batch(companyStatements(db, company, keys, now));
  } finally {
    await close();
  }
}

/** Sends the statements as a file, because wrangler imports a file as a whole or not at all. */
async function storeRemotely(company: Plan, keys: NewKeys, now: number): Promise<void> {
  // It only makes the text of the statements, which takes no connection.
  const db = openDatabase({} as D1Database);
  const folder = mkdtempSync(join(tmpdir(), "conversations-"));
  try {
    const file = join(folder, "company.sql");
    writeFileSync(file, sqlText(companyStatements(db, company, keys, now).map((one) => one.toSQL())), { mode: 0o600 });
    const code = await wrangler("d1", "execute", "DB", "--remote", "--yes", "--file", file);
    if (code !== 0) fail("Cloudflare did not accept it; no company was created. The message of wrangler is above.");
  } finally {
    rmSync(folder, { recursive: true });
  }
}
