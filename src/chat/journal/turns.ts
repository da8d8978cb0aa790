/** The turns of a conversation as its journal has them. */
import { type Header, toTurn } from "./schema.ts";
import type { JournalStore, Memory } from "./store.ts";
import type { EventId, Turn } from "../turn.ts";

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

/** Turns back from where a reader stands, among which those are looked for that were run again since. */
const RUN_AGAIN_WITHIN = 100;

export class TurnStore implements Memory {
  readonly #store: JournalStore;
  /** The latest turn, once it is known. */
  #latest: Turn | null | undefined;

  constructor(store: JournalStore) {
    this.#store = store;
  }

  forget(): void {
    this.#latest = undefined;
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
  /**
   * Turns of which a reader who stands at `seen` lacks events, in the order in which they are told. A failed turn may be
   * run again after later ones: those had been told before, and whoever has seen the last of them lacks the earlier one.
   */
  since(seen: EventId): Turn[] {
    const last = this.byNumber(seen.turn);
    const began = last && seen.event > last.event_base ? last.started_at : null;
    return this.#store
      .rows(
        `SELECT * FROM turn
       WHERE number = ?1 OR (number > ?1 AND (?2 IS NULL OR ended_at IS NULL OR ended_at >= ?2))
          OR (number BETWEEN ?1 - ?4 AND ?1 - 1 AND (status = 'queued' OR started_at > ?3))
       ORDER BY status = 'queued', coalesce(started_at, ended_at), number`,
        seen.turn,
        began,
        last?.ended_at ?? null,
        RUN_AGAIN_WITHIN,
      )
      .map(toTurn);
  }
  last(): Turn | null {
    if (this.#latest === undefined) this.#latest = this.#one("number = (SELECT max(number) FROM turn)");
    return this.#latest;
  }
  /** Turns that have not ended, oldest first. */
  open(): Turn[] {
    const numbers = JSON.stringify(this.#store.header?.open ?? []);
    return this.#store
      .rows("SELECT * FROM turn WHERE number IN (SELECT value FROM json_each(?)) ORDER BY number", numbers)
      .map(toTurn);
  }

  add(input: NewTurn & Partial<Turn>, status: "queued" | "running", now: number): Turn {
    const { next_turn: number, open } = this.#store.header as Header;
    const turn: Turn = { ...UNSET, ...input, number, status, created_at: now };
    this.#store.insert("turn", turn);
    this.#store.setHeader({ next_turn: number + 1, open: [...open, number] });
    this.#latest = turn;
    return turn;
  }

  change(turn: Turn, changes: Partial<Turn>): Turn {
    this.#store.update("turn", changes, "number = ?", turn.number);
    const changed = { ...turn, ...changes };
    if (changes.status) this.#note(turn.number, changes.status === "queued" || changes.status === "running");
    if (this.#latest?.number === turn.number) this.#latest = changed;
    return changed;
  }

  /** Whether a turn waits or runs, where that is new. */
  #note(number: number, isOpen: boolean): void {
    const { open } = this.#store.header as Header;
    if (open.includes(number) === isOpen) return;
    this.#store.setHeader({ open: isOpen ? [...open, number] : open.filter((other) => other !== number) });
  }

  #one(where: string, ...values: unknown[]): Turn | null {
    const row = this.#store.rows(`SELECT * FROM turn WHERE ${where}`, ...values)[0];
    return row ? toTurn(row) : null;
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
