CREATE INDEX `company_retention` ON `company` (`id`) WHERE coalesce(conversations_days, deleted_days, leads_days) IS NOT NULL;--> statement-breakpoint
CREATE INDEX `conversation_expiry` ON `conversation` (`company_id`,`deleted_at`,`id`) WHERE deleted_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `conversation_closed` ON `conversation` (`id`) WHERE deleted_by = 'retention';