CREATE TABLE `departed` (
	`company_id` text PRIMARY KEY NOT NULL,
	`at` integer NOT NULL
);
--> statement-breakpoint
ALTER TABLE `company` ADD `moving_from` text;--> statement-breakpoint
ALTER TABLE `company` ADD `moving_to` text;