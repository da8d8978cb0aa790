/**
 * How much of a conversation is live, 256 messages at a time: with it any place of the history is found by reading one row
 * for 256 messages and one block of them, however much was deleted before it.
 */
import type { Role } from "../message.ts";
import { RareTable } from "./rare-table.ts";
import type { Store } from "./store.ts";

/** Messages in a block. */
const BLOCK = 256;

/** Live messages of a full block, and how many of them are users'. */
type Count = { live: number; users: number };

export const blockOf = (sequence: number): number => Math.floor((sequence - 1) / BLOCK);
/** The first and the last sequence of a block. */
export const rangeOf = (block: number): [first: number, last: number] => [block * BLOCK + 1, (block + 1) * BLOCK];

export class Blocks {
  readonly #table: RareTable;
  #counts: Count[] | null = null;

  constructor(store: Store) {
    this.#table = new RareTable(store, "block");
  }

  /** Live messages of a full block; null for one that still fills. */
  live(block: number, role?: Role): number | null {
    const count = this.#all()[block];
    if (!count) return null;
    if (role === undefined) return count.live;
    return role === "user" ? count.users : count.live - count.users;
  }

  /** A message of this sequence is new. */
  add(sequence: number): void {
    if (sequence % BLOCK !== 0) return;
    this.#table.make();
    this.recount(sequence - 1);
  }

  /** Counts blocks anew that the messages after sequence `after` are in. */
  recount(after: number): void {
    this.#counts = null;
    const first = blockOf(after + 1);
    this.#table.run(
      `INSERT OR REPLACE INTO block SELECT (sequence - 1) / ${BLOCK} AS number, sum(deleted_at IS NULL),
         sum(deleted_at IS NULL AND role = 'user')
       FROM message WHERE sequence > ? GROUP BY number HAVING count(*) = ${BLOCK}`,
      first * BLOCK,
    );
  }

  /** One message of this sequence was deleted (-1) or restored (1). */
  change(sequence: number, role: Role, by: 1 | -1): void {
    this.#counts = null;
    const users = role === "user" ? by : 0;
    this.#table.run(
      "UPDATE block SET live = live + ?, users = users + ? WHERE number = ?",
      by,
      users,
      blockOf(sequence),
    );
  }

  forget(): void {
    this.#counts = null;
  }

  #all(): Count[] {
    this.#counts ??= this.#table.rows("SELECT live, users FROM block ORDER BY number") as unknown as Count[];
    return this.#counts;
  }
}
