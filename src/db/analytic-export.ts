/**
 * The rows of an export, in batches that are read when the client is ready for them. Each batch continues after the last row
 * of the one before, by keys that never change. Deleted and erased rows, and the text of messages, are not exported.
 */
import { and, asc, eq, getTableColumns, gt, gte, isNull, lt, type SQL, sql } from "drizzle-orm";
import { cells, type CellScope, type Period } from "./analytic-cell.ts";
import { figuresOf } from "./analytic-period.ts";
import type { Database } from "./database.ts";
import type { LocalDay } from "./day.ts";
import { agent, conversation, lead } from "./schema.ts";

/** Rows of a batch; and agents of one, each with figures of every day. */
const BATCH = 500;
const AGENTS = 50;
/** Days of a batch of token counts, which are few rows a day. */
const USAGE_DAYS = 7;

/** Whose rows, and of which days. */
export type Scope = Period & { company_id: string; days: LocalDay[] };

type Batches<T> = AsyncGenerator<T[]>;

/** The batches of `read`, which gets the last row so far, until a batch is not full. */
async function* batches<T>(read: (last: T | null) => Promise<T[]>, full = BATCH): Batches<T> {
  for (let last: T | null = null; ;) {
    const rows = await read(last);
    if (rows.length > 0) yield rows;
    if (rows.length < full) return;
    last = rows.at(-1) ?? null;
  }
}

type Key = { created_at: number; id: string };

/** Live rows that were created in the period, after `last`. */
function createdAfter(
  table: typeof conversation | typeof lead,
  scope: Omit<Scope, "days">,
  last: Key | null,
): SQL | undefined {
  const { company_id, from, until } = scope;
  const { created_at, id } = table;
  const begin = last ? sql`(${created_at}, ${id}) > (${last.created_at}, ${last.id})` : gte(created_at, from);
  return and(eq(table.company_id, company_id), begin, lt(created_at, until), isNull(table.deleted_at));
}

/** Without metadata, which may have 16 KiB a row. */
const { metadata: _, title_folded: __, creation_key: ___, ...exportedOfConversation } = getTableColumns(conversation);

export const conversationQuery = (db: Database, scope: Omit<Scope, "days">, last: Key | null) =>
  db
    .select(exportedOfConversation)
    .from(conversation)
    .where(createdAfter(conversation, scope, last))
    .orderBy(asc(conversation.created_at), asc(conversation.id))
    .limit(BATCH);

export const leadQuery = (db: Database, scope: Omit<Scope, "days">, last: Key | null) =>
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
export async function* agentBatches(db: Database, { company_id, days }: Scope) {
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
      .limit(AGENTS);
  for await (const rows of batches(page, AGENTS)) {
    const ofPage = { company_id, pieces: days, agents: rows.map((row) => row.id) };
    const { sums, percentiles } = await figuresOf(db, ofPage, ["agent"], "agent");
    const sumsOf = new Map(sums.map((row) => [row.ref, row]));
    const timesOf = (id: string) => percentiles.filter(({ ref }) => ref === id).map((row) => [row.of, row]);
    yield rows.map((row) => ({ ...row, sums: sumsOf.get(row.id), times: Object.fromEntries(timesOf(row.id)) }));
  }
}

/** Tokens of one agent and model on one day, from one source; null where nothing was counted. */
export type UsageRow = {
  date: string;
  agent_id: string;
  agent_name: string | null;
  model_used: string | null;
  source: "measured" | "estimated" | null;
  turn_count: number;
  input_tokens: number | null;
  output_tokens: number | null;
};

const uncounted = sql.raw("turns - measured - estimated");

export const usageQuery = (scope: CellScope): SQL => sql`
  WITH ${cells(scope)}
  SELECT place, agent_id, (SELECT name FROM agent WHERE agent.id = agent_id) AS agent_name,
    nullif(model_used, '') AS model_used, source, sum(n) AS turn_count, sum(input) AS input_tokens, sum(output) AS output_tokens
  FROM (
    SELECT place, agent_id, model_used, NULL AS source, ${uncounted} AS n, NULL AS input, NULL AS output FROM cell
    UNION ALL SELECT place, agent_id, model_used, 'measured', measured, measured_input, measured_output FROM cell
    UNION ALL SELECT place, agent_id, model_used, 'estimated', estimated, estimated_input, estimated_output FROM cell
  ) WHERE n > 0 GROUP BY place, agent_id, model_used, source ORDER BY place, agent_id, model_used, source`;

/** Token counts of the period by day. Batches end with a day, so that no day is in two of them. */
export async function* usageBatches(db: Database, { company_id, days }: Scope): Batches<UsageRow> {
  for (let first = 0; first < days.length; first += USAGE_DAYS) {
    const pieces = days.slice(first, first + USAGE_DAYS);
    const rows = await db.all<Omit<UsageRow, "date"> & { place: number }>(usageQuery({ company_id, pieces }));
    if (rows.length > 0) yield rows.map(({ place, ...row }) => ({ date: pieces[place]?.date ?? "", ...row }));
  }
}
