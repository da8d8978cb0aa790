/**
 * Gathers a model's text into deltas, because each is a write. While somebody watches, the first goes at once and further
 * ones every little while; while nobody does, only now and then, for a crash to leave something. A delta never ends inside
 * a surrogate pair, and their concatenation with the rest is the reply.
 */

/** Milliseconds between deltas: at first, as a multiple of the time that the answer has taken, and the most. */
const WATCHED = { first: 200, part: 1.5, most: 500 };
const UNWATCHED = 1_000;
/** UTF-16 code units that go at once. */
const SIZE = 4096;

export class DeltaBuffer {
  #pending = "";
  #began: number | null = null;
  #last: number | null = null;
  readonly #isWatched: () => boolean;
  readonly #flush: (text: string) => void;

  /** `flush` is called synchronously with each delta. */
  constructor(isWatched: () => boolean, flush: (text: string) => void) {
    this.#isWatched = isWatched;
    this.#flush = flush;
  }

  /** Takes text that arrived at `now` (ms); returns in how many ms to call `due`, or null when nothing waits. */
  push(text: string, now: number, apart = false): number | null {
    this.#began ??= now;
    const interval = this.#isWatched() ? step(now - this.#began) : UNWATCHED;
    this.#last ??= interval === UNWATCHED ? now : -Infinity;
    this.#pending += text;
    if (apart && interval !== UNWATCHED) this.due(now);
    if (now >= this.#last + interval || this.#pending.length >= SIZE) this.due(now);
    return this.#pending === "" ? null : Math.max(1, this.#last + interval - now);
  }

  /** Lets go of what waits, except half of a surrogate pair. */
  due(now: number): void {
    const keep = endsInsidePair(this.#pending) ? 1 : 0;
    this.#last = now;
    this.#emit(this.#pending.length - keep);
  }

  /** Everything goes: something else comes after it. */
  end(): void {
    this.#emit(this.#pending.length);
  }

  /** What waits was none of the answer. */
  drop(): void {
    this.#pending = "";
  }

  /** Takes what waits; nothing comes after it. */
  rest(): string {
    const text = this.#pending.toWellFormed();
    this.#pending = "";
    return text;
  }

  #emit(length: number): void {
    if (length <= 0) return;
    const text = this.#pending.slice(0, length).toWellFormed();
    this.#pending = this.#pending.slice(length);
    this.#flush(text);
  }
}

const step = (elapsed: number) => Math.min(WATCHED.most, Math.max(WATCHED.first, elapsed * WATCHED.part));

const endsInsidePair = (text: string) => {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff;
};
