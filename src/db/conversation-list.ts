/**
 * Lists of conversations. Each merges a few ranges of one index, all in the order of the list, so that SQLite sorts nothing
 * and a page costs the same however many conversations there are. A page by number reads the index alone up to its start.
 */
import { and, type Column, count, desc, eq, gt, inArray, isNotNull, isNull, lte, type SQL, sql } from "drizzle-orm";
import { unionAll } from "drizzle-orm/sqlite-core";
import type { EntityType } from "../auth/principal.ts";
import type { Rows, Slice } from "./page.ts";
import type { ConversationRow } from "./conversation.ts";
import type { Database } from "./database.ts";
import { contains } from "./folded.ts";
import { deletedSlice } from "./deleted-slice.ts";
import { conversation } from "./schema.ts";
import { refsOf, type TallyKind, totalQuery } from "./tally.ts";
import { unreadHourOf } from "./unread-hour.ts";

export type ConversationFilter = {
  status: "active" | "archived" | "all";
  agent_id?: string;
  entity_type?: EntityType;
  /** Only together with entity_type. */
  entity_id?: string;
  handled_by?: "agent" | "staff";
  /** For a person. */
  waiting?: boolean;
  /** By staff. */
  unread?: true;
  /** Part of the title, any case. */
  search?: string;
  created_after?: number;
  created_before?: number;
  /** Top-level members of metadata that must equal these, compared as text. */
  metadata: [key: string, value: string][];
};

const { activity_at, id, unread_hour } = conversation;
const newest = [desc(activity_at), desc(id)];

/** Behind each company, kind of owner and status its index has hours: SQLite sorts the rows of one hour after another. */
const orderOf = (filter: ConversationFilter) => (goesByHour(filter) ? [desc(unread_hour), ...newest] : newest);
const goesByHour = (filter: ConversationFilter) => filter.unread === true && !isRare(filter);

/** Live conversations, newest activity first. */
export async function listConversations(
  db: Database,
  company_id: string,
  filter: ConversationFilter,
  slice: Slice,
): Promise<Rows<ConversationRow>> {
  const ranges = rangesOf(company_id, filter);
  const [rows, totals] = await db.batch([pageQuery(db, ranges, filter, slice), totalOf(db, company_id, filter)]);
  return { rows: rows as ConversationRow[], total: totals[0]?.total ?? 0 };
}

/** One range for each kind of owner and each status in the list: within a range the index has the order of the list. */
function rangesOf(company_id: string, filter: ConversationFilter): SQL[] {
  const types = filter.entity_type === undefined ? (["user", "lead"] as const) : [filter.entity_type];
  const states = filter.status === "all" ? (["active", "archived"] as const) : [filter.status];
  return types.flatMap((type) =>
    states.map(
      (status) =>
        and(
          live(company_id),
          eq(conversation.entity_type, type),
          eq(conversation.status, status),
          // activity_at >= created_at, so the scan may end here. The plus keeps SQLite from starting on another index.
          filter.created_after === undefined ? undefined : gt(activity_at, filter.created_after),
          ...filterConditions(filter, sql`+${conversation.created_at}`),
        ) as SQL,
    ),
  );
}

/** States that are rare have an index of their own, which SQLite knows by these very words. */
const isRare = ({ handled_by, waiting }: ConversationFilter) => handled_by === "staff" || waiting === true;
const HANDLED = {
  agent: sql`${conversation.handled_by} = 'agent'`,
  staff: sql`${conversation.handled_by} = 'staff'`,
};

const live = (company_id: string) => and(eq(conversation.company_id, company_id), isNull(conversation.deleted_at));

const rangeQuery = (db: Pick<Database, "select">, range: SQL | undefined) =>
  db.select().from(conversation).where(range);

function pageQuery(db: Database, ranges: SQL[], filter: ConversationFilter, { after, offset, limit }: Slice) {
  const order = orderOf(filter);
  const byHour = goesByHour(filter);
  // The plus keeps SQLite on the index of hours.
  const key = byHour ? sql`(+${activity_at}, ${id})` : sql`(${activity_at}, ${id})`;
  if (offset === 0) {
    const beyond = after ? sql`${key} < (${after[0]}, ${after[1]})` : undefined;
    const from = after && byHour ? lte(unread_hour, unreadHourOf(Number(after[0]))) : undefined;
    return merge(
      ranges.map((range) => rangeQuery(db, and(range, from, beyond))),
      order,
    ).limit(limit);
  }
  const place = db.$with("place").as(keyAt(db, ranges, order, offset));
  const beyond = sql`${key} <= (SELECT activity_at, id FROM place)`;
  const from = byHour ? sql`${unread_hour} <= (SELECT unread_hour FROM place)` : undefined;
  const [first, ...rest] = ranges.map((range) => and(range, from, beyond));
  const head = db.with(place).select().from(conversation).where(first);
  return merge([head, ...rest.map((range) => rangeQuery(db, range))], order).limit(limit);
}

/** The union of the ranges, newest activity first. */
function merge([first, second, ...rest]: ReturnType<typeof rangeQuery>[], order: SQL[]) {
  if (!first) throw new Error("a list has at least one range");
  return (second ? unionAll(first, second, ...rest) : first).orderBy(...order);
}

