/**
 * What is new in each piece of a streamed text. Some servers write all of the text so far into each (DashScope on some of
 * its paths). That is only believed of three pieces at the very beginning of which each begins with the whole one before.
 */

/** Different characters in the third of them: what a text repeats by itself ("ha", "haha", "hahaha") has fewer. */
const MIN_VARIETY = 5;

export class Pieces {
  #first = "";
  /** A second piece that begins with the first. */
  #held = "";
  /** All of the text, once it is known that each piece has all of it. */
  #whole: string | null = null;
  #isUsual = false;

  /** What is new in `piece`, "" as long as that cannot be told. */
  take(piece: string): string {
    if (this.#whole !== null) return this.#newIn(piece, this.#whole);
    if (this.#isUsual || this.#first === "") {
      this.#first ||= piece;
      return piece;
    }
    if (this.#held === "" && goesOn(piece, this.#first)) {
      this.#held = piece;
      return "";
    }
    if (this.#held !== "" && goesOn(piece, this.#held) && new Set(piece).size >= MIN_VARIETY) {
      this.#held = "";
      return this.#newIn(piece, this.#first);
    }
    return this.rest() + piece;
  }

  /** What was held back, now that something else comes. */
  rest(): string {
    const rest = this.#held;
    this.#held = "";
    this.#isUsual = this.#whole === null && this.#first !== "";
    return rest;
  }

  #newIn(piece: string, before: string): string {
    const isRepeated = before.startsWith(piece);
    const fresh = piece.startsWith(before) ? piece.slice(before.length) : isRepeated ? "" : piece;
    this.#whole = before + fresh;
    return fresh;
  }
}

const goesOn = (piece: string, before: string) => piece.length > before.length && piece.startsWith(before);
