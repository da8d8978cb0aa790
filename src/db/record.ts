/**
 * Writes what a conversation's object hands over, one atomic batch a time. Every statement says what is, not what to add:
 * a batch that arrives twice changes nothing. The SQL comes from the schema, written once.
 */
import type { Batch, Change } from "../chat/changes.ts";
import type { Message } from "../chat/message.ts";
import type { AuditRow } from "../chat/audit.ts";
import { fold } from "./folded.ts";
import { insertSql, scalar, valuesOf } from "./insert.ts";
import { MESSAGE_SETS } from "./erasure-stores.ts";
import { audit_event, message } from "./schema.ts";
import { unreadHourOf } from "./unread-hour.ts";

/** What of a message never changes. */
const FIXED = ["id", "company_id", "conversation_id", "agent_id", "turn_id", "sequence", "role"];

/** A re-run reply is the only message whose text ever changes. Of a conversation that is gone nothing is stored again. */
const UPSERT_MESSAGE = insertSql(message, (columns) => {
  const set = columns.filter((name) => !FIXED.includes(name)).map((name) => `${name} = excluded.${name}`);
  return `WHERE EXISTS (SELECT 1 FROM conversation WHERE id = ? AND company_id = ?)
    ON CONFLICT (conversation_id, sequence) DO UPDATE SET ${set.join(", ")}`;
});
// Without WHERE, SQLite would take ON for part of a join.
const INSERT_AUDIT = insertSql(audit_event, () => "WHERE true ON CONFLICT (id) DO NOTHING");

type Session = Pick<D1DatabaseSession, "prepare" | "batch">;

/** Applies one batch. Throws when D1 did not confirm it. */
export async function writeBatch(db: Session, batch: Batch): Promise<void> {
  await db.batch(statements(db, batch));
}

/** The header comes first: where it is refused, nothing of the batch is applied. */
function statements(db: Session, batch: Batch): D1PreparedStatement[] {
  const { header, messages, changes } = batch;
  return [
    updateCounters(db, header),
    updateUnread(db, header),
    ...messages.map((row) => upsertMessage(db, batch, row)),
    ...changes.flatMap((change) => changeStatements(db, batch, change)),
  ];
}

function upsertMessage(db: Session, { header }: Batch, row: Message): D1PreparedStatement {
  const { company_id, agent_id, id: conversation_id } = header;
  const values = valuesOf(UPSERT_MESSAGE.columns, { ...row, company_id, agent_id, conversation_id });
  return db.prepare(UPSERT_MESSAGE.sql).bind(...values, conversation_id, company_id);
}

const insertAudit = (db: Session, row: AuditRow) =>
  db.prepare(INSERT_AUDIT.sql).bind(...valuesOf(INSERT_AUDIT.columns, row));

/** Only the columns that a turn moves: what is not named here is not written, nor its indexes. */
const updateCounters = (db: Session, header: Batch["header"]) =>
  db
    .prepare(
      `UPDATE conversation SET message_count = ?1, last_message_at = ?2, activity_at = coalesce(?2, created_at),
       updated_at = ?3, revision = ?6, unread_lead = ?7, unread_staff = ?8 WHERE id = ?4 AND company_id = ?5`,
    )
    .bind(
      header.message_count,
      header.last_message_at,
      header.updated_at,
      header.id,
      header.company_id,
      header.revision,
      header.unread_lead,
      header.unread_staff,
    );

/** Apart from the counters and only where it changes: most turns write nothing of it. */
const updateUnread = (db: Session, { id, company_id, unread_staff, last_message_at, created_at }: Batch["header"]) =>
  db
    .prepare("UPDATE conversation SET unread_hour = ?1 WHERE id = ?2 AND company_id = ?3 AND unread_hour IS NOT ?1")
    .bind(unread_staff > 0 ? unreadHourOf(last_message_at ?? created_at) : null, id, company_id);

