/**
 * Watches a model's stream: a first token, then token after token, and the whole turn, each within its time. A tool has a
 * time of its own; while one works the model is not waited for, and afterwards for a first token again.
 */
import { type ModelEvent, ModelFailure } from "./ports.ts";

/** Milliseconds. */
export type Timeouts = { firstToken: number; betweenTokens: number; wholeTurn: number };
export const TIMEOUTS: Timeouts = { firstToken: 30_000, betweenTokens: 20_000, wholeTurn: 300_000 };

/**
 * Yields the events of `stream` and throws ModelFailure("timeout") when one is late. `deadline` (ms) is when the whole
 * turn must be over; `abort` is called so that the model's connection closes with the wait. Ends when `signal` aborts.
 */
export async function* watched(
  stream: AsyncIterable<ModelEvent>,
  timeouts: Timeouts,
  deadline: number,
  clock: () => number,
  signal: AbortSignal,
  abort: () => void,
): AsyncGenerator<ModelEvent> {
  const events = stream[Symbol.asyncIterator]();
  let limit = timeouts.firstToken;
  let working = 0;
  try {
    while (!signal.aborted) {
      const next = events.next();
      const wait = Math.min(limit, Math.max(0, deadline - clock()));
      const outcome = await within(next, wait, signal);
      if (outcome === "aborted") return;
      if (outcome === "late") throw new ModelFailure("timeout", `no event from the model within ${wait} ms`);
      if (outcome.done) return;
      const { type } = outcome.value;
      if (type === "tool_call") working++;
      else if (type === "tool_result") working--;
      const awaited = type === "tool_result" ? timeouts.firstToken : timeouts.betweenTokens;
      limit = working > 0 ? Infinity : awaited;
      yield outcome.value;
    }
  } finally {
    abort();
    void events.return?.().catch(() => {});
  }
}

/** The settled promise, or which came first: the time or the signal. The loser is never left unhandled. */
async function within<T>(promise: Promise<T>, ms: number, signal: AbortSignal): Promise<T | "late" | "aborted"> {
  promise.catch(() => {});
  let timer: ReturnType<typeof setTimeout> | undefined;
  let onAbort: (() => void) | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), ms);
  });
  const aborted = new Promise<"aborted">((resolve) => {
    onAbort = () => resolve("aborted");
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, late, aborted]);
  } finally {
    clearTimeout(timer);
    if (onAbort) signal.removeEventListener("abort", onAbort);
  }
}
