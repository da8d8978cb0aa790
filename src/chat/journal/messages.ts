/** The messages of a conversation as its journal has them, and every statement that changes one. */
import type { Conversation } from "../conversation.ts";
import { type Message, type Role, saidIn } from "../message.ts";
import { isBlank } from "../ports.ts";
import type { Turn } from "../turn.ts";
import { Blocks } from "./blocks.ts";
import { History } from "./history.ts";
import { RareTable } from "./rare-table.ts";
import { Recent } from "./recent.ts";
import { MESSAGE_MEMBERS, pick, toMessage } from "./schema.ts";
import type { Store } from "./store.ts";
import type { Turns } from "./turns.ts";

/** Who deleted a message, when, and with which bulk delete. */
export type Deletion = Pick<Message, "deleted_at" | "deleted_by" | "deletion_id">;
const LIVE: Deletion = { deleted_at: null, deleted_by: null, deletion_id: null };

export class Messages {
  readonly #store: Store;
  readonly #turns: Turns;
  readonly #blocks: Blocks;
  readonly #ids: RareTable;
  readonly #recent = new Recent();
  readonly history: History;

  constructor(store: Store, turns: Turns) {
    this.#store = store;
    this.#turns = turns;
    this.#blocks = new Blocks(store);
    this.#ids = new RareTable(store, "message_id");
    this.history = new History(store, this.#blocks, this.#recent);
  }

  /** The tables are empty, or were filled anew. */
  forget(): void {
    this.#blocks.forget();
    this.#recent.clear();
  }

  find(id: string): Message | null {
    const turn = this.#turns.around(id);
    const known = turn && (turn.user_message_id === id ? turn.user_sequence : turn.reply_sequence);
    const sequence = known ?? this.#ids.one("SELECT sequence FROM message_id WHERE id = ?", id)?.["sequence"];
    const found = sequence === undefined || sequence === null ? null : this.at(Number(sequence));
    return found?.id === id ? found : null;
  }

  at(sequence: number): Message | null {
    const recent = this.#recent.at(sequence);
    if (recent) return recent;
    if (sequence < 1) return null;
    const row = this.#store.one("SELECT * FROM message WHERE sequence = ?", sequence);
    return row && toMessage(row);
  }

  /** The user's message and the reply of a turn, as far as they are there. */
  ofTurn({ user_sequence, reply_sequence }: Turn): { asked: Message | null; reply: Message | null } {
    return {
      asked: user_sequence === null ? null : this.at(user_sequence),
      reply: reply_sequence === null ? null : this.at(reply_sequence),
    };
  }

  /** Messages that D1 has not confirmed, oldest first, at most `limit`. */
  unsent(limit: number): Message[] {
    const { handed_over, next_sequence } = this.#store.header;
    if (handed_over >= next_sequence - 1) return [];
    const recent = this.#recent.between(handed_over + 1, Math.min(handed_over + limit, next_sequence - 1));
    if (recent) return recent;
    const query = "SELECT * FROM message WHERE sequence > ? ORDER BY sequence LIMIT ?";
    return this.#store.rows(query, handed_over, limit).map(toMessage);
  }

  /** Messages, live or not, with a sequence from `first` to `last`. */
  between(first: number, last: number): Message[] {
    const recent = this.#recent.between(first, last);
    if (recent) return recent;
    const query = "SELECT * FROM message WHERE sequence BETWEEN ? AND ? ORDER BY sequence";
    return this.#store.rows(query, first, last).map(toMessage);
  }

  /** Live messages that a model may be shown, from sequence `upto` down, until the caller stops. */
  *shownBefore(upto: number): Generator<Message> {
    for (const message of this.history.newestFirst({ first: 1, last: upto })) if (isShown(message)) yield message;
  }

  /** Live messages that a model may be shown, after one sequence and before another; at most `limit`, oldest first. */
  shownBetween(after: number, before: number, limit: number): Message[] {
    const found: Message[] = [];
    const query = "SELECT * FROM message WHERE sequence > ? AND sequence < ? AND deleted_at IS NULL ORDER BY sequence";
    for (const row of this.#store.each(query, after, before)) {
      const message = toMessage(row);
      if (isShown(message)) found.push(message);
      if (found.length === limit) break;
    }
    return found;
  }

  /** How many live messages each side has not read of the other. */
  unread(): Pick<Conversation, "unread_lead" | "unread_staff"> {
    const { last_read_lead, last_read_staff, next_sequence } = this.#store.header;
    const since = (first: number, role: Role) =>
      this.history.count({ first: first + 1, last: next_sequence - 1 }, role);
    this.#recent.unread ??= {
      unread_lead: since(last_read_lead, "assistant"),
      unread_staff: since(last_read_staff, "user"),
    };
    return this.#recent.unread;
  }

