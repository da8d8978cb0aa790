/**
 * What retention takes away for good. A purged message keeps its place, its times and its counts, and loses what it says;
 * a conversation is closed first, so that one of which only half is left is never shown or restored.
 */
import type { AuditRow } from "../audit.ts";
import type { Expiry } from "../rpc.ts";
import type { Journal } from "./journal.ts";
import type { Header } from "./schema.ts";

/** Whether its time has come; what retention has closed has been found to before. */
export function isExpired({ deleted_at, deleted_by, ...header }: Header, { of, before }: Expiry): boolean {
  if (deleted_by === RETENTION) return true;
  if (of === "deleted") return deleted_at !== null && deleted_at < before;
  return (header.last_message_at ?? header.created_at) < before;
}

/** By this deleted_by what has been closed is found again, whatever it was closed for. */
const RETENTION = "retention";

/** From here on nothing brings the conversation back; D1 is told. */
export function closeForGood(journal: Journal, now: number): void {
  const { erased_at, deleted_at, edits } = journal.header;
  if (erased_at !== null) return;
  journal.transaction(() => {
    const deleted = { deleted_at: deleted_at ?? now, deleted_by: RETENTION };
    const closed = { title: "", metadata: {}, titled_by: null, erased_at: now, edits: edits + 1 };
    journal.store.setHeader({ ...closed, ...deleted });
    journal.outbox.add({ op: "header", audit: null });
  });
}

/**
 * Empties those of the messages `ids` that have been deleted since before `before` (ms), with one audit row for all of
 * them, and forgets by which words or key a repeated request would find their turns. Returns how many there were.
 */
export function purgeMessages(
  journal: Journal,
  ids: string[],
  { before, now }: { before: number; now: number },
  audit: (purged: number) => AuditRow,
): number {
  return journal.transaction(() => {
    const due = ids
      .flatMap((id) => journal.messages.find(id) ?? [])
      .filter(({ deleted_at, purged_at }) => purged_at === null && deleted_at !== null && deleted_at < before);
    if (due.length === 0) return 0;
    const sequences = JSON.stringify(due.map(({ sequence }) => sequence));
    journal.messages.empty({ purged_at: now }, "sequence IN (SELECT value FROM json_each(?))", sequences);
    const asked = due.filter(({ role }) => role === "user").map(({ turn_id }) => turn_id);
    journal.turns.purge("id IN (SELECT value FROM json_each(?))", JSON.stringify(asked));
    journal.store.setHeader({ edits: journal.header.edits + 1 });
    const purged = due.map(({ id }) => id);
    journal.outbox.add({ op: "purge_messages", ids: purged, purged_at: now, audit: audit(purged.length) });
    return purged.length;
  });
}
