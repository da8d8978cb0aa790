/**
 * What a model has said so far. Every piece that leaves here survives UTF-8: halves of a character that arrive apart
 * are joined, and a half without its other is replaced, so that streamed and stored text are the same bytes.
 */
import { ModelFailure } from "../chat/ports.ts";

/** Bytes of UTF-8 in one answer. */
export const MAX_ANSWER = 1024 * 1024;

/** What sets two statements of one answer apart. */
const EMPTY_LINE = "\n\n";

const encoder = new TextEncoder();
const ENDS_IN_HALF = /[\ud800-\udbff]$/;

export class AnswerText {
  /** The first half of a character that was cut in two, or "". */
  #half = "";
  #bytes = 0;
  /** The last that was said ends in white space. */
  #spaced = false;
  /** What comes next is another statement. */
  #paused = false;
  /** Bytes before the present call of the model. */
  #before = 0;

  /** True once anything was said. */
  get started(): boolean {
    return this.#bytes > 0 || this.#half !== "";
  }

  /** True while nothing was said since the last pause. */
  get silent(): boolean {
    return this.#bytes === this.#before && this.#half === "";
  }

  /** What can be passed on now that `delta` arrived, perhaps "". Throws ModelFailure when the answer is too long. */
  add(delta: string): string {
    const apart = this.#paused && delta !== "" && !this.#spaced && !/^\s/.test(delta) ? EMPTY_LINE : "";
    if (delta !== "") this.#paused = false;
    const text = apart + this.#half + delta;
    const cut = ENDS_IN_HALF.test(text) ? -1 : undefined;
    this.#half = cut ? text.slice(cut) : "";
    return this.#count(text.slice(0, cut));
  }

  /** What was held back, now that nothing more will come. */
  end(): string {
    const rest = this.#half;
    this.#half = "";
    return this.#count(rest);
  }

  /** The model does something else before it says more: an empty line will set that apart, if nothing else does. */
  pause(): void {
    this.#paused = this.started;
    this.#before = this.#bytes;
  }

  /** What was said since then was none of the answer. */
  forget(): void {
    this.#half = "";
    this.#bytes = this.#before;
    this.#paused = this.started;
  }

  #count(text: string): string {
    const whole = text.toWellFormed();
    if (whole !== "") this.#spaced = /\s$/.test(whole);
    this.#bytes += encoder.encode(whole).length;
    if (this.#bytes > MAX_ANSWER) throw new ModelFailure("error", `the answer has more than ${MAX_ANSWER} bytes`);
    return whole;
  }
}
