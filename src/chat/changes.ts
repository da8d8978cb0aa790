/** What a conversation's object tells D1 beyond new messages: plain data, so that it can wait in the outbox. */
import type { AuditRow } from "./audit.ts";
import type { Conversation } from "./conversation.ts";
import type { Feedback, Message } from "./message.ts";

/** Applying a change twice is applying it once; they are applied in the order they were made. */
export type Change =
  /** Sequences after `after` up to `upto`; `ids` null: every live message among them. */
  | {
      op: "delete_messages";
      ids: string[] | null;
      after: number;
      upto: number;
      deleted_at: number;
      deleted_by: string;
      deletion_id: string | null;
      audit: AuditRow;
    }
  /** `ids` null: every deleted message, or with `deletion_id` those that one bulk delete removed. */
  | { op: "restore_messages"; ids: string[] | null; deletion_id: string | null; audit: AuditRow }
  /** Title, metadata, limits, status, deletion or end of the conversation: D1 gets the header as it is. */
  | { op: "header"; audit: AuditRow | null }
  | { op: "feedback"; message_id: string; feedback: Feedback | null }
  /** A re-run reply took the place of a failed one. */
  | { op: "message"; message_id: string }
  /** These messages keep their place and lose what they say, for good. */
  | { op: "purge_messages"; ids: string[]; purged_at: number; audit: AuditRow }
  /** The conversation has another owner: D1 gets the header's. */
  | { op: "reassign"; audit: AuditRow }
  | { op: "erase"; audit: AuditRow };

/** One batch for D1. `upto` and `lastChange` are what is confirmed when it went through. */
export type Batch = { header: Conversation; messages: Message[]; changes: Change[]; upto: number; lastChange: number };
