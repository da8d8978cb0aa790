/**
 * Deletes and restores, in the journal and in the outbox for D1 with their audit row, all in one transaction each.
 * A message keeps its id, sequence, bytes and times; what was told of a deleted reply is forgotten at once.
 */
import { type AuditEntry, auditRow } from "../audit.ts";
import type { Caller } from "../../auth/principal.ts";
import { principalOf } from "../turn.ts";
import type { Header } from "./schema.ts";
import type { Journal } from "./journal.ts";
import type { Feedback, Message } from "../message.ts";
import { forgetSummary } from "./summary.ts";
import { retitle } from "./title.ts";

type Edit = { journal: Journal; caller: Caller; now: number };

const aboutConversation = (journal: Journal, action: string, details: AuditEntry["details"] = {}): AuditEntry => ({
  action,
  target_type: "conversation",
  target_id: (journal.header as Header).id,
  details,
});

/** Soft-deletes one message; a message that is deleted already stays as it is. */
export function deleteMessage({ journal, caller, now }: Edit, message: Message): Message {
  if (message.deleted_at !== null) return message;
  return journal.transaction(() => {
    const deleted = { deleted_at: now, deleted_by: caller.entity_id, deletion_id: null };
    journal.rewrite(
      "UPDATE message SET deleted_at = ?, deleted_by = ? WHERE id = ?",
      now,
      caller.entity_id,
      message.id,
    );
    forgetDeltas(journal, message.id);
    reconsider(journal, message.sequence);
    countMessages(journal, -1, now);
    const entry = { action: "message.delete", target_type: "message", target_id: message.id };
    const audit = auditRow(caller, entry, now);
    const { sequence } = message;
    journal.outbox({
      op: "delete_messages",
      ids: [message.id],
      after: sequence - 1,
      upto: sequence,
      ...deleted,
      audit,
    });
    return { ...message, ...deleted };
  });
}

/** Brings one message back to its old place; a live one stays as it is. */
export function restoreMessage({ journal, caller, now }: Edit, message: Message): Message {
  if (message.deleted_at === null) return message;
  return journal.transaction(() => {
    const restored = { deleted_at: null, deleted_by: null, deletion_id: null };
    journal.rewrite(
      "UPDATE message SET deleted_at = NULL, deleted_by = NULL, deletion_id = NULL WHERE id = ?",
      message.id,
    );
    reconsider(journal, message.sequence);
    countMessages(journal, 1, now);
    const entry = { action: "message.restore", target_type: "message", target_id: message.id };
    journal.outbox({
      op: "restore_messages",
      ids: [message.id],
      deletion_id: null,
      audit: auditRow(caller, entry, now),
    });
    return { ...message, ...restored };
  });
}

/**
 * Soft-deletes every live message after sequence `after` under one deletion_id. Where there is none, names the latest
 * bulk delete again.
 */
export function deleteMessagesAfter(
  { journal, caller, now }: Edit,
  after: number,
  newId: string,
): { deleted: number; deletion_id: string } {
  return journal.transaction(() => {
    const upto = (journal.header as Header).next_sequence - 1;
    const rows = journal.rewrite(
      `UPDATE message SET deleted_at = ?, deleted_by = ?, deletion_id = ?
       WHERE deleted_at IS NULL AND sequence > ? RETURNING sequence`,
      now,
      caller.entity_id,
      newId,
      after,
    );
    if (rows.length === 0) {
      const latest = "SELECT deletion_id FROM message WHERE deletion_id IS NOT NULL ORDER BY deleted_at DESC LIMIT 1";
      return { deleted: 0, deletion_id: String(journal.rows(latest)[0]?.["deletion_id"] ?? newId) };
    }
    journal.deltas.remove("reply_sequence > ?", after);
    reconsider(journal, after);
    countMessages(journal, -rows.length, now);
    const entry = aboutConversation(journal, "message.delete_all", { deletion_id: newId, deleted: rows.length });
    const by = { deleted_at: now, deleted_by: caller.entity_id, deletion_id: newId };
    journal.outbox({ op: "delete_messages", ids: null, after, upto, ...by, audit: auditRow(caller, entry, now) });
    return { deleted: rows.length, deletion_id: newId };
  });
}

