/**
 * The history of one conversation. Sequences have no gaps, so the start of a page is arithmetic plus the number of deleted
 * messages before it, which an index counts. A page costs the same wherever it is and however long the history.
 */
import { and, asc, count, desc, eq, gt, isNull, lt, lte, type SQL, sql } from "drizzle-orm";
import type { Role } from "../chat/message.ts";
import type { Rows, Slice } from "./page.ts";
import type { Database } from "./database.ts";
import type { MessageRow } from "./message.ts";
import { conversation, message } from "./schema.ts";

export type MessageFilter = { order: "asc" | "desc"; role?: Role; after_sequence?: number; before_sequence?: number };

/** What decides whether the caller may see the history. */
type Owner = Pick<
  typeof conversation.$inferSelect,
  "company_id" | "entity_type" | "entity_id" | "deleted_at" | "message_count"
>;

export type History = Rows<MessageRow> & { owner: Owner | null };

/** A page of the live messages of a conversation by sequence, and its owner, in one round trip. */
export async function readHistory(
  db: Database,
  company_id: string,
  conversation_id: string,
  filter: MessageFilter,
  slice: Slice,
): Promise<History> {
  const { order, role, after_sequence, before_sequence } = filter;
  const range = rangeOf(conversation_id, filter);
  const where = and(
    eq(message.conversation_id, conversation_id),
    eq(message.company_id, company_id),
    isNull(message.deleted_at),
    role === undefined ? undefined : eq(message.role, role),
    after_sequence === undefined ? undefined : gt(message.sequence, after_sequence),
    before_sequence === undefined ? undefined : lt(message.sequence, before_sequence),
  );
  // Messages of one role have gaps in their sequences, so an offset is needed.
  const offset = role === undefined ? 0 : slice.offset;
  const start = role === undefined ? startOf(range, filter, slice) : afterCursor(filter, slice);
  const [owners, rows, totals] = await db.batch([
    db
      .select({
        company_id: conversation.company_id,
        entity_type: conversation.entity_type,
        entity_id: conversation.entity_id,
        deleted_at: conversation.deleted_at,
        message_count: conversation.message_count,
      })
      .from(conversation)
      .where(and(eq(conversation.id, conversation_id), eq(conversation.company_id, company_id))),
    db
      .select()
      .from(message)
      .where(and(where, start))
      .orderBy(order === "asc" ? asc(message.sequence) : desc(message.sequence))
      .limit(slice.limit)
      .offset(offset),
    ...totalOf(db, filter, range, where),
  ]);
  const [owner = null] = owners;
  return { rows, total: totals?.[0]?.total ?? owner?.message_count ?? 0, owner };
}

/** The query that counts the list. None for the whole history: the conversation has its message_count. */
function totalOf(db: Database, filter: MessageFilter, range: Range, where: SQL | undefined) {
  if (filter.role !== undefined) return [db.select({ total: count() }).from(message).where(where)];
  const whole = filter.after_sequence === undefined && filter.before_sequence === undefined;
  return whole ? [] : [db.select({ total: range.live }).from(sql`(SELECT 1)`)];
}

/** Sequences from `low` (exclusive) to `high` (inclusive); `live` is the number of live messages among them. */
type Range = { conversation_id: string; low: number; high: SQL; live: SQL<number> };

function rangeOf(conversation_id: string, { after_sequence, before_sequence }: MessageFilter): Range {
  const low = after_sequence ?? 0;
  const last = sql`(SELECT max(sequence) FROM message WHERE conversation_id = ${conversation_id})`;
  const high = before_sequence === undefined ? last : sql`min(${before_sequence - 1}, ${last})`;
  const live = sql<number>`max(0, coalesce(${high}, 0) - ${low} - ${deletedCount(conversation_id, sql`${low}`, high)})`;
  return { conversation_id, low, high, live };
}

/** The number of deleted messages after `from` and up to `to`. */
const deletedCount = (conversation_id: string, from: SQL, to: SQL): SQL =>
  sql`(SELECT count(*) FROM message WHERE conversation_id = ${conversation_id} AND deleted_at IS NOT NULL
       AND sequence > ${from} AND sequence <= ${to})`;

/** The condition for rows after the cursor. */
function afterCursor({ order }: MessageFilter, { after }: Slice): SQL | undefined {
  if (!after) return undefined;
  return (order === "asc" ? gt : lt)(message.sequence, Number(after[0]));
}

/** The condition that starts the page: after the cursor, or at the live message number `offset`. */
function startOf(range: Range, filter: MessageFilter, slice: Slice): SQL | undefined {
  if (slice.offset === 0) return afterCursor(filter, slice);
  const { conversation_id, low, high } = range;
  const live = sql`SELECT sequence FROM message WHERE conversation_id = ${conversation_id} AND deleted_at IS NULL`;
  if (filter.order === "asc") {
    const place = sql`${low + slice.offset}`;
    const skipped = deletedCount(conversation_id, sql`${low}`, place);
    return sql`${message.sequence} >= (${live} AND sequence > ${place} ORDER BY sequence LIMIT 1 OFFSET ${skipped})`;
  }
  const place = sql`${high} - ${slice.offset}`;
  const skipped = deletedCount(conversation_id, place, high);
  return lte(
    message.sequence,
    sql`(${live} AND sequence <= ${place} ORDER BY sequence DESC LIMIT 1 OFFSET ${skipped})`,
  );
}
