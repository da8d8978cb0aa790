DROP INDEX `conversation_archived`;--> statement-breakpoint
DROP INDEX `conversation_company`;--> statement-breakpoint
DROP INDEX `conversation_entity`;--> statement-breakpoint
DROP INDEX `conversation_agent`;--> statement-breakpoint
DROP INDEX `conversation_deleted`;--> statement-breakpoint
CREATE INDEX `conversation_company` ON `conversation` (`company_id`,`entity_type`,`status`,`activity_at`,`id`,`deleted_at`) WHERE deleted_at IS NULL;--> statement-breakpoint
CREATE INDEX `conversation_entity` ON `conversation` (`company_id`,`entity_type`,`entity_id`,`deleted_at`,`status`,`activity_at`,`id`);--> statement-breakpoint
CREATE INDEX `conversation_agent` ON `conversation` (`company_id`,`agent_id`,`entity_type`,`status`,`activity_at`,`id`,`deleted_at`) WHERE deleted_at IS NULL;--> statement-breakpoint
CREATE INDEX `conversation_deleted` ON `conversation` (`company_id`,`deleted_at`,`id`,`erased_at`) WHERE deleted_at IS NOT NULL AND erased_at IS NULL;--> statement-breakpoint
DROP INDEX `agent_company`;--> statement-breakpoint
CREATE INDEX `agent_company` ON `agent` (`company_id`,`id`,`deleted_at`) WHERE deleted_at IS NULL;--> statement-breakpoint
DROP INDEX `lead_company`;--> statement-breakpoint
CREATE INDEX `lead_agent` ON `lead` (`company_id`,`agent_id`,`id`,`deleted_at`) WHERE deleted_at IS NULL;--> statement-breakpoint
CREATE INDEX `lead_company` ON `lead` (`company_id`,`id`,`deleted_at`) WHERE deleted_at IS NULL;--> statement-breakpoint
DROP INDEX `message_deleted`;--> statement-breakpoint
CREATE INDEX `message_gone` ON `message` (`conversation_id`,`sequence`,`deleted_at`) WHERE deleted_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `message_deleted` ON `message` (`company_id`,`deleted_at`,`id`,`purged_at`) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;--> statement-breakpoint
CREATE INDEX `audit_target` ON `audit_event` (`company_id`,`target_id`,`id`);