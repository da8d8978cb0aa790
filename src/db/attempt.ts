/**
 * Retries of requests without an Idempotency-Key, from clients that number their attempts: a retry continues the
 * conversation that an earlier attempt created. Each attempt takes over one conversation at most once, and none whose
 * response the client has probably received.
 */
import { sql } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import type { Entity } from "../auth/principal.ts";
import type { ConversationRow } from "./conversation.ts";
import type { Database } from "./database.ts";
import { conversation } from "./schema.ts";

/** Milliseconds for which a client may retry, and after which a complete reply counts as received. */
const RETRY_WINDOW = 30 * 60_000;
const RECEIVED_AFTER = 15_000;

/** The creation_key of an attempt (0 is the first). It contains spaces, which a client's own key never does. */
export const attemptKey = (hash: string, attempt: number) => `${prefix(hash, attempt)}${uuidv7()}`;

const prefix = (hash: string, attempt: number) => `attempt ${hash} ${String(attempt).padStart(2, "0")} `;

/**
 * Takes over the conversation of an earlier attempt for this one, or returns undefined where there is none. `reply_sequence`
 * is the sequence of the first reply: a complete one counts as received after RECEIVED_AFTER.
 */
export function takeOver(
  db: Database,
  owner: Entity & { company_id: string },
  hash: string,
  attempt: number,
  reply_sequence: number,
  now: number,
): Promise<ConversationRow | undefined> {
  const c = conversation;
  const before = prefix(hash, attempt);
  return db
    .update(c)
    .set({ creation_key: sql`${before} || substr(${c.creation_key}, ${before.length + 1})` })
    .where(
      sql`${c.id} = (
        SELECT id FROM conversation AS c
        WHERE c.company_id = ${owner.company_id} AND c.entity_type = ${owner.entity_type} AND c.entity_id = ${owner.entity_id}
          AND c.creation_key >= ${prefix(hash, 0)} AND c.creation_key < ${before}
          AND c.deleted_at IS NULL AND c.created_at > ${now - RETRY_WINDOW} AND c.message_count <= ${reply_sequence}
          AND (c.last_message_at > ${now - RECEIVED_AFTER} OR NOT EXISTS (
            SELECT 1 FROM message AS m
            WHERE m.conversation_id = c.id AND m.sequence = ${reply_sequence} AND m.status = 'complete'
          ))
        ORDER BY c.creation_key DESC LIMIT 1
      )`,
    )
    .returning()
    .get();
}
