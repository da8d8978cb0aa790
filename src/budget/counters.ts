/** What was used and is reserved of a budget in a period. Every method is synchronous. */
import type { Budget } from "../chat/budget.ts";
import type { SqlRow, SqlStore } from "../chat/journal/storage.ts";

/**
 * How much of what the ledger did not see itself is in a counter: nothing yet, what was before it knew of the budget, or all,
 * also what turns took that did not know of the budget yet.
 */
export const COUNTED = { nothing: 0, before: 2, all: 1 } as const;
type Counted = (typeof COUNTED)[keyof typeof COUNTED];

/** `scope`: the lead that it is of, or "". */
export type Counter = {
  budget_id: string;
  scope: string;
  start: number;
  end: number;
  used: bigint;
  reserved: bigint;
  counted: Counted;
  warned: boolean;
};

/**
 * What has to be read from D1: what was used of a budget from `start` to `until` (ms). `isWhole`: it is all of the period.
 * `isAgain`: what was before is in the counter already, and nobody needs to wait.
 */
export type Uncounted = {
  budget: Budget;
  scope: string;
  start: number;
  until: number;
  isWhole: boolean;
  isAgain: boolean;
};

/** Milliseconds for which counters of periods that are over are kept, and how many are removed at a time. */
const KEPT = 24 * 60 * 60_000;
const REMOVED = 50;

export class Counters {
  readonly #storage: SqlStore;

  constructor(storage: SqlStore) {
    this.#storage = storage;
  }

  find(budget_id: string, scope: string, start: number): Counter | null {
    const query = "SELECT * FROM counter WHERE budget_id = ? AND scope = ? AND start = ?";
    const [row] = this.#storage.sql.exec(query, budget_id, scope, start).toArray();
    return row ? toCounter(row) : null;
  }

  /** The counter of a period, made where there is none. */
  open(budget_id: string, scope: string, start: number, end: number, counted: Counted): Counter {
    const found = this.find(budget_id, scope, start);
    if (found) return found;
    const made = { budget_id, scope, start, end, used: 0n, reserved: 0n, counted, warned: false };
    this.write(made);
    return made;
  }

  write({ budget_id, scope, start, end, used, reserved, counted, warned }: Counter): void {
    this.#storage.sql.exec(
      "INSERT OR REPLACE INTO counter VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      ...[budget_id, scope, start, end, used.toString(), reserved.toString(), counted, Number(warned)],
    );
  }

  /** Forgets some counters of periods that are long over. */
  expire(now: number): void {
    this.#storage.sql.exec(
      `DELETE FROM counter WHERE (budget_id, scope, start) IN
       (SELECT budget_id, scope, start FROM counter WHERE until < ? LIMIT ?)`,
      ...[now - KEPT, REMOVED],
    );
  }
}

const toCounter = (row: SqlRow): Counter => ({
  budget_id: String(row["budget_id"]),
  scope: String(row["scope"]),
  start: Number(row["start"]),
  end: Number(row["until"]),
  used: BigInt(String(row["used"])),
  reserved: BigInt(String(row["reserved"])),
  counted: Number(row["counted"]) as Counted,
  warned: row["warned"] === 1,
});
