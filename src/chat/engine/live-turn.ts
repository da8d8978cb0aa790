/** A turn that this process is running or holds in its queue: its events so far, and those who wait for the next. */
import type { Message } from "../message.ts";
import type { ToolEvent } from "../tool-call.ts";
import type { Reservation } from "./reservation.ts";
import type { EndStatus, Turn, TurnError, TurnEvent, TurnStatus } from "../turn.ts";

/** How a turn ended: what its last event says. */
export type Closing = { status: EndStatus; message: Message | null; error: TurnError | null };

export class LiveTurn {
  /** Its events from the beginning on, without a gap; those of a turn that has ended are the journal's. */
  #events: TurnEvent[] = [];
  readonly #first: number;
  #next: number;
  readonly #end = Promise.withResolvers<Turn>();
  #waiting: (() => void)[] = [];
  /** Aborted by stop, interrupt or a delete. */
  readonly stopping = new AbortController();
  /** Room in the company's budgets for its first call of a model, until that begins. */
  #reservation: Reservation | null;
  /** Clients who are there to be given the answer, or have it: whatever stands for one request alone. */
  readonly waiting = new Set<unknown>();
  #watchers = 0;
  #wasWatched = false;
  turn: Turn;

  constructor(turn: Turn, reservation: Reservation | null = null) {
    this.turn = turn;
    this.#reservation = reservation;
    this.#first = turn.event_base + 1;
    this.#next = this.#first;
  }

  /** How many read its events now. */
  get watchers(): number {
    return this.#watchers;
  }

  set watchers(count: number) {
    this.#watchers = count;
    this.#wasWatched ||= count > 0;
  }

  /** The room that it was admitted with, for whoever uses or releases it. */
  takeReservation(): Reservation | null {
    const reservation = this.#reservation;
    this.#reservation = null;
    return reservation;
  }

  /** Resolves with the turn once its end is in the journal. */
  get ended(): Promise<Turn> {
    return this.#end.promise;
  }

  /** Whether its end is in the journal. */
  get isOver(): boolean {
    return this.turn.ended_at !== null;
  }

  /** The number that the next event will get. */
  get nextEvent(): number {
    return this.#next;
  }

  /** The first event after `after`, or null while there is none. */
  eventAfter(after: number): TurnEvent | null {
    return this.#events[Math.max(0, after + 1 - this.#first)] ?? null;
  }

  status(status: TurnStatus, position?: number): void {
    this.#emit({ n: this.#next, type: "status", status, ...(position === undefined ? {} : { position }) });
  }

  delta(text: string): void {
    this.#emit({ n: this.#next, type: "delta", text });
  }

  tool(event: ToolEvent): void {
    this.#emit({ n: this.#next, type: "tool", ...event });
  }

  /** Takes all deltas back; false when somebody may have seen one. */
  retract(): boolean {
    if (this.#wasWatched) return false;
    this.#events = this.#events.filter(({ type }) => type !== "delta");
    this.#next = this.#first + this.#events.length;
    return true;
  }

  /** Its message is a person's to answer: its end is in the journal. */
  hold(turn: Turn): void {
    this.turn = turn;
    this.status("completed");
    this.#end.resolve(turn);
  }

  /** Its end is in the journal: `rest` is what was not sent of its text yet. */
  end(turn: Turn, rest: string, closing: Closing): void {
    this.turn = turn;
    if (rest !== "") this.delta(rest);
    this.status(closing.status);
    this.#emit({ n: this.#next, type: "response", ...closing });
    this.#end.resolve(turn);
  }

  /** Resolves once there is an event after `after`, or `signal` aborts. */
  async more(after: number, signal: AbortSignal): Promise<void> {
    if (this.eventAfter(after) || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
  }

  #emit(event: TurnEvent): void {
    this.#next++;
    this.#events.push(event);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
