/** What a conversation's object tells D1: plain data, so that it can wait in the outbox. */
import type { AuditRow } from "./audit.ts";
import type { Conversation } from "./conversation.ts";
import type { Feedback, Message } from "./message.ts";

/** Applying a change twice is applying it once; they are applied in the order they were made. */
export type Change =
  /** Live messages with a sequence after `after` up to `upto`. */
  | {
      op: "delete_messages";
      after: number;
      upto: number;
      deleted_at: number;
      deleted_by: string;
      deletion_id: string | null;
      audit: AuditRow;
    }
  /** What is deleted of these ranges of sequences, both ends inclusive. */
  | { op: "restore_messages"; ranges: [first: number, last: number][]; audit: AuditRow }
  /** Title, metadata, limits, status, deletion or end of the conversation: D1 gets the header as it is. */
  | { op: "header"; audit: AuditRow | null }
  | { op: "feedback"; message_id: string; feedback: Feedback | null; audit: AuditRow }
  /** A reply was written again in the place of a failed one: D1 gets it as it is. */
  | { op: "message"; sequence: number }
  /** These messages keep their place and lose what they say, for good. */
  | { op: "purge_messages"; ids: string[]; purged_at: number; audit: AuditRow }
  /** The conversation has another owner: D1 gets the header's. */
  | { op: "reassign"; from: string; audit: AuditRow }
  /** Whoever of the staff has this id is named nowhere in it any more. */
  | { op: "forget_name"; entity_id: string; audit: AuditRow }
  | { op: "erase"; audit: AuditRow };

/**
 * One batch for D1: the conversation as it was at `header.revision`, and what changed of it. D1 refuses a batch whose
 * revision is older than what it has. `upto` and `last_change` are what is confirmed when it went through.
 */
export type Batch = { header: Conversation; messages: Message[]; changes: Change[]; upto: number; last_change: number };
