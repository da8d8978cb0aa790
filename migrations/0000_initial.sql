CREATE TABLE `agent` (
	`id` text PRIMARY KEY NOT NULL,
	`company_id` text NOT NULL,
	`name` text NOT NULL,
	`description` text DEFAULT '' NOT NULL,
	`instructions` text DEFAULT '' NOT NULL,
	`model` text NOT NULL,
	`temperature` real,
	`max_output_tokens` integer,
	`greeting` text DEFAULT '' NOT NULL,
	`knowledge` text NOT NULL,
	`allowed_origins` text NOT NULL,
	`lead_form` text DEFAULT 'none' NOT NULL,
	`status` text DEFAULT 'active' NOT NULL,
	`settings` text NOT NULL,
	`metadata` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`deleted_at` integer,
	`deleted_by` text
);
--> statement-breakpoint
CREATE INDEX `agent_company` ON `agent` (`company_id`,`id`) WHERE deleted_at IS NULL;--> statement-breakpoint
CREATE TABLE `api_key` (
	`id` text PRIMARY KEY NOT NULL,
	`company_id` text NOT NULL,
	`user_id` text NOT NULL,
	`name` text NOT NULL,
	`key` text NOT NULL,
	`secret_hash` text NOT NULL,
	`previous_secret_hash` text,
	`previous_expires_at` integer,
	`scopes` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	`revoked_at` integer,
	`last_used_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `api_key_key` ON `api_key` (`key`);--> statement-breakpoint
CREATE INDEX `api_key_company` ON `api_key` (`company_id`,`id`);--> statement-breakpoint
CREATE TABLE `audit_event` (
	`id` text PRIMARY KEY NOT NULL,
	`company_id` text NOT NULL,
	`at` integer NOT NULL,
	`actor_type` text NOT NULL,
	`actor_id` text NOT NULL,
	`api_key_id` text,
	`action` text NOT NULL,
	`target_type` text NOT NULL,
	`target_id` text NOT NULL,
	`request_id` text,
	`details` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `audit_company` ON `audit_event` (`company_id`,`id`);--> statement-breakpoint
CREATE TABLE `company` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`database` text DEFAULT 'DB' NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `conversation` (
	`id` text PRIMARY KEY NOT NULL,
	`company_id` text NOT NULL,
	`agent_id` text NOT NULL,
	`entity_type` text NOT NULL,
	`entity_id` text NOT NULL,
	`title` text NOT NULL,
	`metadata` text NOT NULL,
	`max_context_length` integer NOT NULL,
	`status` text DEFAULT 'active' NOT NULL,
	`message_count` integer DEFAULT 0 NOT NULL,
	`last_message_at` integer,
	`activity_at` integer NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`deleted_at` integer,
	`deleted_by` text,
	`creation_key` text,
	`creation_hash` text
);
--> statement-breakpoint
CREATE INDEX `conversation_company` ON `conversation` (`company_id`,`activity_at`,`id`) WHERE deleted_at IS NULL;--> statement-breakpoint
CREATE INDEX `conversation_entity` ON `conversation` (`company_id`,`entity_type`,`entity_id`,`activity_at`,`id`) WHERE deleted_at IS NULL;--> statement-breakpoint
CREATE INDEX `conversation_agent` ON `conversation` (`company_id`,`agent_id`,`activity_at`,`id`) WHERE deleted_at IS NULL;--> statement-breakpoint
CREATE INDEX `conversation_archived` ON `conversation` (`company_id`,`activity_at`,`id`) WHERE deleted_at IS NULL AND status = 'archived';--> statement-breakpoint
CREATE INDEX `conversation_deleted` ON `conversation` (`company_id`,`deleted_at`,`id`) WHERE deleted_at IS NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX `conversation_creation` ON `conversation` (`company_id`,`entity_type`,`entity_id`,`creation_key`) WHERE creation_key IS NOT NULL;--> statement-breakpoint
CREATE TABLE `issuer` (
	`id` text PRIMARY KEY NOT NULL,
	`company_id` text NOT NULL,
	`issuer` text NOT NULL,
	`jwks_uri` text NOT NULL,
	`audience` text NOT NULL,
	`algorithms` text NOT NULL,
	`role_claim` text,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `issuer_audience` ON `issuer` (`issuer`,`audience`);--> statement-breakpoint
CREATE INDEX `issuer_company` ON `issuer` (`company_id`,`id`);--> statement-breakpoint
CREATE TABLE `lead` (
	`id` text PRIMARY KEY NOT NULL,
	`company_id` text NOT NULL,
	`agent_id` text,
	`external_id` text,
	`first_name` text,
	`last_name` text,
	`email` text,
	`phone` text,
	`source` text,
	`consent_data_processing_at` integer,
	`consent_marketing_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`deleted_at` integer,
	`deleted_by` text,
	`erased_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `lead_external` ON `lead` (`company_id`,`external_id`) WHERE external_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX `lead_company` ON `lead` (`company_id`,`id`) WHERE deleted_at IS NULL;--> statement-breakpoint
CREATE TABLE `message` (
	`id` text PRIMARY KEY NOT NULL,
	`company_id` text NOT NULL,
	`conversation_id` text NOT NULL,
	`agent_id` text NOT NULL,
	`turn_id` text NOT NULL,
	`sequence` integer NOT NULL,
	`role` text NOT NULL,
	`content` text NOT NULL,
	`status` text NOT NULL,
	`model_used` text,
	`processing_time` real,
	`input_tokens` integer,
	`output_tokens` integer,
	`usage_source` text,
	`metadata` text NOT NULL,
	`feedback` text,
	`created_at` integer NOT NULL,
	`deleted_at` integer,
	`deleted_by` text,
	`deletion_id` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `message_sequence` ON `message` (`conversation_id`,`sequence`);--> statement-breakpoint
CREATE INDEX `message_deleted` ON `message` (`company_id`,`deleted_at`,`id`) WHERE deleted_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `message_reply_time` ON `message` (`company_id`,`created_at`) WHERE role = 'assistant';--> statement-breakpoint
CREATE TABLE `model_provider` (
	`company_id` text NOT NULL,
	`name` text NOT NULL,
	`kind` text NOT NULL,
	`base_url` text,
	`api_key_ciphertext` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	PRIMARY KEY(`company_id`, `name`)
);
--> statement-breakpoint
CREATE TABLE `tally` (
	`company_id` text NOT NULL,
	`kind` text NOT NULL,
	`ref` text NOT NULL,
	`active` integer DEFAULT 0 NOT NULL,
	`archived` integer DEFAULT 0 NOT NULL,
	`deleted` integer DEFAULT 0 NOT NULL,
	PRIMARY KEY(`company_id`, `kind`, `ref`)
);
--> statement-breakpoint
CREATE TABLE `user` (
	`id` text PRIMARY KEY NOT NULL,
	`company_id` text NOT NULL,
	`issuer` text DEFAULT '' NOT NULL,
	`subject` text NOT NULL,
	`name` text,
	`email` text,
	`role` text DEFAULT 'member' NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `user_subject` ON `user` (`company_id`,`issuer`,`subject`);