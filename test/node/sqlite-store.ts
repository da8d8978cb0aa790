/** The storage of a Durable Object, as far as a journal needs it, over SQLite in this process. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { SqlRow, SqlStore, SqlValue } from "../../src/chat/journal/storage.ts";

export class SqliteStore implements SqlStore {
  readonly #db = new DatabaseSync(":memory:");
  readonly #prepared = new Map<string, StatementSync>();
  #depth = 0;
  /** Rows that statements returned, since this was last set to 0. */
  rowsRead = 0;

  readonly sql = {
    exec: (query: string, ...values: SqlValue[]) => {
      if (values.length === 0 && /;\s*\S/.test(query)) {
        this.#db.exec(query);
        return Object.assign([], { toArray: () => [] });
      }
      // Eagerly, as a Durable Object runs a statement, whoever reads its rows.
      const rows = this.#statement(query).all(...(values as SQLInputValue[])) as SqlRow[];
      this.rowsRead += rows.length;
      return Object.assign(rows, { toArray: () => rows });
    },
  };

  transactionSync<T>(work: () => T): T {
    const name = `level_${this.#depth++}`;
    this.#db.exec(`SAVEPOINT ${name}`);
    try {
      const result = work();
      this.#db.exec(`RELEASE ${name}`);
      return result;
    } catch (error) {
      this.#db.exec(`ROLLBACK TO ${name}; RELEASE ${name}`);
      throw error;
    } finally {
      this.#depth--;
    }
  }

  #statement(query: string): StatementSync {
    const known = this.#prepared.get(query);
    if (known) return known;
    const statement = this.#db.prepare(query);
    this.#prepared.set(query, statement);
    return statement;
  }
}