/** The sort key of the row at `offset`. */
function keyAt(db: Database, ranges: SQL[], order: SQL[], offset: number) {
  const keys = ranges.map((range) => db.select({ activity_at, id, unread_hour }).from(conversation).where(range));
  const [first, second, ...rest] = keys;
  if (!first) throw new Error("a list has at least one range");
  return (second ? unionAll(first, second, ...rest) : first)
    .orderBy(...order)
    .limit(1)
    .offset(offset);
}

function filterConditions(filter: ConversationFilter, created_at: SQL | Column): (SQL | undefined)[] {
  const { agent_id, entity_id, handled_by, waiting, unread, search, created_after, created_before, metadata } = filter;
  // A plus keeps SQLite from starting on another index than that of the rarest state.
  const beside = (isRarer: boolean, column: Column) => (isRarer ? sql`+${column}` : sql`${column}`);
  const rare = isRare(filter);
  return [
    handled_by && HANDLED[handled_by],
    unread ? sql`${beside(rare, unread_hour)} IS NOT NULL` : undefined,
    waiting === undefined ? undefined : (waiting ? isNotNull : isNull)(conversation.waiting_since),
    agent_id === undefined ? undefined : sql`${beside(rare || unread === true, conversation.agent_id)} = ${agent_id}`,
    entity_id === undefined ? undefined : eq(conversation.entity_id, entity_id),
    search === undefined ? undefined : contains(conversation.title, conversation.title_folded, search),
    created_after === undefined ? undefined : sql`${created_at} > ${created_after}`,
    created_before === undefined ? undefined : sql`${created_at} < ${created_before}`,
    metadata.length === 0 ? undefined : metadataEquals(metadata),
  ];
}

/** Every pair is a member of metadata: its value is the string itself, or the JSON scalar that is written like it. */
const metadataEquals = (pairs: [string, string][]): SQL => sql`NOT EXISTS (
  SELECT 1 FROM json_each(${JSON.stringify(pairs)}) AS w WHERE NOT EXISTS (
    SELECT 1 FROM json_each(${conversation.metadata}) AS m
    WHERE m.key = w.value ->> 0 AND CASE
      WHEN m.type IN ('true', 'false', 'null') THEN m.type = w.value ->> 1
      WHEN m.type IN ('integer', 'real') THEN CAST(m.atom AS TEXT) = w.value ->> 1
      ELSE m.atom = w.value ->> 1
    END
  )
)`;

/**
 * Reads counters where they count exactly this filter, less what is counted of the rare states that it leaves out; otherwise
 * counts the matching rows, which reads all of them.
 */
function totalOf(db: Database, company_id: string, filter: ConversationFilter) {
  const { handled_by, waiting, ...rest } = filter;
  const counter = isRare(filter) ? null : counterFor(filter);
  const states = filter.status === "all" ? (["active", "archived"] as const) : [filter.status];
  if (!counter) return countOf(db, company_id, filter);
  // Whoever waits for a person is with the agent: nobody is left out twice.
  const left = [
    ...(handled_by === "agent" ? [countOf(db, company_id, { ...rest, handled_by: "staff" })] : []),
    ...(waiting === false ? [countOf(db, company_id, { ...rest, waiting: true })] : []),
  ];
  return totalQuery(db, company_id, counter.kind, counter.refs, states, left);
}

function countOf(db: Database, company_id: string, filter: ConversationFilter) {
  const types = filter.entity_type === undefined ? (["user", "lead"] as const) : [filter.entity_type];
  const states = filter.status === "all" ? (["active", "archived"] as const) : [filter.status];
  return db
    .select({ total: count() })
    .from(conversation)
    .where(
      and(
        live(company_id),
        inArray(conversation.entity_type, [...types]),
        inArray(conversation.status, [...states]),
        ...filterConditions(filter, conversation.created_at),
      ),
    );
}

/** The counters whose sum is the number of rows of a filter, or null where there are none. Pure. */
function counterFor(filter: ConversationFilter): { kind: TallyKind; refs: string[] } | null {
  const { agent_id, entity_type, entity_id, unread, search, created_after, created_before, metadata } = filter;
  const hasFurtherConditions =
    search !== undefined || created_after !== undefined || created_before !== undefined || metadata.length > 0;
  if (hasFurtherConditions) return null;
  if (unread) {
    const isCounted = agent_id === undefined && entity_id === undefined;
    return isCounted ? { kind: "unread", refs: refsOf("unread", "", entity_type) } : null;
  }
  if (entity_id !== undefined) {
    return agent_id === undefined ? { kind: "entity", refs: [`${entity_type}:${entity_id}`] } : null;
  }
  const kind = agent_id === undefined ? "company" : "agent";
  return { kind, refs: refsOf(kind, agent_id, entity_type) };
}

/** Deleted conversations of the company that can be restored, newest deletion first. */
export async function listDeletedConversations(
  db: Database,
  company_id: string,
  slice: Slice,
): Promise<Rows<ConversationRow>> {
  const { deleted_at, erased_at } = conversation;
  const where = and(eq(conversation.company_id, company_id), isNotNull(deleted_at), isNull(erased_at));
  const page = deletedSlice(db, conversation, where, slice);
  const [rows, totals] = await db.batch([
    db
      .select()
      .from(conversation)
      .where(page.where)
      .orderBy(...page.order)
      .limit(slice.limit),
    totalQuery(db, company_id, "company", refsOf("company"), ["deleted"]),
  ]);
  return { rows, total: totals[0]?.total ?? 0 };
}
