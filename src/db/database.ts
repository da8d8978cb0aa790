/**
 * The one place that decides which D1 database holds a company's rows. Companies, API keys and issuers (and their audit)
 * are in the control database, DB, which is the only one until DB_1, DB_2 … are bound beside it; then the directory in the
 * control database says where each company is. What it says is believed for 30 seconds: see cli/tenant/move.ts.
 */
import { eq } from "drizzle-orm";
import { drizzle, type DrizzleD1Database } from "drizzle-orm/d1";
import type { Env } from "../env.ts";
import { company } from "./schema.ts";

/** Without drizzle's relational queries, whose preparation would cost every session. */
export type Database = Omit<DrizzleD1Database, "_" | "query" | "$count" | "transaction">;

/** A database and the name of its binding. */
export type Home = { name: string; d1: D1Database };

/** Milliseconds for which an isolate believes the directory, from before it asks. */
export const DIRECTORY_TTL = 30_000;
/** Companies that an isolate remembers. */
const MAX_KNOWN = 10_000;

/** The binding of the control database. */
export const CONTROL = "DB";
const opened = new WeakMap<object, Database>();
const known = new Map<string, { name: string; until: number }>();

/** The database behind a binding, or behind a session of one. */
export function openDatabase(d1: D1Database | D1DatabaseSession): Database {
  let db = opened.get(d1);
  if (!db) {
    db = drizzle(d1 as D1Database);
    opened.set(d1, db);
  }
  return db;
}

/** Where companies, keys and issuers are found before it is known who is calling. */
export const controlDatabase = (env: Env): Database => openDatabase(env.DB);

/** Every database that rows of companies can be in, the control database first. */
export function allHomes(env: Env): Home[] {
  const homes: Home[] = [{ name: CONTROL, d1: env.DB }];
  for (let n = 1; env[`${CONTROL}_${n}`] !== undefined; n++) {
    homes.push({ name: `${CONTROL}_${n}`, d1: env[`${CONTROL}_${n}`] as D1Database });
  }
  return homes;
}

/** The database that holds a company's rows. Costs nothing while there is only one. */
export async function homeOf(env: Env, company_id: string): Promise<Home> {
  if (env[`${CONTROL}_1`] === undefined) return { name: CONTROL, d1: env.DB };
  const name = await directory(env, company_id);
  const d1 = env[name] as D1Database | undefined;
  if (!d1) throw new Error(`the company ${company_id} is in ${name}, which is not bound`);
  return { name, d1 };
}

async function directory(env: Env, company_id: string): Promise<string> {
  const asked = Date.now();
  const entry = known.get(company_id);
  if (entry && entry.until > asked) return entry.name;
  const row = await controlDatabase(env)
    .select({ database: company.database })
    .from(company)
    .where(eq(company.id, company_id))
    .get();
  const name = row?.database ?? CONTROL;
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(company_id, { name, until: asked + DIRECTORY_TTL });
  return name;
}

/** The database of one company, as its primary has it. */
export const companyDatabase = async (env: Env, company_id: string): Promise<Database> =>
  openDatabase((await homeOf(env, company_id)).d1);

/** True when a statement failed because a unique index says the row is there already. */
export function isUniqueViolation(error: unknown): boolean {
  for (let e = error; e instanceof Error; e = e.cause) if (e.message.includes("UNIQUE constraint failed")) return true;
  return false;
}

/** What to log of an error: its innermost message. What wraps it may quote a statement's parameters: customers' content. */
export function causeOf(error: unknown): string {
  let innermost = error;
  while (innermost instanceof Error && innermost.cause instanceof Error) innermost = innermost.cause;
  return innermost instanceof Error ? `${innermost.name}: ${innermost.message}` : String(innermost);
}
