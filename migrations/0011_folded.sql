ALTER TABLE `agent` ADD `name_folded` text;--> statement-breakpoint
CREATE INDEX `agent_unfolded` ON `agent` (`id`) WHERE name_folded IS NULL;--> statement-breakpoint
ALTER TABLE `conversation` ADD `title_folded` text;--> statement-breakpoint
CREATE INDEX `conversation_unfolded` ON `conversation` (`id`) WHERE title_folded IS NULL;--> statement-breakpoint
ALTER TABLE `lead` ADD `first_name_folded` text;--> statement-breakpoint
ALTER TABLE `lead` ADD `last_name_folded` text;--> statement-breakpoint
ALTER TABLE `lead` ADD `email_folded` text;--> statement-breakpoint
CREATE INDEX `lead_unfolded_first_name` ON `lead` (`id`) WHERE first_name IS NOT NULL AND first_name_folded IS NULL;--> statement-breakpoint
CREATE INDEX `lead_unfolded_last_name` ON `lead` (`id`) WHERE last_name IS NOT NULL AND last_name_folded IS NULL;--> statement-breakpoint
CREATE INDEX `lead_unfolded_email` ON `lead` (`id`) WHERE email IS NOT NULL AND email_folded IS NULL;