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

/** Milliseconds that a store may take while an older answer of it is at hand, and while there is none. */
const PATIENCE = 3_000;
const LONGEST = 10_000;
/** Milliseconds for which a store that did not answer is not asked again where an older answer will do. */
const RETRY = 3_000;

/** An answer and when the store was asked for it (ms). */
type Answered<V> = { value: V; at: number };

/** Answers of a store: believed while they are fresh, and for longer where the store does not answer. */
export class Lookups<V> {
  readonly #entries: TtlCache<Answered<V>>;
  #failedAt = Number.NEGATIVE_INFINITY;

  /** `spare`: milliseconds for which an answer may stand in for the store. */
  constructor({ spare, max }: { spare: number; max: number }) {
    this.#entries = new TtlCache(spare, max);
  }

  /** The answer for `key`, looked up where none is younger than `fresh` (ms). Rejects when there is no answer at all. */
  async get(key: string, now: number, fresh: (value: V) => number, look: () => Promise<V>): Promise<Answered<V>> {
    const entry = this.#entries.get(key, now);
    if (entry && (now - entry.at < fresh(entry.value) || now - this.#failedAt < RETRY)) return entry;
    try {
      const answered = { value: await inTime(look(), entry ? PATIENCE : LONGEST), at: now };
      this.#entries.set(key, answered, now);
      return answered;
    } catch (error) {
      if (!entry) throw error;
      this.#failedAt = now;
      return entry;
    }
  }

  clear(): void {
    this.#entries.clear();
  }
}

async function inTime<V>(work: Promise<V>, ms: number): Promise<V> {
  const late = Promise.withResolvers<never>();
  // As the platform marks errors that may pass.
  const error = Object.assign(new Error("the store did not answer in time"), { retryable: true });
  const timer = setTimeout(() => late.reject(error), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
