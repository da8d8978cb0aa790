/** The service itself for browser tests: `wrangler dev` with a database of its own, one company, and agents on request. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { drizzle } from "drizzle-orm/d1";
import { uuidv7 } from "uuidv7";
import { openLocalDatabase } from "../../../src/cli/local/database.ts";
import { companyStatements, newKeys } from "../../../src/cli/tenant/new-company.ts";
import * as schema from "../../../src/db/schema.ts";
import { serve } from "../serve.ts";

export type Api = {
  /** Without a trailing slash. */
  url: string;
  /** Both halves of the company's admin key. */
  keys: { api_key: string; api_secret: string };
  /** A request with the company's admin key; throws when it is refused. */
  call: (method: string, path: string, body?: unknown) => Promise<any>;
  /** A new agent. What is not said is as in the API. */
  agent: (fields: object) => Promise<{ id: string; name: string }>;
  stop: () => Promise<void>;
};

export async function startApi(): Promise<Api> {
  const home = mkdtempSync(join(tmpdir(), "conversations-widget-"));
  const state = join(home, "state");
  mkdirSync(state);
  const keys = await makeCompany(state);
  const headers = { "x-api-key": keys.api_key, "x-api-secret": keys.api_secret };
  const vars = join(home, "vars");
  const secrets = ["TOKEN_SECRETS=widget-test-widget-test-widget-test-widget", `ENCRYPTION_KEYS=k1:${"A".repeat(43)}`];
  const demo = `DEMO_KEY=${keys.api_key}:${keys.api_secret}`;
  writeFileSync(vars, [...secrets, demo, "ALLOW_LOOPBACK_UPSTREAMS=true", ""].join("\n"));
  const server = await serve("--persist-to", state, "--env-file", vars).catch((error: unknown) => {
    rmSync(home, { recursive: true, force: true });
    throw error;
  });
  const { url } = server;

  const call: Api["call"] = async (method, path, body) => {
    const response = await fetch(url + path, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  };
  const stop = async () => {
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  };

  return { url, keys, call, agent: async (fields) => (await call("POST", "/v1/agent", fields)).agent, stop };
}

/** Its admin key. */
async function makeCompany(state: string): Promise<Api["keys"]> {
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
  return { api_key, api_secret };
}
