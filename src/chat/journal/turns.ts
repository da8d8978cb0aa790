/** The turns of a conversation as its journal has them. */
import type { EventId, Turn, TurnStatus } from "../turn.ts";
import { toTurn } from "./schema.ts";
import { RareTable } from "./rare-table.ts";
import type { Store } from "./store.ts";

export type NewTurn = Pick<
  Turn,
  | "id"
  | "principal"
  | "idempotency_key"
  | "body_hash"
  | "user_message_id"
  | "reply_id"
  | "content"
  | "metadata"
  | "output_schema"
>;

/** A reply that was made anew: `at` (ms). */
export type Rerun = {
  principal: string;
  key: string;
  body_hash: string;
  turn_id: string;
  reply_id: string;
  at: number;
};

/** Turns that a reader who lags is told of at a time. */
const AT_ONCE = 20;
/** Turns back from where a reader stands, among which those are looked for that were run again since. */
const RUN_AGAIN_WITHIN = 100;

export class Turns {
  readonly #store: Store;
  readonly #reruns: RareTable;
  /** The last turn that began with a message; undefined while nobody has asked. */
  #lastRequest: Turn | null | undefined;

  constructor(store: Store) {
    this.#store = store;
    this.#reruns = new RareTable(store, "rerun");
  }

  /** What was read before may not hold any more. */
  forget(): void {
    this.#lastRequest = undefined;
  }

  byKey(principal: string, key: string): Turn | null {
    return this.#one("principal = ? AND idempotency_key = ?", principal, key);
  }
  byId(id: string): Turn | null {
    return this.#one("id = ?", id);
  }
  byNumber(number: number): Turn | null {
    return this.#one("number = ?", number);
  }
  last(): Turn | null {
    return this.#hasNone ? null : this.#one("number = (SELECT max(number) FROM turn)");
  }
  /** The last turn that began with a message; what staff wrote since is passed over. */
  lastRequest(): Turn | null {
    const query = "number = (SELECT number FROM turn WHERE kind IS NOT 'staff' ORDER BY number DESC LIMIT 1)";
    return (this.#lastRequest ??= this.#hasNone ? null : this.#one(query));
  }

  /** The turn whose ids this message's id is among, if it is. */
  around(message_id: string): Turn | null {
    const row = this.#store.one("SELECT * FROM turn WHERE id <= ? ORDER BY id DESC LIMIT 1", message_id);
    return row && (row["user_message_id"] === message_id || row["reply_id"] === message_id) ? toTurn(row) : null;
  }

  /**
   * The next turns of which a reader who stands at `seen` lacks events, in the order in which they ran; at most some. An
   * earlier turn may be run again after later ones: whoever has seen something of one lacks those that ran after it did.
   */
  since(seen: EventId): Turn[] {
    const last = this.byNumber(seen.turn);
    const ran = last && seen.event > last.event_base ? (last.started_at ?? last.ended_at) : null;
    const at = "coalesce(started_at, ended_at)";
    const numbers = `SELECT number FROM turn WHERE number BETWEEN ?1 - ${RUN_AGAIN_WITHIN} AND ?1 - 1
         AND (status = 'queued' OR ${at} > ?2)
       UNION ALL SELECT number FROM (SELECT number FROM turn WHERE number = ?1
         OR (number > ?1 AND (?2 IS NULL OR status = 'queued' OR ${at} >= ?2)) ORDER BY number LIMIT ${AT_ONCE})`;
    return this.#store
      .rows(`SELECT * FROM turn WHERE number IN (${numbers}) ORDER BY status = 'queued', ${at}, number`, seen.turn, ran)
      .map(toTurn);
  }

  /** Turns from this number on that have ended, each with its last event. */
  endsSince(number: number): [number: number, last_event: number][] {
    const query = "SELECT number, last_event FROM turn WHERE number >= ? AND ended_at IS NOT NULL";
    return this.#store.rows(query, number).map((row) => [Number(row["number"]), Number(row["last_event"])]);
  }

  /** Turns that have not ended, in the order in which they arrived. */
  open(): Turn[] {
    return (this.#store.found?.open ?? []).flatMap((number) => this.byNumber(number) ?? []);
  }

  add(input: NewTurn & Partial<Turn>, status: TurnStatus, now: number): Turn {
    const { next_turn: number, open } = this.#store.header;
    const turn: Turn = { ...UNSET, ...input, number, status, created_at: now };
    this.#store.insert("turn", turn);
    if (turn.kind !== "staff") this.#lastRequest = turn;
    const isOpen = turn.ended_at === null;
    this.#store.setHeader({ next_turn: number + 1, open: isOpen ? [...open, number] : open });
    return turn;
  }

  change(turn: Turn, changes: Partial<Turn>): Turn {
    this.#store.update("turn", changes, "number = ?", turn.number);
    if (changes.status) this.#note(turn.number, changes.status === "queued" || changes.status === "running");
    const changed = { ...turn, ...changes };
    if (this.#lastRequest?.number === turn.number) this.#lastRequest = changed;
    return changed;
  }

  /** Whether a turn waits or runs, where that is new. */
  #note(number: number, isOpen: boolean): void {
    const { open } = this.#store.header;
    if (open.includes(number) === isOpen) return;
    this.#store.setHeader({ open: isOpen ? [...open, number] : open.filter((other) => other !== number) });
  }

  /** The reply that was made anew under this key, if one was. */
  rerunBy(principal: string, key: string): Rerun | null {
    return this.#reruns.one("SELECT * FROM rerun WHERE principal = ? AND key = ?", principal, key) as Rerun | null;
  }
  noteRerun(rerun: Rerun): void {
    this.#reruns.insert(rerun);
  }
  expireReruns(before: number): void {
    this.#reruns.run("DELETE FROM rerun WHERE at < ?", before);
  }

  /** Whose turns they are from now on. */
  reassign(from: string, to: string): void {
    this.forget();
    const keys = "SELECT idempotency_key FROM turn WHERE principal = ? AND idempotency_key IS NOT NULL";
    // Both may have used a key: it goes on meaning what its new owner meant by it.
    this.#store.run(
      `UPDATE turn SET idempotency_key = NULL WHERE principal = ? AND idempotency_key IN (${keys})`,
      from,
      to,
    );
    this.#store.run("UPDATE turn SET principal = ? WHERE principal = ?", to, from);
    this.#reruns.run("UPDATE OR IGNORE rerun SET principal = ? WHERE principal = ?", to, from);
  }

  /** Forgets what was sent in these turns, and by which key or body they would be found again. */
  purge(where: string, ...values: unknown[]): void {
    this.forget();
    this.#store.run(
      `UPDATE turn SET content = NULL, metadata = '{}', output_schema = NULL, body_hash = '', idempotency_key = NULL WHERE ${where}`,
      ...values,
    );
    this.#reruns.run("DELETE FROM rerun WHERE turn_id IN (SELECT id FROM turn WHERE body_hash = '')");
  }

  /** No turn was ever noted: a conversation's first one looks for none. */
  get #hasNone(): boolean {
    return this.#store.found?.next_turn === 1;
  }

  #one(where: string, ...values: unknown[]): Turn | null {
    const row = this.#store.one(`SELECT * FROM turn WHERE ${where}`, ...values);
    return row && toTurn(row);
  }
}

const UNSET = {
  kind: null,
  user_sequence: null,
  reply_sequence: null,
  window_start: null,
  event_base: 0,
  last_event: null,
  error: null,
  started_at: null,
  ended_at: null,
  delta_length: null,
};
