/**
 * The newest live messages in memory: the window that every turn reads for its prompt and again for its answer. It has
 * every live message from `first` to the last; whatever changes one of them empties it, and the next reader fills it again.
 */
import type { Message, Role } from "../message.ts";

/** The most that is held: messages, and UTF-16 code units of what is in them. Hundreds of objects share 128 MB. */
const MAX_MESSAGES = 100;
const MAX_TEXT = 64 * 1024;

type Unread = { unread_lead: number; unread_staff: number };

/** UTF-16 code units of what anybody may put into a message. */
function lengthOf({ content, metadata, tool_calls, feedback }: Message): number {
  const rest = [metadata, tool_calls, feedback].filter((part) => part && Object.keys(part).length > 0);
  return content.length + (rest.length > 0 ? JSON.stringify(rest).length : 0);
}

export class Recent {
  /** Ascending. */
  #messages: Message[] = [];
  #text = 0;
  /** Changes whenever what was read before may not hold any more. */
  version = 0;
  /** Sequence from which on every live message is here; null while nothing is known. */
  first: number | null = null;
  /** How many messages each side has not read of the other; null while nobody has counted. */
  unread: Unread | null = null;

  clear(): void {
    this.version++;
    this.#messages = [];
    this.#text = 0;
    this.first = null;
    this.unread = null;
  }

  /** A new message, the last of the conversation; `reads`: the sides that have read everything with it. */
  add(message: Message, reads: { lead: boolean; staff: boolean }): void {
    if (this.unread) this.unread = afterMessage(this.unread, message.role, reads);
    if (this.first === null && message.sequence > 1) return;
    this.first ??= 1;
    this.#messages.push(message);
    this.#text += lengthOf(message);
    while (this.#messages.length > MAX_MESSAGES || (this.#text > MAX_TEXT && this.#messages.length > 1)) {
      const oldest = this.#messages.shift();
      if (oldest) this.#text -= lengthOf(oldest);
      this.first = this.#messages[0]?.sequence ?? null;
    }
  }

  /** Every live message down to the last of these, as somebody has just read them, newest first. */
  fill(newestFirst: Message[]): void {
    let text = 0;
    const tooMuch = newestFirst.findIndex((message, i) => i === MAX_MESSAGES || (text += lengthOf(message)) > MAX_TEXT);
    this.#messages = (tooMuch < 0 ? newestFirst : newestFirst.slice(0, tooMuch)).toReversed();
    this.#text = this.#messages.reduce((sum, message) => sum + lengthOf(message), 0);
    this.first = this.#messages[0]?.sequence ?? null;
  }

  /** Those with a sequence from `first` to `last`, newest first. */
  *newestFirst(first: number, last: number): Generator<Message> {
    const messages = this.#messages;
    for (let i = messages.length - 1; i >= 0; i--) {
      const message = messages[i];
      if (!message || message.sequence < first) return;
      if (message.sequence <= last) yield message;
    }
  }

  /** The live message of this sequence, if it is here. */
  at(sequence: number): Message | undefined {
    return this.#messages.findLast((message) => message.sequence === sequence);
  }

  /** All messages with a sequence from `first` to `last`, oldest first; null unless they are all here and live. */
  between(first: number, last: number): Message[] | null {
    if (this.first === null || first < this.first || first > last) return null;
    const found = [...this.newestFirst(first, last)];
    return found.length === last - first + 1 ? found.reverse() : null;
  }
}

/** A side that writes has read what came before. */
function afterMessage(
  { unread_lead, unread_staff }: Unread,
  role: Role,
  reads: { lead: boolean; staff: boolean },
): Unread {
  return {
    unread_lead: reads.lead ? 0 : unread_lead + (role === "assistant" ? 1 : 0),
    unread_staff: reads.staff ? 0 : unread_staff + (role === "user" ? 1 : 0),
  };
}
