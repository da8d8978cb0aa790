/**
 * Demo data, created once. Only `.dev/demo.json` has the secrets of the keys: if it is lost, or a key is revoked, the same
 * companies get new keys.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { eq, inArray } from "drizzle-orm";
import { hashSecret } from "../../auth/api-key.ts";
import { MAX_ACCESS_TTL, mintToken } from "../../auth/token.ts";
import type { Config } from "../../config.ts";
import { type Database, openDatabase } from "../../db/database.ts";
import * as schema from "../../db/schema.ts";
import { DEMO, type DemoCompany, ECHO_AGENT, FAQ_AGENT, OTHER, OTHER_AGENT } from "./demo-data.ts";
import { auditByCommand, companyStatements, type Credential, newKeys } from "../tenant/new-company.ts";
import { paths } from "../tool/project.ts";

type Keys = Record<string, Credential>;

/** `.dev/demo.json`. Its tokens are valid for 24 hours. Every start writes new ones. */
export type Demo = {
  base_url: string;
  company_id: string;
  agent_id: string;
  echo_agent_id: string;
  keys: Keys;
  user_token: string;
  other_company: { company_id: string; agent_id: string; keys: Keys; user_token: string };
};

/** Creates what is missing and writes demo.json. */
export async function prepareDemo(d1: D1Database, config: Config, base_url: string): Promise<Demo> {
  const db = openDatabase(d1);
  const before = readDemo();
  const keys = await ensureCompany(db, DEMO, before?.keys);
  const otherKeys = await ensureCompany(db, OTHER, before?.other_company?.keys);
  const demo: Demo = {
    base_url,
    company_id: DEMO.company_id,
    agent_id: FAQ_AGENT,
    echo_agent_id: ECHO_AGENT,
    keys,
    user_token: await tokenOf(config, DEMO),
    other_company: {
      company_id: OTHER.company_id,
      agent_id: OTHER_AGENT,
      keys: otherKeys,
      user_token: await tokenOf(config, OTHER),
    },
  };
  mkdirSync(paths.dev, { recursive: true });
  writeFileSync(paths.demo, `${JSON.stringify(demo, null, 2)}\n`, { mode: 0o600 });
  return demo;
}

/** What the last start wrote, if it can be read. */
export function readDemo(): Partial<Demo> | null {
  if (!existsSync(paths.demo)) return null;
  try {
    return JSON.parse(readFileSync(paths.demo, "utf8")) as Partial<Demo>;
  } catch {
    return null;
  }
}

const tokenOf = (config: Config, { company_id, user_id }: DemoCompany) => {
  const claims = { company_id, entity_type: "user", entity_id: user_id, role: "member" } as const;
  return mintToken(config, claims, "access", MAX_ACCESS_TTL);
};

/** The company's keys: `previous` if all of them are still valid, otherwise new ones. */
async function ensureCompany(db: Database, plan: DemoCompany, previous: Keys | undefined): Promise<Keys> {
  const { company_id } = plan;
  const present = await db.select().from(schema.company).where(eq(schema.company.id, company_id)).get();
  if (present && previous && (await allValid(db, plan, previous))) return previous;
  const now = Date.now();
  const keys = await newKeys({ company_id, user_id: plan.user_id }, plan.keys, now);
  if (present) {
    await db.batch([
      db.insert(schema.api_key).values(keys.rows),
      ...keys.rows.map((row) => auditByCommand(db, company_id, "api_key.create", row.id, now)),
    ]);
  } else {
    await db.batch([
      ...companyStatements(db, { ...plan, role: "member" }, keys, now),
      db.insert(schema.agent).values(plan.agents.map((one) => agentRow(one, plan, now))),
      ...plan.agents.map((one) => auditByCommand(db, company_id, "agent.create", one.id, now)),
    ]);
  }
  return keys.credentials;
}

const agentRow = (one: DemoCompany["agents"][number], { company_id }: DemoCompany, now: number) => ({
  ...one,
  company_id,
  // Locally an empty list means every page on this machine, whichever port is used.
  allowed_origins: [],
  settings: { auto_title: true },
  metadata: {},
  created_at: now,
  updated_at: now,
});

async function allValid(db: Database, plan: DemoCompany, keys: Keys): Promise<boolean> {
  const names = Object.keys(plan.keys);
  const credentials = names.flatMap((name) => keys[name] ?? []);
  if (credentials.length !== names.length) return false;
  const { api_key } = schema;
  const rows = await db
    .select()
    .from(api_key)
    .where(
      inArray(
        api_key.key,
        credentials.map((one) => one.api_key),
      ),
    );
  const valid = await Promise.all(
    credentials.map(async (one) => {
      const row = rows.find(({ key, company_id }) => key === one.api_key && company_id === plan.company_id);
      return row !== undefined && row.revoked_at === null && row.secret_hash === (await hashSecret(one.api_secret));
    }),
  );
  return valid.every(Boolean);
}
