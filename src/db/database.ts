/**
 * The one place that decides which D1 database holds a company's rows. Companies, API keys and issuers (and their audit)
 * are in the control database, DB. It is the only database until DB_1, DB_2 … are bound too; then column company.database
 * names the one of each company. Isolates cache that for 30 seconds: see cli/tenant/move.ts.
 */
import { eq } from "drizzle-orm";
import { drizzle, type DrizzleD1Database } from "drizzle-orm/d1";
import type { Env } from "../env.ts";
import { company } from "./schema.ts";

/** Without drizzle's relational queries, whose preparation would cost every session. */
export type Database = Omit<DrizzleD1Database, "_" | "query" | "$count" | "transaction"> & {
  /** For statements whose SQL is written once. */
  $client: Pick<D1DatabaseSession, "prepare" | "batch">;
};

/** A database and the name of its binding. */
export type Home = { name: string; d1: D1Database };

/** Milliseconds for which an isolate caches where a company is, counted from before the query. */
export const DIRECTORY_TTL = 30_000;
/** Companies in that cache. */
const MAX_CACHED = 10_000;

/** The binding of the control database. */
export const CONTROL = "DB";
const databases = new WeakMap<object, Database>();
const directoryCache = new Map<string, { name: string; until: number }>();

/** The database behind a binding, or behind a session of one. */
export function openDatabase(d1: D1Database | D1DatabaseSession): Database {
  let db = databases.get(d1);
  if (!db) {
    db = drizzle(d1 as D1Database);
    databases.set(d1, db);
  }
  return db;
}

/** The database of companies, API keys and issuers. */
export const controlDatabase = (env: Env): Database => openDatabase(env.DB);

/** Every database that is bound, the control database first. */
export function allHomes(env: Env): Home[] {
  const homes: Home[] = [{ name: CONTROL, d1: env.DB }];
  for (let n = 1; env[`${CONTROL}_${n}`] !== undefined; n++) {
    homes.push({ name: `${CONTROL}_${n}`, d1: env[`${CONTROL}_${n}`] as D1Database });
  }
  return homes;
}

/** The database that holds a company's rows. No query while only one is bound. */
export async function homeOf(env: Env, company_id: string): Promise<Home> {
  if (env[`${CONTROL}_1`] === undefined) return { name: CONTROL, d1: env.DB };
  const name = await directory(env, company_id);
  const d1 = env[name] as D1Database | undefined;
  if (!d1) throw new Error(`the company ${company_id} is in ${name}, which is not bound`);
  return { name, d1 };
}

async function directory(env: Env, company_id: string): Promise<string> {
  const now = Date.now();
  const entry = directoryCache.get(company_id);
  if (entry && entry.until > now) return entry.name;
  const row = await controlDatabase(env)
    .select({ database: company.database })
    .from(company)
    .where(eq(company.id, company_id))
    .get();
  const name = row?.database ?? CONTROL;
  if (directoryCache.size >= MAX_CACHED) directoryCache.clear();
  directoryCache.set(company_id, { name, until: now + DIRECTORY_TTL });
  return name;
}

/** The database of one company, read from its primary. */
export const companyDatabase = async (env: Env, company_id: string): Promise<Database> =>
  openDatabase((await homeOf(env, company_id)).d1);

/** True when a statement failed because a unique index has such a row already. */
export function isUniqueViolation(error: unknown): boolean {
  for (let e = error; e instanceof Error; e = e.cause) if (e.message.includes("UNIQUE constraint failed")) return true;
  return false;
}

/** Messages of D1 and Durable Objects after which another try may succeed. */
const TRANSIENT = [
  // developers.cloudflare.com/d1/observability/debug-d1: every error with the advice to retry, and overload.
  "reset because its code was updated",
  "storage caused object to be reset",
  "exceeded timeout which caused object to be reset",
  "Network connection lost",
  "Cannot resolve D1 DB due to transient issue",
  "Can't read from request stream because client disconnected",
  "D1 DB is overloaded",
  // How the runtime words what went wrong inside the platform.
  "internal error; reference =",
  // Locally, where other processes open the same file.
  "SQLITE_BUSY",
  "SQLITE_LOCKED",
  // A trigger says so while a company moves; see cli/tenant/move.ts.
  "the company is in another database",
];

/** True for a failure of the platform that passes. Every other error of a database is a bug of ours. */
export function isTransient(error: unknown): boolean {
  for (let e = error; e instanceof Error; e = e.cause) {
    const { message } = e;
    // Set by the platform on errors of Durable Objects.
    const { retryable, overloaded } = e as { retryable?: boolean; overloaded?: boolean };
    if (retryable || overloaded || TRANSIENT.some((words) => message.includes(words))) return true;
  }
  return false;
}

/**
 * The innermost message of an error and its place, for the log. Errors around it may quote the parameters of a statement, and
 * a SyntaxError quotes the text: both are content.
 */
export function causeOf(error: unknown): string {
  let innermost = error;
  while (innermost instanceof Error && innermost.cause instanceof Error) innermost = innermost.cause;
  if (!(innermost instanceof Error)) return `a thrown ${typeof innermost}`;
  const { name, message, stack } = innermost;
  const where = stack?.split("\n").find((line) => /^\s+at /.test(line)) ?? "";
  return `${name}: ${innermost instanceof SyntaxError ? "in parsing" : message}${where && ` (${where.trim()})`}`;
}
