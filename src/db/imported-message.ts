/** Messages from elsewhere that a new conversation starts with. */
import { getTableColumns, type SQL, sql } from "drizzle-orm";
import { IdSource } from "../chat/id.ts";
import type { Role } from "../chat/message.ts";
import type { Database } from "./database.ts";
import { conversation, message } from "./schema.ts";

/** It becomes a complete message without a model, and its metadata is `{"imported":true}`. */
export type ImportedMessage = { role: Role; content: string };

type Owner = { id: string; company_id: string; agent_id: string; created_at: number };

/**
 * The statement that inserts them as sequences 1, 2, 3 … It belongs into the batch that creates the conversation, after it,
 * and inserts nothing where that created none. A user's message starts a turn; the reply after it belongs to the same turn.
 */
export function insertImported(db: Database, owner: Owner, messages: ImportedMessage[]) {
  const ids = new IdSource(owner.id, () => owner.created_at, []);
  let turn_id = "";
  const rows = messages.map(({ role, content }, index) => {
    const isReply = role === "assistant" && messages[index - 1]?.role === "user";
    if (!isReply) turn_id = ids.next();
    return { id: ids.next(), turn_id, role, content };
  });
  const values: Record<string, SQL> = {
    id: sql`m.value ->> 'id'`,
    turn_id: sql`m.value ->> 'turn_id'`,
    sequence: sql`m.key + 1`,
    role: sql`m.value ->> 'role'`,
    content: sql`m.value ->> 'content'`,
    status: sql`'complete'`,
    metadata: sql`'{"imported":true}'`,
    company_id: sql`${owner.company_id}`,
    conversation_id: sql`${owner.id}`,
    agent_id: sql`${owner.agent_id}`,
    created_at: sql`${owner.created_at}`,
  };
  const columns = Object.keys(getTableColumns(message)).map((column) => values[column] ?? sql`NULL`);
  const exists = sql`EXISTS (SELECT 1 FROM ${conversation} WHERE ${conversation.id} = ${owner.id})`;
  const list = sql`json_each(${JSON.stringify(rows)}) AS m`;
  return db.insert(message).select(sql`SELECT ${sql.join(columns, sql`, `)} FROM ${list} WHERE ${exists}`);
}
