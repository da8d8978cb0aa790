ALTER TABLE `conversation` ADD `handled_by` text DEFAULT 'agent' NOT NULL;--> statement-breakpoint
ALTER TABLE `conversation` ADD `handler_id` text;--> statement-breakpoint
ALTER TABLE `conversation` ADD `handler_name` text;--> statement-breakpoint
ALTER TABLE `conversation` ADD `waiting_since` integer;--> statement-breakpoint
ALTER TABLE `conversation` ADD `unread_lead` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `conversation` ADD `unread_staff` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `message` ADD `author` text;