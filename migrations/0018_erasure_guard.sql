-- Nothing new begins for a person who is gone: not after a delete, and after an erasure not even what had been on its way.
CREATE TRIGGER conversation_owner_gone BEFORE INSERT ON conversation
WHEN new.erased_at IS NULL AND (
  (new.entity_type = 'lead' AND EXISTS (
    SELECT 1 FROM lead WHERE id = new.entity_id AND (erased_at IS NOT NULL OR deleted_at <= new.created_at)))
  OR (new.entity_type = 'user' AND EXISTS (
    SELECT 1 FROM user WHERE id = new.entity_id AND (erased_at IS NOT NULL OR deleted_at <= new.created_at)))
) BEGIN
  SELECT RAISE(IGNORE);
END;
--> statement-breakpoint
-- A conversation that changes hands while one of the two is being erased is erased as well: it had been that person's.
CREATE TRIGGER conversation_owner_erased AFTER UPDATE OF entity_type, entity_id ON conversation
WHEN new.erased_at IS NULL AND old.entity_id IS NOT new.entity_id AND EXISTS (
  SELECT 1 FROM erasure WHERE company_id = new.company_id AND target_id IN (old.entity_id, new.entity_id)
) BEGIN
  INSERT INTO erasure (id, company_id, kind, target_id, subject_hash, requested_by, began_at, stores)
  SELECT substr(t, 1, 8) || '-' || substr(t, 9, 4) || '-7' || substr(r, 1, 3) || '-8' || substr(r, 4, 3) || '-' || substr(r, 7, 12),
    new.company_id, 'conversation', new.id, '', 'erasure', now, '{}'
  FROM (SELECT now, printf('%012x', now) AS t, lower(hex(randomblob(9))) AS r
    FROM (SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now))
  WHERE true ON CONFLICT DO NOTHING;
END;
