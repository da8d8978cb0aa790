/**
 * The deltas of recent turns, for replay. Each is written before it is told, so that a crash takes nothing back; several
 * share a row, which is written again with each, because every row is paid for once more when it is removed.
 */
import type { Delta } from "../turn.ts";

/** UTF-16 code units of JSON after which another row is begun: what is written again with each delta stays small. */
const ROW = 4096;

export class DeltaLog {
  readonly #sql: SqlStorage;
  /** The row that the next delta joins. */
  #row: { turn: number; first: number; list: string } | null = null;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  add(turn: number, delta: Delta): void {
    const known = this.#row?.turn === turn && this.#row.list.length < ROW ? this.#row : null;
    const { first, list } = known ?? { first: delta.n, list: "" };
    this.#row = { turn, first, list: `${list === "" ? "" : `${list},`}${JSON.stringify(delta)}` };
    this.#sql.exec(
      "INSERT INTO deltas VALUES (?, ?, ?) ON CONFLICT (turn, first) DO UPDATE SET list = excluded.list",
      turn,
      first,
      `[${this.#row.list}]`,
    );
  }

  /** In the order in which they were told. */
  of(turn: number): Delta[] {
    const rows = this.#sql.exec("SELECT list FROM deltas WHERE turn = ? ORDER BY first", turn).toArray();
    return rows.flatMap(({ list }) => JSON.parse(String(list)) as Delta[]);
  }

  /** Removes those of the turns (rows of `turn`) that `where` selects. */
  remove(where: string, ...values: SqlStorageValue[]): void {
    this.#row = null;
    this.#sql.exec(`DELETE FROM deltas WHERE turn IN (SELECT number FROM turn WHERE ${where})`, ...values);
  }

  /** Removes those of turns that ended before `before` (ms). Returns when the oldest that is left ended, if one is. */
  purge(before: number): number | null {
    this.remove("ended_at < ?", before);
    const oldest = "SELECT min(ended_at) AS at FROM turn WHERE number IN (SELECT DISTINCT turn FROM deltas)";
    return (this.#sql.exec(oldest).toArray()[0]?.["at"] as number | null) ?? null;
  }

  /** Knows nothing any more, once the storage is empty. */
  forget(): void {
    this.#row = null;
  }
}
