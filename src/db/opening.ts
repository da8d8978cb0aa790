/** What a conversation's object needs of D1 to begin, in one trip each: its conversation, its agent, the agent's providers. */
import { and, asc, eq, gt, sql } from "drizzle-orm";
import type { Message } from "../chat/message.ts";
import type { AgentRow } from "./agent.ts";
import type { ConversationRow } from "./conversation.ts";
import type { Database } from "./database.ts";
import type { ModelProviderRow } from "./model-provider.ts";
import { agent, conversation, message, model_provider } from "./schema.ts";

/** An agent, deleted or not, and the providers that its company has registered. */
export type AgentParts = { agent: AgentRow | null; providers: ModelProviderRow[] };

/** Providers of a company that are read at most. */
const MOST_PROVIDERS = 100;

const agentOf = (db: Database, company_id: string, agent_id: string | ReturnType<typeof sql<string>>) =>
  db
    .select()
    .from(agent)
    .where(and(eq(agent.id, agent_id), eq(agent.company_id, company_id)));

const providersOf = (db: Database, company_id: string) =>
  db.select().from(model_provider).where(eq(model_provider.company_id, company_id)).limit(MOST_PROVIDERS);

export async function readAgentParts(db: Database, company_id: string, agent_id: string): Promise<AgentParts> {
  const [[found], providers] = await db.batch([agentOf(db, company_id, agent_id), providersOf(db, company_id)]);
  return { agent: found ?? null, providers };
}

/** A conversation of the company, deleted or not, with what its first turn needs; null when there is none. */
export async function openConversation(
  db: Database,
  company_id: string,
  id: string,
): Promise<{ conversation: ConversationRow; parts: AgentParts } | null> {
  const own = and(eq(conversation.id, id), eq(conversation.company_id, company_id));
  const agent_id = sql<string>`(SELECT agent_id FROM conversation WHERE id = ${id} AND company_id = ${company_id})`;
  const [[row], [found], providers] = await db.batch([
    db.select().from(conversation).where(own),
    agentOf(db, company_id, agent_id),
    providersOf(db, company_id),
  ]);
  return row ? { conversation: row, parts: { agent: found ?? null, providers } } : null;
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
