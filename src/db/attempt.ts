/**
 * Conversations that a request without an Idempotency-Key makes, where its client numbers its attempts: a later attempt
 * finds what an earlier one has begun. Each is taken over at most once per attempt, and none whose answer was received.
 */
import { sql } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import type { Entity } from "../auth/principal.ts";
import type { ConversationRow } from "./conversation.ts";
import type { Database } from "./database.ts";
import { conversation } from "./schema.ts";

/** Milliseconds: how long a client goes on trying, and for how long an answer may have been lost on the way. */
const GOES_ON = 30 * 60_000;
const LOST_WITHIN = 15_000;

/** The creation_key of a request's attempt (0 is the first); a space keeps it apart from every key that a client can send. */
export const attemptKey = (hash: string, attempt: number) => `${prefix(hash, attempt)}${uuidv7()}`;

const prefix = (hash: string, attempt: number) => `attempt ${hash} ${String(attempt).padStart(2, "0")} `;

/**
 * The conversation of an earlier attempt, now that of `attempt`, or undefined where there is none. `replied` is the
 * sequence that the first reply has: once it is complete, it counts as received after some seconds.
 */
export function takeOver(
  db: Database,
  owner: Entity & { company_id: string },
  hash: string,
  attempt: number,
  replied: number,
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
          AND c.deleted_at IS NULL AND c.created_at > ${now - GOES_ON} AND c.message_count <= ${replied}
          AND (c.last_message_at > ${now - LOST_WITHIN} OR NOT EXISTS (
            SELECT 1 FROM message AS m
            WHERE m.conversation_id = c.id AND m.sequence = ${replied} AND m.status = 'complete'
          ))
        ORDER BY c.creation_key DESC LIMIT 1
      )`,
    )
    .returning()
    .get();
}
