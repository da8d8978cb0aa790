/**
 * The journal of one conversation, in its object's own SQLite: the only truth about its turns and messages. Every method
 * is synchronous and one transaction; what it has written survives a crash at the next line.
 */
import type { Change } from "./changes.ts";
import type { Conversation } from "./conversation.ts";
import { DeltaLog } from "./delta-log.ts";
import {
  bindable,
  type Header,
  HEADER_MEMBERS,
  MESSAGE_MEMBERS,
  pick,
  SCHEMA,
  STEPS,
  toHeader,
  toMessage,
  toTurn,
  VERSION,
} from "./journal-schema.ts";
import { WindowCache } from "./window-cache.ts";
import type { Message, MessageStatus } from "./message.ts";
import type { ToolCall } from "./tool-call.ts";
import type { EndStatus, EventId, Turn, TurnError } from "./turn.ts";
import type { Usage } from "./usage.ts";

export type NewTurn = Pick<
  Turn,
  "id" | "principal" | "idempotency_key" | "body_hash" | "user_message_id" | "reply_id" | "content" | "metadata"
>;

/** How a turn ended, with what the reply says. */
export type Ending = {
  status: EndStatus;
  content: string;
  tool_calls: ToolCall[] | null;
  model_used: string | null;
  usage: Usage | null;
  error: TurnError | null;
  last_event: number;
};

/** Turns back from where a reader stands, among which those are looked for that were run again since. */
const RUN_AGAIN_WITHIN = 100;

export class Journal {
  readonly #storage: DurableObjectStorage;
  #header: Header | null | undefined;
  /** Members of the header that storage does not have yet, and how deep in transactions we are. */
  #unwritten: Partial<Header> = {};
  #depth = 0;
  #hasOutbox: boolean | undefined;
  readonly #recent = new WindowCache();
  /** Messages that were just stored, for D1; without a gap as long as the first is the one that D1 lacks first. */
  #fresh: Message[] = [];
  /** The latest turn, once it is known. */
  #latest: Turn | null | undefined;

