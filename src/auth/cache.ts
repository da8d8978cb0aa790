/** Small in-isolate caches with time limits: what they forget is only looked up again. */

export class TtlCache<V> {
  readonly #entries = new Map<string, { value: V; until: number }>();
  readonly #ttl: number;
  readonly #max: number;

  /** `ttl` in milliseconds; the oldest of more than `max` entries is dropped. */
  constructor(ttl: number, max = 1000) {
    this.#ttl = ttl;
    this.#max = max;
  }

  get(key: string, now: number): V | undefined {
    const entry = this.#entries.get(key);
    if (entry && entry.until > now) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, value: V, now: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until: now + this.#ttl });
    if (this.#entries.size > this.#max) {
      const oldest = this.#entries.keys().next();
      if (!oldest.done) this.#entries.delete(oldest.value);
    }
  }

  clear(): void {
    this.#entries.clear();
  }
}

/** Milliseconds that a store may take while an older answer of it is at hand. */
const PATIENCE = 3_000;

/** Answers of a store: believed while they are fresh, and for longer where the store does not answer. */
export class Lookups<V> {
  readonly #entries: TtlCache<{ value: V; at: number }>;

  /** `spare`: milliseconds for which an answer may stand in for the store. */
  constructor({ spare, max }: { spare: number; max: number }) {
    this.#entries = new TtlCache(spare, max);
  }

  /** The answer for `key`, looked up where none is younger than `fresh` (ms). Rejects when there is no answer at all. */
  async get(key: string, now: number, fresh: (value: V) => number, look: () => Promise<V>): Promise<V> {
    const entry = this.#entries.get(key, now);
    if (entry && now - entry.at < fresh(entry.value)) return entry.value;
    try {
      const value = await (entry ? inTime(look()) : look());
      this.#entries.set(key, { value, at: now }, now);
      return value;
    } catch (error) {
      if (entry) return entry.value;
      throw error;
    }
  }

  clear(): void {
    this.#entries.clear();
  }
}

async function inTime<V>(work: Promise<V>): Promise<V> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("the store did not answer in time")), PATIENCE);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
