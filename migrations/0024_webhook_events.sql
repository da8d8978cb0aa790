-- Facts become events where they are written, in the same batch, while the company has a webhook that is not disabled.
CREATE TRIGGER webhook_conversation_created AFTER INSERT ON conversation
WHEN new.event_sequence = 0 AND EXISTS (SELECT 1 FROM webhook WHERE company_id = new.company_id AND disabled_at IS NULL) BEGIN
  INSERT INTO webhook_event (id, company_id, type, at, conversation_id, sequence, data)
  VALUES ('evt_' || new.id, new.company_id, 'conversation.created', new.created_at, new.id, 1, '{}')
  ON CONFLICT (id) DO NOTHING;
END;
--> statement-breakpoint
-- A conversation has a revision once its object writes it: before that, messages are imported ones. What a person writes
-- belongs to no turn of the agent.
CREATE TRIGGER webhook_message_created AFTER INSERT ON message
WHEN EXISTS (SELECT 1 FROM webhook WHERE company_id = new.company_id AND disabled_at IS NULL) BEGIN
  INSERT INTO webhook_event (id, company_id, type, at, conversation_id, sequence, data)
  SELECT 'evt_' || new.id, new.company_id, 'message.created', new.created_at, c.id, c.event_sequence + 1,
    json_object('message_id', new.id, 'turn_id', new.turn_id, 'role', new.role)
  FROM conversation AS c WHERE c.id = new.conversation_id AND c.revision > 0
  ON CONFLICT (id) DO NOTHING;
  INSERT INTO webhook_event (id, company_id, type, at, conversation_id, sequence, data)
  SELECT 'evt_' || new.turn_id || '_' || new.created_at, new.company_id,
    'turn.' || iif(new.status = 'complete', 'completed', new.status), new.created_at, c.id, c.event_sequence + 1,
    json_object('turn_id', new.turn_id, 'message_id', new.id)
  FROM conversation AS c WHERE c.id = new.conversation_id AND c.revision > 0 AND new.role = 'assistant' AND new.author IS NULL
  ON CONFLICT (id) DO NOTHING;
END;
--> statement-breakpoint
-- A failed reply is written again in its place, at another time.
CREATE TRIGGER webhook_message_rewritten AFTER UPDATE OF created_at ON message
WHEN new.role = 'assistant' AND new.created_at IS NOT old.created_at
  AND EXISTS (SELECT 1 FROM webhook WHERE company_id = new.company_id AND disabled_at IS NULL) BEGIN
  INSERT INTO webhook_event (id, company_id, type, at, conversation_id, sequence, data)
  SELECT 'evt_' || new.turn_id || '_' || new.created_at, new.company_id,
    'turn.' || iif(new.status = 'complete', 'completed', new.status), new.created_at, c.id, c.event_sequence + 1,
    json_object('turn_id', new.turn_id, 'message_id', new.id)
  FROM conversation AS c WHERE c.id = new.conversation_id
  ON CONFLICT (id) DO NOTHING;
END;
--> statement-breakpoint
-- Every change of what is there has an audit row. Of a message only its own id is known there.
CREATE TRIGGER webhook_audited AFTER INSERT ON audit_event
WHEN new.action IN ('conversation.update', 'conversation.reassign', 'conversation.delete', 'conversation.erase', 'conversation.restore',
    'message.delete', 'message.delete_all', 'message.restore', 'message.restore_all', 'message.rate',
    'conversation.take_over', 'conversation.give_back')
  AND EXISTS (SELECT 1 FROM webhook WHERE company_id = new.company_id AND disabled_at IS NULL) BEGIN
  INSERT INTO webhook_event (id, company_id, type, at, conversation_id, sequence, data)
  SELECT 'evt_' || new.id, new.company_id,
    CASE new.action
      WHEN 'conversation.update' THEN 'conversation.updated' WHEN 'conversation.reassign' THEN 'conversation.updated'
      WHEN 'conversation.delete' THEN 'conversation.deleted' WHEN 'conversation.erase' THEN 'conversation.deleted'
      WHEN 'conversation.restore' THEN 'conversation.restored'
      WHEN 'conversation.take_over' THEN 'handling.changed' WHEN 'conversation.give_back' THEN 'handling.changed'
      WHEN 'message.delete' THEN 'message.deleted' WHEN 'message.delete_all' THEN 'message.deleted'
      WHEN 'message.rate' THEN 'message.rated' ELSE 'message.restored' END,
    new.at, c.id, c.event_sequence + 1,
    CASE
      WHEN new.target_type = 'message' THEN json_object('message_id', new.target_id)
      WHEN new.action = 'conversation.erase' THEN json_object('erased', json('true'))
      WHEN new.action = 'conversation.reassign' THEN json_object('changed', json_array('entity_type', 'entity_id'))
      WHEN new.action IN ('conversation.take_over', 'conversation.give_back') THEN json_object('handled_by', c.handled_by)
      ELSE new.details END
  FROM conversation AS c WHERE c.company_id = new.company_id AND c.id = iif(new.target_type = 'message',
    (SELECT conversation_id FROM message WHERE id = new.target_id), new.target_id)
  ON CONFLICT (id) DO NOTHING;
