/** Users: people of a company, known by who vouches for them and how they are called there. A delete marks. */
import { and, eq, isNull, type SQL, sql } from "drizzle-orm";
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
export function markErasedUser(db: Database, { company_id, id }: UserRow, condition: SQL, audit: AuditRow) {
  const is = and(own(company_id, id), isNull(user.erased_at), condition);
  const mark = {
    erased_at: audit.at,
    deleted_at: sql`coalesce(${user.deleted_at}, ${audit.at})`,
    deleted_by: sql`coalesce(${user.deleted_by}, ${audit.actor_id})`,
  };
  return [
    insertAuditIf(db, audit, sql`exists (select 1 from ${user} where ${is})`),
    db.update(user).set(mark).where(is),
    ...clearUser(db, company_id, id, condition),
  ] as const;
}
