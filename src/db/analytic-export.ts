/**
 * The rows of an export, in batches that are read when the client is ready for them. Each batch continues after the last row
 * of the one before, by keys that never change. Deleted and erased rows, and the text of messages, are not exported.
 */
import { and, asc, eq, getTableColumns, gt, gte, isNull, lt, type SQL, sql } from "drizzle-orm";
import { day, replies, type Scope, selectPercentiles, selectSums } from "./analytic-period.ts";
import type { Database } from "./database.ts";
import { agent, conversation, lead } from "./schema.ts";

/** Rows of a batch. */
const BATCH = 500;
/** Milliseconds of a batch of token counts, which are few rows a day. */
const USAGE_PERIOD = 7 * 86_400_000;

type Batches<T> = AsyncGenerator<T[]>;

/** The batches of `read`, which gets the last row so far, until a batch is not full. */
async function* batches<T>(read: (last: T | null) => Promise<T[]>): Batches<T> {
  for (let last: T | null = null; ;) {
    const rows = await read(last);
    if (rows.length > 0) yield rows;
    if (rows.length < BATCH) return;
    last = rows.at(-1) ?? null;
  }
}

type Key = { created_at: number; id: string };

/** Live rows that were created in the period, after `last`. */
function createdAfter(table: typeof conversation | typeof lead, scope: Scope, last: Key | null): SQL | undefined {
  const { company_id, from, until } = scope;
  const { created_at, id } = table;
  const begin = last ? sql`(${created_at}, ${id}) > (${last.created_at}, ${last.id})` : gte(created_at, from);
  return and(eq(table.company_id, company_id), begin, lt(created_at, until), isNull(table.deleted_at));
}

/** Without metadata, which may have 16 KiB a row. */
const { metadata: _, title_folded: __, creation_key: ___, ...exportedOfConversation } = getTableColumns(conversation);

export const conversationQuery = (db: Database, scope: Scope, last: Key | null) =>
  db
    .select(exportedOfConversation)
    .from(conversation)
    .where(createdAfter(conversation, scope, last))
    .orderBy(asc(conversation.created_at), asc(conversation.id))
    .limit(BATCH);

export const leadQuery = (db: Database, scope: Scope, last: Key | null) =>
  db
    .select()
    .from(lead)
    .where(createdAfter(lead, scope, last))
    .orderBy(asc(lead.created_at), asc(lead.id))
    .limit(BATCH);

/** Live conversations that were created in the period, oldest first. */
export const conversationBatches = (db: Database, scope: Scope) =>
  batches((last: Key | null) => conversationQuery(db, scope, last));

/** Live leads that registered in the period, oldest first. */
export const leadBatches = (db: Database, scope: Scope) => batches((last: Key | null) => leadQuery(db, scope, last));

/** Live agents, oldest first, each with its figures of the period, if it has any. */
export async function* agentBatches(db: Database, scope: Scope) {
  const { company_id } = scope;
  const page = (last: { id: string } | null) =>
    db
      .select({
        id: agent.id,
        name: agent.name,
        model: agent.model,
        status: agent.status,
        created_at: agent.created_at,
      })
      .from(agent)
      .where(and(eq(agent.company_id, company_id), isNull(agent.deleted_at), gt(agent.id, last?.id ?? "")))
      .orderBy(asc(agent.id))
      .limit(BATCH);
  for await (const rows of batches(page)) {
    const ofPage = { ...scope, agents: rows.map((row) => row.id) };
    const [sums, percentiles] = await db.batch([
      selectSums(db, ofPage, ["agent"]),
      selectPercentiles(db, ofPage, "agent"),
    ]);
    const sumsOf = new Map(sums.map((row) => [row.ref, row]));
    const percentilesOf = new Map(percentiles.map((row) => [row.ref, row]));
    yield rows.map((row) => ({ ...row, sums: sumsOf.get(row.id), percentiles: percentilesOf.get(row.id) }));
  }
}

/** Tokens of one agent and model on one day, from one source; null where nothing was counted. */
export type UsageRow = {
  /** Days since 1970. */
  day: number;
  agent_id: string;
  agent_name: string | null;
  model_used: string | null;
  source: "measured" | "estimated" | null;
  turn_count: number;
  input_tokens: number | null;
  output_tokens: number | null;
};

export const usageQuery = (scope: Scope): SQL => sql`
  SELECT ${day} AS day, agent_id, (SELECT name FROM agent WHERE agent.id = agent_id) AS agent_name, model_used,
    usage_source AS source, count(*) AS turn_count, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens
  FROM ${replies(scope)} GROUP BY day, agent_id, model_used, source ORDER BY day, agent_id, model_used, source`;

/** Token counts of the period by day. Batches end with a UTC day, so that no day is in two of them. */
export async function* usageBatches(db: Database, scope: Scope): Batches<UsageRow> {
  for (let from = scope.from; from < scope.until;) {
    const until = Math.min(scope.until, Math.floor(from / USAGE_PERIOD) * USAGE_PERIOD + USAGE_PERIOD);
    const rows = await db.all<UsageRow>(usageQuery({ ...scope, from, until }));
    if (rows.length > 0) yield rows;
    from = until;
  }
}
