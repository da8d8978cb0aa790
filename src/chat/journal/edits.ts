/**
 * Deletes, restores and other changes, in the journal and in the outbox for D1 with their audit row, all in one transaction
 * each. A message keeps its id, sequence, bytes and times; the deltas of a deleted reply go at once.
 */
import { type AuditEntry, auditRow } from "../audit.ts";
import type { Caller, Entity } from "../../auth/principal.ts";
import type { Feedback, Message } from "../message.ts";
import { type Outcome, ok, refuse } from "../outcome.ts";
import { principalOf, type Turn, type TurnError } from "../turn.ts";
import type { Journal } from "./journal.ts";
import type { Header } from "./schema.ts";
import { forgetNotes, forgetSummary } from "./summary.ts";
import { retitle } from "./title.ts";

export type Edit = { journal: Journal; caller: Caller; now: number };

/** A visitor undoes, and is shown, only what it deleted itself. */
const mayUndo = (caller: Entity, deleted_by: string | null): boolean =>
  caller.entity_type === "user" || deleted_by === null || deleted_by === caller.entity_id;

export const aboutConversation = (
  journal: Journal,
  action: string,
  details: AuditEntry["details"] = {},
): AuditEntry => ({
  action,
  target_type: "conversation",
  target_id: journal.header.id,
  details,
});

const aboutMessage = (action: string, message: Message): AuditEntry => ({
  action,
  target_type: "message",
  target_id: message.id,
});

/** Soft-deletes one message; a message that is deleted already stays as it is. */
export function deleteMessage({ journal, caller, now }: Edit, message: Message): Outcome<Message> {
  if (!mayUndo(caller, message.deleted_by)) return refuse("not_found");
  if (message.deleted_at !== null) return ok(message);
  return journal.transaction(() => {
    const deletion = { deleted_at: now, deleted_by: caller.entity_id, deletion_id: null };
    const deleted = journal.messages.mark(message, deletion);
    journal.deltas.remove("reply_sequence = ?", message.sequence);
    forgetNotes(journal, message.sequence);
    edited(journal, message.sequence, -1, now);
    const range = { after: message.sequence - 1, upto: message.sequence };
    const audit = auditRow(caller, aboutMessage("message.delete", message), now);
    journal.outbox.add({ op: "delete_messages", ...range, ...deletion, audit });
    return ok(deleted);
  });
}

/** Brings one message back to its old place. A reply that was made anew does not come back beside the new one. */
export function restoreMessage({ journal, caller, now }: Edit, message: Message): Outcome<Message> {
  if (!mayUndo(caller, message.deleted_by)) return refuse("not_found");
  if (message.deleted_at === null) return ok(message);
  const turn = message.role === "assistant" ? journal.turns.byId(message.turn_id) : null;
  const replaced = turn !== null && turn.reply_sequence !== message.sequence;
  if (replaced && (turn.ended_at === null || journal.messages.find(turn.reply_id)?.deleted_at === null))
    return refuse("conflict", { detail: "This turn has another reply now. Delete that one first." });
  return journal.transaction(() => {
    if (replaced) journal.turns.change(turn, endedWith(turn, message));
    const restored = journal.messages.mark(message, null);
    edited(journal, message.sequence, 1, now);
    const audit = auditRow(caller, aboutMessage("message.restore", message), now);
    journal.outbox.add({ op: "restore_messages", ranges: [[message.sequence, message.sequence]], audit });
    return ok(restored);
  });
}

/** A turn whose reply is this earlier one again: only one that failed is ever written anew. */
function endedWith(turn: Turn, { id: reply_id, sequence: reply_sequence, status }: Message): Partial<Turn> {
  const as = { reply_id, reply_sequence, delta_length: null };
  if (status === "failed") return { ...as, status, error: turn.error ?? UNANSWERED };
  return { ...as, status: status === "complete" ? "completed" : status, error: null };
}

const UNANSWERED: TurnError = { code: "model_error", detail: "The model gave no answer." };

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
    const upto = journal.header.next_sequence - 1;
    const deletion = { deleted_at: now, deleted_by: caller.entity_id, deletion_id: newId };
    const deleted = journal.messages.deleteAfter(after, deletion);
    if (deleted === 0) {
      const latest = "SELECT deletion_id FROM message WHERE deletion_id IS NOT NULL ORDER BY deleted_at DESC LIMIT 1";
      return { deleted, deletion_id: String(journal.store.one(latest)?.["deletion_id"] ?? newId) };
    }
    journal.deltas.remove("reply_sequence > ?", after);
    forgetNotes(journal, after + 1);
    edited(journal, after + 1, -deleted, now);
    const entry = aboutConversation(journal, "message.delete_all", { deletion_id: newId, deleted });
    journal.outbox.add({ op: "delete_messages", after, upto, ...deletion, audit: auditRow(caller, entry, now) });
    return { deleted, deletion_id: newId };
  });
}

/**
 * Brings back every deleted message, or only those that one bulk delete removed; of a visitor's call only what it deleted
 * itself. Of several replies to one message the present one.
 */
