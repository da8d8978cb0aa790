/** How long a measure goes on: so many rounds, but no longer than its share of the time, and never fewer than a few. */

export type Effort = { rounds: number; seconds: number };

const FEWEST = 3;

/** 0, which is for warming up and is not counted, then 1, 2, 3 … */
export function* roundsOf({ rounds, seconds }: Effort): Generator<number> {
  const until = performance.now() + seconds * 1000;
  for (let round = 0; round <= rounds; round++) {
    if (round > FEWEST && performance.now() > until) return;
    yield round;
  }
}
