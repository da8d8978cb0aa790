-- Messages are stored by conversation and sequence, without a rowid: one entry less for each.
CREATE TABLE `__new_message` (
	`id` text NOT NULL,
	`company_id` text NOT NULL,
	`conversation_id` text NOT NULL,
	`agent_id` text NOT NULL,
	`turn_id` text NOT NULL,
	`sequence` integer NOT NULL,
	`role` text NOT NULL,
	`content` text NOT NULL,
	`status` text NOT NULL,
	`model_used` text,
	`processing_time` real,
	`input_tokens` integer,
	`output_tokens` integer,
	`usage_source` text,
	`metadata` text NOT NULL,
	`tool_calls` text,
	`feedback` text,
	`created_at` integer NOT NULL,
	`deleted_at` integer,
	`deleted_by` text,
	`deletion_id` text,
	`purged_at` integer,
	`details` text,
	PRIMARY KEY(`conversation_id`, `sequence`)
) WITHOUT ROWID;
--> statement-breakpoint
INSERT INTO `__new_message`("id", "company_id", "conversation_id", "agent_id", "turn_id", "sequence", "role", "content", "status", "model_used", "processing_time", "input_tokens", "output_tokens", "usage_source", "metadata", "tool_calls", "feedback", "created_at", "deleted_at", "deleted_by", "deletion_id", "purged_at", "details") SELECT "id", "company_id", "conversation_id", "agent_id", "turn_id", "sequence", "role", "content", "status", "model_used", "processing_time", "input_tokens", "output_tokens", "usage_source", "metadata", "tool_calls", "feedback", "created_at", "deleted_at", "deleted_by", "deletion_id", "purged_at", "details" FROM `message`;--> statement-breakpoint
DROP TABLE `message`;--> statement-breakpoint
ALTER TABLE `__new_message` RENAME TO `message`;--> statement-breakpoint
CREATE UNIQUE INDEX `message_id` ON `message` (`id`);--> statement-breakpoint
CREATE INDEX `message_gone` ON `message` (`conversation_id`,`sequence`,`deleted_at`) WHERE deleted_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `message_deleted` ON `message` (`company_id`,`deleted_at`,`id`,`purged_at`) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;--> statement-breakpoint
CREATE INDEX `message_retention` ON `message` (`deleted_at`,`id`) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;--> statement-breakpoint
CREATE INDEX `message_reply_time` ON `message` (`company_id`,`created_at`) WHERE role = 'assistant';--> statement-breakpoint
ALTER TABLE `conversation` ADD `revision` integer DEFAULT 0 NOT NULL;
--> statement-breakpoint
CREATE TRIGGER message_tally_insert AFTER INSERT ON message WHEN new.deleted_at IS NOT NULL AND new.purged_at IS NULL BEGIN
  INSERT INTO tally (company_id, kind, ref, deleted) VALUES (new.company_id, 'message', '', 1)
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET deleted = deleted + 1;
END;
--> statement-breakpoint
CREATE TRIGGER message_tally_update AFTER UPDATE OF deleted_at, purged_at ON message
WHEN (old.deleted_at IS NOT NULL AND old.purged_at IS NULL) IS NOT (new.deleted_at IS NOT NULL AND new.purged_at IS NULL) BEGIN
  INSERT INTO tally (company_id, kind, ref, deleted)
  VALUES (new.company_id, 'message', '', (new.deleted_at IS NOT NULL AND new.purged_at IS NULL) - (old.deleted_at IS NOT NULL AND old.purged_at IS NULL))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET deleted = deleted + excluded.deleted;
END;
--> statement-breakpoint
CREATE TRIGGER message_tally_delete AFTER DELETE ON message WHEN old.deleted_at IS NOT NULL AND old.purged_at IS NULL BEGIN
  UPDATE tally SET deleted = deleted - 1 WHERE company_id = old.company_id AND kind = 'message' AND ref = '';
END;
--> statement-breakpoint
-- A batch of a conversation's object that lands after a newer one would undo it: all of it is refused.
CREATE TRIGGER conversation_revision BEFORE UPDATE OF revision ON conversation WHEN new.revision < old.revision BEGIN
  SELECT RAISE(ABORT, 'older revision');
END;
