/**
 * Readers of a conversation's streams: so many and no more, each for as long as its credential holds and 15 minutes at most.
 * What is written to a reader waits for storage first, because an IdentityTransformStream of an object does.
 */
import type { Caller } from "../auth/principal.ts";
import { type Frame, SIGN_OF_LIFE } from "../chat/projection/follow.ts";
import { type Outcome, ok, refuse } from "../chat/outcome.ts";
import { principalOf } from "../chat/turn.ts";
import { escapeLineEnds } from "../json.ts";

const MOST = 32;
const MOST_OF_ONE = 8;
/**
 * A stream that was left is noticed when it is written to, by each hop on its way one write later: so many writes and
 * milliseconds between them.
 */
const HOPS = 4;
const PAUSE = 25;
/** Milliseconds that a stream lasts at most, and after which its credential is looked at again. */
const LIFE = 15 * 60_000;
const LOOK = 15_000;

export type Reader = {
  /** Aborts when the reader has left, or must. */
  signal: AbortSignal;
  /** Aborts when the conversation is gone: what is being sent is sent to its end. */
  closed: AbortSignal;
  leave: () => void;
  /** Sends a sign of life, unless the one before has not gone out yet. */
  probe: () => void;
};

/** `isNamed`: others are told that it is there. */
type Open = { principal: string; follows: boolean; isNamed: boolean; close: () => void };

export class Readers {
  readonly #open = new Map<Reader, Open>();
  readonly #isGood: (caller: Caller) => Promise<boolean>;

  constructor(isGood: (caller: Caller) => Promise<boolean>) {
    this.#isGood = isGood;
  }

  /** Where there is no room for one more, finds out who has left without a word. */
  makeRoom(caller: Caller): Promise<void> {
    return this.#probe(
      () => this.#quotaOf(caller) !== null,
      () => true,
    );
  }

  /** Finds out who has left without a word of those who are named: whoever comes is told of nobody who is gone. */
  lookForGone(): Promise<void> {
    return this.#probe(
      () => true,
      ({ isNamed }) => isNamed,
    );
  }

  async #probe(isWanted: () => boolean, whom: (open: Open) => boolean): Promise<void> {
    for (let hop = 0; hop < HOPS && isWanted(); hop++) {
      for (const [reader, open] of this.#open) if (whom(open)) reader.probe();
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }

  /** One more that follows, or 429. */
  admit(caller: Caller, isNamed = false): Outcome<Reader> {
    const quota = this.#quotaOf(caller);
    if (quota === null) return ok(this.#add(caller, true, isNamed));
    const detail = `At most ${MOST} readers follow a conversation, ${MOST_OF_ONE} of one caller.`;
    return refuse("rate_limited", { detail, retry_after: 15, limit: { name: "readers", quota } });
  }

  /** How many there may be where there are so many already; null where there is room. */
  #quotaOf(caller: Caller): number | null {
    const principal = principalOf(caller);
    const following = [...this.#open.values()].filter(({ follows }) => follows);
    const own = following.filter((open) => open.principal === principal).length;
    return own >= MOST_OF_ONE ? MOST_OF_ONE : following.length >= MOST ? MOST : null;
  }

  /** Whoever is answered with a stream: how many there are follows from the queue of turns. */
  answer(caller: Caller): Reader {
    return this.#add(caller, false, false);
  }

  #add(caller: Caller, follows: boolean, isNamed: boolean): Reader {
    const left = new AbortController();
    const closed = new AbortController();
    const timers = this.#watch(caller, left);
    const reader: Reader = {
      signal: left.signal,
      closed: closed.signal,
      leave: () => {
        for (const timer of timers) clearTimeout(timer);
        this.#open.delete(reader);
        left.abort();
      },
      probe: () => undefined,
    };
    left.signal.addEventListener("abort", reader.leave, { once: true });
    this.#open.set(reader, { principal: principalOf(caller), follows, isNamed, close: () => closed.abort() });
    return reader;
  }

  /** The conversation is gone, or somebody else's. */
  close(): void {
    for (const { close } of this.#open.values()) close();
  }

  #watch(caller: Caller, left: AbortController): ReturnType<typeof setTimeout>[] {
    const life = Math.min(LIFE, (caller.expires_at ?? Infinity) - Date.now());
    const look = () => {
      const looked = this.#isGood(caller).then((isGood) => isGood || left.abort());
      // A database that does not answer has revoked nothing.
      looked.catch(() => undefined);
    };
    return [setTimeout(() => left.abort(), life), setInterval(look, LOOK)];
  }
}

/** Sends frames to a reader as they come. `onEnd` says whether the last of them arrived. */
export function toStream(
  frames: AsyncGenerator<Frame[], unknown>,
  encode: (frame: Frame) => string,
  reader: Reader,
  onEnd: (isComplete: boolean) => void,
): ReadableStream<Uint8Array> {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  // A reader that goes away is noticed here even while there is nothing to send.
  writer.closed.catch(() => reader.leave());
  const encoder = new TextEncoder();
  const write = async (some: Frame[]) => {
    const text = some.map(encode).join("");
    if (text !== "") await writer.write(encoder.encode(escapeLineEnds(text)));
  };
  let isProbed = false;
  reader.probe = () => {
    if (isProbed) return;
    isProbed = true;
    write([SIGN_OF_LIFE]).then(() => (isProbed = false), reader.leave);
  };
  const send = async () => {
    for await (const some of frames) await write(some);
    await writer.close();
  };
  send()
    .then(
      () => onEnd(!reader.signal.aborted),
      (error: unknown) => {
        onEnd(false);
        return writer.abort(error).catch(() => undefined);
      },
    )
    .finally(reader.leave);
  return readable;
}
