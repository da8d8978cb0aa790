/** Budgets of companies, and what their replies have taken of them. */
import { and, asc, eq, type SQL, sql } from "drizzle-orm";
import type { AuditRow } from "../chat/audit.ts";
import type { Budget } from "../chat/budget.ts";
import { rawSelect } from "./analytic-period.ts";
import { auditedDelete, auditedInsertIf } from "./audited.ts";
import { fractionOf, unitsOfSums, wholeOf } from "./cost.ts";
import type { Database } from "./database.ts";
import { newestFirst } from "./newest-first.ts";
import type { Rows, Slice } from "./page.ts";
import { agent, budget, model_price, webhook, webhook_event } from "./schema.ts";

export type BudgetRow = typeof budget.$inferSelect;

/** The most budgets of one company. */
export const MAX_BUDGETS = 500;

const own = (company_id: string, id: string) => and(eq(budget.id, id), eq(budget.company_id, company_id));

export const findBudget = (db: Database, company_id: string, id: string): Promise<BudgetRow | undefined> =>
  db.select().from(budget).where(own(company_id, id)).get();

/** Budgets of the company, newest first. */
export const listBudgets = (db: Database, company_id: string, slice: Slice): Promise<Rows<BudgetRow>> =>
  newestFirst(db, budget, eq(budget.company_id, company_id), slice);

/** All of them, for the ledger. */
export const allBudgets = (db: Database, company_id: string): Promise<BudgetRow[]> =>
  db.select().from(budget).where(eq(budget.company_id, company_id)).orderBy(asc(budget.id)).limit(MAX_BUDGETS);

/** Undefined when the company has MAX_BUDGETS already. */
export function insertBudget(db: Database, row: BudgetRow, audit: AuditRow): Promise<BudgetRow | undefined> {
  const count = sql`(SELECT count(*) FROM ${budget} WHERE ${eq(budget.company_id, row.company_id)})`;
  return auditedInsertIf(db, budget, row, sql`${count} < ${MAX_BUDGETS}`, audit);
}

/** Undefined when the company has no such budget. */
export const deleteBudget = (db: Database, company_id: string, id: string, audit: AuditRow) =>
  auditedDelete(db, budget, own(company_id, id), audit);

/** Models named at most. */
const UNPRICED = 100;

/** Models of active agents that a budget in money is about, and which have no price in its currency. */
export async function unpricedModels(db: Database, { company_id, currency, agent_id }: BudgetRow): Promise<string[]> {
  if (currency === null) return [];
  const live = sql`a.company_id = ${company_id} AND a.deleted_at IS NULL AND a.status = 'active'
    ${agent_id === null ? sql`` : sql`AND a.id = ${agent_id}`}`;
  const models = sql`SELECT a.model AS model FROM ${agent} AS a WHERE ${live}
    UNION SELECT link.value AS model FROM ${agent} AS a, json_each(a.settings, '$.fallback') AS link WHERE ${live}`;
  const unpriced = sql`SELECT used.model AS model FROM (${models}) AS used WHERE used.model NOT LIKE 'builtin/%'
    AND NOT EXISTS (SELECT 1 FROM ${model_price} AS p WHERE p.company_id = ${company_id} AND p.model = used.model
      AND p.currency = ${currency}) ORDER BY used.model LIMIT ${UNPRICED}`;
  const rows = await rawSelect<{ model: string }>(db, unpriced, ["model"]);
  return rows.map(({ model }) => model);
}

/**
 * Units that replies took of a budget from `from` to `until` (ms), the last one excluded; of one lead where `scope` names
 * it. Reads the company's replies of that time along their index, or those of one entity's conversations.
 */
export async function spentBetween(
  db: Database,
  company_id: string,
  of: Budget,
  scope: string,
  from: number,
  until: number,
): Promise<bigint> {
  const entity =
    of.applies_to === "each_lead" ? { type: "lead", id: scope } : { type: of.entity_type, id: of.entity_id };
  const replies = sql`role = 'assistant' AND m.created_at >= ${from} AND m.created_at < ${until}
    AND m.usage_source IS NOT NULL AND coalesce(m.model_used, '') <> 'builtin/faq'`;
  const rows: SQL =
    of.applies_to === "company" || of.applies_to === "agent"
      ? sql`message AS m INDEXED BY message_reply_time WHERE m.company_id = ${company_id} AND ${replies}
          ${of.applies_to === "agent" ? sql`AND m.agent_id = ${of.agent_id}` : sql``}`
      : sql`conversation AS c JOIN message AS m ON m.conversation_id = c.id
          WHERE c.company_id = ${company_id} AND c.entity_type = ${entity.type} AND c.entity_id = ${entity.id}
            AND c.activity_at >= ${from} AND ${replies}`;
  const sums =
    of.tokens === null
      ? sql`SELECT sum(${sql.raw(wholeOf("m.cost"))}) AS whole, sum(${sql.raw(fractionOf("m.cost"))}) AS fraction FROM ${rows}
          AND m.cost ->> '$.currency' = ${of.currency}`
      : sql`SELECT sum(m.input_tokens + m.output_tokens) AS whole, 0 AS fraction FROM ${rows}`;
  const query = rawSelect<{ whole: number | null; fraction: number | null }>(db, sums, ["whole", "fraction"]);
  const [found] = await query;
  const whole = found?.whole ?? 0;
  return of.tokens === null ? unitsOfSums(whole, found?.fraction ?? 0) : BigInt(whole);
}

/** A warning as an event for the company's webhooks, if it has any. One that arrives twice is one. */
export async function insertWarning(
  db: Database,
  company_id: string,
  { id, at, data }: { id: string; at: number; data: string },
): Promise<void> {
  await db.insert(webhook_event).select(
    sql`SELECT ${id}, ${company_id}, 'budget.warning', ${at}, NULL, NULL, ${data} WHERE EXISTS
        (SELECT 1 FROM ${webhook} WHERE company_id = ${company_id} AND disabled_at IS NULL)
        ON CONFLICT (id) DO NOTHING`,
  );
}
