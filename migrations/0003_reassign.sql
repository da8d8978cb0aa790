-- A conversation that changes hands leaves one owner's counter and enters the other's. Where its state changes in the same
-- statement, conversation_tally_update has done both already.
CREATE TRIGGER conversation_tally_reassign AFTER UPDATE OF entity_type, entity_id ON conversation
WHEN (old.entity_type IS NOT new.entity_type OR old.entity_id IS NOT new.entity_id)
  AND old.status IS new.status AND (old.deleted_at IS NULL) IS (new.deleted_at IS NULL) BEGIN
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  VALUES (old.company_id, 'entity', old.entity_type || ':' || old.entity_id, -(old.deleted_at IS NULL AND old.status = 'active'), -(old.deleted_at IS NULL AND old.status = 'archived'), -(old.deleted_at IS NOT NULL))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
  INSERT INTO tally (company_id, kind, ref, active, archived, deleted)
  VALUES (new.company_id, 'entity', new.entity_type || ':' || new.entity_id, (new.deleted_at IS NULL AND new.status = 'active'), (new.deleted_at IS NULL AND new.status = 'archived'), (new.deleted_at IS NOT NULL))
  ON CONFLICT (company_id, kind, ref) DO UPDATE SET
    active = active + excluded.active, archived = archived + excluded.archived, deleted = deleted + excluded.deleted;
END;