function changeStatements(db: Session, batch: Batch, change: Change): D1PreparedStatement[] {
  const { id, company_id } = batch.header;
  const mine = "company_id = ?1 AND conversation_id = ?2";
  switch (change.op) {
    case "delete_messages": {
      const { deleted_at, deleted_by, deletion_id, after, upto } = change;
      const update = db
        .prepare(
          `UPDATE message SET deleted_at = ?3, deleted_by = ?4, deletion_id = ?5
           WHERE ${mine} AND deleted_at IS NULL AND sequence > ?6 AND sequence <= ?7`,
        )
        .bind(company_id, id, deleted_at, deleted_by, deletion_id, after, upto);
      return [update, insertAudit(db, change.audit)];
    }
    case "restore_messages": {
      const update = db
        .prepare(
          `UPDATE message SET deleted_at = NULL, deleted_by = NULL, deletion_id = NULL FROM json_each(?3) AS range
           WHERE ${mine} AND deleted_at IS NOT NULL AND purged_at IS NULL
             AND sequence BETWEEN (range.value ->> 0) AND (range.value ->> 1)`,
        )
        .bind(company_id, id, scalar(change.ranges));
      return [update, insertAudit(db, change.audit)];
    }
    case "header":
      return [updateHeader(db, batch.header), ...(change.audit ? [insertAudit(db, change.audit)] : [])];
    case "feedback":
      return [
        db
          .prepare(`UPDATE message SET feedback = ?3 WHERE ${mine} AND id = ?4`)
          .bind(company_id, id, scalar(change.feedback), change.message_id),
        insertAudit(db, change.audit),
      ];
    case "message":
      return [];
    case "purge_messages":
      return [
        db
          .prepare(
            `UPDATE message SET ${MESSAGE_SETS.overwritten} WHERE ${mine} AND id IN (SELECT value FROM json_each(?3))`,
          )
          .bind(company_id, id, scalar(change.ids)),
        db
          .prepare(
            `UPDATE message SET ${MESSAGE_SETS.cleared}, purged_at = ?3
             WHERE ${mine} AND id IN (SELECT value FROM json_each(?4))`,
          )
          .bind(company_id, id, change.purged_at, scalar(change.ids)),
        insertAudit(db, change.audit),
      ];
    case "reassign":
      return [
        db
          .prepare(
            `UPDATE conversation SET entity_type = ?, entity_id = ?, deleted_by = ?, creation_key = NULL,
             creation_hash = NULL WHERE id = ? AND company_id = ?`,
          )
          .bind(batch.header.entity_type, batch.header.entity_id, batch.header.deleted_by, id, company_id),
        db
          .prepare(`UPDATE message SET deleted_by = ?3 WHERE ${mine} AND deleted_by = ?4`)
          .bind(company_id, id, batch.header.entity_id, change.from),
        insertAudit(db, change.audit),
      ];
    case "forget_name":
      return [
        db
          .prepare(
            `UPDATE message SET author = json_set(author, '$.name', json('null'))
             WHERE ${mine} AND author IS NOT NULL AND author ->> 'entity_id' = ?3`,
          )
          .bind(company_id, id, change.entity_id),
        insertAudit(db, change.audit),
      ];
    case "erase":
      return [
        ...[MESSAGE_SETS.overwritten, MESSAGE_SETS.cleared].map((set) =>
          db.prepare(`UPDATE message SET ${set} WHERE ${mine}`).bind(company_id, id),
        ),
        db
          .prepare("UPDATE conversation SET creation_key = NULL, creation_hash = NULL WHERE id = ? AND company_id = ?")
          .bind(id, company_id),
        updateHeader(db, batch.header),
        insertAudit(db, change.audit),
      ];
  }
}

const updateHeader = (db: Session, header: Batch["header"]) =>
  db
    .prepare(
      `UPDATE conversation SET title = ?, title_folded = ?, metadata = ?, max_context_length = ?, status = ?, deleted_at = ?, deleted_by = ?,
       erased_at = ?, hold = ?, handled_by = ?, handler_id = ?, handler_name = ?, waiting_since = ?
       WHERE id = ? AND company_id = ?`,
    )
    .bind(
      header.title,
      fold(header.title),
      JSON.stringify(header.metadata),
      header.max_context_length,
      header.status,
      header.deleted_at,
      header.deleted_by,
      header.erased_at,
      scalar(header.hold),
      header.handled_by,
      header.handler_id,
      header.handler_name,
      header.waiting_since,
      header.id,
      header.company_id,
    );
