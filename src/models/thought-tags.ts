/**
 * Tells thinking from saying where both stand in the text: `<think>…</think>` and its spellings at the very beginning, or
 * only the closing tag where a chat template has opened it in the prompt. Anywhere else a tag is what the text is about.
 * What it costs grows with the text, however that is cut.
 */

/** `retract`: all text so far was thinking. */
export type Piece = { type: "text" | "thought"; text: string } | { type: "retract" };

const NAMES = ["think", "thinking", "thought", "reason", "reasoning", "mm:think", "seed:think", "antml:thinking"];
/** Of models whose templates have marks of their own, which some servers pass on as text. */
const OWN_MARKS: [string, string][] = [
  ["[think]", "[/think]"],
  ["◁think▷", "◁/think▷"],
  ["<|begin_of_thought|>", "<|end_of_thought|>"],
  ["<|start_thinking|>", "<|end_thinking|>"],
  ["<|channel|>analysis<|message|>", "<|channel|>final<|message|>"],
];
const PAIRS = [...NAMES.map((name) => [`<${name}>`, `</${name}>`]), ...OWN_MARKS];
const TAGS = PAIRS.flat();
const oneOf = (tags: string[]) => tags.map((tag) => tag.replaceAll(/[|[\]]/g, "\\$&")).join("|");
const MENTION = new RegExp(oneOf(PAIRS.flatMap(([opening = ""]) => opening)), "i");
const CLOSING = new RegExp(oneOf(PAIRS.flatMap(([, closing = ""]) => closing)), "i");
const OPENING = new RegExp(`^(?:${MENTION.source})`, "i");
/** What a tag begins with, and how long the longest is. */
const BEGINNING = /[<[◁]/;
const LONGEST = Math.max(...TAGS.map(({ length }) => length));
const QUOTES = /["'`´“”‘’«»()[\]]/;

const mayBecomeTag = (text: string) => TAGS.some((tag) => tag.startsWith(text.toLowerCase()));

export class ThoughtTags {
  /** A closing tag ended thinking that no tag had begun. */
  lone = false;
  #state: "start" | "thought" | "text" | "held" = "start";
  readonly #holds: boolean;
  /** What has arrived and is not told apart yet: a piece, and before it what may be the beginning of a tag. */
  #rest = "";
  /** Before the first word there is only white space. */
  #blank = true;
  /** What is held back until it is known whether it was thinking. */
  #held: string[] = [];
  /** A tag has been closed, or thinking arrives by itself: no other tag will count. */
  #settled = false;
  /** Of the text so far: its last character, its backticks, and whether it is about tags. */
  #last = "";
  #ticks = 0;
  #mentions = false;

  /** `holds`: the model has begun with thinking before, so nothing is said before the tag that ends it. */
  constructor(holds: boolean) {
    this.#holds = holds;
  }

  take(text: string): Piece[] {
    this.#rest += text;
    const pieces: Piece[] = [];
    if (this.#state === "start" && this.#blank && text.trim() === "") return pieces;
    while (this.#step(pieces, false));
    return pieces;
  }

  /** Nothing more will come; `whole` when the answer says so. What was held back and is not known to be said is dropped. */
  end(whole: boolean): Piece[] {
    const pieces: Piece[] = [];
    while (this.#step(pieces, true));
    this.#pass(this.#state === "thought" ? "thought" : "text", this.#rest.length, pieces);
    this.#release(whole ? "text" : "thought", pieces);
    return pieces;
  }

  /** Thinking arrives apart from the text: what is held is said. */
  settle(): Piece[] {
    this.#settled = true;
    const pieces: Piece[] = [];
    if (this.#state === "held") this.#state = "text";
    this.#release("text", pieces);
    return [...pieces, ...this.take("")];
  }

  /** Returns whether there may be more to do. */
  #step(pieces: Piece[], isEnd: boolean): boolean {
    if (this.#state === "start") return this.#start(isEnd);
    if (this.#state !== "thought") return this.#text(pieces, isEnd);
    const close = CLOSING.exec(this.#rest);
    this.#pass("thought", close?.index ?? this.#rest.length - this.#tail(isEnd), pieces);
    if (close) this.#close(close[0].length);
    return close !== null;
  }

  #start(isEnd: boolean): boolean {
    const begun = this.#rest.trimStart();
    // White space behind a thought belongs to neither.
    if (this.#settled) this.#rest = begun;
    this.#blank = begun === "";
    if (this.#blank || (!isEnd && mayBecomeTag(begun))) return false;
    const [opening] = OPENING.exec(begun) ?? [];
    if (opening) {
      this.#rest = begun.slice(opening.length);
      this.#state = "thought";
    } else this.#state = this.#holds && !this.#settled ? "held" : "text";
    return true;
  }

  #text(pieces: Piece[], isEnd: boolean): boolean {
    const close = this.#settled ? null : CLOSING.exec(this.#rest);
    if (!close) {
      this.#pass("text", this.#rest.length - (this.#settled ? 0 : this.#tail(isEnd)), pieces);
      return false;
    }
    const behind = close.index + close[0].length;
    if (behind === this.#rest.length && !isEnd) return false;
    if (!this.#endsThinking(close.index, behind)) {
      this.#pass("text", behind, pieces);
      return true;
    }
    if (this.#state === "text" && this.#last !== "") pieces.push({ type: "retract" });
    this.#release("thought", pieces);
    this.#state = "thought";
    this.#pass("thought", close.index, pieces);
    this.#close(close[0].length);
    this.lone = true;
    return true;
  }

  /** Whether the tag from `at` to `behind` ends thinking, and is not what the text is about. */
  #endsThinking(at: number, behind: number): boolean {
    const before = this.#rest.slice(0, at);
    const last = before.at(-1) ?? (this.#last || "\n");
    const next = this.#rest[behind] ?? "\n";
    const isQuoted = (this.#ticks + countTicks(before)) % 2 === 1 || QUOTES.test(last) || QUOTES.test(next);
    if (isQuoted || this.#mentions || MENTION.test(before)) return false;
    return last !== " " || next === "\n" || next === "\r";
  }

  /** Behind the closing tag there may be another thought, or what is said. */
  #close(length: number): void {
    this.#rest = this.#rest.slice(length);
    this.#settled = true;
    this.#state = "start";
  }

  /** How much of the end may be the beginning of a tag. */
  #tail(isEnd: boolean): number {
    const tail = isEnd ? "" : this.#rest.slice(-LONGEST);
    if (!BEGINNING.test(tail)) return 0;
    for (let at = 0; at < tail.length; at++) {
      if (BEGINNING.test(tail.charAt(at)) && mayBecomeTag(tail.slice(at))) return tail.length - at;
    }
    return 0;
  }

  #pass(type: "text" | "thought", length: number, pieces: Piece[]): void {
    const text = this.#rest.slice(0, length);
    this.#rest = this.#rest.slice(length);
    if (text === "") return;
    if (type === "text") {
      this.#last = text.slice(-1);
      this.#ticks += countTicks(text);
      this.#mentions ||= MENTION.test(text);
    }
    if (this.#state === "held") this.#held.push(text);
    else pieces.push({ type, text });
  }

  #release(type: "text" | "thought", pieces: Piece[]): void {
    const text = this.#held.join("");
    this.#held = [];
    if (text !== "") pieces.push({ type, text });
  }
}

const countTicks = (text: string) => text.split("`").length - 1;
