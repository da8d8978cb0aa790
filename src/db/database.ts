/** The one place that decides which D1 database holds a company's rows. */
import { drizzle, type DrizzleD1Database } from "drizzle-orm/d1";
import type { Env } from "../config.ts";
import * as schema from "./schema.ts";

export type Database = DrizzleD1Database<typeof schema>;

const opened = new WeakMap<D1Database, Database>();

function open(binding: D1Database): Database {
  let db = opened.get(binding);
  if (!db) {
    db = drizzle(binding, { schema });
    opened.set(binding, db);
  }
  return db;
}

/** Where companies, keys and issuers are found before it is known who is calling. */
export const controlDatabase = (env: Env): Database => open(env.DB);

/** The binding of the database that holds a company's rows. */
export async function companyBinding(env: Env, _company_id: string): Promise<D1Database> {
  return env.DB;
}

/** The database of one company. */
export const companyDatabase = async (env: Env, company_id: string): Promise<Database> =>
  open(await companyBinding(env, company_id));

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
