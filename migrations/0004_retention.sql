DROP INDEX `message_deleted`;--> statement-breakpoint
ALTER TABLE `message` ADD `purged_at` integer;--> statement-breakpoint
CREATE INDEX `message_retention` ON `message` (`deleted_at`,`id`) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;--> statement-breakpoint
CREATE INDEX `message_deleted` ON `message` (`company_id`,`deleted_at`,`id`) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;--> statement-breakpoint
CREATE INDEX `conversation_created` ON `conversation` (`company_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `conversation_retention` ON `conversation` (`deleted_at`,`id`) WHERE deleted_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `lead_created` ON `lead` (`company_id`,`created_at`,`id`);