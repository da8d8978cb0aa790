/** Turns that wait, first come first served. Pure: who runs is the engine's business. */
import type { OnBusy } from "../rpc.ts";

/** How many turns may wait behind the running one. */
export const QUEUE_LIMIT = 16;

export type Admission =
  | { action: "run" }
  | { action: "wait"; interrupt: boolean }
  | { action: "refuse"; code: "turn_in_progress" | "turn_queue_full" };

export class TurnQueue<T> {
  #waiting: T[] = [];
  #pauses = 0;

  get size(): number {
    return this.#waiting.length;
  }

  /** What a new turn does, given whether one runs. */
  admit(onBusy: OnBusy, isRunning: boolean): Admission {
    if (!isRunning && this.size === 0) return { action: "run" };
    if (onBusy === "reject") return { action: "refuse", code: "turn_in_progress" };
    if (this.size >= QUEUE_LIMIT) return { action: "refuse", code: "turn_queue_full" };
    return { action: "wait", interrupt: onBusy === "interrupt" };
  }

  /** Puts a turn behind all others. Returns its position; 1 is next. */
  push(turn: T): number {
    return this.#waiting.push(turn);
  }

  /** Takes a turn out, wherever it waits. False when it does not. */
  drop(turn: T): boolean {
    const before = this.size;
    this.#waiting = this.#waiting.filter((other) => other !== turn);
    return this.size < before;
  }

  /** Takes the first out, or undefined while nothing waits or the queue is paused. */
  next(): T | undefined {
    return this.#pauses > 0 ? undefined : this.#waiting.shift();
  }

  /** Nothing is taken out while `work` runs; turns go on arriving. */
  paused<R>(work: () => R): R {
    this.#pauses++;
    try {
      return work();
    } finally {
      this.#pauses--;
    }
  }

  /** The turns that wait, in order: the position of one is its index plus 1. */
  positions(): readonly T[] {
    return this.#waiting;
  }
}
