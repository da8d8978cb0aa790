/**
 * Gathers a model's text into deltas: the first at once, further ones at most every `interval` or `size`, so that a long
 * answer costs few writes. A delta never ends inside a surrogate pair, and their concatenation is the reply.
 */

/** Milliseconds. */
const INTERVAL = 40;
/** UTF-16 code units. */
const SIZE = 4096;

export class DeltaBuffer {
  #pending = "";
  #openUntil = 0;
  readonly #flush: (text: string) => void;

  /** `flush` is called synchronously with each delta. */
  constructor(flush: (text: string) => void) {
    this.#flush = flush;
  }

  /** Takes text that arrived at `now` (ms); returns in how many ms to call `due`, or null when nothing waits. */
  push(text: string, now: number): number | null {
    this.#pending += text;
    if (now >= this.#openUntil || this.#pending.length >= SIZE) this.due(now);
    return this.#pending === "" ? null : Math.max(1, this.#openUntil - now);
  }

  /** Lets go of what waits, except half of a surrogate pair. */
  due(now: number): void {
    const keep = endsInsidePair(this.#pending) ? 1 : 0;
    this.#openUntil = now + INTERVAL;
    this.#emit(this.#pending.length - keep);
  }

  /** The model has finished: everything goes. */
  end(): void {
    this.#emit(this.#pending.length);
  }

  #emit(length: number): void {
    if (length <= 0) return;
    const text = this.#pending.slice(0, length).toWellFormed();
    this.#pending = this.#pending.slice(length);
    this.#flush(text);
  }
}

const endsInsidePair = (text: string) => {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff;
};
