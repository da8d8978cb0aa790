CREATE TABLE `audit_seal` (
	`id` text PRIMARY KEY NOT NULL,
	`company_id` text NOT NULL,
	`first_sequence` integer NOT NULL,
	`last_sequence` integer NOT NULL,
	`rows` integer NOT NULL,
	`hash` text NOT NULL,
	`previous_hash` text,
	`sealed_at` integer NOT NULL,
	`signature` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `audit_seal_first` ON `audit_seal` (`company_id`,`first_sequence`);--> statement-breakpoint
DROP INDEX `audit_company`;--> statement-breakpoint
DROP INDEX `audit_target`;--> statement-breakpoint
ALTER TABLE `audit_event` ADD `sequence` integer;--> statement-breakpoint
CREATE UNIQUE INDEX `audit_sequence` ON `audit_event` (`company_id`,`sequence`);--> statement-breakpoint
CREATE INDEX `audit_actor` ON `audit_event` (`company_id`,`actor_id`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `audit_action` ON `audit_event` (`company_id`,`action`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `audit_company` ON `audit_event` (`company_id`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `audit_target` ON `audit_event` (`company_id`,`target_id`,`at`,`id`);--> statement-breakpoint
ALTER TABLE `company` ADD `time_zone` text DEFAULT 'UTC' NOT NULL;--> statement-breakpoint
ALTER TABLE `company` ADD `conversations_days` integer;--> statement-breakpoint
ALTER TABLE `company` ADD `deleted_days` integer;--> statement-breakpoint
ALTER TABLE `company` ADD `leads_days` integer;--> statement-breakpoint
ALTER TABLE `user` ADD `deleted_at` integer;--> statement-breakpoint
ALTER TABLE `user` ADD `deleted_by` text;--> statement-breakpoint
ALTER TABLE `user` ADD `erased_at` integer;--> statement-breakpoint
CREATE INDEX `user_company` ON `user` (`company_id`,`id`,`deleted_at`) WHERE deleted_at IS NULL;--> statement-breakpoint
CREATE INDEX `tally_unsealed` ON `tally` (`company_id`) WHERE kind = 'audit' AND active > archived;