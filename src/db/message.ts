/** Reads messages from D1. Only record.ts writes them. */
import { and, count, eq, isNotNull, isNull, sql } from "drizzle-orm";
import type { Rows, Slice } from "./page.ts";
import type { Database } from "./database.ts";
import { deletedSlice } from "./deleted-slice.ts";
import { conversation, message } from "./schema.ts";
import { refsOf, totalQuery } from "./tally.ts";

export type MessageRow = typeof message.$inferSelect;

/** A message and the owner of its conversation; null when it is unknown or purged, or the conversation is deleted. */
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

/** Deleted messages of the company, or of one conversation, that can be restored, newest deletion first. */
export async function listDeletedMessages(
  db: Database,
  company_id: string,
  conversation_id: string | undefined,
  slice: Slice,
): Promise<Rows<MessageRow>> {
  const { deleted_at, purged_at } = message;
  const whose =
    conversation_id === undefined
      ? eq(message.company_id, company_id)
      : // The plus keeps SQLite from starting on the company's index.
        and(eq(message.conversation_id, conversation_id), sql`+${message.company_id} = ${company_id}`);
  const where = and(whose, isNotNull(deleted_at), isNull(purged_at));
  const page = deletedSlice(db, message, where, slice);
  const [rows, totals] = await db.batch([
    db
      .select()
      .from(message)
      .where(page.where)
      .orderBy(...page.order)
      .limit(slice.limit),
    conversation_id === undefined
      ? totalQuery(db, company_id, "message", refsOf("message"), ["deleted"])
      : db.select({ total: count() }).from(message).where(where),
  ]);
  return { rows, total: totals[0]?.total ?? 0 };
}
