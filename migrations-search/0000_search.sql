-- The search index: what live messages say, as src/db/search/words.ts cuts it into words. It can be made anew from the
-- books at any time: `npm run company -- reindex`.
CREATE TABLE conversation (
  id TEXT PRIMARY KEY,
  company_id TEXT NOT NULL,
  -- What the books had confirmed when this was written.
  revision INTEGER NOT NULL,
  erased INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TRIGGER conversation_order BEFORE UPDATE ON conversation
WHEN NEW.revision < OLD.revision OR NEW.erased < OLD.erased
BEGIN
  SELECT RAISE(ABORT, 'the index has a newer state of this conversation');
END;
--> statement-breakpoint
-- `id` follows the time of the message: milliseconds * 2048, and the first free number from there on.
CREATE TABLE message (
  id INTEGER PRIMARY KEY,
  conversation_id TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  tags TEXT NOT NULL,
  words TEXT NOT NULL,
  UNIQUE (conversation_id, sequence)
);
--> statement-breakpoint
CREATE VIRTUAL TABLE message_words USING fts5(
  tags, words, content = 'message', content_rowid = 'id', tokenize = 'ascii', prefix = '1 2 3'
);
--> statement-breakpoint
-- What is deleted leaves the index at once, and not only when its parts are merged.
INSERT INTO message_words (message_words, rank) VALUES ('secure-delete', 1);
--> statement-breakpoint
CREATE TRIGGER message_added AFTER INSERT ON message
BEGIN
  INSERT INTO message_words (rowid, tags, words) VALUES (NEW.id, NEW.tags, NEW.words);
END;
--> statement-breakpoint
CREATE TRIGGER message_removed AFTER DELETE ON message
BEGIN
  INSERT INTO message_words (message_words, rowid, tags, words) VALUES ('delete', OLD.id, OLD.tags, OLD.words);
END;
--> statement-breakpoint
CREATE TRIGGER message_changed AFTER UPDATE ON message
BEGIN
  INSERT INTO message_words (message_words, rowid, tags, words) VALUES ('delete', OLD.id, OLD.tags, OLD.words);
  INSERT INTO message_words (rowid, tags, words) VALUES (NEW.id, NEW.tags, NEW.words);
END;
