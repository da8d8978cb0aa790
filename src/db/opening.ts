/** What a conversation's object needs of D1 to begin, in one trip each: its conversation, its agent, the agent's providers. */
import { and, asc, eq, gt, type Placeholder, type SQL, sql } from "drizzle-orm";
import type { Message } from "../chat/message.ts";
import type { Price } from "../chat/money.ts";
import type { AgentRow } from "./agent.ts";
import { rawSelect } from "./analytic-period.ts";
import { builtOnce } from "./built-once.ts";
import type { ConversationRow } from "./conversation.ts";
import type { Database } from "./database.ts";
import type { ModelProviderRow } from "./model-provider.ts";
import { agent, budget, conversation, message, model_price, model_provider } from "./schema.ts";

/** Whether the company has budgets, and what the agent's models cost it. */
type Spending = { budgets: boolean; prices: Record<string, Price> };

/** An agent, deleted or not, and the providers that its company has registered. */
export type AgentParts = { agent: AgentRow | null; providers: ModelProviderRow[]; spending: Spending };

/** Providers of a company that are read at most. */
const MOST_PROVIDERS = 100;

type Found = [AgentRow[], ModelProviderRow[], { budgets: number; prices: string }[]];

const [COMPANY, CONVERSATION] = [sql.placeholder("company_id"), sql.placeholder("id")];

/** Queries for an agent, the company's providers, and one row of spending: of the prices, those of the agent's models alone. */
const partsQueries = (db: Database, agent_id: SQL | Placeholder) => [
  db
    .select()
    .from(agent)
    .where(and(eq(agent.id, agent_id), eq(agent.company_id, COMPANY))),
  db.select().from(model_provider).where(eq(model_provider.company_id, COMPANY)).limit(MOST_PROVIDERS),
  rawSelect<{ budgets: number; prices: string }>(
    db,
    sql`SELECT EXISTS (SELECT 1 FROM ${budget} WHERE company_id = ${COMPANY}) AS budgets,
      (SELECT json_group_object(model, json_object('input', input, 'cached_input', cached_input, 'output', output,
        'currency', currency)) FROM ${model_price} WHERE company_id = ${COMPANY} AND model IN (
          SELECT model FROM ${agent} WHERE id = ${agent_id} AND company_id = ${COMPANY}
          UNION ALL SELECT link.value FROM ${agent} AS a, json_each(a.settings, '$.fallback') AS link
          WHERE a.id = ${agent_id} AND a.company_id = ${COMPANY})) AS prices`,
    ["budgets", "prices"],
  ),
];

const partsOf = ([[found], providers, [spent]]: Found): AgentParts => ({
  agent: found ?? null,
  providers,
  spending: { budgets: spent?.budgets === 1, prices: JSON.parse(spent?.prices ?? "{}") as Spending["prices"] },
});

const readParts = builtOnce((db) => partsQueries(db, sql.placeholder("agent_id")));

export const readAgentParts = async (db: Database, company_id: string, agent_id: string): Promise<AgentParts> =>
  partsOf((await readParts(db, { company_id, agent_id })) as Found);

const readAll = builtOnce((db) => [
  db
    .select()
    .from(conversation)
    .where(and(eq(conversation.id, CONVERSATION), eq(conversation.company_id, COMPANY))),
  ...partsQueries(db, sql`(SELECT agent_id FROM conversation WHERE id = ${CONVERSATION} AND company_id = ${COMPANY})`),
]);

/** A conversation of the company, deleted or not, with what its first turn needs; null when there is none. */
export async function openConversation(
  db: Database,
  company_id: string,
  id: string,
): Promise<{ conversation: ConversationRow; parts: AgentParts } | null> {
  const [[row], ...found] = (await readAll(db, { company_id, id })) as [ConversationRow[], ...Found];
  return row ? { conversation: row, parts: partsOf(found) } : null;
}

/** Messages of a conversation after a sequence, in order; for an object that takes a conversation over. */
export const messagesAfter = (
  db: Database,
  company_id: string,
  conversation_id: string,
  after: number,
  limit: number,
): Promise<Message[]> =>
  db
    .select()
    .from(message)
    .where(
      and(
        eq(message.conversation_id, conversation_id),
        eq(message.company_id, company_id),
        gt(message.sequence, after),
      ),
    )
    .orderBy(asc(message.sequence))
    .limit(limit);