  /** What was told of recent turns. */
  readonly deltas: DeltaLog;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.deltas = new DeltaLog(storage.sql);
  }

  /** The conversation, or null while this object has none: reading never makes a table. */
  get header(): Header | null {
    if (this.#header === undefined) {
      const known = this.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'header'").length > 0;
      if (known) this.#migrate();
      const row = known ? this.rows("SELECT * FROM header")[0] : undefined;
      this.#header = row ? toHeader(row) : null;
    }
    return this.#header;
  }

  /** Takes the conversation over from D1, with the messages it has there. */
  adopt(conversation: Conversation, messages: Message[]): void {
    this.transaction(() => {
      this.#migrate();
      const last = messages.at(-1)?.sequence ?? 0;
      const turns = new Set(messages.map((m) => m.turn_id)).size;
      const header = pick(conversation, HEADER_MEMBERS);
      this.#insert("header", { one: 1, ...header, next_sequence: last + 1, next_turn: turns + 1, handed_over: last });
      for (const message of messages) this.#insert("message", pick(message, MESSAGE_MEMBERS));
    });
    this.#header = undefined;
  }

  /** Makes the tables, or takes the steps that these lack. */
  #migrate(): void {
    const isEmpty = this.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'version'").length === 0;
    const version = isEmpty ? 0 : Number(this.rows("SELECT number FROM version")[0]?.["number"] ?? 0);
    if (version === VERSION) return;
    this.#storage.transactionSync(() => {
      for (const step of isEmpty ? [SCHEMA] : STEPS.slice(version - 1)) this.#storage.sql.exec(step);
      this.run("DELETE FROM version");
      this.run("INSERT INTO version (number) VALUES (?)", VERSION);
    });
  }

  /** Knows nothing any more, once the storage is empty. */
  forget(): void {
    this.#header = undefined;
    this.deltas.forget();
    this.#forgetRead();
  }

  /** What was read may not be so any more. */
  #forgetRead(): void {
    this.#latest = undefined;
    this.#hasOutbox = undefined;
    this.#recent.clear();
    this.#fresh = [];
  }

  turnByKey(principal: string, key: string): Turn | null {
    return this.#turn("principal = ? AND idempotency_key = ?", principal, key);
  }
  turnById(id: string): Turn | null {
    return this.#turn("id = ?", id);
  }
  turnByNumber(number: number): Turn | null {
    return this.#turn("number = ?", number);
  }
  /**
   * Turns of which a reader who stands at `seen` lacks events, in the order in which they are told. A failed turn may be
   * run again after later ones: those had been told before, and whoever has seen the last of them lacks the earlier one.
   */
  turnsSince(seen: EventId): Turn[] {
    const last = this.turnByNumber(seen.turn);
    const began = last && seen.event > last.event_base ? last.started_at : null;
    return this.rows(
      `SELECT * FROM turn
       WHERE number = ?1 OR (number > ?1 AND (?2 IS NULL OR ended_at IS NULL OR ended_at >= ?2))
          OR (number BETWEEN ?1 - ?4 AND ?1 - 1 AND (status = 'queued' OR started_at > ?3))
       ORDER BY status = 'queued', coalesce(started_at, ended_at), number`,
      seen.turn,
      began,
      last?.ended_at ?? null,
      RUN_AGAIN_WITHIN,
    ).map(toTurn);
  }
  lastTurn(): Turn | null {
    if (this.#latest === undefined) this.#latest = this.#turn("number = (SELECT max(number) FROM turn)");
    return this.#latest;
  }
  /** Turns that have not ended, oldest first. */
  openTurns(): Turn[] {
    const numbers = JSON.stringify(this.header?.open ?? []);
    return this.rows(
      "SELECT * FROM turn WHERE number IN (SELECT value FROM json_each(?)) ORDER BY number",
      numbers,
    ).map(toTurn);
  }

  message(id: string): Message | null {
    const known = this.#recent.find(id);
    if (known) return known;
    const row = this.rows("SELECT * FROM message WHERE id = ?", id)[0];
    return row ? toMessage(row) : null;
  }

  /** Messages that D1 has not confirmed, oldest first, at most `limit`. */
  unsent(limit: number): Message[] {
    const { handed_over, next_sequence } = this.header as Header;
    if (this.#fresh[0]?.sequence === handed_over + 1) return this.#fresh.slice(0, limit);
    if (handed_over === next_sequence - 1) return [];
    return this.rows("SELECT * FROM message WHERE sequence > ? ORDER BY sequence LIMIT ?", handed_over, limit).map(
      toMessage,
    );
  }

  /** Notes a turn that has to wait; nothing of it is in the history yet. */
  enqueue(input: NewTurn, now: number): Turn {
    return this.transaction(() => this.#newTurn(input, "queued", now));
  }

  /** Notes a turn, gives its message the next sequence, and marks it running: all of it, or nothing. */
  begin({ content, ...input }: NewTurn, now: number): Turn {
    return this.transaction(() => {
      const asked = { content: content ?? "", metadata: input.metadata, created_at: now };
      const user_sequence = this.#append(input.user_message_id, input.id, "user", asked).sequence;
      return this.#newTurn({ ...input, content: null, user_sequence, started_at: now }, "running", now);
    });
  }

  /** A waiting turn begins, or a failed one begins again; its message is stored once only. */
  start(turn: Turn, event_base: number, now: number): Turn {
    return this.transaction(() => {
      const { content, metadata, reply_id, reply_sequence } = turn;
      let { user_sequence } = turn;
      if (user_sequence === null) {
        const asked = { content: content ?? "", metadata, created_at: now };
        user_sequence = this.#append(turn.user_message_id, turn.id, "user", asked).sequence;
      } else this.deltas.remove("number = ?", turn.number);
      const begun = { status: "running", event_base, user_sequence, started_at: now } as const;
      const unset = { content: null, error: null, last_event: null, ended_at: null };
      return this.#changeTurn(turn, { ...begun, ...unset, reply_id, reply_sequence });
    });
  }

  /** A failed turn waits to be run again. */
  requeue(turn: Turn): Turn {
    const { event_base, reply_id, reply_sequence } = turn;
    const again = { event_base, reply_id, reply_sequence };
    const unset = { error: null, started_at: null, ended_at: null };
    return this.transaction(() => this.#changeTurn(turn, { ...again, ...unset, status: "queued" }));
  }

  /** The latest live messages up to sequence `upto`, oldest first. Failed replies are not among them. */
  window(upto: number): Message[] {
    const limit = this.header?.max_context_length ?? 1;
    const known = this.#recent.latest(upto, limit);
    if (known) return known;
    const rows = this.rows(
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

  /** The turn is over: its reply is stored with the next sequence, or in the place of a failed one. */
  close(turn: Turn, ending: Ending, window_start: number | null, now: number): { turn: Turn; reply: Message } {
    return this.transaction(() => {
      const { usage, error, last_event } = ending;
      const said = {
        content: ending.content,
        tool_calls: ending.tool_calls,
        status: MESSAGE_STATUS[ending.status],
        model_used: ending.model_used,
        processing_time: (now - (turn.started_at ?? now)) / 1000,
        input_tokens: usage?.input_tokens ?? null,
        output_tokens: usage?.output_tokens ?? null,
        usage_source: usage?.source ?? null,
        created_at: now,
      };
      const former = turn.reply_sequence === null ? null : this.message(turn.reply_id);
      const reply = former ? this.#replace(former, said) : this.#append(turn.reply_id, turn.id, "assistant", said);
      const ended = {
        status: ending.status,
        reply_sequence: reply.sequence,
        window_start,
        error,
        last_event,
        ended_at: now,
      };
      return { turn: this.#changeTurn(turn, ended), reply };
    });
  }

  /** A waiting turn is taken back: it leaves no message. */
  drop(turn: Turn, error: TurnError, last_event: number, now: number): Turn {
    const ended = { status: "stopped", content: null, error, last_event, ended_at: now } as const;
    return this.transaction(() => this.#changeTurn(turn, ended));
  }

  /** How many events of a waiting turn have been told. */
  setEventBase(turn: Turn, event_base: number): Turn {
    return this.#changeTurn(turn, { event_base });
  }

  /** Messages from `start` to the turn's reply, as the model's window showed them, that are still live. */
  answerWindow(turn: Turn, reply: Message): Message[] {
    const { window_start, user_sequence } = turn;
    const known = window_start === null ? null : this.#recent.between(window_start, user_sequence ?? 0);
    if (known?.at(-1)?.sequence === user_sequence) return [...(known ?? []), reply];
    return this.rows(
      `SELECT * FROM message WHERE sequence BETWEEN ? AND ? AND deleted_at IS NULL AND status <> 'failed' AND content <> ''
       UNION SELECT * FROM message WHERE sequence IN (?, ?) AND deleted_at IS NULL ORDER BY sequence`,
      turn.window_start ?? turn.user_sequence,
      turn.user_sequence,
      turn.user_sequence,
      turn.reply_sequence,
    ).map(toMessage);
  }

  /** Leaves a change for D1; the transaction that makes it calls this. */
  outbox(change: Change): void {
    this.run("INSERT INTO outbox (change) VALUES (?)", JSON.stringify(change));
    this.#hasOutbox = true;
  }

  /** Whether changes wait for D1; looked up once, then remembered. */
  get hasOutbox(): boolean {
    this.#hasOutbox ??= this.rows("SELECT 1 FROM outbox LIMIT 1").length > 0;
    return this.#hasOutbox;
  }

  /** D1 has confirmed the changes up to this one. */
  clearOutbox(last: number): void {
    this.run("DELETE FROM outbox WHERE id <= ?", last);
    this.#hasOutbox = undefined;
  }

  /** Changes members of the header; within a transaction they are written once, at its end. */
  setHeader(changes: Partial<Header>): Header {
    this.#header = { ...(this.header as Header), ...changes };
    this.#unwritten = { ...this.#unwritten, ...changes };
    if (this.#depth === 0) this.#writeHeader();
    return this.#header;
  }

  /**
   * D1 has every message up to `sequence`. Only remembered, and written along with the next change: after a crash in
   * between they are sent once more, which changes nothing.
   */
  confirmUpTo(sequence: number): void {
    if (!this.#header || sequence <= this.#header.handed_over) return;
    this.#header = { ...this.#header, handed_over: sequence };
    this.#fresh = this.#fresh.filter((message) => message.sequence > sequence);
    this.#unwritten = { ...this.#unwritten, handed_over: sequence };
  }

  #writeHeader(): void {
    if (Object.keys(this.#unwritten).length === 0) return;
    this.#update("header", this.#unwritten, "one = 1");
    this.#unwritten = {};
  }

  rows(query: string, ...values: unknown[]): Record<string, SqlStorageValue>[] {
    return this.#storage.sql.exec(query, ...(values as SqlStorageValue[])).toArray();
  }
  /** Changes messages or turns that are there already; what is remembered of them is read anew. */
  rewrite(query: string, ...values: unknown[]): Record<string, SqlStorageValue>[] {
    this.#forgetRead();
    return this.rows(query, ...values);
  }
  run(query: string, ...values: unknown[]): number {
    return this.#storage.sql.exec(query, ...(values as SqlStorageValue[])).rowsWritten;
  }

  /** All of `work`, or none of it: also of what is remembered of the header. */
  transaction<T>(work: () => T): T {
    const before = { header: this.#header, unwritten: this.#unwritten };
    this.#depth++;
    try {
      return this.#storage.transactionSync(() => {
        const result = work();
        if (this.#depth === 1) this.#writeHeader();
        return result;
      });
    } catch (error) {
      this.#header = before.header;
      this.#unwritten = before.unwritten;
      this.#forgetRead();
      throw error;
    } finally {
      this.#depth--;
    }
  }

  #turn(where: string, ...values: unknown[]): Turn | null {
    const row = this.rows(`SELECT * FROM turn WHERE ${where}`, ...values)[0];
    return row ? toTurn(row) : null;
  }

  #newTurn(input: NewTurn & Partial<Turn>, status: "queued" | "running", now: number): Turn {
    const { next_turn: number, open } = this.header as Header;
    const turn: Turn = { ...UNSET, ...input, number, status, created_at: now };
    this.#insert("turn", turn);
    this.setHeader({ next_turn: number + 1, open: [...open, number] });
    this.#latest = turn;
    return turn;
  }

  #changeTurn(turn: Turn, changes: Partial<Turn>): Turn {
    this.#update("turn", changes, "number = ?", turn.number);
    const changed = { ...turn, ...changes };
    if (changes.status) this.#note(turn.number, changes.status === "queued" || changes.status === "running");
    if (this.#latest?.number === turn.number) this.#latest = changed;
    return changed;
  }

  /** Whether a turn waits or runs, where that is new. */
  #note(number: number, isOpen: boolean): void {
    const { open } = this.header as Header;
    if (open.includes(number) === isOpen) return;
    this.setHeader({ open: isOpen ? [...open, number] : open.filter((other) => other !== number) });
  }

  #append(
    id: string,
    turn_id: string,
    role: Message["role"],
    rest: Partial<Message> & { created_at: number },
  ): Message {
    const header = this.header as Header;
    const message: Message = { ...BLANK, ...rest, sequence: header.next_sequence, id, turn_id, role };
    this.#insert("message", message);
    this.#fresh.push(message);
    this.#recent.append(message, message.status !== "failed" && message.content !== "");
    const message_count = header.message_count + 1;
    const { sequence, created_at } = message;
    const at = { last_message_at: created_at, updated_at: created_at };
    this.setHeader({ next_sequence: sequence + 1, message_count, ...at });
    return message;
  }

  /** A reply that is written again in its old place. */
  #replace(former: Message, said: Partial<Message> & { created_at: number }): Message {
    this.#update("message", said, "id = ?", former.id);
    this.#recent.clear();
    this.#fresh = [];
    this.setHeader({ last_message_at: said.created_at, updated_at: said.created_at });
    this.outbox({ op: "message", message_id: former.id });
    return { ...former, ...said };
  }

  #insert(table: string, row: object): void {
    const columns = Object.keys(row);
    const places = columns.map(() => "?").join(", ");
    this.run(`INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places})`, ...Object.values(row).map(bindable));
  }

  #update(table: string, changes: object, where: string, ...values: unknown[]): void {
    const set = Object.keys(changes).map((column) => `${column} = ?`);
    this.run(
      `UPDATE ${table} SET ${set.join(", ")} WHERE ${where}`,
      ...Object.values(changes).map(bindable),
      ...values,
    );
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
  feedback: null,
  deleted_at: null,
  deleted_by: null,
  deletion_id: null,
  purged_at: null,
} as const satisfies Partial<Message>;

const UNSET = {
  user_sequence: null,
  reply_sequence: null,
  window_start: null,
  event_base: 0,
  last_event: null,
  error: null,
  started_at: null,
  ended_at: null,
};

const MESSAGE_STATUS: Record<EndStatus, MessageStatus> = {
  completed: "complete",
  failed: "failed",
  stopped: "stopped",
};
