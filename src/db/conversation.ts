/** Conversations as D1 knows them. Rows are born here; afterwards only the conversation's own object changes them. */
import { and, desc, eq, isNotNull, isNull, lt, or, sql, type SQL } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import type { Entity } from "../auth/principal.ts";
import type { Rows, Slice } from "../http/pagination.ts";
import type { Database } from "./database.ts";
import { type ImportedMessage, insertImported } from "./imported-message.ts";
import { conversation, type JsonObject } from "./schema.ts";
import { readTally, type TallyKind } from "./tally.ts";

export type ConversationRow = typeof conversation.$inferSelect;

export type NewConversation = Entity & {
  company_id: string;
  agent_id: string;
  title: string;
  metadata: JsonObject;
  max_context_length: number;
  /** Idempotency-Key of the request, and the hash of its body. */
  creation_key: string | null;
  creation_hash: string | null;
};

/**
 * Makes a conversation, or finds the one that the same entity made with the same creation_key (`created: false`; the
 * caller compares creation_hash). One batch, backed by a unique index: two requests at once make one row.
 */
export async function createConversation(
  db: Database,
  input: NewConversation,
  now: number,
  history: ImportedMessage[] = [],
): Promise<{ row: ConversationRow; created: boolean }> {
  const values = { ...input, id: uuidv7(), activity_at: now, created_at: now, updated_at: now };
  const said = history.length === 0 ? {} : { message_count: history.length, last_message_at: now };
  const insertion = db.insert(conversation).values({ ...values, ...said }).onConflictDoNothing().returning();
  const imports = history.length === 0 ? [] : [insertImported(db, values, history)];
  const [[inserted]] = await db.batch([insertion, ...imports]);
  if (inserted) return { row: inserted, created: true };
  const row = await db
    .select()
    .from(conversation)
    .where(
      and(
        eq(conversation.company_id, input.company_id),
        eq(conversation.entity_type, input.entity_type),
        eq(conversation.entity_id, input.entity_id),
        eq(conversation.creation_key, input.creation_key ?? ""),
        isNotNull(conversation.creation_key),
      ),
    )
    .get();
  if (!row) throw new Error("conversation was neither inserted nor found");
  return { row, created: false };
}

/** One conversation of the company, deleted or not. */
export const findConversation = (db: Database, company_id: string, id: string): Promise<ConversationRow | undefined> =>
  db
    .select()
    .from(conversation)
    .where(and(eq(conversation.id, id), eq(conversation.company_id, company_id)))
    .get();

export type ConversationFilter = {
  status: "active" | "archived" | "all";
  agent_id?: string;
  entity_type?: "user" | "lead";
  entity_id?: string;
  /** Part of the title, any case. */
  search?: string;
  created_after?: number;
  created_before?: number;
  /** Top-level members of metadata that must equal these, compared as text. */
  metadata: [key: string, value: string][];
};

/** Live conversations, newest activity first. */
export async function listConversations(
  db: Database,
  company_id: string,
  filter: ConversationFilter,
  slice: Slice,
): Promise<Rows<ConversationRow>> {
  const where = and(eq(conversation.company_id, company_id), isNull(conversation.deleted_at), ...conditions(filter));
  const [rows, total] = await Promise.all([
    readPage(db, where, conversation.activity_at, slice),
    totalOf(db, company_id, filter, where),
  ]);
  return { rows, total };
}

/** Soft-deleted conversations of the company that a restore can bring back, newest deletion first. */
export async function listDeletedConversations(db: Database, company_id: string, slice: Slice) {
  const deleted = and(isNotNull(conversation.deleted_at), isNull(conversation.erased_at));
  const where = and(eq(conversation.company_id, company_id), deleted);
  const [rows, tally] = await Promise.all([
    readPage(db, where, conversation.deleted_at, slice),
    readTally(db, company_id, "company"),
  ]);
  return { rows, total: tally.deleted };
}

/** A page by keyset, or by offset over the index alone before any row is read. */
function readPage(
  db: Database,
  where: SQL | undefined,
  time: typeof conversation.activity_at | typeof conversation.deleted_at,
  { after, offset, limit }: Slice,
): Promise<ConversationRow[]> {
  const order = [desc(time), desc(conversation.id)];
  if (offset === 0) {
    const [at, id] = after ?? [];
    const beyond = after ? sql`(${time}, ${conversation.id}) < (${at}, ${id})` : undefined;
    return db.select().from(conversation).where(and(where, beyond)).orderBy(...order).limit(limit);
  }
  const ids = db.select({ id: conversation.id }).from(conversation).where(where).orderBy(...order).limit(limit).offset(offset);
  return db.select().from(conversation).where(sql`${conversation.id} IN ${ids}`).orderBy(...order);
}

function conditions(filter: ConversationFilter): (SQL | undefined)[] {
  return [
    filter.status === "all" ? undefined : eq(conversation.status, filter.status),
    filter.agent_id === undefined ? undefined : eq(conversation.agent_id, filter.agent_id),
    filter.entity_type === undefined ? undefined : eq(conversation.entity_type, filter.entity_type),
    filter.entity_id === undefined ? undefined : eq(conversation.entity_id, filter.entity_id),
    filter.search === undefined ? undefined : sql`instr(lower(${conversation.title}), lower(${filter.search})) > 0`,
    filter.created_after === undefined ? undefined : sql`${conversation.created_at} > ${filter.created_after}`,
    filter.created_before === undefined ? undefined : lt(conversation.created_at, filter.created_before),
    ...filter.metadata.map(([key, value]) => metadataEquals(key, value)),
  ];
}

/** A member of metadata equals a text: as a string, or as the JSON scalar that the text spells. */
function metadataEquals(key: string, value: string): SQL {
  const members = sql`json_each(${conversation.metadata})`;
  const same = or(sql`m.atom = ${value}`, sql`m.type <> 'text' AND m.value IS NOT NULL AND CAST(m.atom AS TEXT) = ${value}`, booleanEquals(value));
  return sql`EXISTS (SELECT 1 FROM ${members} AS m WHERE m.key = ${key} AND (${same}))`;
}

const booleanEquals = (value: string): SQL | undefined =>
  value === "true" || value === "false" || value === "null" ? sql`m.type = ${value}` : undefined;

/** From a counter where one fits the filter; else the rows that match are counted. */
async function totalOf(db: Database, company_id: string, filter: ConversationFilter, where: SQL | undefined): Promise<number> {
  const counter = counterFor(filter);
  if (!counter) return db.$count(conversation, where);
  const tally = await readTally(db, company_id, counter.kind, counter.ref);
  return filter.status === "all" ? tally.active + tally.archived : tally[filter.status];
}

/** Pure: which counter counts exactly the rows of a filter, if one does. */
export function counterFor(filter: ConversationFilter): { kind: TallyKind; ref: string } | null {
  const { agent_id, entity_type, entity_id, search, created_after, created_before, metadata } = filter;
  const narrowed = search !== undefined || created_after !== undefined || created_before !== undefined || metadata.length > 0;
  if (narrowed) return null;
  if (entity_id !== undefined && entity_type !== undefined) {
    return agent_id === undefined ? { kind: "entity", ref: `${entity_type}:${entity_id}` } : null;
  }
  if (entity_type !== undefined) return null;
  return agent_id === undefined ? { kind: "company", ref: "" } : { kind: "agent", ref: agent_id };
}
