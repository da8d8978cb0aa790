/** What one invocation may still do: calls of databases and objects, and until when. The platform counts both. */
export class Budget {
  #calls: number;
  readonly #until: number;

  /** `until` in milliseconds since the epoch. */
  constructor(calls: number, until: number = Number.POSITIVE_INFINITY) {
    this.#calls = calls;
    this.#until = until;
  }

  /** Counts `calls` that are about to be made. False when there is no room for them: then none is to be made. */
  spend(calls: number): boolean {
    if (this.#calls < calls || Date.now() >= this.#until) return false;
    this.#calls -= calls;
    return true;
  }

  get left(): number {
    return this.#calls;
  }
}
