/** Conversations in D1. Rows are inserted here; afterwards only the conversation's own object changes them. */
import { and, eq, isNotNull } from "drizzle-orm";
import type { Entity } from "../auth/principal.ts";
import { newConversationId } from "../chat/id.ts";
import { titleOrDefault } from "../chat/title.ts";
import type { Database } from "./database.ts";
import { fold } from "./folded.ts";
import { defaultsOf, insertSql, valuesOf } from "./insert.ts";
import { type ImportedMessage, insertImported } from "./imported-message.ts";
import type { JsonObject } from "../json.ts";
import { lazy } from "../lazy.ts";
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

const defaults = lazy(() => defaultsOf(conversation));
const insertion = lazy(() =>
  insertSql(
    conversation,
    () => `WHERE EXISTS (SELECT 1 FROM agent WHERE id = ? AND company_id = ? AND deleted_at IS NULL AND status = 'active')
      ON CONFLICT DO NOTHING RETURNING id`,
  ),
);

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
  const row = {
    ...defaults(),
    ...input,
    ...{ title, title_folded: fold(title) },
    metadata: input.metadata ?? {},
    ...{ id: newConversationId(now), activity_at: now, created_at: now, updated_at: now },
    ...(history.length === 0 ? {} : { message_count: history.length, last_message_at: now }),
  } as ConversationRow;
  const { columns, sql } = insertion();
  const session = db.$client;
  const insert = session.prepare(sql).bind(...valuesOf(columns, row), input.agent_id, input.company_id);
  const imports = history.length === 0 ? null : insertImported(db, row, history).toSQL();
  const [inserted] = imports
    ? await session.batch([insert, session.prepare(imports.sql).bind(...imports.params)])
    : [await insert.all()];
  if (inserted?.results.length === 1) return { row, created: true };
  const earlier = await findCreated(db, input, input.creation_key ?? "");
  return earlier ? { row: earlier, created: false } : null;
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