/** Brings back every deleted message, or only those that one bulk delete removed. */
export function restoreAllMessages({ journal, caller, now }: Edit, deletion_id: string | null): { restored: number } {
  return journal.transaction(() => {
    const rows = journal.rewrite(
      `UPDATE message SET deleted_at = NULL, deleted_by = NULL, deletion_id = NULL
       WHERE deleted_at IS NOT NULL AND purged_at IS NULL AND (?1 IS NULL OR deletion_id = ?1) RETURNING sequence`,
      deletion_id,
    );
    if (rows.length > 0) {
      reconsider(journal, 0);
      countMessages(journal, rows.length, now);
      const details = { restored: rows.length, ...(deletion_id === null ? {} : { deletion_id }) };
      const entry = aboutConversation(journal, "message.restore_all", details);
      journal.outbox({ op: "restore_messages", ids: null, deletion_id, audit: auditRow(caller, entry, now) });
    }
    return { restored: rows.length };
  });
}

/** Title, metadata, context length, status. */
export function updateConversation({ journal, now }: Edit, changes: Partial<Header>): Header {
  return journal.transaction(() => {
    const titled = changes.title === undefined ? {} : { titled_by: null };
    const header = journal.setHeader({ ...changes, ...titled, updated_at: now });
    journal.outbox({ op: "header", audit: null });
    return header;
  });
}

/** Soft-deletes the conversation; the state of its messages is not touched. */
export function deleteConversation({ journal, caller, now }: Edit): Header {
  const header = journal.header as Header;
  if (header.deleted_at !== null) return header;
  return journal.transaction(() => {
    const audit = auditRow(caller, aboutConversation(journal, "conversation.delete"), now);
    journal.outbox({ op: "header", audit });
    return journal.setHeader({ deleted_at: now, deleted_by: caller.entity_id, updated_at: now });
  });
}

export function restoreConversation({ journal, caller, now }: Edit): Header {
  const header = journal.header as Header;
  if (header.deleted_at === null) return header;
  return journal.transaction(() => {
    const audit = auditRow(caller, aboutConversation(journal, "conversation.restore"), now);
    journal.outbox({ op: "header", audit });
    return journal.setHeader({ deleted_at: null, deleted_by: null, updated_at: now });
  });
}

/** Removes the content for good, here and in D1, and deletes the conversation. Counts, times and audit stay. */
export function eraseConversation({ journal, caller, now }: Edit): void {
  if ((journal.header as Header).erased_at !== null) return;
  journal.transaction(() => {
    journal.rewrite("UPDATE message SET content = '', metadata = '{}', tool_calls = NULL, feedback = NULL");
    journal.rewrite("UPDATE turn SET content = NULL, metadata = '{}', body_hash = '', idempotency_key = NULL");
    journal.deltas.remove("TRUE");
    journal.run("DELETE FROM summary");
    const header = journal.header as Header;
    const deleted_by = header.deleted_by ?? caller.entity_id;
    const deleted_at = header.deleted_at ?? now;
    journal.setHeader({
      title: "",
      metadata: {},
      deleted_at,
      deleted_by,
      erased_at: now,
      updated_at: now,
      titled_by: null,
    });
    journal.outbox({ op: "erase", audit: auditRow(caller, aboutConversation(journal, "conversation.erase"), now) });
  });
}

/** The caller becomes the owner. What the former one began, by key or by body, is the caller's to repeat. */
export function reassignConversation({ journal, caller, now }: Edit): void {
  const header = journal.header as Header;
  const { entity_type, entity_id } = caller;
  if (header.entity_type === entity_type && header.entity_id === entity_id) return;
  journal.transaction(() => {
    const details = { from: header.entity_id };
    journal.rewrite("UPDATE turn SET principal = ? WHERE principal = ?", principalOf(caller), principalOf(header));
    journal.setHeader({ entity_type, entity_id, updated_at: now });
    const entry = aboutConversation(journal, "conversation.reassign", details);
    journal.outbox({ op: "reassign", audit: auditRow(caller, entry, now) });
  });
}

/** Notes what a person thought of a reply; null takes it back. */
export function rateMessage({ journal }: Edit, message: Message, feedback: Feedback | null): Message {
  return journal.transaction(() => {
    journal.rewrite("UPDATE message SET feedback = ? WHERE id = ?", feedback && JSON.stringify(feedback), message.id);
    journal.outbox({ op: "feedback", message_id: message.id, feedback });
    return { ...message, feedback };
  });
}

/** What was made out of messages from `sequence` on, and must not outlive them: summary and automatic title. */
function reconsider(journal: Journal, sequence: number): void {
  forgetSummary(journal, sequence);
  retitle(journal);
}

function countMessages(journal: Journal, by: number, now: number): void {
  journal.setHeader({ message_count: (journal.header as Header).message_count + by, updated_at: now });
}

const forgetDeltas = (journal: Journal, reply_id: string) => journal.deltas.remove("reply_id = ?", reply_id);