  /** A side has read up to a sequence. */
  noteRead(side: "last_read_lead" | "last_read_staff", sequence: number): void {
    this.#store.setHeader({ [side]: sequence });
    this.#recent.unread = null;
  }

  /** A new message, the last of the conversation. `leads` says whether its turn's id leads to it. */
  append(
    id: string,
    turn_id: string,
    role: Message["role"],
    rest: Partial<Message> & { created_at: number },
    leads: boolean,
  ): Message {
    const header = this.#store.header;
    const message: Message = { ...BLANK, ...rest, sequence: header.next_sequence, id, turn_id, role };
    this.#insert(message, leads);
    const { sequence, created_at } = message;
    this.#store.setHeader({
      next_sequence: sequence + 1,
      message_count: header.message_count + 1,
      last_message_at: created_at,
      updated_at: created_at,
      // Who writes has read what came before.
      ...(role === "user" ? { last_read_lead: sequence } : {}),
      ...(message.author ? { last_read_staff: sequence } : {}),
    });
    this.#recent.add(message, { lead: role === "user", staff: message.author !== null });
    return message;
  }

  /** Messages of a conversation that is being taken over from D1. */
  adopt(messages: Message[]): void {
    for (const message of messages) this.#insert(pick(message, MESSAGE_MEMBERS), false);
  }

  #insert(message: Message, leads: boolean): void {
    this.#store.insert("message", message);
    if (!leads) this.noteId(message);
    this.#blocks.add(message.sequence);
  }

  /** The id of its turn does not lead to it, or not any more. */
  noteId({ id, sequence }: Message): void {
    this.#ids.make();
    this.#ids.run("INSERT OR IGNORE INTO message_id VALUES (?, ?)", id, sequence);
  }

  /** A reply that is written again in its old place. */
  replace(former: Message, written: Partial<Message> & { created_at: number }): Message {
    this.change(written, "sequence = ?", former.sequence);
    this.#store.setHeader({ last_message_at: written.created_at, updated_at: written.created_at });
    return { ...former, ...written };
  }

  /** Deletes one message, or restores it where `deletion` is null. */
  mark(message: Message, deletion: Deletion | null): Message {
    const state = deletion ?? LIVE;
    this.change(state, "sequence = ?", message.sequence);
    this.#blocks.change(message.sequence, message.role, deletion ? -1 : 1);
    return { ...message, ...state };
  }

  /** Deletes every live message after sequence `after`. Returns how many there were. */
  deleteAfter(after: number, deletion: Deletion): number {
    const live = this.history.count({ first: after + 1, last: this.#store.header.next_sequence - 1 });
    if (live === 0) return 0;
    this.change(deletion, "deleted_at IS NULL AND sequence > ?", after);
    this.#blocks.recount(after);
    return live;
  }

  /** Restores the messages of these sequences, which are deleted, in ascending order. */
  restore(sequences: number[]): void {
    const first = sequences[0];
    if (first === undefined) return;
    this.change(LIVE, "sequence IN (SELECT value FROM json_each(?))", JSON.stringify(sequences));
    this.#blocks.recount(first - 1);
  }

  /** Replies of this person of the staff name nobody any more. Reads the conversation's messages once. */
  forgetName(entity_id: string): void {
    const name = "author = json_set(author, '$.name', json('null'))";
    this.#recent.clear();
    this.#store.run(`UPDATE message SET ${name} WHERE author IS NOT NULL AND author ->> 'entity_id' = ?`, entity_id);
  }

  /** Takes away for good what these messages say. `where` selects them. */
  empty(changes: Partial<Message>, where: string, ...values: unknown[]): void {
    this.change({ ...EMPTY, ...changes }, where, ...values);
    // That a person wrote it stays; who that was does not.
    this.#store.run(
      `UPDATE message SET author = '{"type":"staff"}' WHERE author IS NOT NULL AND (${where})`,
      ...values,
    );
  }

  /** Changes messages that `where` selects. */
  change(changes: Partial<Message>, where: string, ...values: unknown[]): void {
    this.#recent.clear();
    this.#store.update("message", changes, where, ...values);
  }
}

/** Whether a model may be shown a message: it is live, did not fail, and says something. */
const isShown = (message: Message): boolean =>
  message.deleted_at === null && message.status !== "failed" && !isBlank(saidIn(message));

const EMPTY = { content: "", metadata: {}, tool_calls: null, feedback: null } as const;

const BLANK = {
  ...EMPTY,
  details: null,
  author: null,
  status: "complete",
  model_used: null,
  processing_time: null,
  input_tokens: null,
  output_tokens: null,
  usage_source: null,
  cached_input_tokens: null,
  cost: null,
  ...LIVE,
  purged_at: null,
} as const satisfies Partial<Message>;
