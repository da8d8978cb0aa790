/** A conversation as the wire shows it, whether it comes from D1 or from its own object. */
import type { Entity } from "../auth/principal.ts";
import type { JsonObject } from "../json.ts";

/** Why and since when (ms) nothing of it may go for good, and who said so. */
export type Hold = { reason: string; since: number; by: string };

/** Who answers: the agent, or a person who has taken over. */
type HandledBy = "agent" | "staff";

export type Conversation = Entity & {
  id: string;
  company_id: string;
  agent_id: string;
  title: string;
  metadata: JsonObject;
  max_context_length: number;
  status: "active" | "archived";
  message_count: number;
  last_message_at: number | null;
  created_at: number;
  updated_at: number;
  deleted_at: number | null;
  deleted_by: string | null;
  handled_by: HandledBy;
  /** The person who has it, and how the visitor is told who that is; null while the agent has it. */
  handler_id: string | null;
  handler_name: string | null;
  /** Since when the visitor waits for a person to take over, or null. */
  waiting_since: number | null;
  /** Live messages that one side has not read of what the other side wrote. */
  unread_lead: number;
  unread_staff: number;
  /** Counts what D1 has to hear of. */
  revision: number;
  /** Content gone for good; such a conversation is never shown or restored. */
  erased_at: number | null;
  hold: Hold | null;
};

const timestamp = (millis: number | null) => (millis === null ? null : new Date(millis).toISOString());

/** A hold as it is shown; to visitors none is. */
export const holdView = (hold: Hold | null, viewer: Pick<Entity, "entity_type">) =>
  hold && viewer.entity_type === "user" ? { reason: hold.reason, since: new Date(hold.since).toISOString() } : null;

/** The person who has a conversation, or null. */
export const handlerView = ({ handler_id, handler_name }: Pick<Conversation, "handler_id" | "handler_name">) =>
  handler_id === null ? null : { entity_id: handler_id, name: handler_name };

/** The wire form for `viewer`; a deletion hides the status that a restore will bring back. */
export function conversationView(c: Conversation, viewer: Pick<Entity, "entity_type">) {
  return {
    id: c.id,
    company_id: c.company_id,
    agent_id: c.agent_id,
    entity_type: c.entity_type,
    entity_id: c.entity_id,
    title: c.title,
    metadata: c.metadata,
    max_context_length: c.max_context_length,
    status: c.deleted_at === null ? c.status : "deleted",
    message_count: c.message_count,
    last_message_at: timestamp(c.last_message_at),
    handled_by: c.handled_by,
    handler: handlerView(c),
    waiting_since: timestamp(c.waiting_since),
    unread: { lead: c.unread_lead, staff: c.unread_staff },
    created_at: timestamp(c.created_at),
    updated_at: timestamp(c.updated_at),
    deleted_at: timestamp(c.deleted_at),
    deleted_by: c.deleted_by,
    hold: holdView(c.hold, viewer),
  };
}
