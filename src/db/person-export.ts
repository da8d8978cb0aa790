/**
 * Everything that is shown of one person, some rows at a time, by keys that never change. What is deleted is counted and not
 * read: from the acknowledged delete on its text is in no export.
 */
import { and, asc, count, desc, eq, gt, inArray, isNull, sql } from "drizzle-orm";
import type { Entity } from "../auth/principal.ts";
import type { ConversationRow } from "./conversation.ts";
import type { Database } from "./database.ts";
import type { MessageRow } from "./message.ts";
import { audit_event, conversation, message } from "./schema.ts";

/** Conversations, and messages of them, that are read at once. */
const CONVERSATIONS = 50;
const MESSAGES = 200;

type Person = Entity & { company_id: string };

/** Ids of the live conversations in which something was said last. */
export async function latestConversations(db: Database, person: Person, limit: number): Promise<string[]> {
  const { company_id, entity_type, entity_id } = person;
  const one = (status: "active" | "archived") =>
    db
      .select({ id: conversation.id })
      .from(conversation)
      .where(
        and(
          eq(conversation.company_id, company_id),
          eq(conversation.entity_type, entity_type),
          eq(conversation.entity_id, entity_id),
          isNull(conversation.deleted_at),
          eq(conversation.status, status),
        ),
      )
      .orderBy(desc(conversation.activity_at))
      .limit(limit);
  const found = await db.batch([one("active"), one("archived")]);
  return found.flat().map((row) => row.id);
}

/** Conversations in pages, deleted ones too, of which only that they are there matters. */
export async function* conversationsOf(db: Database, person: Person): AsyncGenerator<ConversationRow[]> {
  const { company_id, entity_type, entity_id } = person;
  const theirs = and(
    eq(conversation.company_id, company_id),
    eq(conversation.entity_type, entity_type),
    eq(conversation.entity_id, entity_id),
  );
  for (let after = ""; ;) {
    const rows = await db
      .select()
      .from(conversation)
      .where(and(theirs, gt(conversation.id, after)))
      .orderBy(asc(conversation.id))
      .limit(CONVERSATIONS);
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (!last || rows.length < CONVERSATIONS) return;
    after = last.id;
  }
}

/** Live messages of those of these conversations that live when a page is read, in pages. */
export async function* messagesOf(db: Database, company_id: string, ids: string[]): AsyncGenerator<MessageRow[]> {
  const live = sql`SELECT id FROM ${conversation} WHERE id IN (SELECT value FROM json_each(${JSON.stringify(ids)}))
    AND company_id = ${company_id} AND deleted_at IS NULL`;
  const among = sql`${message.conversation_id} IN (${live})`;
  for (let last: MessageRow | undefined; ;) {
    const beyond = last
      ? sql`(${message.conversation_id}, ${message.sequence}) > (${last.conversation_id}, ${last.sequence})`
      : undefined;
    const rows = await db
      .select()
      .from(message)
      .where(and(eq(message.company_id, company_id), among, isNull(message.deleted_at), beyond))
      .orderBy(asc(message.conversation_id), asc(message.sequence))
      .limit(MESSAGES);
    if (rows.length > 0) yield rows;
    if (rows.length < MESSAGES) return;
    last = rows.at(-1);
  }
}

/** How many messages of these conversations are deleted and can still be restored. */
export async function deletedMessagesOf(db: Database, ids: string[]): Promise<number> {
  const where = sql`conversation_id IN (SELECT value FROM json_each(${JSON.stringify(ids)}))
    AND deleted_at IS NOT NULL AND purged_at IS NULL`;
  return (await db.select({ n: count() }).from(message).where(where).get())?.n ?? 0;
}

/** What leaves a note in a conversation. Notes are in the conversations' objects alone. */
const NOTING = ["conversation.note", "conversation.hand_over"];

/** Which of these conversations have notes, as their audit rows say. Reads the rows about these conversations. */
export async function notedConversations(db: Database, company_id: string, ids: string[]): Promise<string[]> {
  const { target_id, action } = audit_event;
  const among = sql`${target_id} IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`;
  const rows = await db
    .selectDistinct({ id: target_id })
    .from(audit_event)
    .where(and(eq(audit_event.company_id, company_id), among, inArray(action, NOTING)));
  return rows.map((row) => row.id);
}
