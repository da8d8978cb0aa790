-- `handling.changed` also says that the agent asked for a person.
DROP TRIGGER webhook_audited;
--> statement-breakpoint
CREATE TRIGGER webhook_audited AFTER INSERT ON audit_event
WHEN new.action IN ('conversation.update', 'conversation.reassign', 'conversation.delete', 'conversation.erase', 'conversation.restore',
    'message.delete', 'message.delete_all', 'message.restore', 'message.restore_all', 'message.rate',
    'conversation.hand_over', 'conversation.take_over', 'conversation.give_back')
  AND EXISTS (SELECT 1 FROM webhook WHERE company_id = new.company_id AND disabled_at IS NULL) BEGIN
  INSERT INTO webhook_event (id, company_id, type, at, conversation_id, sequence, data)
  SELECT 'evt_' || new.id, new.company_id,
    CASE new.action
      WHEN 'conversation.update' THEN 'conversation.updated' WHEN 'conversation.reassign' THEN 'conversation.updated'
      WHEN 'conversation.delete' THEN 'conversation.deleted' WHEN 'conversation.erase' THEN 'conversation.deleted'
      WHEN 'conversation.restore' THEN 'conversation.restored'
      WHEN 'conversation.hand_over' THEN 'handling.changed'
      WHEN 'conversation.take_over' THEN 'handling.changed' WHEN 'conversation.give_back' THEN 'handling.changed'
      WHEN 'message.delete' THEN 'message.deleted' WHEN 'message.delete_all' THEN 'message.deleted'
      WHEN 'message.rate' THEN 'message.rated' ELSE 'message.restored' END,
    new.at, c.id, c.event_sequence + 1,
    CASE
      WHEN new.target_type = 'message' THEN json_object('message_id', new.target_id)
      WHEN new.action = 'conversation.erase' THEN json_object('erased', json('true'))
      WHEN new.action = 'conversation.reassign' THEN json_object('changed', json_array('entity_type', 'entity_id'))
      WHEN new.action IN ('conversation.hand_over', 'conversation.take_over', 'conversation.give_back')
        THEN json_object('handled_by', c.handled_by, 'waiting', json(iif(c.waiting_since IS NULL, 'false', 'true')))
      ELSE new.details END
  FROM conversation AS c WHERE c.company_id = new.company_id AND c.id = iif(new.target_type = 'message',
    (SELECT conversation_id FROM message WHERE id = new.target_id), new.target_id)
  ON CONFLICT (id) DO NOTHING;
END;
