/** Events of turns for one reader, at the reader's own pace: what was told before, then what is told now. */
import type { Engine } from "../engine/engine.ts";
import type { Journal } from "../journal/journal.ts";
import type { LiveTurn } from "../engine/live-turn.ts";
import { type EventId, replayEvents, type Turn, type TurnEvent } from "../turn.ts";

/** One thing to send: an event of a turn, or a sign of life when there was none for a while. */
export type Frame = { turn: Turn; event: TurnEvent } | { turn: null; event: null };

/** Milliseconds between signs of life. */
const HEARTBEAT = 15_000;
const SIGN_OF_LIFE: Frame = { turn: null, event: null };

export type Source = { engine: Engine; journal: Journal };

/** One turn, from after event `after` to its end. */
export async function* followTurn(
  source: Source,
  turn: Turn,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<Frame> {
  const live = source.engine.find((open) => open.number === turn.number);
  if (live) yield* followLive(live, after, signal);
  else {
    const ended = source.journal.turns.byNumber(turn.number) ?? turn;
    const reply = source.journal.messages.find(ended.reply_id);
    for (const event of replayEvents(ended, reply, source.journal.deltas.of(ended.number), after))
      yield { turn: ended, event };
  }
}

/** A turn of this process, whether it is under way or has ended since. */
async function* followLive(live: LiveTurn, after: number, signal: AbortSignal): AsyncGenerator<Frame> {
  live.watchers++;
  try {
    for (let seen = 0; !signal.aborted;) {
      const event = live.events[seen];
      if (event) {
        seen++;
        if (event.n > after) yield { turn: live.turn, event };
        if (event.type === "response") return;
      } else if (!(await beforeHeartbeat(live.more(seen), signal))) yield SIGN_OF_LIFE;
    }
  } finally {
    live.watchers--;
  }
}

/**
 * The whole conversation: from `start` (the last event that was seen), or from the turn that runs now, until `closed`
 * aborts (the conversation is deleted; the turn that was being told is told to its end). Opens with a sign of life.
 */
export async function* followConversation(
  source: Source,
  start: EventId | null,
  signal: AbortSignal,
  closed: AbortSignal,
): AsyncGenerator<Frame> {
  const { engine, journal } = source;
  // Before the first word: what begins while that is being read is not to be missed.
  const first = start ? null : engine.find(() => true);
  const missed = start ? journal.turns.since(start) : [];
  let arrival = first?.successor ?? engine.arrival;
  /** The last event that was told of each turn that was missed: it may be run again meanwhile. */
  const told = new Map<number, number>();
  yield SIGN_OF_LIFE;
  if (first) yield* followLive(first, 0, signal);
  for (const turn of missed) {
    const after = turn.number === start?.turn ? start.event : 0;
    for await (const frame of followTurn(source, turn, after, signal)) {
      if (frame.event) told.set(turn.number, frame.event.n);
      yield frame;
    }
  }
  while (!closed.aborted) {
    let next: LiveTurn | null = null;
    const arrived = arrival.then((live) => {
      next = live;
    });
    while (!next && !closed.aborted) if (!(await beforeHeartbeat(arrived, closed))) yield SIGN_OF_LIFE;
    if (!next) return;
    const live: LiveTurn = next;
    arrival = live.successor;
    yield* followLive(live, told.get(live.turn.number) ?? 0, signal);
  }
}

/** True when `promise` settled, or the reader left, before it was time for a sign of life. */
async function beforeHeartbeat(promise: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  const time = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => time.resolve(false), HEARTBEAT);
  const left = () => time.resolve(true);
  signal.addEventListener("abort", left, { once: true });
  try {
    return await Promise.race([promise.then(() => true), time.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", left);
  }
}

/** Not line ends to the standard, but to some clients (Python's splitlines); all text in a frame is JSON, so it can do without. */
const LINE_ENDS = /[\u0085\u2028\u2029]/g;
const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** A byte stream of encoded frames; `left` runs once the reader is gone or everything has been sent. */
export function toStream(
  frames: AsyncGenerator<Frame>,
  encode: (frame: Frame) => string,
  left: () => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      for (;;) {
        const { done, value } = await frames.next();
        if (done) {
          controller.close();
          left();
          return;
        }
        const text = encode(value);
        if (text === "") continue;
        controller.enqueue(encoder.encode(text.replaceAll(LINE_ENDS, escaped)));
        return;
      }
    },
    cancel() {
      left();
    },
  });
}
