/**
 * Who has a conversation: its agent or a person. Every change is one transaction with its audit row and a line of `handling`;
 * notes are the staff's own and are in no message.
 */
import { type AuditRow, auditRow, systemAuditRow } from "../audit.ts";
import type { JsonObject } from "../../json.ts";
import type { Conversation } from "../conversation.ts";
import type { HandlingRow, Note, Person, Rows, Slice } from "../rpc.ts";
import type { Edit } from "./edits.ts";
import type { Journal } from "./journal.ts";
import { RareTable } from "./rare-table.ts";
import type { Header } from "./schema.ts";

type Action = HandlingRow["action"];

/** What a model wants staff to know of the messages up to a sequence; `id` of the note that it becomes. */
export type ModelNote = { id: string; text: string; upto: number };

/**
 * The agent asks for a person, once: nothing changes while one is waited for, or has the conversation. The note goes when one
 * of its messages is deleted, so nothing that a model has said is in `reason`. Returns whether a person was asked for.
 */
export function askForPerson(
  journal: Journal,
  { reason, summary, now }: { reason: string; summary: ModelNote | null; now: number },
): boolean {
  const { handled_by, waiting_since, id: target_id, company_id, agent_id } = journal.header;
  if (handled_by === "staff" || waiting_since !== null) return false;
  journal.transaction(() => {
    note(journal, now, "hand_over", null, reason);
    if (summary) tableOf(journal, "note").insert({ ...summary, at: now, entity_id: null, name: null });
    const entry = { action: "conversation.hand_over", target_type: "conversation", target_id };
    journal.outbox.add({ op: "header", audit: systemAuditRow(company_id, agent_id, entry, now) });
    journal.store.setHeader({ waiting_since: now, awaited_since: now, updated_at: now });
  });
  return true;
}

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
    const awaited_since = before.awaited_since ?? (handled_by === "agent" ? now : null);
    return journal.store.setHeader({ ...handler, waiting_since: null, awaited_since, return_at, updated_at: now });
  });
}

/** The agent has the conversation again, and nobody is waited for. */
export function giveBack({ journal, caller, now }: Edit, person: Person): void {
  const { handled_by, waiting_since, id } = journal.header;
  if (handled_by === "agent" && waiting_since === null) return;
  const entry = { action: "conversation.give_back", target_type: "conversation", target_id: id };
  returnToAgent(journal, now, person, auditRow(caller, entry, now));
}

/** The same by itself, once the time is over for which it was taken over. */
export function giveBackWhenDue(journal: Journal, now: number): void {
  const { return_at, id, company_id } = journal.header;
  if (return_at === null || return_at > now) return;
  const entry = { action: "conversation.give_back", target_type: "conversation", target_id: id };
  returnToAgent(journal, now, null, systemAuditRow(company_id, "hand_over", entry, now));
}

function returnToAgent(journal: Journal, now: number, person: Person | null, audit: AuditRow): void {
  journal.transaction(() => {
    note(journal, now, "give_back", person, person ? null : "return_after");
    journal.outbox.add({ op: "header", audit });
    journal.store.setHeader({ ...WITH_AGENT, waiting_since: null, awaited_since: null, updated_at: now });
  });
}

function note(journal: Journal, at: number, action: Action, person: Person | null, reason: string | null): void {
  const { entity_id = null, name = null } = person ?? {};
  tableOf(journal, "handling").insert({ at, action, entity_id, name, reason });
}

/** What staff, or a model that asks for a person, tells staff: in no message, and in nothing that a model or a visitor is shown. */
export function writeNote({ journal, caller, now }: Edit, id: string, { entity_id, name }: Person, text: string): Note {
  const written = { id, at: now, entity_id, name, text };
  const entry = { action: "conversation.note", target_type: "conversation", target_id: journal.header.id };
  journal.transaction(() => {
    tableOf(journal, "note").insert(written);
    journal.outbox.add({ op: "header", audit: auditRow(caller, entry, now) });
  });
  return written;
}

/** A side has read everything up to a sequence; it never has read less afterwards. Reads and writes the header alone. */
export function markRead({ journal, caller }: Edit, sequence: number): void {
  const { header } = journal;
  const isOwner = caller.entity_type === header.entity_type && caller.entity_id === header.entity_id;
  const side = isOwner ? "last_read_lead" : "last_read_staff";
  const upto = Math.min(sequence, header.next_sequence - 1);
  if (upto <= header[side]) return;
  journal.transaction(() => {
    journal.messages.noteRead(side, upto);
    journal.outbox.add({ op: "header", audit: null });
  });
}

const tableOf = (journal: Journal, table: "note" | "handling") => new RareTable(journal.store, table);

/** Rows newest first, one more than a page where there are more. `key` orders them and is where a cursor stands. */
export function pageOf<T>(journal: Journal, table: "note" | "handling", { after, offset, limit }: Slice): Rows<T> {
  const key = table === "note" ? "id" : "number";
  const beyond = after === null ? "TRUE" : `${key} < ?`;
  const rows = tableOf(journal, table).rows(
    `SELECT * FROM ${table} WHERE ${beyond} ORDER BY ${key} DESC LIMIT ? OFFSET ?`,
    ...[...(after === null ? [] : [after]), limit, offset],
  );
  return { rows: rows as unknown as T[], total: countOf(journal, table) };
}

/** Changes of hands are never removed; notes are as few as MOST_NOTES says. */
export const countOf = (journal: Journal, table: "note" | "handling"): number =>
  Number(
    tableOf(journal, table).one(`SELECT ${table === "note" ? "count(*)" : "max(number)"} AS n FROM ${table}`)?.["n"] ??
      0,
  );

/** The conversation with what is counted of it, as D1 and the wire have it. */
export const recordOf = (journal: Journal): Conversation => ({ ...journal.header, ...journal.messages.unread() });
