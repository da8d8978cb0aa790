/**
 * Watches a model's stream: a first token, then token after token, and the whole turn, each within its time; a sign of life
 * begins that time anew. A tool has a time of its own; while one works the model is not waited for, and afterwards for a
 * first token again.
 */
import { type ModelEvent, ModelFailure } from "../ports.ts";

/** Milliseconds. */
export type Timeouts = { firstToken: number; betweenTokens: number; wholeTurn: number };
export const TIMEOUTS: Timeouts = { firstToken: 30_000, betweenTokens: 20_000, wholeTurn: 300_000 };
/** For the first token of a server of one's own, which may have to load the model first. */
export const LOADING_TIMEOUT = 240_000;

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
  const first = Promise.withResolvers<"late" | "aborted">();
  const interruption = first.promise;
  const onAbort = () => first.resolve("aborted");
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  let due = Math.min(clock() + timeouts.firstToken, deadline);
  let working = 0;
  let begun = false;
  // One timer for the whole stream, set again only when it rings: a model may say thousands of things. It never rings later
  // than the shorter wait, should that have begun meanwhile.
  const shorter = Math.min(timeouts.firstToken, timeouts.betweenTokens);
  const look = () => {
    const left = due - clock();
    if (left <= 0) first.resolve("late");
    else timer = setTimeout(look, Math.min(left, shorter));
  };
  let timer = setTimeout(look, Math.max(0, Math.min(due - clock(), shorter)));
  try {
    for (;;) {
      const next = events.next();
      next.catch(() => {});
      const outcome = await Promise.race([next, interruption]);
      if (outcome === "aborted") return;
      if (outcome === "late") throw new ModelFailure("timeout", "no event from the model in time");
      if (outcome.done) return;
      const event = outcome.value;
      if (event.type === "tool_call") working++;
      else if (event.type === "tool_result") working--;
      if (event.type === "text") begun ||= event.text !== "";
      else begun = false;
      const awaited = begun ? timeouts.betweenTokens : timeouts.firstToken;
      due = working > 0 ? deadline : Math.min(clock() + awaited, deadline);
      yield event;
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    abort();
    void events.return?.().catch(() => {});
  }
}
