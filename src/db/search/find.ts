/**
 * Finds messages. The index says where to look and the books say what is there: what was deleted, or says something else by
 * now, is not shown, however far behind the index is. A page reads as many rows of each as it may show.
 */
import { and, eq, isNull, sql } from "drizzle-orm";
import type { Role } from "../../chat/message.ts";
import { type Database, openDatabase } from "../database.ts";
import type { MessageRow } from "../message.ts";
import { conversation, message } from "../schema.ts";
import { matchOf, type Range, rangesOf, type Term, termsOf } from "./words.ts";
import { idAt, tagOf } from "./write.ts";

export type SearchFilter = {
  q: string;
  agent_id?: string | undefined;
  conversation_id?: string | undefined;
  entity_type?: "user" | "lead" | undefined;
  entity_id?: string | undefined;
  role?: Role | undefined;
  /** Milliseconds, neither included. */
  created_after?: number | undefined;
  created_before?: number | undefined;
};

type Owner = Pick<typeof conversation.$inferSelect, "id" | "title" | "entity_type" | "entity_id">;
export type Hit = { message: MessageRow; conversation: Owner; ranges: Range[] };
type Place = { id: number; conversation_id: string; sequence: number };

/** Newest first, from behind `after`. `next` is where to go on, or null at the end; a page may be short and not the last. */
export async function findMessages(
  d1: D1Database,
  search: D1Database,
  company_id: string,
  filter: SearchFilter,
  after: number | null,
  limit: number,
): Promise<{ hits: Hit[]; next: number | null }> {
  const terms = termsOf(filter.q);
  if (terms.length === 0) return { hits: [], next: null };
  const places = await placesOf(search, company_id, filter, terms, after, limit);
  const rows = await readRows(openDatabase(d1), company_id, places);
  const hits = places.flatMap((place) => {
    const row = rows.get(`${place.conversation_id} ${place.sequence}`);
    const ranges = row && isWanted(row, filter) ? rangesOf(row.message.content, terms) : null;
    return row && ranges ? [{ ...row, ranges }] : [];
  });
  return { hits, next: places.length === limit ? (places.at(-1)?.id ?? null) : null };
}

async function placesOf(
  search: D1Database,
  company_id: string,
  filter: SearchFilter,
  terms: Term[],
  after: number | null,
  limit: number,
): Promise<Place[]> {
  const { agent_id, conversation_id, entity_type, entity_id, role, created_after, created_before } = filter;
  const tags = [
    tagOf("company", company_id),
    ...(agent_id === undefined ? [] : [tagOf("agent", agent_id)]),
    ...(conversation_id === undefined ? [] : [tagOf("conversation", conversation_id)]),
    ...(entity_type === undefined ? [] : [tagOf("type", entity_type)]),
    ...(entity_id === undefined ? [] : [tagOf("entity", entity_id)]),
    ...(role === undefined ? [] : [tagOf("role", role)]),
  ];
  const match = [...tags.map((tag) => `tags : "${tag}"`), ...terms.map((term) => `words : ${matchOf(term)}`)];
  const from = created_after === undefined ? 0 : idAt(created_after + 1);
  const before = created_before === undefined ? Number.MAX_SAFE_INTEGER : idAt(created_before);
  const { results } = await search
    .prepare(
      `SELECT m.id, m.conversation_id, m.sequence FROM message_words CROSS JOIN message AS m ON m.id = message_words.rowid
       WHERE message_words MATCH ? AND message_words.rowid >= ? AND message_words.rowid < ?
       ORDER BY message_words.rowid DESC LIMIT ?`,
    )
    .bind(match.join(" AND "), from, Math.min(before, after ?? before), limit)
    .all<Place>();
  return results;
}

const keysOf = (places: readonly Omit<Place, "id">[]) =>
  JSON.stringify(places.map(({ conversation_id, sequence }) => [conversation_id, sequence]));

/** The messages in these places that live, in conversations that live, each by its place. */
async function readRows(db: Database, company_id: string, places: Place[]) {
  if (places.length === 0) return new Map<string, Omit<Hit, "ranges">>();
  const { id, title, entity_type, entity_id } = conversation;
  const rows = await db
    .select({ message, conversation: { id, title, entity_type, entity_id } })
    .from(message)
    .innerJoin(conversation, eq(id, message.conversation_id))
    .where(
      and(
        sql`(${message.conversation_id}, ${message.sequence}) IN (SELECT value ->> 0, value ->> 1 FROM json_each(${keysOf(places)}))`,
        eq(message.company_id, company_id),
        eq(conversation.company_id, company_id),
        isNull(message.deleted_at),
        isNull(message.purged_at),
        isNull(conversation.deleted_at),
        isNull(conversation.erased_at),
      ),
    );
  return new Map(rows.map((row) => [`${row.message.conversation_id} ${row.message.sequence}`, row]));
}

/** The filters once more: the books may be ahead of the index. */
const isWanted = ({ message: row, conversation: owner }: Omit<Hit, "ranges">, filter: SearchFilter): boolean =>
  (filter.agent_id ?? row.agent_id) === row.agent_id &&
  (filter.conversation_id ?? row.conversation_id) === row.conversation_id &&
  (filter.entity_type ?? owner.entity_type) === owner.entity_type &&
  (filter.entity_id ?? owner.entity_id) === owner.entity_id &&
  (filter.role ?? row.role) === row.role &&
  (filter.created_after === undefined || row.created_at > filter.created_after) &&
  (filter.created_before === undefined || row.created_at < filter.created_before);

/** The newest replies of a company by which its lag is measured. */
const LOOKED_AT = 50;

/** How long ago, in seconds, the oldest of the company's newest replies was written that cannot be found yet; 0 when all can. */
export async function lagOf(d1: D1Database, search: D1Database, company_id: string, now: number): Promise<number> {
  const newest = await openDatabase(d1)
    .select({
      conversation_id: message.conversation_id,
      sequence: message.sequence,
      created_at: message.created_at,
      says: sql<number>`${message.content} <> '' AND ${message.deleted_at} IS NULL AND ${conversation.deleted_at} IS NULL`,
    })
    .from(message)
    .innerJoin(conversation, eq(conversation.id, message.conversation_id))
    .where(and(eq(message.company_id, company_id), eq(message.role, "assistant")))
    .orderBy(sql`${message.created_at} DESC`)
    .limit(LOOKED_AT);
  const expected = newest.filter(({ says }) => says);
  if (expected.length === 0) return 0;
  const { results } = await search
    .prepare(
      `SELECT conversation_id || ' ' || sequence AS place FROM message
       WHERE (conversation_id, sequence) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))`,
    )
    .bind(keysOf(expected))
    .all<{ place: string }>();
  const known = new Set(results.map(({ place }) => place));
  const missing = expected.filter((row) => !known.has(`${row.conversation_id} ${row.sequence}`));
  const oldest = missing.at(-1)?.created_at;
  return oldest === undefined ? 0 : Math.max(0, now - oldest) / 1000;
}
