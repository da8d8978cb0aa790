/**
 * What a webhook is sent of an event. Events hold ids only: the conversation and the message of a full payload are read when
 * it is sent, and what was deleted or erased by then is not in it.
 */
import { conversationView } from "../chat/conversation.ts";
import { messageView } from "../chat/message.ts";
import { findConversation } from "../db/conversation.ts";
import type { Database } from "../db/database.ts";
import { findMessage } from "../db/message.ts";
import type { WebhookRow } from "../db/webhook.ts";
import type { EventRow } from "../db/webhook-delivery.ts";

/** The body of a delivery, as JSON. */
export async function payloadOf(db: Database, hook: WebhookRow, event: EventRow): Promise<string> {
  const { type, at, company_id, conversation_id, sequence, data } = event;
  const place = conversation_id === null ? {} : { conversation_id, sequence };
  const whole = hook.payload === "full" && conversation_id !== null ? await contentOf(db, event, conversation_id) : {};
  return JSON.stringify({
    type,
    timestamp: new Date(at).toISOString(),
    data: { company_id, ...place, ...data, ...whole },
  });
}

async function contentOf(db: Database, { company_id, data }: EventRow, conversation_id: string): Promise<object> {
  const { message_id } = data;
  if (typeof message_id === "string") {
    const found = await findMessage(db, company_id, message_id);
    return { message: found && found.message.deleted_at === null ? messageView(conversation_id, found.message) : null };
  }
  const row = await findConversation(db, company_id, conversation_id);
  return { conversation: row && row.deleted_at === null ? conversationView(row, { entity_type: "user" }) : null };
}
