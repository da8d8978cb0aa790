/** The databases of a site as files: read past the Worker, and locked against it. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

type Row = Record<string, string | number | null>;

export class Files {
  readonly #state: string;
  readonly #open = new Map<string, DatabaseSync>();

  constructor(state: string) {
    this.#state = state;
  }

  /** Rows of the record in D1. */
  record(query: string, ...values: (string | number)[]): Row[] {
    return this.#read(this.#recordFile, query, values);
  }

  /** Changes the record in D1, past the Worker. */
  change(query: string, ...values: (string | number)[]): void {
    const db = new DatabaseSync(this.#recordFile, { timeout: 5_000 });
    db.prepare(query).run(...values);
    db.close();
  }

  /** Rows of a conversation's own database. */
  journal(conversation_id: string, query: string, ...values: (string | number)[]): Row[] {
    for (const file of this.#objectFiles) {
      const tables = this.#read(file, "SELECT name FROM sqlite_master WHERE name = 'header'");
      if (tables.length === 0 || this.#read(file, "SELECT id FROM header")[0]?.["id"] !== conversation_id) continue;
      return this.#read(file, query, values);
    }
    throw new Error(`no object holds conversation ${conversation_id}`);
  }

  /** Nobody else can write to D1, or read from it through the Worker, until the returned function is called. */
  lockRecord(): () => void {
    const db = new DatabaseSync(this.#recordFile, { timeout: 5_000 });
    db.exec("BEGIN EXCLUSIVE");
    return () => {
      db.exec("ROLLBACK");
      db.close();
    };
  }

  close(): void {
    for (const db of this.#open.values()) db.close();
    this.#open.clear();
  }

  get #recordFile(): string {
    const [file] = this.#databases("v3/d1/miniflare-D1DatabaseObject");
    if (file === undefined) throw new Error("there is no D1 database");
    return file;
  }

  get #objectFiles(): string[] {
    const objects = join(this.#state, "v3/do");
    return readdirSync(objects).flatMap((name) => this.#databases(join("v3/do", name)));
  }

  #databases(directory: string): string[] {
    const files = readdirSync(join(this.#state, directory)).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
    return files.map((name) => join(this.#state, directory, name));
  }

  #read(file: string, query: string, values: (string | number)[] = []): Row[] {
    let db = this.#open.get(file);
    if (!db) this.#open.set(file, (db = new DatabaseSync(file, { readOnly: true, timeout: 5_000 })));
    return db.prepare(query).all(...values) as Row[];
  }
}
