/** The part of a Durable Object's storage that a journal needs: synchronous SQLite. Tests bring the one of Node.js. */
export type SqlValue = ArrayBuffer | string | number | null;
export type SqlRow = Record<string, SqlValue>;

/** Rows as they are read: whoever stops iterating reads no more of them. */
export type SqlRows = Iterable<SqlRow> & { toArray(): SqlRow[] };

export interface SqlStore {
  sql: { exec(query: string, ...values: SqlValue[]): SqlRows };
  /** All of `work`, or none of it when it throws. */
  transactionSync<T>(work: () => T): T;
}
