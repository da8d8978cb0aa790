/** What retention finds and takes away in D1; a conversation's object orders what happens to it. Nothing held is found. */
import { and, asc, eq, inArray, isNotNull, isNull, lt, or, sql, type SQL } from "drizzle-orm";
import type { SQLiteColumn } from "drizzle-orm/sqlite-core";
import type { AuditRow } from "../chat/audit.ts";
import type { Expiry } from "../chat/rpc.ts";
import { insertAuditIf } from "./audit.ts";
import { auditedDelete } from "./audited.ts";
import type { Database } from "./database.ts";
import { clearLead, overwriteMessages } from "./erasure-stores.ts";
import { company, conversation, lead, message } from "./schema.ts";

/** Whose rows: those of one company, or of all that this database holds. */
export type Scope = { company_id: string | null; before: number };

/** Where a walk through what has expired stands: oldest deletion first. */
export type Place = { deleted_at: number | null; id: string };

/** What a company has set, and where its rows are. */
export type Rule = Pick<
  typeof company.$inferSelect,
  "id" | "database" | "conversations_days" | "deleted_days" | "leads_days"
>;

const beyond = (table: typeof conversation | typeof message, after: Place | null): SQL | undefined =>
  after ? sql`(${table.deleted_at}, ${table.id}) > (${after.deleted_at}, ${after.id})` : undefined;

/** True in SQL for the conversation `c` when it may go: neither it nor its visitor is held. */
const unheld = sql`${conversation.hold} IS NULL AND NOT EXISTS (SELECT 1 FROM ${lead} WHERE ${lead.id} = ${conversation.entity_id}
  AND ${conversation.entity_type} = 'lead' AND ${lead.hold} IS NOT NULL)`;

/** Companies that have set something, in the order of their ids, from the control database. */
export const companyRules = (control: Database, after: string, limit: number): Promise<Rule[]> => {
  const { id, database, conversations_days, deleted_days, leads_days } = company;
  return (
    control
      .select({ id, database, conversations_days, deleted_days, leads_days })
      .from(company)
      // As in the index, word by word: only then does the planner take it.
      .where(
        sql`coalesce(conversations_days, deleted_days, leads_days) IS NOT NULL AND id > ${after} AND moving_to IS NULL`,
      )
      .orderBy(asc(id))
      .limit(limit)
  );
};

/** Conversations that were deleted before the scope's time, from behind `after`. */
export const expiredConversations = (db: Database, { company_id, before }: Scope, after: Place | null, limit: number) =>
  db
    .select({ id: conversation.id, company_id: conversation.company_id, deleted_at: conversation.deleted_at })
    .from(conversation)
    .where(
      and(
        // Of one company there is an index of what a restore could bring back; the rest are closedConversations.
        company_id === null ? undefined : and(eq(conversation.company_id, company_id), isNull(conversation.erased_at)),
        isNotNull(conversation.deleted_at),
        lt(conversation.deleted_at, before),
        beyond(conversation, after),
        unheld,
      ),
    )
    .orderBy(asc(conversation.deleted_at), asc(conversation.id))
    .limit(limit);

/** Messages that were deleted, each or in bulk, before the scope's time and still say something. */
export const expiredMessages = (db: Database, { company_id, before }: Scope, after: Place | null, limit: number) =>
  db
    .select({
      id: message.id,
      company_id: message.company_id,
      conversation_id: message.conversation_id,
      deleted_at: message.deleted_at,
    })
    .from(message)
    .where(
      and(
        company_id === null ? undefined : eq(message.company_id, company_id),
        isNotNull(message.deleted_at),
        isNull(message.purged_at),
        lt(message.deleted_at, before),
        beyond(message, after),
        sql`EXISTS (SELECT 1 FROM ${conversation} WHERE ${conversation.id} = ${message.conversation_id} AND ${unheld})`,
      ),
    )
    .orderBy(asc(message.deleted_at), asc(message.id))
    .limit(limit);

/** True in SQL for an id that is none of these. */
const isNone = (id: SQLiteColumn, ids: string[]): SQL | undefined =>
  ids.length === 0 ? undefined : sql`${id} NOT IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`;

/**
 * Ids of live conversations in which nothing was said since before `before`; at most `limit` of each kind and status, and
 * none of `except`.
 */
export async function idleConversations(
  db: Database,
  company_id: string,
  before: number,
  limit: number,
  except: string[],
) {
  const one = (entity_type: "user" | "lead", status: "active" | "archived") =>
    db
      .select({ id: conversation.id })
      .from(conversation)
      .where(
        and(
          eq(conversation.company_id, company_id),
          eq(conversation.entity_type, entity_type),
          eq(conversation.status, status),
          isNull(conversation.deleted_at),
          lt(conversation.activity_at, before),
          isNone(conversation.id, except),
          unheld,
        ),
      )
      .orderBy(asc(conversation.activity_at))
      .limit(limit);
  const found = await db.batch([
    one("lead", "active"),
    one("lead", "archived"),
    one("user", "active"),
    one("user", "archived"),
  ]);
  return found.flat().map((row) => row.id);
}

/** Conversations of all companies that retention has begun to take away and not finished. */
export const closedConversations = (db: Database, limit: number) =>
  db
    .select({ id: conversation.id, company_id: conversation.company_id })
    .from(conversation)
    .where(and(sql`deleted_by = 'retention'`, unheld))
    .limit(limit);

/**
 * Visitors who have not been heard of since before `before`, as far as their rows say. Those who have been, in a conversation,
 * are noted and not among them, nor is any of `except`. A conversation that was deleted afterwards counts as well.
 */
