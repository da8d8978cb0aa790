/** A turn that this process is running or holds in its queue: its events so far, and those who wait for the next. */
import type { Message } from "../message.ts";
import type { ToolEvent } from "../tool-call.ts";
import type { EndStatus, Turn, TurnError, TurnEvent, TurnStatus } from "../turn.ts";

/** The last event of a turn, before it has its number. */
export type Closing = { type: "response"; status: EndStatus; message: Message | null; error: TurnError | null };

export class LiveTurn {
  readonly events: TurnEvent[] = [];
  /** Settles when the turn has ended and D1 has it, or could not be reached (`stored: false`). */
  readonly ended: Promise<{ stored: boolean }>;
  /** Aborted by stop, interrupt or a delete. */
  readonly stopping = new AbortController();
  /** The turn that comes to live after this one. */
  readonly successor: Promise<LiveTurn>;
  turn: Turn;
  #next: number;
  #watchers = 0;
  #wasWatched = false;
  #settle!: (outcome: { stored: boolean }) => void;
  #waiting: (() => void)[] = [];

  constructor(turn: Turn, successor: Promise<LiveTurn>) {
    this.turn = turn;
    this.successor = successor;
    this.#next = turn.event_base + 1;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** Whether its last event has been told. */
  get isOver(): boolean {
    return this.events.at(-1)?.type === "response";
  }

  /** How many read its events now, or are about to. */
  get watchers(): number {
    return this.#watchers;
  }

  set watchers(count: number) {
    this.#watchers = count;
    this.#wasWatched ||= count > 0;
  }

  /** The number that the next event will get. */
  get nextEvent(): number {
    return this.#next;
  }

  status(status: TurnStatus, position?: number): void {
    this.#tell({ n: this.#next++, type: "status", status, ...(position === undefined ? {} : { position }) });
  }

  delta(text: string): void {
    this.#tell({ n: this.#next++, type: "delta", text });
  }

  /** Takes all deltas back; false when somebody may have seen one. */
  retract(): boolean {
    if (this.#wasWatched) return false;
    const rest = this.events.filter(({ type }) => type !== "delta");
    this.events.splice(0, this.events.length, ...rest);
    return true;
  }

  tool(event: ToolEvent): void {
    this.#tell({ n: this.#next++, type: "tool", ...event });
  }

  /** Tells the two closing events and settles. */
  end(turn: Turn, closing: Closing, stored: boolean): void {
    this.turn = turn;
    this.status(closing.status);
    this.#tell({ ...closing, n: this.#next++ });
    this.#settle({ stored });
  }

  /** Resolves when there are more than `seen` events. */
  async more(seen: number): Promise<void> {
    if (this.events.length <= seen) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #tell(event: TurnEvent): void {
    this.events.push(event);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
