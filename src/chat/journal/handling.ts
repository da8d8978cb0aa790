/**
 * Who has a conversation: its agent or a person. Every change is one transaction with its audit row and a line of `handling`;
 * notes are the staff's own and are in no message.
 */
import { auditRow } from "../audit.ts";
import type { JsonObject } from "../../json.ts";
import type { Conversation } from "../conversation.ts";
import type { Person } from "../rpc.ts";
import type { Edit } from "./edits.ts";
import type { Journal } from "./journal.ts";
import type { Header } from "./schema.ts";

type Action = "take_over" | "give_back";

const WITH_AGENT = { handled_by: "agent", handler_id: null, handler_name: null, return_at: null } as const;

/** The caller has the conversation from now on, until `return_at` (ms) where that is not null. */
export function takeOver(
  { journal, caller, now }: Edit,
  { entity_id, name }: Person,
  return_at: number | null,
): Header {
  const { handled_by, handler_id, ...before } = journal.header;
  const isNew = handled_by !== "staff" || handler_id !== entity_id;
  if (!isNew && before.return_at === return_at) return journal.header;
  return journal.transaction(() => {
    if (isNew) note(journal, now, "take_over", { entity_id, name }, null);
    const details: JsonObject = return_at === null ? {} : { return_at: new Date(return_at).toISOString() };
    const entry = {
      action: "conversation.take_over",
      target_type: "conversation",
      target_id: journal.header.id,
      details,
    };
    journal.outbox.add({ op: "header", audit: auditRow(caller, entry, now) });
    const handler = { handled_by: "staff", handler_id: entity_id, handler_name: name } as const;
    return journal.store.setHeader({ ...handler, waiting_since: null, return_at, updated_at: now });
  });
}

/** The agent has the conversation again, and nobody is waited for. */
export function giveBack({ journal, caller, now }: Edit, person: Person): Header {
  const { handled_by, waiting_since, id } = journal.header;
  if (handled_by === "agent" && waiting_since === null) return journal.header;
  return journal.transaction(() => {
    note(journal, now, "give_back", person, null);
    const entry = { action: "conversation.give_back", target_type: "conversation", target_id: id };
    journal.outbox.add({ op: "header", audit: auditRow(caller, entry, now) });
    return journal.store.setHeader({ ...WITH_AGENT, waiting_since: null, updated_at: now });
  });
}

function note(journal: Journal, at: number, action: Action, { entity_id, name }: Person, reason: string | null): void {
  journal.store.insert("handling", { at, action, entity_id, name, reason });
}

/** The conversation with what is counted of it, as D1 and the wire have it. */
export const recordOf = (journal: Journal): Conversation => ({ ...journal.header, ...journal.messages.unread() });
