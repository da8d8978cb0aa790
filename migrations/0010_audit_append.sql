-- INSERT OR REPLACE removes the row that is in its way without asking the trigger on DELETE. A row that is there stays.
CREATE TRIGGER audit_event_no_replace BEFORE INSERT ON audit_event
WHEN EXISTS (SELECT 1 FROM audit_event WHERE id = NEW.id) OR EXISTS (SELECT 1 FROM audit_event WHERE rowid = NEW.rowid) BEGIN
  SELECT RAISE(IGNORE);
END;
