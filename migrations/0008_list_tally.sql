-- Counters of lists: conversations by the kind of their owner too, leads, agents and audit events.
DROP TRIGGER conversation_tally_insert;
--> statement-breakpoint
DROP TRIGGER conversation_tally_update;
--> statement-breakpoint
DROP TRIGGER conversation_tally_delete;
--> statement-breakpoint
CREATE TRIGGER conversation_tally_insert AFTER INSERT ON conversation BEGIN
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  SELECT new.company_id, k.kind, k.ref, (new.deleted_at IS NULL AND new.status = 'active'), (new.deleted_at IS NULL AND new.status = 'archived'), (new.deleted_at IS NOT NULL AND new.erased_at IS NULL)
  FROM (SELECT 'company' AS kind, new.entity_type AS ref UNION ALL SELECT 'entity', new.entity_type || ':' || new.entity_id UNION ALL SELECT 'agent', new.agent_id || ':' || new.entity_type) AS k WHERE true
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
END;
--> statement-breakpoint
CREATE TRIGGER conversation_tally_update AFTER UPDATE OF status, deleted_at, erased_at, entity_type, entity_id, agent_id ON conversation
WHEN old.status IS NOT new.status OR (old.deleted_at IS NULL) IS NOT (new.deleted_at IS NULL)
  OR (old.erased_at IS NULL) IS NOT (new.erased_at IS NULL) OR old.agent_id IS NOT new.agent_id
  OR old.entity_type IS NOT new.entity_type OR old.entity_id IS NOT new.entity_id BEGIN
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  SELECT old.company_id, k.kind, k.ref, -(old.deleted_at IS NULL AND old.status = 'active'), -(old.deleted_at IS NULL AND old.status = 'archived'), -(old.deleted_at IS NOT NULL AND old.erased_at IS NULL)
  FROM (SELECT 'company' AS kind, old.entity_type AS ref UNION ALL SELECT 'entity', old.entity_type || ':' || old.entity_id UNION ALL SELECT 'agent', old.agent_id || ':' || old.entity_type) AS k WHERE true
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  SELECT new.company_id, k.kind, k.ref, (new.deleted_at IS NULL AND new.status = 'active'), (new.deleted_at IS NULL AND new.status = 'archived'), (new.deleted_at IS NOT NULL AND new.erased_at IS NULL)
  FROM (SELECT 'company' AS kind, new.entity_type AS ref UNION ALL SELECT 'entity', new.entity_type || ':' || new.entity_id UNION ALL SELECT 'agent', new.agent_id || ':' || new.entity_type) AS k WHERE true
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
END;
--> statement-breakpoint
CREATE TRIGGER conversation_tally_delete AFTER DELETE ON conversation BEGIN
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  SELECT old.company_id, k.kind, k.ref, -(old.deleted_at IS NULL AND old.status = 'active'), -(old.deleted_at IS NULL AND old.status = 'archived'), -(old.deleted_at IS NOT NULL AND old.erased_at IS NULL)
  FROM (SELECT 'company' AS kind, old.entity_type AS ref UNION ALL SELECT 'entity', old.entity_type || ':' || old.entity_id UNION ALL SELECT 'agent', old.agent_id || ':' || old.entity_type) AS k WHERE true
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
END;
--> statement-breakpoint
CREATE TRIGGER lead_tally_insert AFTER INSERT ON lead BEGIN
  INSERT INTO tally (company_id, kind, ref, active, deleted)
  SELECT new.company_id, 'lead', k.ref, (new.deleted_at IS NULL), (new.deleted_at IS NOT NULL)
  FROM (SELECT '' AS ref UNION ALL SELECT new.agent_id) AS k WHERE k.ref IS NOT NULL
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET active = active + excluded.active, deleted = deleted + excluded.deleted;
END;
--> statement-breakpoint
CREATE TRIGGER lead_tally_update AFTER UPDATE OF agent_id, deleted_at ON lead
WHEN old.agent_id IS NOT new.agent_id OR (old.deleted_at IS NULL) IS NOT (new.deleted_at IS NULL) BEGIN
  INSERT INTO tally (company_id, kind, ref, active, deleted)
  SELECT old.company_id, 'lead', k.ref, -(old.deleted_at IS NULL), -(old.deleted_at IS NOT NULL)
  FROM (SELECT '' AS ref UNION ALL SELECT old.agent_id) AS k WHERE k.ref IS NOT NULL
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET active = active + excluded.active, deleted = deleted + excluded.deleted;
  INSERT INTO tally (company_id, kind, ref, active, deleted)
  SELECT new.company_id, 'lead', k.ref, (new.deleted_at IS NULL), (new.deleted_at IS NOT NULL)
  FROM (SELECT '' AS ref UNION ALL SELECT new.agent_id) AS k WHERE k.ref IS NOT NULL
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET active = active + excluded.active, deleted = deleted + excluded.deleted;
END;
--> statement-breakpoint
CREATE TRIGGER lead_tally_delete AFTER DELETE ON lead BEGIN
  INSERT INTO tally (company_id, kind, ref, active, deleted)
  SELECT old.company_id, 'lead', k.ref, -(old.deleted_at IS NULL), -(old.deleted_at IS NOT NULL)
  FROM (SELECT '' AS ref UNION ALL SELECT old.agent_id) AS k WHERE k.ref IS NOT NULL
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET active = active + excluded.active, deleted = deleted + excluded.deleted;
END;
--> statement-breakpoint
CREATE TRIGGER agent_tally_insert AFTER INSERT ON agent BEGIN
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  VALUES (new.company_id, 'agents', '', (new.deleted_at IS NULL AND new.status = 'active'), (new.deleted_at IS NULL AND new.status = 'inactive'), (new.deleted_at IS NOT NULL))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
END;
--> statement-breakpoint
CREATE TRIGGER agent_tally_update AFTER UPDATE OF status, deleted_at ON agent
WHEN old.status IS NOT new.status OR (old.deleted_at IS NULL) IS NOT (new.deleted_at IS NULL) BEGIN
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  VALUES (old.company_id, 'agents', '', -(old.deleted_at IS NULL AND old.status = 'active'), -(old.deleted_at IS NULL AND old.status = 'inactive'), -(old.deleted_at IS NOT NULL))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  VALUES (new.company_id, 'agents', '', (new.deleted_at IS NULL AND new.status = 'active'), (new.deleted_at IS NULL AND new.status = 'inactive'), (new.deleted_at IS NOT NULL))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
END;
--> statement-breakpoint
CREATE TRIGGER agent_tally_delete AFTER DELETE ON agent BEGIN
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  VALUES (old.company_id, 'agents', '', -(old.deleted_at IS NULL AND old.status = 'active'), -(old.deleted_at IS NULL AND old.status = 'inactive'), -(old.deleted_at IS NOT NULL))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
END;
--> statement-breakpoint
CREATE TRIGGER audit_tally_insert AFTER INSERT ON audit_event BEGIN
  INSERT INTO tally (company_id, kind, ref, active) VALUES (new.company_id, 'audit', '', 1)
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET active = active + 1;
END;
--> statement-breakpoint
-- What is there already, counted once.
DELETE FROM tally WHERE kind IN ('company', 'agent');
--> statement-breakpoint
INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
SELECT c.company_id, k.kind, CASE k.kind WHEN 'company' THEN c.entity_type ELSE c.agent_id || ':' || c.entity_type END AS ref,
  sum(c.deleted_at IS NULL AND c.status = 'active'), sum(c.deleted_at IS NULL AND c.status = 'archived'), sum(c.deleted_at IS NOT NULL AND c.erased_at IS NULL)
FROM conversation AS c, (SELECT 'company' AS kind UNION ALL SELECT 'agent') AS k GROUP BY 1, 2, 3;
--> statement-breakpoint
INSERT INTO tally (company_id, kind, ref, active, deleted)
SELECT company_id, 'lead', '', sum(deleted_at IS NULL), sum(deleted_at IS NOT NULL) FROM lead GROUP BY company_id;
--> statement-breakpoint
INSERT INTO tally (company_id, kind, ref, active, deleted)
SELECT company_id, 'lead', agent_id, sum(deleted_at IS NULL), sum(deleted_at IS NOT NULL) FROM lead WHERE agent_id IS NOT NULL GROUP BY company_id, agent_id;
--> statement-breakpoint
INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
SELECT company_id, 'agents', '', sum(deleted_at IS NULL AND status = 'active'), sum(deleted_at IS NULL AND status = 'inactive'), sum(deleted_at IS NOT NULL) FROM agent GROUP BY company_id;
--> statement-breakpoint
INSERT INTO tally (company_id, kind, ref, active)
SELECT company_id, 'audit', '', count(*) FROM audit_event GROUP BY company_id;
