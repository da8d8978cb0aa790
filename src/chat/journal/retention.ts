/**
 * What retention takes away for good. A purged message keeps its place, its times and its counts, and loses what it says;
 * a conversation is closed first, so that one of which only half is left is never shown or restored.
 */
import type { AuditRow } from "../audit.ts";
import type { Header } from "./schema.ts";
import type { Journal } from "./journal.ts";

/** Whether it has been deleted since before `before` (ms). */
export const isExpired = ({ deleted_at }: Header, before: number): boolean =>
  deleted_at !== null && deleted_at < before;

/** From here on nothing brings the conversation back; D1 is told. */
export function closeForGood(journal: Journal, now: number): void {
  if ((journal.header as Header).erased_at !== null) return;
  journal.transaction(() => {
    journal.setHeader({ title: "", metadata: {}, titled_by: null, erased_at: now });
    journal.outbox({ op: "header", audit: null });
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
    const purged = journal.rewrite(
      `UPDATE message SET content = '', metadata = '{}', tool_calls = NULL, feedback = NULL, purged_at = ?
       WHERE id IN (SELECT value FROM json_each(?)) AND deleted_at < ? AND purged_at IS NULL
       RETURNING id, turn_id, role`,
      now,
      JSON.stringify(ids),
      before,
    );
    if (purged.length === 0) return 0;
    const asked = purged.filter((message) => message["role"] === "user").map((message) => message["turn_id"]);
    journal.rewrite(
      `UPDATE turn SET content = NULL, metadata = '{}', body_hash = '', idempotency_key = NULL
       WHERE id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(asked),
    );
    const change = {
      op: "purge_messages",
      ids: purged.map((message) => String(message["id"])),
      purged_at: now,
    } as const;
    journal.outbox({ ...change, audit: audit(purged.length) });
    return purged.length;
  });
}
