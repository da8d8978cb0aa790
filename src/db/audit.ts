/** The audit trail: one row per change, written in the same batch as the change, never containing content. */
import { and, desc, eq, lt } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import type { Caller } from "../auth/principal.ts";
import type { Slice } from "../http/pagination.ts";
import type { Database } from "./database.ts";
import { audit_event, type JsonObject } from "./schema.ts";

export type AuditRow = typeof audit_event.$inferInsert;

/** What was done to what: `action` is `<noun>.<verb>`, such as `message.delete`. */
export type AuditEntry = { action: string; target_type: string; target_id: string; details?: JsonObject };

/** An audit row for something `caller` does at `at` (ms). */
export const auditRow = (caller: Caller, entry: AuditEntry, at: number): AuditRow => ({
  id: uuidv7(),
  company_id: caller.company_id,
  at,
  actor_type: caller.entity_type,
  actor_id: caller.entity_id,
  api_key_id: caller.api_key_id,
  action: entry.action,
  target_type: entry.target_type,
  target_id: entry.target_id,
  request_id: caller.request_id,
  details: entry.details ?? {},
});

/** The statement that writes it; goes into the batch of the change itself. */
export const insertAudit = (db: Database, row: AuditRow) => db.insert(audit_event).values(row).onConflictDoNothing();

/** Audit rows of a company, newest first. */
export function listAudit(db: Database, company_id: string, slice: Slice) {
  return db
    .select()
    .from(audit_event)
    .where(
      and(
        eq(audit_event.company_id, company_id),
        slice.after ? lt(audit_event.id, String(slice.after[0])) : undefined,
      ),
    )
    .orderBy(desc(audit_event.id))
    .limit(slice.limit)
    .offset(slice.offset);
}
