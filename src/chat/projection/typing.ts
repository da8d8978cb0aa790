/** Who writes at this moment: of interest to whoever follows now, and stored nowhere. */
export type Typist = { type: "staff" | "lead"; entity_id: string; name: string | null };

export class Typing {
  #next = Promise.withResolvers<Typist>();

  /** Resolves when somebody writes, from now on. */
  get next(): Promise<Typist> {
    return this.#next.promise;
  }

  emit(typist: Typist): void {
    this.#next.resolve(typist);
    this.#next = Promise.withResolvers<Typist>();
  }
}
