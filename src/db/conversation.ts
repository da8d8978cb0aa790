/** Conversations in D1. Rows are inserted here; afterwards only the conversation's own object changes them. */
import { and, eq, isNotNull } from "drizzle-orm";
import type { Entity } from "../auth/principal.ts";
import { newConversationId } from "../chat/id.ts";
import { titleOrDefault } from "../chat/title.ts";
import { isActiveAgent } from "./agent.ts";
import { insertIf } from "./audit.ts";
import type { Database } from "./database.ts";
import { fold } from "./folded.ts";
import { type ImportedMessage, insertImported } from "./imported-message.ts";
import type { JsonObject } from "../json.ts";
import { conversation } from "./schema.ts";

export type ConversationRow = typeof conversation.$inferSelect;

export type NewConversation = Entity & {
  company_id: string;
  agent_id: string;
  title?: string;
  metadata?: JsonObject;
  max_context_length: number;
  /** Idempotency-Key of the request, and the hash of its body. */
  creation_key?: string | null;
  creation_hash?: string | null;
};

/**
 * Creates a conversation, or finds the one that the same entity created with the same creation_key (`created: false`; the
 * caller compares creation_hash). It is one batch and has a unique index, so that two requests at once create one row. Null
 * when the entity has been deleted or erased (a trigger sees to it), or the agent is not active, whatever was read before.
 */
export async function createConversation(
  db: Database,
  input: NewConversation,
  now: number,
  history: ImportedMessage[] = [],
): Promise<{ row: ConversationRow; created: boolean } | null> {
  const title = titleOrDefault(input.title);
  const values = {
    ...input,
    ...{ title, title_folded: fold(title) },
    metadata: input.metadata ?? {},
    ...{ id: newConversationId(now), activity_at: now, created_at: now, updated_at: now },
  };
  const counters = history.length === 0 ? {} : { message_count: history.length, last_message_at: now };
  const isActive = isActiveAgent(input.company_id, input.agent_id);
  const insertion = insertIf(db, conversation, { ...values, ...counters }, isActive)
    .onConflictDoNothing()
    .returning();
  const imports = history.length === 0 ? [] : [insertImported(db, values, history)];
  const [[inserted]] = await db.batch([insertion, ...imports]);
  if (inserted) return { row: inserted, created: true };
  const row = await findCreated(db, input, input.creation_key ?? "");
  return row ? { row, created: false } : null;
}

/** The conversation that the entity created with this creation_key, deleted or not. */
export const findCreated = (
  db: Database,
  { company_id, entity_type, entity_id }: Entity & { company_id: string },
  creation_key: string,
): Promise<ConversationRow | undefined> =>
  db
    .select()
    .from(conversation)
    .where(
      and(
        eq(conversation.company_id, company_id),
        eq(conversation.entity_type, entity_type),
        eq(conversation.entity_id, entity_id),
        eq(conversation.creation_key, creation_key),
        isNotNull(conversation.creation_key),
      ),
    )
    .get();

/** One conversation of the company, deleted or not. */
export const findConversation = (db: Database, company_id: string, id: string): Promise<ConversationRow | undefined> =>
  db
    .select()
    .from(conversation)
    .where(and(eq(conversation.id, id), eq(conversation.company_id, company_id)))
    .get();
