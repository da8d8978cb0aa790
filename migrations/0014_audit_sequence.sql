-- Every audit row has its number within its company, which nothing but this trigger gives it, once.
DROP TRIGGER audit_event_no_update;
--> statement-breakpoint
DROP TRIGGER audit_tally_insert;
--> statement-breakpoint
UPDATE audit_event SET sequence = numbered.sequence
FROM (SELECT id, row_number() OVER (PARTITION BY company_id ORDER BY rowid) AS sequence FROM audit_event) AS numbered
WHERE numbered.id = audit_event.id;
--> statement-breakpoint
CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event
WHEN old.sequence IS NOT NULL OR new.sequence IS NULL OR new.id IS NOT old.id OR new.company_id IS NOT old.company_id
  OR new.at IS NOT old.at OR new.actor_type IS NOT old.actor_type OR new.actor_id IS NOT old.actor_id
  OR new.api_key_id IS NOT old.api_key_id OR new.action IS NOT old.action OR new.target_type IS NOT old.target_type
  OR new.target_id IS NOT old.target_id OR new.request_id IS NOT old.request_id OR new.details IS NOT old.details BEGIN
  SELECT RAISE(ABORT, 'audit_event is append-only');
END;
--> statement-breakpoint
CREATE TRIGGER audit_tally_insert AFTER INSERT ON audit_event BEGIN
  INSERT INTO tally (company_id, kind, ref, active) VALUES (new.company_id, 'audit', '', 1)
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET active = active + 1;
  UPDATE audit_event SET sequence =
    (SELECT active FROM tally WHERE company_id = new.company_id AND kind = 'audit' AND ref = '')
  WHERE id = new.id AND sequence IS NULL;
END;
--> statement-breakpoint
-- A row that is replaced is removed without asking the trigger on DELETE. One that is there stays, whatever it collides by.
DROP TRIGGER audit_event_no_replace;
--> statement-breakpoint
CREATE TRIGGER audit_event_no_replace BEFORE INSERT ON audit_event
WHEN EXISTS (SELECT 1 FROM audit_event WHERE id = NEW.id) OR EXISTS (SELECT 1 FROM audit_event WHERE rowid = NEW.rowid)
  OR EXISTS (SELECT 1 FROM audit_event WHERE company_id = NEW.company_id AND sequence = NEW.sequence) BEGIN
  SELECT RAISE(IGNORE);
END;
--> statement-breakpoint
CREATE TRIGGER audit_seal_no_update BEFORE UPDATE ON audit_seal BEGIN
  SELECT RAISE(ABORT, 'audit_seal is append-only');
END;
--> statement-breakpoint
CREATE TRIGGER audit_seal_no_delete BEFORE DELETE ON audit_seal BEGIN
  SELECT RAISE(ABORT, 'audit_seal is append-only');
END;
--> statement-breakpoint
CREATE TRIGGER audit_seal_no_replace BEFORE INSERT ON audit_seal
WHEN EXISTS (SELECT 1 FROM audit_seal WHERE id = NEW.id) OR EXISTS (SELECT 1 FROM audit_seal WHERE rowid = NEW.rowid)
  OR EXISTS (SELECT 1 FROM audit_seal WHERE company_id = NEW.company_id AND first_sequence = NEW.first_sequence) BEGIN
  SELECT RAISE(IGNORE);
END;
--> statement-breakpoint
-- What is sealed is noted beside the count of rows, in the batch of the seal.
CREATE TRIGGER audit_seal_insert AFTER INSERT ON audit_seal BEGIN
  UPDATE tally SET archived = max(archived, new.last_sequence)
  WHERE company_id = new.company_id AND kind = 'audit' AND ref = '';
END;
--> statement-breakpoint
-- How many users a company has.
CREATE TRIGGER user_tally_insert AFTER INSERT ON user BEGIN
  INSERT INTO tally (company_id, kind, ref, active, deleted)
  VALUES (new.company_id, 'user', '', new.deleted_at IS NULL, new.deleted_at IS NOT NULL)
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET active = active + excluded.active, deleted = deleted + excluded.deleted;
END;
--> statement-breakpoint
CREATE TRIGGER user_tally_update AFTER UPDATE OF deleted_at ON user
WHEN (old.deleted_at IS NULL) IS NOT (new.deleted_at IS NULL) BEGIN
  UPDATE tally SET active = active + (new.deleted_at IS NULL) - (old.deleted_at IS NULL),
    deleted = deleted + (new.deleted_at IS NOT NULL) - (old.deleted_at IS NOT NULL)
  WHERE company_id = new.company_id AND kind = 'user' AND ref = '';
END;
--> statement-breakpoint
CREATE TRIGGER user_tally_delete AFTER DELETE ON user BEGIN
  UPDATE tally SET active = active - (old.deleted_at IS NULL), deleted = deleted - (old.deleted_at IS NOT NULL)
  WHERE company_id = old.company_id AND kind = 'user' AND ref = '';
END;
--> statement-breakpoint
INSERT INTO tally (company_id, kind, ref, active) SELECT company_id, 'user', '', count(*) FROM user GROUP BY company_id;
