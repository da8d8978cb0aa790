/**
 * The deltas of recent replies, for replay. Each is written before it is sent, so that a crash takes nothing back; several
 * share a row, which is written again with each, because every row is paid for once more when it is removed.
 */
import type { Delta } from "../turn.ts";
import { RareTable } from "./rare-table.ts";
import type { Store } from "./store.ts";

/** UTF-16 code units of JSON after which another row is begun: what is written again with each delta stays small. */
const ROW = 4096;

export class Deltas {
  readonly #table: RareTable;
  /** The row that the next delta joins. */
  #row: { turn: number; first: number; list: string } | null = null;

  constructor(store: Store) {
    this.#table = new RareTable(store, "deltas");
  }

  add(turn: number, delta: Delta): void {
    const known = this.#row?.turn === turn && this.#row.list.length < ROW ? this.#row : null;
    const { first, list } = known ?? { first: delta.n, list: "" };
    this.#row = { turn, first, list: `${list === "" ? "" : `${list},`}${JSON.stringify(delta)}` };
    this.#table.make();
    this.#table.run(
      "INSERT INTO deltas VALUES (?, ?, ?) ON CONFLICT (turn, first) DO UPDATE SET list = excluded.list",
      turn,
      first,
      `[${this.#row.list}]`,
    );
  }

  /** Every delta of a turn, in the order in which they were sent. */
  of(turn: number): Delta[] {
    const rows = this.#table.rows("SELECT list FROM deltas WHERE turn = ? ORDER BY first", turn);
    return rows.flatMap(({ list }) => JSON.parse(String(list)) as Delta[]);
  }

  /** The next few deltas of a turn after event `after`: one row of them at most. */
  next(turn: number, after: number): Delta[] {
    const row = (where: string, order: string) =>
      this.#table.one(
        `SELECT list FROM deltas WHERE turn = ? AND first ${where} ORDER BY first ${order} LIMIT 1`,
        turn,
        after,
      );
    const within = ({ list }: { list?: unknown }) =>
      (JSON.parse(String(list)) as Delta[]).filter((delta) => delta.n > after);
    const current = row("<= ?", "DESC");
    const rest = current ? within(current) : [];
    if (rest.length > 0) return rest;
    const following = row("> ?", "ASC");
    return following ? within(following) : [];
  }

  /** Removes those of the turns (rows of `turn`) that `where` selects. */
  remove(where: string, ...values: unknown[]): void {
    this.#row = null;
    // From the deltas, which are few, to their turns, which are not.
    this.#table.run(
      `DELETE FROM deltas WHERE turn IN
         (SELECT number FROM turn WHERE number IN (SELECT DISTINCT turn FROM deltas) AND (${where}))`,
      ...values,
    );
  }

  /** Removes those of turns that ended before `before` (ms). Returns when the oldest that is left ended, if one is. */
  expire(before: number): number | null {
    this.remove("ended_at < ?", before);
    const oldest = "SELECT min(ended_at) AS at FROM turn WHERE number IN (SELECT DISTINCT turn FROM deltas)";
    return (this.#table.one(oldest)?.["at"] as number | null | undefined) ?? null;
  }

  /** The tables are empty, or were filled anew. */
  forget(): void {
    this.#row = null;
  }
}