END;
--> statement-breakpoint
CREATE TRIGGER webhook_lead_created AFTER INSERT ON lead
WHEN EXISTS (SELECT 1 FROM webhook WHERE company_id = new.company_id AND disabled_at IS NULL) BEGIN
  INSERT INTO webhook_event (id, company_id, type, at, data)
  VALUES ('evt_' || new.id, new.company_id, 'lead.created', new.created_at, json_object('lead_id', new.id))
  ON CONFLICT (id) DO NOTHING;
END;
--> statement-breakpoint
CREATE TRIGGER webhook_lead_erased AFTER UPDATE OF erased_at ON lead
WHEN old.erased_at IS NULL AND new.erased_at IS NOT NULL
  AND EXISTS (SELECT 1 FROM webhook WHERE company_id = new.company_id AND disabled_at IS NULL) BEGIN
  INSERT INTO webhook_event (id, company_id, type, at, data)
  VALUES ('evt_' || new.id || '_erased', new.company_id, 'lead.erased', new.erased_at, json_object('lead_id', new.id))
  ON CONFLICT (id) DO NOTHING;
END;
--> statement-breakpoint
CREATE TRIGGER webhook_erasure_done AFTER UPDATE OF status ON erasure
WHEN old.status = 'running' AND new.status = 'done'
  AND EXISTS (SELECT 1 FROM webhook WHERE company_id = new.company_id AND disabled_at IS NULL) BEGIN
  INSERT INTO webhook_event (id, company_id, type, at, data)
  VALUES ('evt_' || new.id, new.company_id, 'erasure.done', new.done_at, json_object('erasure_id', new.id, 'kind', new.kind))
  ON CONFLICT (id) DO NOTHING;
END;
--> statement-breakpoint
-- A webhook gets the types that it wants; a test is for one webhook only, and whoever asks for it makes its delivery. Of one
-- conversation the next delivery waits until the one before it has ended.
CREATE TRIGGER webhook_fan_out AFTER INSERT ON webhook_event BEGIN
  UPDATE conversation SET event_sequence = max(event_sequence, new.sequence) WHERE id = new.conversation_id;
  INSERT INTO webhook_delivery (id, company_id, webhook_id, event_id, type, conversation_id, sequence, next_at, created_at)
  SELECT printf('%s-%s-7%s-a%s-%s', substr(now.hex, 1, 8), substr(now.hex, 9, 4), substr(now.random, 1, 3),
      substr(now.random, 4, 3), substr(now.random, 7, 12)),
    new.company_id, w.id, new.id, new.type, new.conversation_id, new.sequence,
    iif(EXISTS (SELECT 1 FROM webhook_delivery AS earlier WHERE earlier.webhook_id = w.id
      AND earlier.conversation_id = new.conversation_id AND earlier.status = 'pending'), NULL, now.millis), now.millis
  FROM webhook AS w, (SELECT millis, printf('%012x', millis) AS hex, lower(hex(randomblob(9))) AS random, id
    FROM (SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS millis, id FROM webhook
      WHERE company_id = new.company_id AND new.type <> 'webhook.test' AND disabled_at IS NULL)) AS now
  WHERE w.id = now.id AND (w.events IS NULL OR EXISTS (SELECT 1 FROM json_each(w.events) WHERE value = new.type));
END;
