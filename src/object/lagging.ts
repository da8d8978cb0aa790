/**
 * Conversations of which D1 lacks something, as their objects report it at every failure, once a minute at the most. Who was
 * not heard of for longer has nothing to report any more. Reads and writes a thousand rows at most.
 */
import type { SqlStore } from "../chat/journal/storage.ts";
import type { Lag } from "../env.ts";

/** Milliseconds for which a report counts. An object that is behind tries again, and fails, within a minute of the last time. */
const COUNTS_FOR = 3 * 60_000;
/** Conversations that are remembered: of more, the ones that are behind for longest. */
const MOST = 1_000;

const TABLE = `CREATE TABLE IF NOT EXISTS behind (
  conversation_id TEXT PRIMARY KEY, since INTEGER NOT NULL, until INTEGER NOT NULL
) WITHOUT ROWID`;

export class Lagging {
  readonly #sql: SqlStore["sql"];

  constructor({ sql }: SqlStore) {
    this.#sql = sql;
  }

  /** Times in milliseconds. With null D1 has everything of the conversation. */
  note(conversation_id: string, since: number | null, now: number): void {
    this.#sql.exec(TABLE);
    this.#sql.exec("DELETE FROM behind WHERE conversation_id = ? OR until <= ?", conversation_id, now);
    if (since === null) return;
    this.#sql.exec("INSERT INTO behind VALUES (?, ?, ?)", conversation_id, since, now + COUNTS_FOR);
    const newest = "SELECT conversation_id FROM behind ORDER BY since LIMIT -1 OFFSET ?";
    this.#sql.exec(`DELETE FROM behind WHERE conversation_id IN (${newest})`, MOST);
  }

  at(now: number): Lag {
    const isKnown = this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'behind'").toArray().length > 0;
    if (!isKnown) return { conversations: 0, since: null };
    const query = "SELECT count(*) AS conversations, min(since) AS since FROM behind WHERE until > ?";
    const [row] = this.#sql.exec(query, now).toArray();
    const since = row?.["since"] ?? null;
    return { conversations: Number(row?.["conversations"]), since: since === null ? null : Number(since) };
  }
}
