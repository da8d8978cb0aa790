-- What staff has not read: its hours, from the rows as they are, and the counters of that list.
UPDATE conversation SET unread_hour = activity_at / 3600000 WHERE unread_staff > 0;
--> statement-breakpoint
INSERT INTO tally (company_id, kind, ref, active, archived)
SELECT company_id, 'unread', entity_type, sum(status = 'active'), sum(status = 'archived')
FROM conversation WHERE unread_hour IS NOT NULL AND deleted_at IS NULL GROUP BY 1, 3;
--> statement-breakpoint
CREATE TRIGGER conversation_unread_insert AFTER INSERT ON conversation
WHEN new.unread_hour IS NOT NULL AND new.deleted_at IS NULL BEGIN
  INSERT INTO tally (company_id, kind, ref, active, archived)
  VALUES (new.company_id, 'unread', new.entity_type, new.status = 'active', new.status = 'archived')
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET active = active + excluded.active, archived = archived + excluded.archived;
END;
--> statement-breakpoint
CREATE TRIGGER conversation_unread_update AFTER UPDATE OF unread_hour, status, deleted_at, entity_type ON conversation
WHEN (old.unread_hour IS NOT NULL AND old.deleted_at IS NULL) IS NOT (new.unread_hour IS NOT NULL AND new.deleted_at IS NULL)
  OR (new.unread_hour IS NOT NULL AND new.deleted_at IS NULL
    AND (old.status IS NOT new.status OR old.entity_type IS NOT new.entity_type)) BEGIN
  INSERT INTO tally (company_id, kind, ref, active, archived)
  SELECT old.company_id, 'unread', old.entity_type, -(old.status = 'active'), -(old.status = 'archived')
  WHERE old.unread_hour IS NOT NULL AND old.deleted_at IS NULL
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET active = active + excluded.active, archived = archived + excluded.archived;
  INSERT INTO tally (company_id, kind, ref, active, archived)
  SELECT new.company_id, 'unread', new.entity_type, new.status = 'active', new.status = 'archived'
  WHERE new.unread_hour IS NOT NULL AND new.deleted_at IS NULL
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET active = active + excluded.active, archived = archived + excluded.archived;
END;
--> statement-breakpoint
CREATE TRIGGER conversation_unread_delete AFTER DELETE ON conversation
WHEN old.unread_hour IS NOT NULL AND old.deleted_at IS NULL BEGIN
  INSERT INTO tally (company_id, kind, ref, active, archived)
  VALUES (old.company_id, 'unread', old.entity_type, -(old.status = 'active'), -(old.status = 'archived'))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET active = active + excluded.active, archived = archived + excluded.archived;
END;
