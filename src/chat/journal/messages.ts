/** The messages of a conversation as its journal has them. */
import { type Header, toMessage } from "./schema.ts";
import type { JournalStore, Memory } from "./store.ts";
import type { Message } from "../message.ts";
import type { Turn } from "../turn.ts";
import { WindowCache } from "./window-cache.ts";

export class MessageStore implements Memory {
  readonly #store: JournalStore;
  readonly #recent = new WindowCache();
  /** Messages that were just stored, for D1; without a gap as long as the first is the one that D1 lacks first. */
  #fresh: Message[] = [];

  constructor(store: JournalStore) {
    this.#store = store;
  }

  forget(): void {
    this.#recent.clear();
    this.#fresh = [];
  }

  find(id: string): Message | null {
    const known = this.#recent.find(id);
    if (known) return known;
    const row = this.#store.rows("SELECT * FROM message WHERE id = ?", id)[0];
    return row ? toMessage(row) : null;
  }

  /** Messages that D1 has not confirmed, oldest first, at most `limit`. */
  unsent(limit: number): Message[] {
    const { handed_over, next_sequence } = this.#store.header as Header;
    if (this.#fresh[0]?.sequence === handed_over + 1) return this.#fresh.slice(0, limit);
    if (handed_over === next_sequence - 1) return [];
    return this.#store
      .rows("SELECT * FROM message WHERE sequence > ? ORDER BY sequence LIMIT ?", handed_over, limit)
      .map(toMessage);
  }

  /**
   * D1 has every message up to `sequence`. Only remembered, and written along with the next change: after a crash in
   * between they are sent once more, which changes nothing.
   */
  confirmUpTo(sequence: number): void {
    const { header } = this.#store;
    if (!header || sequence <= header.handed_over) return;
    this.#fresh = this.#fresh.filter((message) => message.sequence > sequence);
    this.#store.setHeaderLater({ handed_over: sequence });
  }

  /** The latest live messages up to sequence `upto`, oldest first. Failed replies are not among them. */
  window(upto: number): Message[] {
    const limit = this.#store.header?.max_context_length ?? 1;
    const known = this.#recent.latest(upto, limit);
    if (known) return known;
    const rows = this.#store.rows(
      `SELECT * FROM message
       WHERE deleted_at IS NULL AND status <> 'failed' AND content <> '' AND sequence <= ?
       ORDER BY sequence DESC LIMIT ?`,
      upto,
      limit,
    );
    const messages = rows.reverse().map(toMessage);
    this.#recent.keep(messages, upto, limit);
    return messages;
  }

  /** Messages from `start` to the turn's reply, as the model's window showed them, that are still live. */
  answerWindow(turn: Turn, reply: Message): Message[] {
    const { window_start, user_sequence } = turn;
    const known = window_start === null ? null : this.#recent.between(window_start, user_sequence ?? 0);
    if (known?.at(-1)?.sequence === user_sequence) return [...(known ?? []), reply];
    return this.#store
      .rows(
        `SELECT * FROM message WHERE sequence BETWEEN ? AND ? AND deleted_at IS NULL AND status <> 'failed' AND content <> ''
       UNION SELECT * FROM message WHERE sequence IN (?, ?) AND deleted_at IS NULL ORDER BY sequence`,
        turn.window_start ?? turn.user_sequence,
        turn.user_sequence,
        turn.user_sequence,
        turn.reply_sequence,
      )
      .map(toMessage);
  }

  /** A new message, the last of the conversation. */
  append(id: string, turn_id: string, role: Message["role"], rest: Partial<Message> & { created_at: number }): Message {
    const header = this.#store.header as Header;
    const message: Message = { ...BLANK, ...rest, sequence: header.next_sequence, id, turn_id, role };
    this.#store.insert("message", message);
    this.#fresh.push(message);
    this.#recent.append(message, message.status !== "failed" && message.content !== "");
    const message_count = header.message_count + 1;
    const { sequence, created_at } = message;
    const at = { last_message_at: created_at, updated_at: created_at };
    this.#store.setHeader({ next_sequence: sequence + 1, message_count, ...at });
    return message;
  }

  /** A reply that is written again in its old place. */
  replace(former: Message, said: Partial<Message> & { created_at: number }): Message {
    this.#store.update("message", said, "id = ?", former.id);
    this.forget();
    this.#store.setHeader({ last_message_at: said.created_at, updated_at: said.created_at });
    this.#store.outbox({ op: "message", message_id: former.id });
    return { ...former, ...said };
  }
}

const BLANK = {
  content: "",
  status: "complete",
  model_used: null,
  processing_time: null,
  input_tokens: null,
  output_tokens: null,
  usage_source: null,
  metadata: {},
  tool_calls: null,
  details: null,
  feedback: null,
  deleted_at: null,
  deleted_by: null,
  deletion_id: null,
  purged_at: null,
} as const satisfies Partial<Message>;
