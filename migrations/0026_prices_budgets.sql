CREATE TABLE `budget` (
	`id` text PRIMARY KEY NOT NULL,
	`company_id` text NOT NULL,
	`applies_to` text NOT NULL,
	`agent_id` text,
	`entity_type` text,
	`entity_id` text,
	`period` text NOT NULL,
	`tokens` integer,
	`amount` text,
	`currency` text,
	`on_exhausted` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `budget_company` ON `budget` (`company_id`,`id`);--> statement-breakpoint
CREATE TABLE `model_price` (
	`company_id` text NOT NULL,
	`model` text NOT NULL,
	`input` text NOT NULL,
	`cached_input` text,
	`output` text NOT NULL,
	`currency` text NOT NULL,
	PRIMARY KEY(`company_id`, `model`)
);
--> statement-breakpoint
ALTER TABLE `message` ADD `cached_input_tokens` integer;--> statement-breakpoint
ALTER TABLE `message` ADD `cost` text;