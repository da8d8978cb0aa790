/**
 * Events of turns for one reader, at the reader's own pace. A reader knows where it stands and nothing more: what it is sent
 * is looked up when it is sent, so that nothing that was deleted meanwhile goes out.
 */
import type { Engine } from "../engine/engine.ts";
import type { LiveTurn } from "../engine/live-turn.ts";
import type { Journal } from "../journal/journal.ts";
import type { EventId, Turn, TurnEvent } from "../turn.ts";
import type { Person } from "../rpc.ts";
import type { Attendance } from "./presence.ts";
import { replayNext } from "./replay.ts";
import type { Typing, Typist } from "./typing.ts";

/** One thing to send: an event of a turn, who writes or is there, or a sign of life when there was none for a while. */
export type Frame = { turn: Turn; event: TurnEvent } | { turn: null; event: Typist | { staff: Person[] } | null };

/** Milliseconds between signs of life; that a reader has gone is noticed when it is sent one, so who is named gets more. */
const HEARTBEAT = 15_000;
const NAMED_HEARTBEAT = 5_000;
export const SIGN_OF_LIFE: Frame = { turn: null, event: null };

export type Source = { engine: Engine; journal: Journal };
/** `attendance`: of a reader that wants to know who else is there. */
type WholeSource = Source & { typing: Typing; attendance?: Attendance | null };

/** One turn, from after event `after` to its end; what is there is yielded together. Returns the last event's number. */
export async function* followTurn(
  source: Source,
  turn: Turn,
  after: number,
  signal: AbortSignal,
  attendance: Attendance | null = null,
): AsyncGenerator<Frame[], number> {
  const { number } = turn;
  let seen = after;
  while (!signal.aborted) {
    const live = source.engine.find(number);
    if (live) seen = yield* followLive(live, seen, signal, attendance);
    else {
      const frames = endedFrames(source.journal, number, seen);
      if (frames.length === 0) return seen;
      const last = frames.at(-1);
      if (last?.turn) seen = last.event.n;
      yield frames;
    }
  }
  return seen;
}

/** A turn that is under way, until it has ended. */
async function* followLive(
  live: LiveTurn,
  after: number,
  signal: AbortSignal,
  attendance: Attendance | null,
): AsyncGenerator<Frame[], number> {
  live.watchers++;
  try {
    let seen = after;
    while (!signal.aborted && !live.isOver) {
      const frames = presenceIn(attendance);
      for (let event = live.eventAfter(seen); event; event = live.eventAfter(seen)) {
        frames.push({ turn: live.turn, event });
        seen = event.n;
      }
      if (frames.length > 0) yield frames;
      else if (!(await beforeHeartbeat([live.more(seen, signal)], attendance, signal))) yield [SIGN_OF_LIFE];
    }
    return seen;
  } finally {
    live.watchers--;
  }
}

const presenceIn = (attendance: Attendance | null): Frame[] => {
  const there = attendance?.take();
  return there ? [{ turn: null, event: there }] : [];
};

function endedFrames(journal: Journal, number: number, after: number): Frame[] {
  const turn = journal.found && journal.turns.byNumber(number);
  return !turn || turn.ended_at === null ? [] : replayNext(journal, turn, after).map((event) => ({ turn, event }));
}

/**
 * Where a reader goes on that has seen `id`. Null where no turn has that number yet, as after the conversation was moved and its
 * turns were counted anew: what such a reader missed nobody can say, so it is sent what is open now and what comes.
 */
export function knownStart({ engine, journal }: Source, id: EventId | null): EventId | null {
  if (!id || id.turn >= journal.header.next_turn) return null;
  const live = engine.find(id.turn);
  return { turn: id.turn, event: Math.min(id.event, live ? live.nextEvent - 1 : Infinity) };
}

/**
 * The whole conversation: from `start` (the last event that was seen), or from the turns that are open now, until `closed`
 * aborts (the conversation is deleted; the turn that was being sent is sent to its end). Opens with a sign of life.
 */
export async function* followConversation(
  source: WholeSource,
  start: EventId | null,
  signal: AbortSignal,
  closed: AbortSignal,
): AsyncGenerator<Frame[]> {
  const { engine, journal, typing, attendance = null } = source;
  /** The last event that was sent of each recent turn: a turn may be run again. */
  const sent = new Map<number, number>(start ? [[start.turn, start.event]] : recentEnds(journal));
  let position = start ?? beforeOpen(source, sent);
  const lacks = ({ number, ended_at, last_event }: Turn) =>
    ended_at === null || (sent.get(number) ?? 0) < (last_event ?? 0);
  yield [SIGN_OF_LIFE];
  while (!signal.aborted && !closed.aborted) {
    const there = presenceIn(attendance);
    if (there.length > 0) {
      yield there;
      continue;
    }
    const { arrival } = engine;
    let typist: Typist | null = null;
    const typed = typing.next.then((somebody) => {
      typist = somebody;
    });
    const turn = journal.turns.since(position).find(lacks);
    if (turn) {
      const seen = yield* followTurn(source, turn, sent.get(turn.number) ?? 0, signal, attendance);
      if (!journal.found) return;
      sent.set(turn.number, Math.max(seen, journal.turns.byNumber(turn.number)?.last_event ?? 0));
      if (turn.number >= position.turn) position = { turn: turn.number, event: seen };
      sent.delete(turn.number - REMEMBERED);
    } else if (!(await beforeHeartbeat([arrival, typed, aborted(closed)], attendance, signal))) yield [SIGN_OF_LIFE];
    else if (typist) yield [{ turn: null, event: typist }];
  }
}

/** Turns whose last event a reader remembers. */
const REMEMBERED = 200;

/** Where a reader begins who wants what is open now and what comes: at the end of the turn before. */
function beforeOpen({ engine, journal }: Source, sent: Map<number, number>): EventId {
  const { next_turn } = journal.header;
  const open = engine.open.map(({ turn }) => turn.number);
  const turn = Math.max(0, Math.max(next_turn - REMEMBERED / 2, Math.min(next_turn, ...open)) - 1);
  return { turn, event: sent.get(turn) ?? 0 };
}

const recentEnds = ({ turns, header }: Journal) => turns.endsSince(header.next_turn - REMEMBERED / 2);

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });

/** True when there was news, or the reader left, before it was time for a sign of life. */
async function beforeHeartbeat(
  news: Promise<unknown>[],
  attendance: Attendance | null,
  signal: AbortSignal,
): Promise<boolean> {
  const time = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => time.resolve(false), attendance ? NAMED_HEARTBEAT : HEARTBEAT);
  const left = () => time.resolve(true);
  signal.addEventListener("abort", left, { once: true });
  try {
    return await Promise.race([
      ...(attendance ? [...news, attendance.next] : news).map((one) => one.then(() => true)),
      time.promise,
    ]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", left);
  }
}
