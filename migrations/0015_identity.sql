-- Registrations from before a proof was asked for go on; whoever shows more control takes their place.
PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE `__new_issuer` (
	`id` text PRIMARY KEY NOT NULL,
	`company_id` text NOT NULL,
	`issuer` text NOT NULL,
	`jwks_uri` text,
	`audience` text NOT NULL,
	`algorithms` text NOT NULL,
	`role_claim` text,
	`created_at` integer NOT NULL,
	`verified_at` integer,
	`keys` text,
	`keys_at` integer
);
--> statement-breakpoint
INSERT INTO `__new_issuer`("id", "company_id", "issuer", "jwks_uri", "audience", "algorithms", "role_claim", "created_at", "verified_at", "keys", "keys_at") SELECT "id", "company_id", "issuer", "jwks_uri", "audience", "algorithms", "role_claim", "created_at", "created_at", NULL, NULL FROM `issuer`;--> statement-breakpoint
DROP TABLE `issuer`;--> statement-breakpoint
ALTER TABLE `__new_issuer` RENAME TO `issuer`;--> statement-breakpoint
PRAGMA foreign_keys=ON;--> statement-breakpoint
CREATE UNIQUE INDEX `issuer_audience` ON `issuer` (`issuer`,`audience`) WHERE verified_at IS NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX `issuer_own` ON `issuer` (`company_id`,`issuer`,`audience`);--> statement-breakpoint
CREATE INDEX `issuer_company` ON `issuer` (`company_id`,`id`);--> statement-breakpoint
ALTER TABLE `lead` ADD `refresh_id` text;--> statement-breakpoint
ALTER TABLE `lead` ADD `refresh_previous_id` text;--> statement-breakpoint
ALTER TABLE `lead` ADD `refreshed_at` integer;--> statement-breakpoint
ALTER TABLE `lead` ADD `tokens_ended_at` integer;--> statement-breakpoint
-- Owners were known by their own id, as if the company's backend called them that; now no backend can speak as one.
UPDATE `user` SET `issuer` = 'owner' WHERE `issuer` = '' AND `subject` = `id` AND `company_id` NOT IN (SELECT `company_id` FROM `departed`);
