/** The statements of the floors, against the same tables, indexes and triggers as the service's own database. */

export type Row = {
  id: string;
  conversation_id: string;
  turn_id: string;
  sequence: number;
  role: "user" | "assistant";
  content: string;
  created_at: number;
};

/** Every column of the floors' rows that is not the turn's own. */
const COMPANY = "019ab2f4-0000-7000-8000-0000000000f1";
const AGENT = "019ab2f4-0000-7000-8000-0000000000f2";

export const insertMessage = (db: D1Database, row: Row): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO message (id, company_id, conversation_id, agent_id, turn_id, sequence, role, content, status, model_used,
       processing_time, input_tokens, output_tokens, usage_source, metadata, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'complete', ?, ?, ?, ?, ?, '{}', ?) ON CONFLICT (id) DO NOTHING`,
    )
    .bind(
      row.id,
      COMPANY,
      row.conversation_id,
      AGENT,
      row.turn_id,
      row.sequence,
      row.role,
      row.content,
      ...(row.role === "user" ? [null, null, null, null, null] : ["openai-compatible/zero", 0.004, 12, 12, "measured"]),
      row.created_at,
    );

export const insertConversation = (db: D1Database, id: string, now: number): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO conversation (id, company_id, agent_id, entity_type, entity_id, title, metadata, max_context_length,
       activity_at, created_at, updated_at) VALUES (?1, ?2, ?3, 'user', ?2, 'New Conversation', '{}', 20, ?4, ?4, ?4)`,
    )
    .bind(id, COMPANY, AGENT, now);

export const updateCounters = (db: D1Database, id: string, messages: number, at: number): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE conversation SET message_count = ?1, last_message_at = ?2, activity_at = ?2, updated_at = ?2
       WHERE id = ?3 AND company_id = ?4`,
    )
    .bind(messages, at, id, COMPANY);

/** The first page of a history, and of a company's conversations. */
export const selectMessages = (db: D1Database, conversation_id: string): D1PreparedStatement =>
  db
    .prepare("SELECT * FROM message WHERE conversation_id = ? AND deleted_at IS NULL ORDER BY sequence LIMIT 50")
    .bind(conversation_id);

export const selectConversations = (db: D1Database, company_id: string): D1PreparedStatement =>
  db
    .prepare(
      `SELECT * FROM conversation WHERE company_id = ? AND deleted_at IS NULL AND status = 'active'
       ORDER BY activity_at DESC, id DESC LIMIT 20`,
    )
    .bind(company_id);
