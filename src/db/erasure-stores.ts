/**
 * Where D1 keeps what a person said, or what was made of it: all of it is named here. A table that is to hold such things
 * adds its line; test/workers/erasure.test.ts looks through every table that there is.
 *
 * The platform lets nobody switch `secure_delete` on, so that freed bytes would stay in the file for a while: what goes is
 * first overwritten, in its place, by as many other bytes.
 */
import { and, asc, count, eq, gt, type SQL, sql } from "drizzle-orm";
import type { Database } from "./database.ts";
import type { ErasureRow } from "./erasure.ts";
import { audit_event, conversation, lead, message, user } from "./schema.ts";

/** Columns, and what is in them once nothing is said any more. */
type Cleared = Record<string, string | null>;

const CONVERSATION: Cleared = {
  ...{ title: "", title_folded: "", metadata: "{}" },
  ...{ creation_key: null, creation_hash: null, handler_name: null },
};
/** That a person wrote it stays, as the times and the counts do; who that was does not. */
const BY_SOMEBODY = '{"type":"staff"}';
const MESSAGE: Cleared = { content: "", metadata: "{}", tool_calls: null, feedback: null, author: BY_SOMEBODY };
const FOLDED: Cleared = { first_name_folded: null, last_name_folded: null, email_folded: null };
const LEAD: Cleared = {
  ...{ external_id: null, first_name: null, last_name: null, email: null, phone: null, source: null },
  ...FOLDED,
};
const USER: Cleared = { name: null, email: null };
/** Those that have to be unique would collide if all were the same. */
const UNIQUE = new Set(["external_id", "creation_key"]);

type Table = typeof conversation | typeof message | typeof lead | typeof user;

const each = (columns: string[], value: (column: string) => SQL) =>
  Object.fromEntries(columns.map((column) => [column, value(column)]));

/** As many bytes as before, all of them the same. */
const bytes = (column: string) =>
  `iif("${column}" IS NULL, NULL, printf('%.*c', length(CAST("${column}" AS BLOB)), 'x'))`;
const literalOf = (column: string, value: string | null | undefined) =>
  value === null || value === undefined
    ? "NULL"
    : value === BY_SOMEBODY
      ? `iif("${column}" IS NULL, NULL, '${value}')`
      : `'${value}'`;
const overwritten = (column: string) => sql.raw(bytes(column));
const literal = (column: string, value: string | null) => sql.raw(literalOf(column, value));

/** What follows SET, for statements that are written by hand: first the one, then the other. */
export const MESSAGE_SETS = {
  overwritten: Object.keys(MESSAGE)
    .map((column) => `"${column}" = ${bytes(column)}`)
    .join(", "),
  cleared: Object.entries(MESSAGE)
    .map(([column, value]) => `"${column}" = ${literalOf(column, value)}`)
    .join(", "),
};

/** Two statements for a batch: what the rows say is overwritten, then gone. */
function clear(db: Database, table: Table, cleared: Cleared, where: SQL) {
  const columns = Object.keys(cleared);
  const says = columns.map((column) =>
    cleared[column] === null ? `"${column}" IS NOT NULL` : `"${column}" <> '${cleared[column]}'`,
  );
  const said = sql`${where} AND (${sql.raw(says.join(" OR "))})`;
  const free = columns.filter((column) => !UNIQUE.has(column));
  return [
    db.update(table).set(each(free, overwritten)).where(said),
    db
      .update(table)
      .set(each(columns, (column) => literal(column, cleared[column] ?? null)))
      .where(said),
  ] as const;
}

/** Overwrites what messages say before they are removed. */
export const overwriteMessages = (db: Database, where: SQL | undefined) =>
  db
    .update(message)
    .set(each(Object.keys(MESSAGE), overwritten))
    .where(where);

/** Clears a lead's row wherever `condition` holds. */
export const clearLead = (db: Database, company_id: string, id: string, condition: SQL) =>
  clear(db, lead, LEAD, sql`id = ${id} AND company_id = ${company_id} AND ${condition}`);

/** Clears a user's row wherever `condition` holds; `mark` is what is left of the subject. */
export const clearUser = (db: Database, company_id: string, id: string, mark: string, condition: SQL) => {
  const where = sql`id = ${id} AND company_id = ${company_id} AND ${condition}`;
  return [...clear(db, user, USER, where), db.update(user).set({ issuer: "", subject: mark }).where(where)] as const;
};

/** Conversations of whom an erasure is about, and when each was erased: the next `limit` behind the walk's cursor. */
export function nextConversations(db: Database, { company_id, kind, target_id, cursor }: ErasureRow, limit: number) {
  const { id, erased_at, entity_type, entity_id } = conversation;
  const whose = kind === "conversation" ? eq(id, target_id) : and(eq(entity_type, kind), eq(entity_id, target_id));
  return db
    .select({ id, erased_at })
    .from(conversation)
    .where(and(eq(conversation.company_id, company_id), whose, gt(id, cursor)))
    .orderBy(asc(id))
    .limit(limit);
}

/** What staff do in other people's conversations, as the trail calls it: there they may be named. */
const REPLY = "message.reply";
const NAMED_BY = ["conversation.take_over", "conversation.give_back", "conversation.note", REPLY];

/** Conversations in which a user has been at work, of the next `limit` audit rows behind the cursor; and the cursor behind. */
export async function nextWorkedIn(db: Database, { company_id, target_id, cursor }: ErasureRow, limit: number) {
  const beyond =
    cursor === ""
      ? undefined
      : sql`(${audit_event.at}, ${audit_event.id}) > (CAST(${cursor} AS INTEGER), substr(${cursor}, instr(${cursor}, ' ') + 1))`;
  const target = sql<string | null>`iif(${audit_event.action} = ${REPLY},
    (SELECT conversation_id FROM message WHERE id = ${audit_event.target_id} AND company_id = ${company_id}),
    ${audit_event.target_id})`;
  const rows = await db
    .select({ id: audit_event.id, at: audit_event.at, action: audit_event.action, target })
    .from(audit_event)
    .where(and(eq(audit_event.company_id, company_id), eq(audit_event.actor_id, target_id), beyond))
    .orderBy(asc(audit_event.at), asc(audit_event.id))
    .limit(limit);
  const last = rows.at(-1);
  const ids = new Set(rows.flatMap((row) => (NAMED_BY.includes(row.action) && row.target ? [row.target] : [])));
  return { ids: [...ids], next: last && rows.length === limit ? `${last.at} ${last.id}` : null };
}

/** Clears what these erased conversations still say in D1. How many rows that changed, and how many messages they have. */
export async function clearConversations(
  db: Database,
  company_id: string,
  ids: string[],
): Promise<{ changed: number; messages: number }> {
  const among = sql`(SELECT value FROM json_each(${JSON.stringify(ids)}))`;
  const erased = sql`SELECT id FROM ${conversation} WHERE id IN ${among} AND company_id = ${company_id} AND erased_at IS NOT NULL`;
  const [, conversations, , messages, [counted]] = await db.batch([
    ...clear(db, conversation, CONVERSATION, sql`id IN (${erased})`),
    ...clear(db, message, MESSAGE, sql`conversation_id IN (${erased})`),
    db
      .select({ n: count() })
      .from(message)
      .where(sql`conversation_id IN (${erased})`),
  ]);
  return { changed: conversations.meta.changes + messages.meta.changes, messages: counted?.n ?? 0 };
}
