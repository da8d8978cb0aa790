/**
 * The journal of one conversation, in its object's own SQLite: the only truth about its turns and messages. Every method
 * is synchronous and one transaction; what it has written survives a crash at the next line.
 */
import type { Change } from "./changes.ts";
import type { Conversation } from "./conversation.ts";
import {
  bindable,
  type Header,
  HEADER_MEMBERS,
  MESSAGE_MEMBERS,
  MIGRATIONS,
  pick,
  toDelta,
  toHeader,
  toMessage,
  toTurn,
} from "./journal-schema.ts";
import type { Message, MessageStatus } from "./message.ts";
import type { ToolCall } from "./tool-call.ts";
import type { Delta, EndStatus, EventId, Turn, TurnError } from "./turn.ts";
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

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
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

  /** Takes the steps of the schema that this storage lacks. */
  #migrate(): void {
    const empty = this.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'version'").length === 0;
    const done = empty ? 0 : Number(this.rows("SELECT number FROM version")[0]?.["number"] ?? 0);
    if (done === MIGRATIONS.length) return;
    this.#storage.transactionSync(() => {
      for (const step of MIGRATIONS.slice(done)) this.#storage.sql.exec(step);
      this.run("DELETE FROM version");
      this.run("INSERT INTO version (number) VALUES (?)", MIGRATIONS.length);
    });
  }

  /** Knows nothing any more, once the storage is empty. */
  forget(): void {
    this.#header = undefined;
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
    return this.#turn("number = (SELECT max(number) FROM turn)");
  }
  /** Turns that have not ended, oldest first. */
  openTurns(): Turn[] {
    return this.rows("SELECT * FROM turn WHERE status IN ('queued', 'running') ORDER BY number").map(toTurn);
  }

  message(id: string): Message | null {
    const row = this.rows("SELECT * FROM message WHERE id = ?", id)[0];
    return row ? toMessage(row) : null;
  }

  /** Notes a turn that has to wait; nothing of it is in the history yet. */
  enqueue(input: NewTurn, now: number): Turn {
    return this.transaction(() => this.#newTurn(input, "queued", now));
  }

  /** Notes a turn, gives its message the next sequence, and marks it running: all of it, or nothing. */
  begin({ content, ...input }: NewTurn, now: number): Turn {
    return this.transaction(() => {
      const user_sequence = this.#append(input.user_message_id, input.id, "user", now, {
        content: content ?? "",
        metadata: input.metadata,
      });
      return this.#newTurn({ ...input, content: null, user_sequence, started_at: now }, "running", now);
    });
  }

  /** A waiting turn begins, or a failed one begins again; its message is stored once only. */
  start(turn: Turn, event_base: number, now: number): Turn {
    return this.transaction(() => {
      const started: Turn = { ...turn, status: "running", event_base, started_at: now, ended_at: null, error: null };
      started.last_event = null;
      started.content = null;
      if (turn.user_sequence === null) {
        started.user_sequence = this.#append(turn.user_message_id, turn.id, "user", now, {
          content: turn.content ?? "",
          metadata: turn.metadata,
        });
      } else this.run("DELETE FROM delta WHERE turn = ?", turn.number);
      return this.#saveTurn(started);
    });
  }

  /** A failed turn waits to be run again. */
  requeue(turn: Turn): Turn {
    return this.#saveTurn({ ...turn, status: "queued", error: null, started_at: null, ended_at: null });
  }

  /** The latest live messages up to sequence `upto`, oldest first. Failed replies are not among them. */
  window(upto: number): Message[] {
    const limit = this.header?.max_context_length ?? 1;
    const rows = this.rows(
      `SELECT * FROM message INDEXED BY message_context
       WHERE deleted_at IS NULL AND status <> 'failed' AND content <> '' AND sequence <= ?
       ORDER BY sequence DESC LIMIT ?`,
      upto,
      limit,
    );
    return rows.reverse().map(toMessage);
  }

  addDelta(turn: Turn, delta: Delta): void {
    const { n, text, tool } = delta;
    this.run("INSERT INTO delta (turn, n, text, tool) VALUES (?, ?, ?, ?)", turn.number, n, text, bindable(tool));
  }
  deltas(turn: Turn): Delta[] {
    return this.rows("SELECT n, text, tool FROM delta WHERE turn = ? ORDER BY n", turn.number).map(toDelta);
  }

  /** The turn is over: its reply is stored with the next sequence, or in the place of a failed one. */
  close(turn: Turn, ending: Ending, window_start: number | null, now: number): { turn: Turn; reply: Message } {
    return this.transaction(() => {
      const { usage } = ending;
      const reply = {
        content: ending.content,
        tool_calls: ending.tool_calls,
        status: MESSAGE_STATUS[ending.status],
        model_used: ending.model_used,
        processing_time: (now - (turn.started_at ?? now)) / 1000,
        input_tokens: usage?.input_tokens ?? null,
        output_tokens: usage?.output_tokens ?? null,
        usage_source: usage?.source ?? null,
      };
      const former = this.message(turn.reply_id);
      let sequence = turn.reply_sequence;
      if (former) {
        this.#update("message", { ...reply, created_at: now }, "id = ?", turn.reply_id);
        this.setHeader({ last_message_at: now, updated_at: now });
        this.outbox({ op: "message", message_id: turn.reply_id });
      } else sequence = this.#append(turn.reply_id, turn.id, "assistant", now, reply);
      const closed: Turn = { ...turn, status: ending.status, reply_sequence: sequence, window_start };
      Object.assign(closed, { error: ending.error, last_event: ending.last_event, ended_at: now });
      return { turn: this.#saveTurn(closed), reply: this.message(turn.reply_id) as Message };
    });
  }

  /** A waiting turn is taken back: it leaves no message. */
  drop(turn: Turn, error: TurnError, last_event: number, now: number): Turn {
    return this.#saveTurn({ ...turn, status: "stopped", content: null, error, last_event, ended_at: now });
  }

  /** How many events of a waiting turn have been told. */
  setEventBase(turn: Turn, event_base: number): Turn {
    return this.#saveTurn({ ...turn, event_base });
  }

  /** Messages from `start` to the turn's reply, as the model's window showed them, that are still live. */
  answerWindow(turn: Turn): Message[] {
    return this.rows(
      `SELECT * FROM message WHERE sequence BETWEEN ? AND ? AND deleted_at IS NULL AND status <> 'failed' AND content <> ''
       UNION SELECT * FROM message WHERE sequence IN (?, ?) AND deleted_at IS NULL ORDER BY sequence`,
      turn.window_start ?? turn.user_sequence,
      turn.user_sequence,
      turn.user_sequence,
      turn.reply_sequence,
    ).map(toMessage);
  }

  /** Drops the deltas of turns that ended before `before` (ms). Returns when the oldest that is left ended, if one is. */
  purgeDeltas(before: number): number | null {
    this.run("DELETE FROM delta WHERE turn IN (SELECT number FROM turn WHERE ended_at < ?)", before);
    const oldest = "SELECT min(ended_at) AS at FROM turn WHERE number IN (SELECT DISTINCT turn FROM delta)";
    return (this.rows(oldest)[0]?.["at"] as number | null) ?? null;
  }

  /** Leaves a change for D1; the transaction that makes it calls this. */
  outbox(change: Change): void {
    this.run("INSERT INTO outbox (change) VALUES (?)", JSON.stringify(change));
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
    const number = (this.header as Header).next_turn;
    const turn: Turn = { ...UNSET, ...input, number, status, created_at: now };
    this.#insert("turn", turn);
    this.setHeader({ next_turn: number + 1 });
    return turn;
  }

  #saveTurn({ number, ...turn }: Turn): Turn {
    this.#update("turn", turn, "number = ?", number);
    return { number, ...turn };
  }

  #append(id: string, turn_id: string, role: Message["role"], now: number, rest: Partial<Message>): number {
    const header = this.header as Header;
    const sequence = header.next_sequence;
    this.#insert("message", {
      sequence,
      id,
      turn_id,
      role,
      status: "complete",
      metadata: {},
      created_at: now,
      ...rest,
    });
    const message_count = header.message_count + 1;
    this.setHeader({ next_sequence: sequence + 1, message_count, last_message_at: now, updated_at: now });
    return sequence;
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
