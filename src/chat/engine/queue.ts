/** Turns that wait, first come first served. Pure: who runs is the engine's business. */
import type { OnBusy } from "../rpc.ts";

/** How many turns may wait behind the running one. */
export const QUEUE_LIMIT = 16;

export type Admission =
  | { action: "run" }
  | { action: "wait"; position: number; interrupt: boolean }
  | { action: "refuse"; code: "turn_in_progress" | "turn_queue_full" };

/** What a new turn does, given how many wait and whether one runs. Position 1 is next. */
export function admit(onBusy: OnBusy, running: boolean, waiting: number): Admission {
  if (!running && waiting === 0) return { action: "run" };
  if (onBusy === "reject") return { action: "refuse", code: "turn_in_progress" };
  if (waiting >= QUEUE_LIMIT) return { action: "refuse", code: "turn_queue_full" };
  return { action: "wait", position: waiting + 1, interrupt: onBusy === "interrupt" };
}
