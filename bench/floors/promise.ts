/**
 * The promise floor: the durable floor plus exactly the writes that the service's promises need, by hand.
 * Before the model: the turn with its key and hash and the user's message, in the object's own storage, and an alarm that
 * would find it after a crash. After the model: the reply and the turn's end there, then one D1 batch with both messages
 * and the conversation's counters, then the answer. What D1 has is noted with the next turn.
 */
import { DurableObject } from "cloudflare:workers";
import { uuidv7 } from "uuidv7";
import { complete, completeText, event } from "./openai.ts";
import { insertMessage, type Row, updateCounters } from "./record.ts";
import { type FloorEnv, serve } from "./serve.ts";

type Turn = { number: number; user: Row; reply_id: string };

const SCHEMA = `
CREATE TABLE IF NOT EXISTS state (one INTEGER PRIMARY KEY, next_turn INTEGER, next_sequence INTEGER, handed_over INTEGER);
INSERT INTO state VALUES (1, 1, 1, 0) ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS turn (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, principal TEXT NOT NULL, idempotency_key TEXT,
  body_hash TEXT NOT NULL, status TEXT NOT NULL, reply_id TEXT NOT NULL, ended_at INTEGER
);
CREATE UNIQUE INDEX IF NOT EXISTS turn_key ON turn (principal, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE TABLE IF NOT EXISTS message (
  sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, turn_id TEXT NOT NULL, role TEXT NOT NULL, content TEXT NOT NULL,
  status TEXT NOT NULL, created_at INTEGER NOT NULL, deleted_at INTEGER
);
CREATE TABLE IF NOT EXISTS delta (turn INTEGER, n INTEGER, text TEXT NOT NULL, PRIMARY KEY (turn, n)) WITHOUT ROWID;
`;

export class Conversation extends DurableObject<FloorEnv> {
  readonly #sql: SqlStorage;
  #next = { turn: 1, sequence: 1, handed_over: 0 };
  #wakesAt = 0;

  constructor(ctx: DurableObjectState, env: FloorEnv) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(SCHEMA);
    const row = this.#sql.exec("SELECT * FROM state").one();
    this.#next = {
      turn: Number(row["next_turn"]),
      sequence: Number(row["next_sequence"]),
      handed_over: Number(row["handed_over"]),
    };
  }

  async chat(conversation_id: string, message: string) {
    const turn = await this.#open(conversation_id, message);
    return this.#close(turn, await completeText(this.env.MODEL, message));
  }

  /** Every delta is journalled before it is told, and the user's message is in the history while the model works. */
  async chatStream(conversation_id: string, message: string): Promise<ReadableStream> {
    const turn = await this.#open(conversation_id, message);
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    const run = async () => {
      const early = this.#handOver([turn.user], turn.user);
      let content = "";
      let n = 0;
      for await (const text of complete(this.env.MODEL, message)) {
        content += text;
        this.#sql.exec("INSERT INTO delta VALUES (?, ?, ?)", turn.number, ++n, text);
        await writer.write(event({ text }));
      }
      await early;
      await writer.write(event(await this.#close(turn, content)));
      await writer.close();
    };
    void run();
    return readable;
  }

  async #open(conversation_id: string, content: string): Promise<Turn> {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(content));
    const hash = btoa(String.fromCharCode(...new Uint8Array(digest)));
    const now = Date.now();
    const { turn: number, sequence } = this.#next;
    const turn_id = uuidv7();
    const user: Row = { id: uuidv7(), conversation_id, turn_id, sequence, role: "user", content, created_at: now };
    const reply_id = uuidv7();
    this.#next.turn++;
    this.#next.sequence += 2;
    this.ctx.storage.transactionSync(() => {
      this.#sql.exec(
        "INSERT INTO turn VALUES (?, ?, 'user:1', NULL, ?, 'running', ?, NULL)",
        number,
        turn_id,
        hash,
        reply_id,
      );
      this.#keep(user);
      this.#sql.exec(
        "UPDATE state SET next_turn = ?, next_sequence = ?, handed_over = ?",
        this.#next.turn,
        this.#next.sequence,
        this.#next.handed_over,
      );
    });
    if (this.#wakesAt < now) {
      this.#wakesAt = now + 30_000;
      void this.ctx.storage.setAlarm(this.#wakesAt);
    }
    return { number, user, reply_id };
  }

  async #close({ number, user, reply_id }: Turn, content: string) {
    const now = Date.now();
    const reply: Row = {
      ...user,
      id: reply_id,
      sequence: user.sequence + 1,
      role: "assistant",
      content,
      created_at: now,
    };
    this.ctx.storage.transactionSync(() => {
      this.#keep(reply);
      this.#sql.exec("UPDATE turn SET status = 'completed', ended_at = ? WHERE number = ?", now, number);
    });
    const rows = this.#next.handed_over < user.sequence ? [user, reply] : [reply];
    await this.#handOver(rows, reply);
    return { message_id: user.id, content };
  }

  #keep(row: Row): void {
    const { sequence, id, turn_id, role, content, created_at } = row;
    this.#sql.exec(
      "INSERT INTO message VALUES (?, ?, ?, ?, ?, 'complete', ?, NULL)",
      sequence,
      id,
      turn_id,
      role,
      content,
      created_at,
    );
  }

  async #handOver(rows: Row[], last: Row): Promise<void> {
    const { DB } = this.env;
    const counters = updateCounters(DB, last.conversation_id, last.sequence, last.created_at);
    await DB.batch([...rows.map((row) => insertMessage(DB, row)), counters]);
    this.#next.handed_over = last.sequence;
  }

  /** Nothing to recover in a floor; the alarm is here because a promise needs it set. */
  override async alarm(): Promise<void> {
    this.#wakesAt = 0;
  }
}

export default { fetch: serve };
