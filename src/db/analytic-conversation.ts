/** What the figures of one conversation are made of. Reads every message of it, without its text. */
import { and, asc, eq } from "drizzle-orm";
import type { Database } from "./database.ts";
import { message } from "./schema.ts";

/** A message without its text. */
export type Fact = Pick<
  typeof message.$inferSelect,
  | "turn_id"
  | "sequence"
  | "role"
  | "status"
  | "processing_time"
  | "input_tokens"
  | "output_tokens"
  | "usage_source"
  | "created_at"
  | "deleted_at"
>;

/** All messages of a conversation by sequence, deleted ones included. */
export const conversationFacts = (db: Database, company_id: string, conversation_id: string): Promise<Fact[]> =>
  db
    .select({
      turn_id: message.turn_id,
      sequence: message.sequence,
      role: message.role,
      status: message.status,
      processing_time: message.processing_time,
      input_tokens: message.input_tokens,
      output_tokens: message.output_tokens,
      usage_source: message.usage_source,
      created_at: message.created_at,
      deleted_at: message.deleted_at,
    })
    .from(message)
    .where(and(eq(message.conversation_id, conversation_id), eq(message.company_id, company_id)))
    .orderBy(asc(message.sequence));