export function restoreAllMessages({ journal, caller, now }: Edit, deletion_id: string | null): { restored: number } {
  return journal.transaction(() => {
    const rows = journal.store.rows(
      `SELECT m.sequence FROM message AS m LEFT JOIN turn AS t ON t.id = m.turn_id
       WHERE m.deleted_at IS NOT NULL AND m.purged_at IS NULL AND (?1 IS NULL OR m.deletion_id = ?1)
         AND (?2 IS NULL OR m.deleted_by = ?2)
         AND (m.role = 'user' OR t.id IS NULL OR t.reply_sequence = m.sequence)
       ORDER BY m.sequence`,
      deletion_id,
      caller.entity_type === "user" ? null : caller.entity_id,
    );
    const sequences = rows.map((row) => Number(row["sequence"]));
    const [first] = sequences;
    if (first === undefined) return { restored: 0 };
    const restored = sequences.length;
    journal.messages.restore(sequences);
    edited(journal, first, restored, now);
    const details = { restored, ...(deletion_id === null ? {} : { deletion_id }) };
    const audit = auditRow(caller, aboutConversation(journal, "message.restore_all", details), now);
    journal.outbox.add({ op: "restore_messages", ranges: rangesOf(sequences), audit });
    return { restored };
  });
}

/** Ascending sequences as ranges, both ends inclusive. */
function rangesOf(sequences: number[]): [first: number, last: number][] {
  const ranges: [number, number][] = [];
  for (const sequence of sequences) {
    const last = ranges.at(-1);
    if (last && last[1] === sequence - 1) last[1] = sequence;
    else ranges.push([sequence, sequence]);
  }
  return ranges;
}

/** Title, metadata, context length, status. */
export function updateConversation({ journal, caller, now }: Edit, changes: Partial<Header>): Header {
  const before = journal.header;
  const changed = (Object.keys(changes) as (keyof Header)[]).filter(
    (name) => JSON.stringify(changes[name]) !== JSON.stringify(before[name]),
  );
  if (changed.length === 0) return before;
  return journal.transaction(() => {
    const titled = changes.title === undefined ? {} : { titled_by: null };
    const header = journal.store.setHeader({ ...changes, ...titled, updated_at: now });
    const entry = aboutConversation(journal, "conversation.update", { changed });
    journal.outbox.add({ op: "header", audit: auditRow(caller, entry, now) });
    return header;
  });
}

/** Soft-deletes the conversation; the state of its messages is not touched. */
export function deleteConversation({ journal, caller, now }: Edit): Outcome<Header> {
  const { header } = journal;
  if (!mayUndo(caller, header.deleted_by)) return refuse("not_found");
  if (header.deleted_at !== null) return ok(header);
  return ok(mark(journal, caller, "conversation.delete", { deleted_at: now, deleted_by: caller.entity_id }, now));
}

export function restoreConversation({ journal, caller, now }: Edit): Outcome<Header> {
  const { header } = journal;
  if (!mayUndo(caller, header.deleted_by)) return refuse("not_found");
  if (header.deleted_at === null) return ok(header);
  return ok(mark(journal, caller, "conversation.restore", { deleted_at: null, deleted_by: null }, now));
}

function mark(journal: Journal, caller: Caller, action: string, changes: Partial<Header>, now: number): Header {
  return journal.transaction(() => {
    journal.outbox.add({ op: "header", audit: auditRow(caller, aboutConversation(journal, action), now) });
    return journal.store.setHeader({ ...changes, updated_at: now });
  });
}

/** Puts a hold on the conversation, with another reason than it has, or takes it away. What says why is in no audit row. */
export function holdConversation({ journal, caller, now }: Edit, reason: string | null): Header {
  const { hold } = journal.header;
  if (reason === (hold?.reason ?? null)) return journal.header;
  const held = reason === null ? null : { reason, since: hold?.since ?? now, by: caller.entity_id };
  return mark(journal, caller, held ? "conversation.hold" : "conversation.release", { hold: held }, now);
}

/** The caller becomes the owner. What the former one began, by key or by body, is the caller's to repeat. */
export function reassignConversation({ journal, caller, now }: Edit): void {
  const { header } = journal;
  const { entity_type, entity_id } = caller;
  if (header.entity_type === entity_type && header.entity_id === entity_id) return;
  journal.transaction(() => {
    journal.turns.reassign(principalOf(header), principalOf(caller));
    // What the former owner deleted is the caller's to restore, too.
    const from = header.entity_id;
    const deleted_by = header.deleted_by === from ? entity_id : header.deleted_by;
    journal.messages.change({ deleted_by: entity_id }, "deleted_by = ?", from);
    journal.store.setHeader({ entity_type, entity_id, deleted_by, updated_at: now });
    const entry = aboutConversation(journal, "conversation.reassign", { from });
    journal.outbox.add({ op: "reassign", from, audit: auditRow(caller, entry, now) });
  });
}

/** Notes what a person thought of a reply; null takes it back. */
export function rateMessage(
  { journal, caller, now }: Edit,
  message: Message,
  feedback: Feedback | null,
): Outcome<Message> {
  if (message.deleted_at !== null) return refuse("not_found");
  if (message.role !== "assistant") return refuse("conflict", { detail: "Only replies of the agent can be rated." });
  if (JSON.stringify(message.feedback) === JSON.stringify(feedback)) return ok(message);
  return journal.transaction(() => {
    journal.messages.change({ feedback }, "sequence = ?", message.sequence);
    const audit = auditRow(caller, aboutMessage("message.rate", message), now);
    journal.outbox.add({ op: "feedback", message_id: message.id, feedback, audit });
    return ok({ ...message, feedback });
  });
}

/** What was made out of messages from `sequence` on must not outlive them; `by` live messages were added. */
function edited(journal: Journal, sequence: number, by: number, now: number): void {
  forgetSummary(journal, sequence);
  retitle(journal);
  const { message_count, edits } = journal.header;
  journal.store.setHeader({ message_count: message_count + by, edits: edits + 1, updated_at: now });
}
