/** Messages as D1 knows them, for reading; they are written through record.ts alone. */
import { and, asc, desc, eq, gt, inArray, isNotNull, isNull, lt, sql } from "drizzle-orm";
import type { Message, Role } from "../chat/message.ts";
import type { Rows, Slice } from "../http/pagination.ts";
import type { Database } from "./database.ts";
import { conversation, message } from "./schema.ts";
import { readTally } from "./tally.ts";

export type MessageRow = typeof message.$inferSelect;

/** One message of the company and whose conversation it is in; null when it is unknown or purged, or that is deleted. */
export async function findMessage(db: Database, company_id: string, id: string) {
  const row = await db
    .select({ message, entity_type: conversation.entity_type, entity_id: conversation.entity_id })
    .from(message)
    .innerJoin(conversation, eq(conversation.id, message.conversation_id))
    .where(
      and(
        eq(message.id, id),
        eq(message.company_id, company_id),
        isNull(message.purged_at),
        isNull(conversation.deleted_at),
      ),
    )
    .get();
  return row ?? null;
}

/** Every message of a conversation in order; only for an object that takes a conversation over. */
export const allMessages = (db: Database, company_id: string, conversation_id: string): Promise<Message[]> =>
  db
    .select()
    .from(message)
    .where(and(eq(message.conversation_id, conversation_id), eq(message.company_id, company_id)))
    .orderBy(asc(message.sequence));

export type MessageFilter = { order: "asc" | "desc"; role?: Role; after_sequence?: number; before_sequence?: number };

/** Live messages of one conversation by sequence; `live` is its message_count. */
export async function listMessages(
  db: Database,
  company_id: string,
  conversation_id: string,
  live: number,
  filter: MessageFilter,
  { after, offset, limit }: Slice,
): Promise<Rows<MessageRow>> {
  const { order, role, after_sequence, before_sequence } = filter;
  const where = and(
    eq(message.conversation_id, conversation_id),
    eq(message.company_id, company_id),
    isNull(message.deleted_at),
    role === undefined ? undefined : eq(message.role, role),
    after_sequence === undefined ? undefined : gt(message.sequence, after_sequence),
    before_sequence === undefined ? undefined : lt(message.sequence, before_sequence),
  );
  const [last] = after ?? [];
  const beyond = after && (order === "asc" ? gt(message.sequence, Number(last)) : lt(message.sequence, Number(last)));
  const narrowed = role !== undefined || after_sequence !== undefined || before_sequence !== undefined;
  const [rows, total] = await Promise.all([
    db
      .select()
      .from(message)
      .where(and(where, beyond ?? undefined))
      .orderBy(order === "asc" ? asc(message.sequence) : desc(message.sequence))
      .limit(limit)
      .offset(offset),
    narrowed ? db.$count(message, where) : live,
  ]);
  return { rows, total };
}

/** Deleted messages of the company that a restore can bring back, newest deletion first. */
export async function listDeletedMessages(
  db: Database,
  company_id: string,
  { after, offset, limit }: Slice,
): Promise<Rows<MessageRow>> {
  const [at, id] = after ?? [];
  const where = and(
    eq(message.company_id, company_id),
    isNotNull(message.deleted_at),
    isNull(message.purged_at),
    after ? sql`(${message.deleted_at}, ${message.id}) < (${at}, ${id})` : undefined,
  );
  const order = [desc(message.deleted_at), desc(message.id)];
  const page = db
    .select({ id: message.id })
    .from(message)
    .where(where)
    .orderBy(...order)
    .limit(limit)
    .offset(offset);
  const [rows, tally] = await Promise.all([
    db
      .select()
      .from(message)
      .where(inArray(message.id, page))
      .orderBy(...order),
    readTally(db, company_id, "message"),
  ]);
  return { rows, total: tally.deleted };
}
