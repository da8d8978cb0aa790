/** A table that most conversations never need: while nothing was added to it, it is not there, and reading finds nothing. */
import type { RARE } from "./schema.ts";
import type { SqlRow } from "./storage.ts";
import type { Store } from "./store.ts";

export class RareTable {
  readonly #store: Store;
  readonly #name: keyof typeof RARE;

  constructor(store: Store, name: keyof typeof RARE) {
    this.#store = store;
    this.#name = name;
  }

  rows(query: string, ...values: unknown[]): SqlRow[] {
    return this.#store.has(this.#name) ? this.#store.rows(query, ...values) : [];
  }
  one(query: string, ...values: unknown[]): SqlRow | null {
    return this.rows(query, ...values)[0] ?? null;
  }
  /** Changes or removes rows. */
  run(query: string, ...values: unknown[]): void {
    if (this.#store.has(this.#name)) this.#store.run(query, ...values);
  }

  /** Makes it, unless it is there: whoever adds rows by a statement of his own calls this before. */
  make(): void {
    this.#store.make(this.#name);
  }
  insert(row: object): void {
    this.make();
    this.#store.insert(this.#name, row);
  }
}
