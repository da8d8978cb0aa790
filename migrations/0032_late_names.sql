-- What one of the staff has done may reach this database when their erasure has looked at it already: it looks again. Of old
-- rows, as a move writes them, nothing is late. A walk that is under way begins anew, at a place like no other: then its next
-- step is not taken from where it stood.
CREATE TRIGGER audit_named_late AFTER INSERT ON audit_event
WHEN new.action IN ('conversation.take_over', 'conversation.give_back', 'conversation.note', 'message.reply')
  AND new.at > (unixepoch() - 7 * 86400) * 1000 AND EXISTS (
    SELECT 1 FROM user WHERE id = new.actor_id AND company_id = new.company_id AND erased_at IS NOT NULL) BEGIN
  INSERT INTO erasure (id, company_id, kind, target_id, subject_hash, requested_by, began_at, pass, stores)
  SELECT substr(t, 1, 8) || '-' || substr(t, 9, 4) || '-7' || substr(r, 1, 3) || '-8' || substr(r, 4, 3) || '-' || substr(r, 7, 12),
    new.company_id, 'user', new.actor_id, '', 'erasure', now, 0, '{"user":1}'
  FROM (SELECT now, printf('%012x', now) AS t, lower(hex(randomblob(9))) AS r
    FROM (SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now))
  WHERE true ON CONFLICT (company_id, target_id) WHERE status = 'running' DO UPDATE
    SET pass = 0, cursor = '0 ' || hex(randomblob(8)), stores = json_remove(stores, '$.named_in');
END;
