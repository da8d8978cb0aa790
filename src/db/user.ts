/** Users: people of a company, known by who vouches for them and how they are called there. A delete marks. */
import { and, desc, eq, gte, isNull, type SQL, sql } from "drizzle-orm";
import { base64url } from "jose";
import type { AuditRow } from "../chat/audit.ts";
import { insertAuditIf } from "./audit.ts";
import { auditedUpdate } from "./audited.ts";
import type { Database } from "./database.ts";
import { clearUser } from "./erasure-stores.ts";
import { newestFirst } from "./newest-first.ts";
import type { Rows, Slice } from "./page.ts";
import { user } from "./schema.ts";
import { forgetStandings } from "./standing.ts";
import { refsOf, totalQuery } from "./tally.ts";

export type UserRow = typeof user.$inferSelect;

const own = (company_id: string, id: string) => and(eq(user.id, id), eq(user.company_id, company_id));
const live = (company_id: string, id: string) => and(own(company_id, id), isNull(user.deleted_at));

/** A live user of the company. */
export const findUser = (db: Database, company_id: string, id: string): Promise<UserRow | undefined> =>
  db.select().from(user).where(live(company_id, id)).get();

/** A user of the company, deleted, erased or neither. */
export const findAnyUser = (db: Database, company_id: string, id: string): Promise<UserRow | undefined> =>
  db.select().from(user).where(own(company_id, id)).get();

/** Live users, newest first. */
export const listUsers = (db: Database, company_id: string, slice: Slice): Promise<Rows<UserRow>> =>
  newestFirst(
    db,
    user,
    and(eq(user.company_id, company_id), isNull(user.deleted_at)),
    slice,
    totalQuery(db, company_id, "user", refsOf("user"), ["active"]),
  );

/** Marks the user as deleted; a repeat changes nothing. The row, or undefined when the company has no such user. */
export async function deleteUser(db: Database, company_id: string, id: string, audit: AuditRow) {
  const mark = { deleted_at: audit.at, deleted_by: audit.actor_id };
  const marked = await auditedUpdate(db, user, live(company_id, id), mark, audit);
  forgetStandings();
  return marked ?? findAnyUser(db, company_id, id);
}

/**
 * What marks a user as erased and clears the row, wherever `condition` holds, with the audit row of the first time. Goes into
 * the batch that makes the condition true.
 */
export async function markErasedUser(db: Database, row: UserRow, condition: SQL, audit: AuditRow) {
  const { company_id, id } = row;
  const subject = row.erased_at === null ? await erasedSubject(row) : row.subject;
  const is = and(own(company_id, id), isNull(user.erased_at), condition);
  const mark = {
    erased_at: audit.at,
    deleted_at: sql`coalesce(${user.deleted_at}, ${audit.at})`,
    deleted_by: sql`coalesce(${user.deleted_by}, ${audit.actor_id})`,
  };
  return [
    insertAuditIf(db, audit, sql`exists (select 1 from ${user} where ${is})`),
    db.update(user).set(mark).where(is),
    ...clearUser(db, company_id, id, subject, condition),
  ] as const;
}

/** What is left of how a user was called: enough to know a token that was made for them before, and nothing to read. */
async function erasedSubject({ id, issuer, subject }: Pick<UserRow, "id" | "issuer" | "subject">) {
  const text = new TextEncoder().encode(`${id}:${issuer}:${subject}`);
  return `erased:${base64url.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", text)))}`;
}

/** Milliseconds after which a token that was made for an erased user has ended by itself. */
const TOKENS_END = 7 * 86_400_000;

/** The user who was erased while a token of `issued_at` (ms) was good: what it names is not made again. */
export async function erasedSince(
  db: Database,
  { company_id, issuer, subject }: Pick<UserRow, "company_id" | "issuer" | "subject">,
  issued_at: number,
  now: number,
): Promise<UserRow | undefined> {
  const from = Math.max(issued_at, now - TOKENS_END);
  const rows = await db
    .select()
    .from(user)
    .where(and(eq(user.company_id, company_id), gte(user.erased_at, from)))
    .orderBy(desc(user.erased_at))
    .limit(200);
  for (const row of rows) if (row.subject === (await erasedSubject({ id: row.id, issuer, subject }))) return row;
  return undefined;
}
