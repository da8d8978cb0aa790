/**
 * How an answer says that it is whole. It counts as complete only when it said so in a word that is known to be good, in
 * any protocol: every other word, and none at all, is a failure.
 */
import { isObject } from "../json-schema.ts";

/** Words without case and punctuation: the model was done, or came to a limit that it was given. */
const GOOD = [
  ..."stop stopsequence stopword stoptoken endturn endofturn end eos eostoken endoftext normal".split(" "),
  ..."complete completed finish finished done".split(" "),
  ..."length maxtokens maxoutput maxoutputtokens maxcompletiontokens maxlength tokenlimit modellength".split(" "),
  "modelcontextwindowexceeded",
];
/** It wants something called. */
const CALLS = "toolcalls toolcall tooluse functioncall functioncalls".split(" ");
/** What fills the place of a word as long as there is none. */
const NOT_YET = /^(?:|null|none|undefined|\w*unspecified)$/;
const FILTERS = /filter|safety|sensitive|recitation|blocklist|blacklist|prohibited|spii|refus|guardrail|inspection/;

/** Proxies write a word with the name of its enumeration, such as FINISH_REASON_STOP. */
const plain = (word: string) =>
  word
    .toLowerCase()
    .replaceAll(/[^a-z]/g, "")
    .replace(/^(?:finish|stop)reason(?=.)/, "");

/** Said in place of a word by an answer that ended in its protocol's own way (`[DONE]`, `message_stop`). */
const DONE = "done";

export class Ending {
  #word: string | undefined;
  #done = false;
  /** Something was said behind a good word: its server has one with everything. */
  #isEarly = false;
  #hasSaid = false;
  /** Something was said or called without a word: the word, once it comes, is meant. */
  #wasOpen = false;

  /**
   * Takes what stands where a protocol has its finish reason, if anything does. A word of failure is not taken back by a
   * later one.
   */
  note(reason: unknown): void {
    // SGLang has an object in its place, with what stopped it.
    const word = isObject(reason) ? reason["type"] : reason;
    if (typeof word !== "string" || NOT_YET.test(plain(word))) this.#wasOpen ||= this.#hasSaid;
    else if (this.#word === undefined || endingProblem(this.#word) === null) this.#word = word;
  }

  /** The protocol says that this was all. */
  done(): void {
    this.#done = true;
  }

  /** The model says something, or thinks it. */
  said(type: "text" | "thought" | "call"): void {
    this.#hasSaid ||= type !== "thought";
    this.#isEarly ||= this.#isGood;
  }

  /** It has said in a good word that it has ended, so that it is whole whatever becomes of its connection. */
  get isWhole(): boolean {
    return this.#isGood && (this.#done || !this.#isEarly);
  }

  /** It is whole, and nothing but counts can follow. */
  get isOver(): boolean {
    return this.isWhole && this.#wasOpen;
  }

  /** The protocol has said that this was all. */
  get isDone(): boolean {
    return this.#done;
  }

  get #isGood(): boolean {
    return this.#word !== undefined && endingProblem(this.#word) === null;
  }

  /** How the answer ended as far as it said so, or undefined. */
  get word(): string | undefined {
    return this.#word ?? (this.#done ? DONE : undefined);
  }
}

/** Whether the word says that tools are to be called. */
export const saysCalls = (word: string): boolean => CALLS.includes(plain(word));

/** Why an answer that ended with this word is none, or null when it is one. */
export function endingProblem(word: string | undefined): string | null {
  if (word === undefined) return "the answer broke off";
  const known = plain(word);
  if (GOOD.includes(known) || CALLS.includes(known)) return null;
  return FILTERS.test(known) ? "a content filter stopped the answer" : "the model ended with an error";
}
