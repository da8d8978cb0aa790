/**
 * The clock of a conversation: it never goes back, though its object may go on elsewhere, where clocks are a little behind.
 * What is told by time stays in the order in which it happened.
 */

/** Milliseconds by which clocks differ at most; one that was further ahead is not followed. */
const SKEW = 60_000;

/** Milliseconds; `latest` is what it said last. */
export function steady(clock: () => number, latest = 0): () => number {
  let last = latest;
  return () => {
    const now = clock();
    last = Math.max(now, Math.min(last, now + SKEW));
    return last;
  };
}
