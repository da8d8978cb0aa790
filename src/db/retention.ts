/** What retention finds and takes away in D1, of all companies of one database; the conversation's object orders it. */
import { and, asc, eq, inArray, isNotNull, isNull, lt, sql, type SQL } from "drizzle-orm";
import type { AuditRow } from "../chat/audit.ts";
import { auditedDelete } from "./audited.ts";
import type { Database } from "./database.ts";
import { conversation, message } from "./schema.ts";

/** Where a walk through what has expired stands: oldest deletion first. */
export type Place = { deleted_at: number | null; id: string };

const beyond = (table: typeof conversation | typeof message, after: Place | null): SQL | undefined =>
  after ? sql`(${table.deleted_at}, ${table.id}) > (${after.deleted_at}, ${after.id})` : undefined;

/** Conversations that have been deleted since before `before` (ms), from behind `after`. */
export const expiredConversations = (db: Database, before: number, after: Place | null, limit: number) =>
  db
    .select({ id: conversation.id, company_id: conversation.company_id, deleted_at: conversation.deleted_at })
    .from(conversation)
    .where(and(isNotNull(conversation.deleted_at), lt(conversation.deleted_at, before), beyond(conversation, after)))
    .orderBy(asc(conversation.deleted_at), asc(conversation.id))
    .limit(limit);

/** Messages that have been deleted, each or in bulk, since before `before` (ms) and still say something. */
export const expiredMessages = (db: Database, before: number, after: Place | null, limit: number) =>
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
        isNotNull(message.deleted_at),
        isNull(message.purged_at),
        lt(message.deleted_at, before),
        beyond(message, after),
      ),
    )
    .orderBy(asc(message.deleted_at), asc(message.id))
    .limit(limit);

type Owned = { company_id: string; id: string };

const own = ({ company_id, id }: Owned) => and(eq(conversation.id, id), eq(conversation.company_id, company_id));

/**
 * Closes a conversation that has been deleted since before `before` (ms), so that no restore finds it. False when there is
 * no such one. A repeat changes nothing.
 */
export async function closeConversation(db: Database, owned: Owned, before: number, now: number): Promise<boolean> {
  const closed = await db
    .update(conversation)
    .set({ erased_at: sql`coalesce(${conversation.erased_at}, ${now})`, title: "", metadata: {} })
    .where(and(own(owned), lt(conversation.deleted_at, before)))
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
    const gone = await db.delete(message).where(inArray(message.id, some)).returning({ id: message.id });
    if (gone.length < AT_ONCE) break;
  }
  await auditedDelete(db, conversation, own(owned), audit);
}
