/**
 * The messages that the latest turns showed their model, kept in memory so that the next turn need not read them again.
 * Whatever changes a message empties it; what it does not have is read from the journal.
 */
import type { Message } from "../message.ts";

/** UTF-16 code units of text that are worth their memory. */
const MAX_LENGTH = 1_000_000;

export class WindowCache {
  #messages: Message[] = [];
  /** Sequence of the last message that was considered; 0: nothing is known. */
  #upto = 0;
  /** How many messages were asked for: fewer than that means that there are no more. */
  #limit = 0;
  #length = 0;

  clear(): void {
    this.#messages = [];
    this.#upto = 0;
    this.#length = 0;
  }

  /** The latest `limit` messages up to sequence `upto`, or null when that is not known. */
  latest(upto: number, limit: number): Message[] | null {
    if (this.#upto !== upto || (limit > this.#limit && this.#messages.length >= this.#limit)) return null;
    return this.#messages.slice(-limit);
  }

  /** Messages with a sequence from `first` to `last`, or null when they are not all known. */
  between(first: number, last: number): Message[] | null {
    if (this.#upto < last || first < (this.#messages[0]?.sequence ?? Infinity)) return null;
    return this.#messages.filter(({ sequence }) => sequence >= first && sequence <= last);
  }

  find(id: string): Message | undefined {
    return this.#messages.find((message) => message.id === id);
  }

  /** What was read: the latest `limit` messages up to `upto`. */
  keep(messages: Message[], upto: number, limit: number): void {
    this.clear();
    for (const message of messages) this.#length += message.content.length;
    if (this.#length > MAX_LENGTH) return this.clear();
    this.#messages = [...messages];
    this.#upto = upto;
    this.#limit = limit;
  }

  /** A message that has just been stored; `shown` is false for one that no model is shown. */
  append(message: Message, shown: boolean): void {
    if (this.#upto === 0 || message.sequence !== this.#upto + 1) return this.clear();
    this.#length += message.content.length;
    if (this.#length > MAX_LENGTH) return this.clear();
    this.#upto = message.sequence;
    if (shown) this.#messages.push(message);
    // A turn adds two; what lies before the window of the next one is let go.
    while (this.#messages.length > this.#limit + 2) this.#length -= this.#messages.shift()?.content.length ?? 0;
  }
}
