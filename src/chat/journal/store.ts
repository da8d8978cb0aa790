/**
 * What the parts of the journal share: its tables, its header, its transactions, and what waits for D1. Every method is
 * synchronous; what it has written survives a crash at the next line.
 */
import type { Change } from "../changes.ts";
import { bindable, type Header, SCHEMA, STEPS, toHeader, VERSION } from "./schema.ts";

/** What somebody remembers of the tables; it forgets when that may not be so any more. */
export type Memory = { forget(): void };

export class JournalStore {
  readonly #storage: DurableObjectStorage;
  #header: Header | null | undefined;
  /** Members of the header that storage does not have yet, and how deep in transactions we are. */
  #unwritten: Partial<Header> = {};
  #depth = 0;
  #hasOutbox: boolean | undefined;
  readonly #memories: Memory[] = [];

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** From now on `memory` is told to forget. */
  withMemory<M extends Memory>(memory: M): M {
    this.#memories.push(memory);
    return memory;
  }

  /** The conversation, or null while this object has none: reading never makes a table. */
  get header(): Header | null {
    if (this.#header === undefined) {
      const known = this.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'header'").length > 0;
      if (known) this.migrate();
      const row = known ? this.rows("SELECT * FROM header")[0] : undefined;
      this.#header = row ? toHeader(row) : null;
    }
    return this.#header;
  }

  /** Makes the tables, or takes the steps that these lack. */
  migrate(): void {
    const isEmpty = this.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'version'").length === 0;
    const version = isEmpty ? 0 : Number(this.rows("SELECT number FROM version")[0]?.["number"] ?? 0);
    if (version === VERSION) return;
    this.#storage.transactionSync(() => {
      for (const step of isEmpty ? [SCHEMA] : STEPS.slice(version - 1)) this.#storage.sql.exec(step);
      this.run("DELETE FROM version");
      this.run("INSERT INTO version (number) VALUES (?)", VERSION);
    });
  }

  /** Knows nothing any more: the storage is empty, or was filled anew. */
  forget(): void {
    this.#header = undefined;
    this.#forgetRead();
  }

  #forgetRead(): void {
    this.#hasOutbox = undefined;
    for (const memory of this.#memories) memory.forget();
  }

  /** Leaves a change for D1; the transaction that makes it calls this. */
  outbox(change: Change): void {
    this.run("INSERT INTO outbox (change) VALUES (?)", JSON.stringify(change));
    this.#hasOutbox = true;
  }

  /** Whether changes wait for D1; looked up once, then remembered. */
  get hasOutbox(): boolean {
    this.#hasOutbox ??= this.rows("SELECT 1 FROM outbox LIMIT 1").length > 0;
    return this.#hasOutbox;
  }

  /** D1 has confirmed the changes up to this one. */
  clearOutbox(last: number): void {
    this.run("DELETE FROM outbox WHERE id <= ?", last);
    this.#hasOutbox = undefined;
  }

  /** Changes members of the header; within a transaction they are written once, at its end. */
  setHeader(changes: Partial<Header>): Header {
    this.setHeaderLater(changes);
    if (this.#depth === 0) this.#writeHeader();
    return this.header as Header;
  }

  /** Changes members of the header that are written along with the next change. */
  setHeaderLater(changes: Partial<Header>): void {
    this.#header = { ...(this.header as Header), ...changes };
    this.#unwritten = { ...this.#unwritten, ...changes };
  }

  #writeHeader(): void {
    if (Object.keys(this.#unwritten).length === 0) return;
    this.update("header", this.#unwritten, "one = 1");
    this.#unwritten = {};
  }

  rows(query: string, ...values: unknown[]): Record<string, SqlStorageValue>[] {
    return this.#storage.sql.exec(query, ...(values as SqlStorageValue[])).toArray();
  }
  /** Changes messages or turns that are there already; what is remembered of them is read anew. */
  rewrite(query: string, ...values: unknown[]): Record<string, SqlStorageValue>[] {
    this.#forgetRead();
    return this.rows(query, ...values);
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
      this.#forgetRead();
      throw error;
    } finally {
      this.#depth--;
    }
  }

  insert(table: string, row: object): void {
    const columns = Object.keys(row);
    const places = columns.map(() => "?").join(", ");
    this.run(`INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places})`, ...Object.values(row).map(bindable));
  }

  update(table: string, changes: object, where: string, ...values: unknown[]): void {
    const set = Object.keys(changes).map((column) => `${column} = ?`);
    this.run(
      `UPDATE ${table} SET ${set.join(", ")} WHERE ${where}`,
      ...Object.values(changes).map(bindable),
      ...values,
    );
  }
}
