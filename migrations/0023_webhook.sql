CREATE TABLE `webhook` (
	`id` text PRIMARY KEY NOT NULL,
	`company_id` text NOT NULL,
	`url` text NOT NULL,
	`events` text,
	`description` text DEFAULT '' NOT NULL,
	`payload` text DEFAULT 'thin' NOT NULL,
	`secret_ciphertext` text NOT NULL,
	`previous_ciphertext` text,
	`previous_until` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`disabled_at` integer
);
--> statement-breakpoint
CREATE INDEX `webhook_company` ON `webhook` (`company_id`,`id`);--> statement-breakpoint
CREATE TABLE `webhook_delivery` (
	`id` text PRIMARY KEY NOT NULL,
	`company_id` text NOT NULL,
	`webhook_id` text NOT NULL,
	`event_id` text NOT NULL,
	`type` text NOT NULL,
	`conversation_id` text,
	`sequence` integer,
	`status` text DEFAULT 'pending' NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`last_status` integer,
	`next_at` integer,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `webhook_delivery_event` ON `webhook_delivery` (`event_id`,`webhook_id`);--> statement-breakpoint
CREATE INDEX `webhook_delivery_webhook` ON `webhook_delivery` (`company_id`,`webhook_id`,`id`);--> statement-breakpoint
CREATE INDEX `webhook_delivery_due` ON `webhook_delivery` (`company_id`,`webhook_id`,`next_at`,`id`) WHERE next_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `webhook_delivery_order` ON `webhook_delivery` (`webhook_id`,`conversation_id`,`sequence`) WHERE status = 'pending';--> statement-breakpoint
CREATE TABLE `webhook_event` (
	`id` text PRIMARY KEY NOT NULL,
	`company_id` text NOT NULL,
	`type` text NOT NULL,
	`at` integer NOT NULL,
	`conversation_id` text,
	`sequence` integer,
	`data` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `webhook_event_company` ON `webhook_event` (`company_id`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `webhook_event_at` ON `webhook_event` (`at`);--> statement-breakpoint
ALTER TABLE `conversation` ADD `event_sequence` integer DEFAULT 0 NOT NULL;