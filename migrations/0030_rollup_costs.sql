-- What is rolled up lacks these: it is counted anew.
DELETE FROM `rollup_span`;--> statement-breakpoint
ALTER TABLE `rollup` ADD `cached` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `rollup` ADD `cache_known` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `rollup` ADD `unpriced` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `rollup` ADD `cost_whole` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `rollup` ADD `cost_fraction` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `rollup` ADD `currency_first` text;--> statement-breakpoint
ALTER TABLE `rollup` ADD `currency_last` text;