/** The service itself for browser tests: `wrangler dev` with a database of its own, one company, and agents on request. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { drizzle } from "drizzle-orm/d1";
import { uuidv7 } from "uuidv7";
import { buildAssets } from "../../../src/cli/build.ts";
import { openLocalDatabase } from "../../../src/cli/local/database.ts";
import { companyStatements, newKeys } from "../../../src/cli/tenant/new-company.ts";
import { HOST } from "../../../src/cli/local/server.ts";
import { paths } from "../../../src/cli/tool/project.ts";
import { spawnWrangler } from "../../../src/cli/tool/wrangler.ts";
import * as schema from "../../../src/db/schema.ts";

export type Api = {
  /** Without a trailing slash. */
  url: string;
  /** A request with the company's admin key; throws when it is refused. */
  call: (method: string, path: string, body?: unknown) => Promise<any>;
  /** A new agent. What is not said is as in the API. */
  agent: (fields: object) => Promise<{ id: string; name: string }>;
  stop: () => Promise<void>;
};

/** Milliseconds. */
const READY_WITHIN = 90_000;

export async function startApi(): Promise<Api> {
  const home = mkdtempSync(join(tmpdir(), "conversations-widget-"));
  const state = join(home, "state");
  mkdirSync(state);
  await buildAssets();
  const keys = await makeCompany(state);
  const vars = join(home, "vars");
  const secrets = ["TOKEN_SECRETS=widget-test-widget-test-widget-test-widget", `ENCRYPTION_KEYS=k1:${"A".repeat(43)}`];
  writeFileSync(vars, [...secrets, "ALLOW_LOOPBACK_UPSTREAMS=true", ""].join("\n"));
  const port = await freePort();
  const args = [
    "dev",
    "--config",
    paths.localConfig,
    "--local",
    "--ip",
    HOST,
    "--port",
    String(port),
    "--log-level",
    "warn",
    "--persist-to",
    state,
  ];
  const child = spawnWrangler([...args, "--env-file", vars, "--show-interactive-dev-session=false"], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const url = `http://${HOST}:${port}`;

  const call: Api["call"] = async (method, path, body) => {
    const response = await fetch(url + path, {
      method,
      headers: { ...keys, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  };
  const stop = async () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGTERM");
    await ended;
    rmSync(home, { recursive: true, force: true });
  };

  const until = Date.now() + READY_WITHIN;
  while (
    !(await fetch(`${url}/v1/health`).then(
      (answer) => answer.ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null || Date.now() > until) {
      await stop();
      throw new Error("the service did not start");
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { url, call, agent: async (fields) => (await call("POST", "/v1/agent", fields)).agent, stop };
}

/** The headers of its admin key. */
async function makeCompany(state: string): Promise<Record<string, string>> {
  const now = Date.now();
  const plan = { company_id: uuidv7(), user_id: uuidv7(), name: "Widget", owner: "Owner", role: "admin" } as const;
  const made = await newKeys(plan, { admin: ["admin"] }, now);
  const { d1, close } = await openLocalDatabase(state);
  try {
    const db = drizzle(d1, { schema });
    await db.batch(companyStatements(db, plan, made, now));
  } finally {
    await close();
  }
  const { api_key = "", api_secret = "" } = made.credentials["admin"] ?? {};
  return { "x-api-key": api_key, "x-api-secret": api_secret };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, HOST, resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
