/** Audit rows: one for every change, written in the same batch as the change, never containing content. Pure. */
import { uuidv7 } from "uuidv7";
import type { Actor } from "../auth/principal.ts";
import type { JsonObject } from "../json.ts";

/** A row as D1 stores it; `at` in milliseconds. */
export type AuditRow = {
  id: string;
  company_id: string;
  at: number;
  actor_type: "user" | "lead" | "system";
  actor_id: string;
  api_key_id: string | null;
  action: string;
  target_type: string;
  target_id: string;
  request_id: string | null;
  details: JsonObject;
};

/** What was done to what: `action` is `<noun>.<verb>`, such as `message.delete`. */
export type AuditEntry = { action: string; target_type: string; target_id: string; details?: JsonObject };

/** What a client calls its requests may name a person, and the trail forgets nothing: only a UUID is kept. */
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** An audit row for something `actor` does at `at` (ms). */
export const auditRow = (actor: Actor, entry: AuditEntry, at: number): AuditRow => ({
  id: uuidv7(),
  company_id: actor.company_id,
  at,
  actor_type: actor.entity_type,
  actor_id: actor.entity_id,
  api_key_id: actor.api_key_id,
  action: entry.action,
  target_type: entry.target_type,
  target_id: entry.target_id,
  request_id: UUID.test(actor.request_id) ? actor.request_id : null,
  details: entry.details ?? {},
});

/** An audit row for something that the service does by itself, `actor` being the part of it that does, at `at` (ms). */
export const systemAuditRow = (company_id: string, actor: string, entry: AuditEntry, at: number): AuditRow => ({
  ...auditRow({ company_id, entity_type: "user", entity_id: actor, api_key_id: null, request_id: "" }, entry, at),
  actor_type: "system",
  request_id: null,
});
