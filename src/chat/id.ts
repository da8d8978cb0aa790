/**
 * Ids that lead to their conversation: UUIDv7 (RFC 9562) all of them. The last 48 bits of a conversation's id follow from
 * what comes before them, so an id that was made up is told apart without a look-up. The 74 random bits of an id of a
 * message or turn hold the rest: 42 bits when its conversation was made, 26 bits of its randomness, and 6 of a check.
 */

/** Milliseconds: 2025-01-01. 42 bits of milliseconds from here reach beyond 2160. */
const EPOCH = 1_735_689_600_000;
const MASK_64 = (1n << 64n) - 1n;

/** A new conversation's id, made at `now` (ms). */
export function newConversationId(now: number): string {
  const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  return conversationIdOf(now, random & 0x3ffffff);
}

/** Whether this can be the id of a conversation that was made here. */
export function isConversationId(id: string): boolean {
  const parts = parse(id);
  return parts !== null && parts.time >= EPOCH && conversationIdOf(parts.time, Number(parts.random >> 48n)) === id;
}

/** The id of the conversation that a message or turn with this id belongs to, or null when the id does not say. */
export function conversationIdIn(id: string): string | null {
  const parts = parse(id);
  if (!parts) return null;
  const locator = parts.random >> 6n;
  const made = Number(locator >> 26n) + EPOCH;
  if (made > parts.time || (parts.random & 63n) !== checkOf(locator)) return null;
  return conversationIdOf(made, Number(locator & 0x3ffffffn));
}

/** Makes the ids of a conversation's messages and turns, each later than the one before it. */
export class IdSource {
  readonly #random: bigint | null;
  readonly #clock: () => number;
  #last: number;

  /** `newest`: ids of this conversation, the newest among them. */
  constructor(conversation_id: string, clock: () => number, newest: string[]) {
    const parts = isConversationId(conversation_id) ? parse(conversation_id) : null;
    const locator = parts && (BigInt(parts.time - EPOCH) << 26n) | (parts.random >> 48n);
    this.#random = locator === null ? null : (locator << 6n) | checkOf(locator);
    this.#clock = clock;
    this.#last = Math.max(0, ...newest.map((id) => parse(id)?.time ?? 0));
  }

  next(): string {
    return this.#at(Math.max(this.#clock(), this.#last + 1));
  }

  /** The ids of a new turn, of its user's message and of its reply: one millisecond after the other. */
  turn(): { id: string; user_message_id: string; reply_id: string } {
    const id = this.next();
    const user_message_id = this.#at(this.#last + 1);
    return { id, user_message_id, reply_id: this.#at(this.#last + 1) };
  }

  #at(time: number): string {
    this.#last = time;
    return format(time, this.#random ?? randomBits());
  }
}

/** Whether a reply's id was made together with that of its turn, and not for a reply made anew. */
export const areTogether = (turn_id: string, reply_id: string): boolean =>
  (parse(reply_id)?.time ?? Infinity) - (parse(turn_id)?.time ?? 0) <= 2;

const conversationIdOf = (time: number, random: number): string =>
  format(time, (BigInt(random) << 48n) | (mix((BigInt(time) << 26n) | BigInt(random)) >> 16n));

const checkOf = (locator: bigint): bigint => mix(locator) >> 58n;

/** SplitMix64's finaliser (Steele, Lea, Flood 2014): each bit of the input moves every bit of the output. */
function mix(value: bigint): bigint {
  let z = (value + 0x9e3779b97f4a7c15n) & MASK_64;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK_64;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK_64;
  return z ^ (z >> 31n);
}

function randomBits(): bigint {
  const [high = 0, middle = 0, low = 0] = crypto.getRandomValues(new Uint32Array(3));
  return (BigInt(high & 0x3ff) << 64n) | (BigInt(middle) << 32n) | BigInt(low);
}

/** `random` has 74 bits. */
function format(time: number, random: bigint): string {
  const a = (0x7000n | (random >> 62n)).toString(16);
  const b = ((2n << 62n) | (random & ((1n << 62n) - 1n))).toString(16);
  const t = time.toString(16).padStart(12, "0");
  return `${t.slice(0, 8)}-${t.slice(8)}-${a}-${b.slice(0, 4)}-${b.slice(4)}`;
}

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function parse(id: string): { time: number; random: bigint } | null {
  if (!UUID_V7.test(id)) return null;
  const hex = id.replaceAll("-", "");
  const random = (BigInt(`0x${hex.slice(13, 16)}`) << 62n) | (BigInt(`0x${hex.slice(16)}`) & ((1n << 62n) - 1n));
  return { time: parseInt(hex.slice(0, 12), 16), random };
}
