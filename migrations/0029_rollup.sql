CREATE TABLE `rollup` (
	`company_id` text NOT NULL,
	`from_at` integer NOT NULL,
	`agent_id` text NOT NULL,
	`model_used` text NOT NULL,
	`turns` integer NOT NULL,
	`failed` integer NOT NULL,
	`stopped` integer NOT NULL,
	`questions` integer NOT NULL,
	`replies` integer NOT NULL,
	`deleted` integer NOT NULL,
	`timed` integer NOT NULL,
	`time` integer NOT NULL,
	`measured` integer NOT NULL,
	`measured_input` integer NOT NULL,
	`measured_output` integer NOT NULL,
	`estimated` integer NOT NULL,
	`estimated_input` integer NOT NULL,
	`estimated_output` integer NOT NULL,
	`rated_up` integer NOT NULL,
	`rated_down` integer NOT NULL,
	`handed_over` integer NOT NULL,
	`staff_replies` integer NOT NULL,
	`waits` integer NOT NULL,
	`waited` integer NOT NULL,
	`conversations` integer NOT NULL,
	`leads` integer NOT NULL,
	`turn_times` text NOT NULL,
	`wait_times` text NOT NULL,
	PRIMARY KEY(`company_id`, `from_at`, `agent_id`, `model_used`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `rollup_due` (
	`company_id` text PRIMARY KEY NOT NULL
);
--> statement-breakpoint
CREATE TABLE `rollup_span` (
	`company_id` text NOT NULL,
	`from_at` integer NOT NULL,
	`until_at` integer NOT NULL,
	`turn_times` text NOT NULL,
	`wait_times` text NOT NULL,
	PRIMARY KEY(`company_id`, `from_at`)
) WITHOUT ROWID;
--> statement-breakpoint
-- What changes at a moment takes the span away in which that counts, in the same write. Nothing is ever stored in this view.
CREATE VIEW rollup_change AS SELECT company_id, from_at AS at FROM rollup_span;
--> statement-breakpoint
CREATE TRIGGER rollup_changed INSTEAD OF INSERT ON rollup_change BEGIN
  DELETE FROM rollup_span WHERE company_id = new.company_id AND until_at > new.at
    AND from_at = (SELECT max(from_at) FROM rollup_span WHERE company_id = new.company_id AND from_at <= new.at);
END;
--> statement-breakpoint
CREATE TRIGGER rollup_span_gone AFTER DELETE ON rollup_span BEGIN
  DELETE FROM rollup WHERE company_id = old.company_id AND from_at = old.from_at;
  INSERT INTO rollup_due (company_id) SELECT old.company_id
  WHERE NOT EXISTS (SELECT 1 FROM rollup_due WHERE company_id = old.company_id);
END;
--> statement-breakpoint
-- A user's message counts with the reply that follows it, and is always there before it.
-- The rows that a turn writes are counted: neither of these writes one for a turn in the present.
CREATE TRIGGER rollup_message_insert AFTER INSERT ON message
WHEN new.role = 'assistant' AND new.created_at < (SELECT until_at FROM rollup_span
  WHERE company_id = new.company_id AND from_at <= new.created_at ORDER BY from_at DESC LIMIT 1) BEGIN
  INSERT INTO rollup_change (company_id, at) VALUES (new.company_id, new.created_at);
END;
--> statement-breakpoint
CREATE TRIGGER rollup_message_due AFTER INSERT ON message
WHEN new.role = 'assistant' AND NOT EXISTS (SELECT 1 FROM rollup_due WHERE company_id = new.company_id) BEGIN
  INSERT INTO rollup_due (company_id) VALUES (new.company_id);
END;
--> statement-breakpoint
CREATE TRIGGER rollup_message_update AFTER UPDATE OF agent_id, status, model_used, processing_time, input_tokens, output_tokens,
  usage_source, feedback, created_at, deleted_at, details, author ON message BEGIN
  INSERT INTO rollup_change (company_id, at)
  SELECT old.company_id, old.created_at WHERE old.role = 'assistant'
  UNION SELECT new.company_id, new.created_at WHERE old.role = 'assistant'
  UNION SELECT r.company_id, r.created_at FROM message AS r
    WHERE old.role = 'user' AND r.conversation_id = old.conversation_id AND r.sequence = old.sequence + 1;
END;
--> statement-breakpoint
CREATE TRIGGER rollup_message_delete AFTER DELETE ON message BEGIN
  INSERT INTO rollup_change (company_id, at)
  SELECT old.company_id, old.created_at WHERE old.role = 'assistant'
  UNION SELECT r.company_id, r.created_at FROM message AS r
    WHERE old.role = 'user' AND r.conversation_id = old.conversation_id AND r.sequence = old.sequence + 1;
END;
--> statement-breakpoint
CREATE TRIGGER rollup_conversation_insert AFTER INSERT ON conversation
WHEN new.created_at < (SELECT until_at FROM rollup_span
  WHERE company_id = new.company_id AND from_at <= new.created_at ORDER BY from_at DESC LIMIT 1) BEGIN
  INSERT INTO rollup_change (company_id, at) VALUES (new.company_id, new.created_at);
END;
--> statement-breakpoint
CREATE TRIGGER rollup_conversation_update AFTER UPDATE OF agent_id, created_at ON conversation BEGIN
  INSERT INTO rollup_change (company_id, at)
  SELECT old.company_id, old.created_at UNION SELECT new.company_id, new.created_at;
END;
--> statement-breakpoint
CREATE TRIGGER rollup_conversation_delete AFTER DELETE ON conversation BEGIN
  INSERT INTO rollup_change (company_id, at) VALUES (old.company_id, old.created_at);
END;
--> statement-breakpoint
CREATE TRIGGER rollup_lead_insert AFTER INSERT ON lead
WHEN new.created_at < (SELECT until_at FROM rollup_span
  WHERE company_id = new.company_id AND from_at <= new.created_at ORDER BY from_at DESC LIMIT 1) BEGIN
  INSERT INTO rollup_change (company_id, at) VALUES (new.company_id, new.created_at);
END;
--> statement-breakpoint
CREATE TRIGGER rollup_lead_update AFTER UPDATE OF agent_id, created_at ON lead BEGIN
  INSERT INTO rollup_change (company_id, at)
  SELECT old.company_id, old.created_at UNION SELECT new.company_id, new.created_at;
END;
--> statement-breakpoint
CREATE TRIGGER rollup_lead_delete AFTER DELETE ON lead BEGIN
  INSERT INTO rollup_change (company_id, at) VALUES (old.company_id, old.created_at);
END;
--> statement-breakpoint
-- What is there already is rolled up by the next runs.
INSERT INTO rollup_due (company_id) SELECT id FROM company;
