/** Builds the Worker as it is deployed, and a state directory whose database is migrated and holds one company. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { drizzle } from "drizzle-orm/d1";
import { uuidv7 } from "uuidv7";
import type { TestProject } from "vitest/node";
import { unstable_splitSqlQuery } from "wrangler";
import { mintToken } from "../../src/auth/token.ts";
import { companyStatements, type Credential, newKeys } from "../../src/cli/tenant/new-company.ts";
import { paths, root } from "../../src/cli/tool/project.ts";
import { readConfig } from "../../src/config.ts";
import * as schema from "../../src/db/schema.ts";
import { startWorkerd, workerOptions } from "./workerd.ts";

/** Where the built Worker and the prepared state are, and who may use it. */
export type Prepared = {
  bundle: string;
  /** What wrangler.local.toml says of the Worker. */
  worker: object;
  state: string;
  company_id: string;
  user_id: string;
  /** A token of the company's admin. */
  token: string;
  /** Halves of an API key of the same user that may read and write. */
  key: Credential;
  /** The same with all scopes. */
  admin_key: Credential;
  vars: Record<string, string>;
};

declare module "vitest" {
  interface ProvidedContext {
    prepared: Prepared;
  }
}

export default async function setup(project: TestProject) {
  const home = mkdtempSync(join(tmpdir(), "conversations-faults-"));
  const leave = () => rmSync(home, { recursive: true, force: true });
  try {
    project.provide("prepared", await prepareIn(home));
    return leave;
  } catch (error) {
    leave();
    throw error;
  }
}

async function prepareIn(home: string): Promise<Prepared> {
  const bundle = join(home, "bundle");
  const state = join(home, "state");
  await build(bundle);
  const vars = {
    TOKEN_SECRETS: "fault-secret-fault-secret-fault-secret-fault",
    ENCRYPTION_KEYS: `k1:${"A".repeat(43)}`,
    ALLOW_LOOPBACK_UPSTREAMS: "true",
  };
  const worker = await workerOptions();
  const company = await makeCompany({ bundle, worker, state, vars });
  return { bundle, worker, state, vars, ...company };
}

async function build(outdir: string): Promise<void> {
  mkdirSync(paths.assets, { recursive: true });
  const wrangler = createRequire(import.meta.url).resolve("wrangler");
  const args = [wrangler, "deploy", "--dry-run", "--minify", "--outdir", outdir];
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false" };
  await promisify(execFile)(process.execPath, ["--no-warnings", ...args], { cwd: root, env });
  // The object as it is, but its database first asks the test what to do.
  for (const file of ["faulty.js", "collector.js"]) cpSync(join(root, "test/faults", file), join(outdir, file));
}

/** Migrates the database and stores a company in it. */
async function makeCompany(at: Pick<Prepared, "bundle" | "worker" | "state" | "vars">) {
  const { mf } = await startWorkerd({ ...at, entry: "index.js" });
  try {
    const d1 = (await mf.getD1Database("DB")) as unknown as D1Database;
    await migrate(d1, paths.migrations);
    await migrate((await mf.getD1Database("SEARCH")) as unknown as D1Database, paths.searchMigrations);
    const now = Date.now();
    const plan = { company_id: uuidv7(), user_id: uuidv7(), name: "Faults", owner: "Owner", role: "admin" } as const;
    const db = drizzle(d1, { schema });
    const keys = await newKeys(plan, { admin: ["admin"], client: ["read", "write"] }, now);
    await db.batch(companyStatements(db, plan, keys, now));
    const { company_id, user_id } = plan;
    const claims = { company_id, entity_type: "user", entity_id: user_id, role: "admin" } as const;
    const token = await mintToken(readConfig(at.vars), claims, "access", 24 * 60 * 60);
    const { client, admin } = keys.credentials as Record<"client" | "admin", Credential>;
    return { company_id, user_id, token, key: client, admin_key: admin };
  } finally {
    await mf.dispose();
  }
}

async function migrate(d1: D1Database, folder: string): Promise<void> {
  const files = readdirSync(folder).filter((file) => file.endsWith(".sql"));
  for (const file of files.toSorted()) {
    const statements = unstable_splitSqlQuery(readFileSync(join(folder, file), "utf8"));
    await d1.batch(statements.map((statement) => d1.prepare(statement)));
  }
}
