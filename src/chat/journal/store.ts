/**
 * The journal's SQLite: its tables, its header, its transactions. Every method is synchronous; what it has written survives
 * a crash at the next line. Nothing is remembered but the header, which a failed transaction puts back, and which tables there are.
 */
import { bindable, type Header, RARE, SCHEMA, STEPS, toHeader, VERSION } from "./schema.ts";
import type { SqlRow, SqlRows, SqlStore, SqlValue } from "./storage.ts";

export class Store {
  readonly #storage: SqlStore;
  #header: Header | null | undefined;
  #tables: Set<string> | undefined;
  /** Members of the header that the tables do not have yet, and how deep in transactions we are. */
  #unwritten: Partial<Header> = {};
  #depth = 0;

  constructor(storage: SqlStore) {
    this.#storage = storage;
  }

  /** The conversation, or null while this object has none. Reading never makes a table. */
  get found(): Header | null {
    if (this.#header === undefined) {
      const isKnown = this.has("header");
      if (isKnown) this.#migrate();
      const row = isKnown ? this.one("SELECT * FROM header") : null;
      this.#header = row && toHeader(row);
    }
    return this.#header;
  }

  /** The conversation. Throws where there is none: whoever calls this has entered one. */
  get header(): Header {
    const header = this.found;
    if (!header) throw new Error("this journal has no conversation");
    return header;
  }

  /** Whether there is such a table. */
  has(table: string): boolean {
    this.#tables ??= new Set(
      this.rows("SELECT name FROM sqlite_master WHERE type = 'table'").map(({ name }) => String(name)),
    );
    return this.#tables.has(table);
  }

  /** Makes a table that is not there yet. Throws where there is no conversation: what comes after it went leaves nothing. */
  make(table: keyof typeof RARE): void {
    if (this.has(table) || !this.header) return;
    this.run(RARE[table]);
    this.#tables?.add(table);
  }

  /** A conversation begins: its tables are made, unless they were before. */
  begin(header: Header): void {
    if (this.has("version")) this.#migrate();
    else this.#step(SCHEMA);
    this.insert("header", { one: 1, ...header });
    this.#header = header;
  }

  /** Takes the steps that the tables lack. */
  #migrate(): void {
    const version = Number(this.one("SELECT number FROM version")?.["number"] ?? 0);
    if (version < VERSION) this.#step(STEPS.slice(version - 1).join(";"));
  }

  #step(statements: string): void {
    const noted = `DELETE FROM version; INSERT INTO version (number) VALUES (${VERSION});`;
    this.#storage.transactionSync(() => this.#storage.sql.exec(`${statements}; ${noted}`));
    this.#tables = undefined;
  }

  /** The tables are empty, or were filled anew. */
  forget(): void {
    this.#header = undefined;
    this.#tables = undefined;
    this.#unwritten = {};
  }

  /** Changes members of the header; they are written once, at the end of the transaction. */
  setHeader(changes: Partial<Header>): Header {
    this.#header = { ...this.header, ...changes };
    this.#unwritten = { ...this.#unwritten, ...changes };
    if (this.#depth === 0) this.#writeHeader();
    return this.#header;
  }

  /** Notes something in the header that D1 does not hear of, and that may wait for the next write. */
  noteLater(changes: Partial<Header>): void {
    this.#header = { ...this.header, ...changes };
    this.#unwritten = { ...this.#unwritten, ...changes };
  }

  /**
   * All of `work`, or none of it. D1 hears of what it changed, under a revision of its own: of two batches the one with
   * the older revision is refused, however late it arrives.
   */
  transaction<T>(work: () => T): T {
    const header = this.#header;
    const unwritten = this.#unwritten;
    this.#depth++;
    try {
      return this.#storage.transactionSync(() => {
        const result = work();
        if (this.#depth === 1) {
          if (this.#unwritten !== unwritten) this.setHeader({ revision: this.header.revision + 1 });
          this.#writeHeader();
        }
        return result;
      });
    } catch (error) {
      this.#header = header;
      this.#tables = undefined;
      this.#unwritten = unwritten;
      throw error;
    } finally {
      this.#depth--;
    }
  }

  rows(query: string, ...values: unknown[]): SqlRow[] {
    return this.each(query, ...values).toArray();
  }
  one(query: string, ...values: unknown[]): SqlRow | null {
    return this.rows(query, ...values)[0] ?? null;
  }
  /** Rows one at a time, for whoever may stop before the last. */
  each(query: string, ...values: unknown[]): SqlRows {
    return this.#storage.sql.exec(query, ...(values as SqlValue[]));
  }
  run(query: string, ...values: unknown[]): void {
    this.#storage.sql.exec(query, ...(values as SqlValue[]));
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

  /** Writes what was noted, unless a transaction will. */
  writeNotes(): void {
    if (this.#depth === 0) this.#writeHeader();
  }

  #writeHeader(): void {
    if (Object.keys(this.#unwritten).length === 0) return;
    this.update("header", this.#unwritten, "one = 1");
    this.#unwritten = {};
  }
}
