-- What is gone for good (erased conversations, purged messages) can be restored by nobody and is in no list, so it is in no
-- counter either. One trigger for every change of state or owner: the old row leaves its counters, the new one enters its own.
DROP TRIGGER conversation_tally_insert;
--> statement-breakpoint
DROP TRIGGER conversation_tally_update;
--> statement-breakpoint
DROP TRIGGER conversation_tally_reassign;
--> statement-breakpoint
DROP TRIGGER conversation_tally_delete;
--> statement-breakpoint
DROP TRIGGER message_tally_insert;
--> statement-breakpoint
DROP TRIGGER message_tally_update;
--> statement-breakpoint
DROP TRIGGER message_tally_delete;
--> statement-breakpoint
CREATE TRIGGER conversation_tally_insert AFTER INSERT ON conversation BEGIN
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  SELECT new.company_id, k.kind, k.ref, (new.deleted_at IS NULL AND new.status = 'active'), (new.deleted_at IS NULL AND new.status = 'archived'), (new.deleted_at IS NOT NULL AND new.erased_at IS NULL)
  FROM (SELECT 'company' AS kind, '' AS ref UNION ALL SELECT 'entity', new.entity_type || ':' || new.entity_id UNION ALL SELECT 'agent', new.agent_id) AS k WHERE true
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
END;
--> statement-breakpoint
CREATE TRIGGER conversation_tally_update AFTER UPDATE OF status, deleted_at, erased_at, entity_type, entity_id ON conversation
WHEN old.status IS NOT new.status OR (old.deleted_at IS NULL) IS NOT (new.deleted_at IS NULL)
  OR (old.erased_at IS NULL) IS NOT (new.erased_at IS NULL)
  OR old.entity_type IS NOT new.entity_type OR old.entity_id IS NOT new.entity_id BEGIN
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  SELECT old.company_id, k.kind, k.ref, -(old.deleted_at IS NULL AND old.status = 'active'), -(old.deleted_at IS NULL AND old.status = 'archived'), -(old.deleted_at IS NOT NULL AND old.erased_at IS NULL)
  FROM (SELECT 'company' AS kind, '' AS ref UNION ALL SELECT 'entity', old.entity_type || ':' || old.entity_id UNION ALL SELECT 'agent', old.agent_id) AS k WHERE true
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  SELECT new.company_id, k.kind, k.ref, (new.deleted_at IS NULL AND new.status = 'active'), (new.deleted_at IS NULL AND new.status = 'archived'), (new.deleted_at IS NOT NULL AND new.erased_at IS NULL)
  FROM (SELECT 'company' AS kind, '' AS ref UNION ALL SELECT 'entity', new.entity_type || ':' || new.entity_id UNION ALL SELECT 'agent', new.agent_id) AS k WHERE true
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
END;
--> statement-breakpoint
CREATE TRIGGER conversation_tally_delete AFTER DELETE ON conversation BEGIN
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  SELECT old.company_id, k.kind, k.ref, -(old.deleted_at IS NULL AND old.status = 'active'), -(old.deleted_at IS NULL AND old.status = 'archived'), -(old.deleted_at IS NOT NULL AND old.erased_at IS NULL)
  FROM (SELECT 'company' AS kind, '' AS ref UNION ALL SELECT 'entity', old.entity_type || ':' || old.entity_id UNION ALL SELECT 'agent', old.agent_id) AS k WHERE true
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
END;
--> statement-breakpoint
CREATE TRIGGER message_tally_insert AFTER INSERT ON message WHEN new.deleted_at IS NOT NULL AND new.purged_at IS NULL BEGIN
  INSERT INTO tally (company_id, kind, ref, deleted) VALUES (new.company_id, 'message', '', 1)
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET deleted = deleted + 1;
END;
--> statement-breakpoint
CREATE TRIGGER message_tally_update AFTER UPDATE OF deleted_at, purged_at ON message
WHEN (old.deleted_at IS NOT NULL AND old.purged_at IS NULL) IS NOT (new.deleted_at IS NOT NULL AND new.purged_at IS NULL) BEGIN
  INSERT INTO tally (company_id, kind, ref, deleted)
  VALUES (new.company_id, 'message', '', (new.deleted_at IS NOT NULL AND new.purged_at IS NULL) - (old.deleted_at IS NOT NULL AND old.purged_at IS NULL))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET deleted = deleted + excluded.deleted;
END;
--> statement-breakpoint
CREATE TRIGGER message_tally_delete AFTER DELETE ON message WHEN old.deleted_at IS NOT NULL AND old.purged_at IS NULL BEGIN
  UPDATE tally SET deleted = deleted - 1 WHERE company_id = old.company_id AND kind = 'message' AND ref = '';
END;
--> statement-breakpoint
-- Counted anew, because the former triggers counted what had been erased.
DELETE FROM tally;
--> statement-breakpoint
INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
SELECT c.company_id, k.kind, CASE k.kind WHEN 'company' THEN '' WHEN 'agent' THEN c.agent_id ELSE c.entity_type || ':' || c.entity_id END AS ref,
  sum(c.deleted_at IS NULL AND c.status = 'active'), sum(c.deleted_at IS NULL AND c.status = 'archived'), sum(c.deleted_at IS NOT NULL AND c.erased_at IS NULL)
FROM conversation AS c, (SELECT 'company' AS kind UNION ALL SELECT 'entity' UNION ALL SELECT 'agent') AS k GROUP BY 1, 2, 3;
--> statement-breakpoint
INSERT INTO tally (company_id, kind, ref, deleted)
SELECT company_id, 'message', '', count(*) FROM message WHERE deleted_at IS NOT NULL AND purged_at IS NULL GROUP BY company_id;
