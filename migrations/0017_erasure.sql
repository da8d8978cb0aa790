CREATE TABLE `erasure` (
	`id` text PRIMARY KEY NOT NULL,
	`company_id` text NOT NULL,
	`kind` text NOT NULL,
	`target_id` text NOT NULL,
	`status` text DEFAULT 'running' NOT NULL,
	`subject_hash` text NOT NULL,
	`requested_by` text NOT NULL,
	`began_at` integer NOT NULL,
	`done_at` integer,
	`pass` integer DEFAULT 1 NOT NULL,
	`cursor` text DEFAULT '' NOT NULL,
	`found` integer DEFAULT false NOT NULL,
	`stores` text NOT NULL,
	`receipt` text
);
--> statement-breakpoint
CREATE INDEX `erasure_company` ON `erasure` (`company_id`,`id`);--> statement-breakpoint
CREATE INDEX `erasure_target` ON `erasure` (`company_id`,`target_id`,`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `erasure_running` ON `erasure` (`company_id`,`target_id`) WHERE status = 'running';--> statement-breakpoint
ALTER TABLE `conversation` ADD `hold` text;--> statement-breakpoint
CREATE INDEX `conversation_owner` ON `conversation` (`company_id`,`entity_type`,`entity_id`,`id`);--> statement-breakpoint
CREATE INDEX `conversation_held` ON `conversation` (`company_id`,`entity_type`,`entity_id`) WHERE hold IS NOT NULL;--> statement-breakpoint
ALTER TABLE `lead` ADD `hold` text;--> statement-breakpoint
ALTER TABLE `lead` ADD `active_at` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX `lead_idle` ON `lead` (`company_id`,`active_at`,`id`) WHERE erased_at IS NULL;