-- What drizzle cannot say: counters kept by the database itself, and an audit trail that only grows.

CREATE TRIGGER conversation_tally_insert AFTER INSERT ON conversation BEGIN
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  VALUES (new.company_id, 'company', '', (new.deleted_at IS NULL AND new.status = 'active'), (new.deleted_at IS NULL AND new.status = 'archived'), (new.deleted_at IS NOT NULL))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  VALUES (new.company_id, 'entity', new.entity_type || ':' || new.entity_id, (new.deleted_at IS NULL AND new.status = 'active'), (new.deleted_at IS NULL AND new.status = 'archived'), (new.deleted_at IS NOT NULL))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  VALUES (new.company_id, 'agent', new.agent_id, (new.deleted_at IS NULL AND new.status = 'active'), (new.deleted_at IS NULL AND new.status = 'archived'), (new.deleted_at IS NOT NULL))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
END;
--> statement-breakpoint
CREATE TRIGGER conversation_tally_update AFTER UPDATE OF status, deleted_at ON conversation
WHEN old.status IS NOT new.status OR (old.deleted_at IS NULL) IS NOT (new.deleted_at IS NULL) BEGIN
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  VALUES (old.company_id, 'company', '', -(old.deleted_at IS NULL AND old.status = 'active'), -(old.deleted_at IS NULL AND old.status = 'archived'), -(old.deleted_at IS NOT NULL))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  VALUES (old.company_id, 'entity', old.entity_type || ':' || old.entity_id, -(old.deleted_at IS NULL AND old.status = 'active'), -(old.deleted_at IS NULL AND old.status = 'archived'), -(old.deleted_at IS NOT NULL))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  VALUES (old.company_id, 'agent', old.agent_id, -(old.deleted_at IS NULL AND old.status = 'active'), -(old.deleted_at IS NULL AND old.status = 'archived'), -(old.deleted_at IS NOT NULL))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  VALUES (new.company_id, 'company', '', (new.deleted_at IS NULL AND new.status = 'active'), (new.deleted_at IS NULL AND new.status = 'archived'), (new.deleted_at IS NOT NULL))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  VALUES (new.company_id, 'entity', new.entity_type || ':' || new.entity_id, (new.deleted_at IS NULL AND new.status = 'active'), (new.deleted_at IS NULL AND new.status = 'archived'), (new.deleted_at IS NOT NULL))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  VALUES (new.company_id, 'agent', new.agent_id, (new.deleted_at IS NULL AND new.status = 'active'), (new.deleted_at IS NULL AND new.status = 'archived'), (new.deleted_at IS NOT NULL))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
END;
--> statement-breakpoint
CREATE TRIGGER conversation_tally_delete AFTER DELETE ON conversation BEGIN
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  VALUES (old.company_id, 'company', '', -(old.deleted_at IS NULL AND old.status = 'active'), -(old.deleted_at IS NULL AND old.status = 'archived'), -(old.deleted_at IS NOT NULL))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  VALUES (old.company_id, 'entity', old.entity_type || ':' || old.entity_id, -(old.deleted_at IS NULL AND old.status = 'active'), -(old.deleted_at IS NULL AND old.status = 'archived'), -(old.deleted_at IS NOT NULL))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  VALUES (old.company_id, 'agent', old.agent_id, -(old.deleted_at IS NULL AND old.status = 'active'), -(old.deleted_at IS NULL AND old.status = 'archived'), -(old.deleted_at IS NOT NULL))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
END;
--> statement-breakpoint
CREATE TRIGGER message_tally_insert AFTER INSERT ON message WHEN new.deleted_at IS NOT NULL BEGIN
  INSERT INTO tally (company_id, kind, ref, deleted) VALUES (new.company_id, 'message', '', 1)
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET deleted = deleted + 1;
END;
--> statement-breakpoint
CREATE TRIGGER message_tally_update AFTER UPDATE OF deleted_at ON message
WHEN (old.deleted_at IS NULL) IS NOT (new.deleted_at IS NULL) BEGIN
  INSERT INTO tally (company_id, kind, ref, deleted)
  VALUES (new.company_id, 'message', '', (new.deleted_at IS NOT NULL) - (old.deleted_at IS NOT NULL))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET deleted = deleted + excluded.deleted;
END;
--> statement-breakpoint
CREATE TRIGGER message_tally_delete AFTER DELETE ON message WHEN old.deleted_at IS NOT NULL BEGIN
  UPDATE tally SET deleted = deleted - 1 WHERE company_id = old.company_id AND kind = 'message' AND ref = '';
END;
--> statement-breakpoint
CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event BEGIN
  SELECT RAISE(ABORT, 'audit_event is append-only');
END;
--> statement-breakpoint
CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event BEGIN
  SELECT RAISE(ABORT, 'audit_event is append-only');
END;