export async function idleLeads(
  db: Database,
  company_id: string,
  before: number,
  limit: number,
  except: string[],
): Promise<string[]> {
  const latest = (
    which: string,
  ) => sql`coalesce((SELECT max(activity_at) FROM conversation WHERE company_id = ${company_id}
    AND entity_type = 'lead' AND entity_id = lead.id AND deleted_at ${sql.raw(which)}), 0)`;
  const live = (status: string) => latest(`IS NULL AND status = '${status}'`);
  const heard = sql<number>`max(updated_at, ${live("active")}, ${live("archived")}, ${latest("IS NOT NULL")})`;
  const held = sql`EXISTS (SELECT 1 FROM conversation WHERE company_id = ${company_id} AND entity_type = 'lead'
    AND entity_id = lead.id AND hold IS NOT NULL)`;
  const rows = await db
    .select({ id: lead.id, heard })
    .from(lead)
    .where(
      and(
        eq(lead.company_id, company_id),
        lt(lead.active_at, before),
        isNull(lead.erased_at),
        isNull(lead.hold),
        isNone(lead.id, except),
        sql`NOT ${held}`,
      ),
    )
    .orderBy(asc(lead.active_at), asc(lead.id))
    .limit(limit);
  const active = rows.filter((row) => row.heard >= before);
  if (active.length > 0) {
    const list = JSON.stringify(active);
    await db.run(sql`UPDATE ${lead} SET active_at = j.value ->> 'heard' FROM json_each(${list}) AS j
      WHERE ${lead.id} = j.value ->> 'id'`);
  }
  // Where all of a page have been heard of, the next one begins behind them.
  if (active.length === limit) return idleLeads(db, company_id, before, limit, except);
  return rows.filter((row) => row.heard < before).map((row) => row.id);
}

/** All conversations of these visitors but those of `except`, at most `limit`. */
export const conversationsOfLeads = (
  db: Database,
  company_id: string,
  ids: string[],
  limit: number,
  except: string[],
) =>
  db
    .select({ id: conversation.id })
    .from(conversation)
    .where(
      and(
        sql`company_id = ${company_id} AND entity_type = 'lead' AND entity_id IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`,
        isNone(conversation.id, except),
      ),
    )
    .limit(limit);

/** Clears the rows of visitors of whom no conversation is left, with an audit row each. Which those were. */
export async function forgetLeads(
  db: Database,
  company_id: string,
  ids: string[],
  audit: (id: string) => AuditRow,
): Promise<string[]> {
  const statements = ids.flatMap((id) => {
    const row = audit(id);
    const alone = sql`${lead.hold} IS NULL AND NOT EXISTS (SELECT 1 FROM conversation WHERE company_id = ${company_id}
      AND entity_type = 'lead' AND entity_id = ${id})`;
    const is = and(eq(lead.id, id), eq(lead.company_id, company_id), isNull(lead.erased_at), alone);
    const mark = {
      erased_at: row.at,
      deleted_at: sql`coalesce(${lead.deleted_at}, ${row.at})`,
      deleted_by: sql`coalesce(${lead.deleted_by}, ${row.actor_id})`,
    };
    return [
      insertAuditIf(db, row, sql`exists (select 1 from ${lead} where ${is})`),
      db.update(lead).set(mark).where(is),
      ...clearLead(db, company_id, id, sql`erased_at = ${row.at}`),
    ];
  });
  const [first, ...rest] = statements;
  if (!first) return [];
  const results = await db.batch([first, ...rest]);
  return ids.filter((_, n) => (results[n * 4 + 1]?.meta.changes ?? 0) > 0);
}

type Owned = { company_id: string; id: string };

const own = ({ company_id, id }: Owned) => and(eq(conversation.id, id), eq(conversation.company_id, company_id));

/** Whether the conversation is there, and neither it nor its visitor is held. Reads two rows. */
export async function mayGo(db: Database, owned: Owned): Promise<boolean> {
  const row = await db
    .select({ id: conversation.id })
    .from(conversation)
    .where(and(own(owned), unheld))
    .get();
  return row !== undefined;
}

/**
 * Closes a conversation that has expired, so that no restore finds it. False when there is no such one. A repeat changes
 * nothing.
 */
export async function closeConversation(db: Database, owned: Owned, expiry: Expiry, now: number): Promise<boolean> {
  const { erased_at, deleted_at, deleted_by, activity_at } = conversation;
  const due = expiry.of === "deleted" ? lt(deleted_at, expiry.before) : lt(activity_at, expiry.before);
  const closed = await db
    .update(conversation)
    .set({
      erased_at: sql`coalesce(${erased_at}, ${now})`,
      deleted_at: sql`coalesce(${deleted_at}, ${now})`,
      deleted_by: "retention",
      title: "",
      metadata: {},
    })
    .where(and(own(owned), or(eq(deleted_by, "retention"), due), unheld))
    .returning({ id: conversation.id });
  return closed.length > 0;
}

/** Messages that one statement removes. */
const AT_ONCE = 500;

/** Removes a closed conversation: its messages some at a time, and last of all itself together with the audit row. */
export async function removeConversation(db: Database, owned: Owned, audit: AuditRow): Promise<void> {
  const mine = and(eq(message.conversation_id, owned.id), eq(message.company_id, owned.company_id));
  const some = db.select({ id: message.id }).from(message).where(mine).limit(AT_ONCE);
  for (;;) {
    const [, gone] = await db.batch([
      overwriteMessages(db, inArray(message.id, some)),
      db.delete(message).where(inArray(message.id, some)).returning({ id: message.id }),
    ]);
    if (gone.length < AT_ONCE) break;
  }
  await auditedDelete(db, conversation, own(owned), audit);
}
