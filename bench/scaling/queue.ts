/** One D1 database as what it is: one server, first come first served. Simulated, with chance that is the same every time. */

/** Uniform in [0, 1), the same for the same seed: mulberry32. */
export function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export type Load = {
  /** Turns a second. */
  rate: number;
  /** Milliseconds that one call keeps the database busy, on average. */
  service: number;
  model_seconds: number;
  pages_per_turn: number;
};

/** Milliseconds from asking the database to its answer, and how busy it was. */
export type Outcome = { busy: number; p50: number; p99: number };

/**
 * Turns begin at random; each writes its message at once and its reply when the model is done, and is followed by pages
 * that are read. Service times are lognormal around their mean.
 */
export function simulate({ rate, service, model_seconds, pages_per_turn }: Load, turns = 40_000, seed = 1): Outcome {
  const random = chance(seed);
  const exponential = (mean: number) => -mean * Math.log(1 - random());
  const calls: number[] = [];
  let now = 0;
  for (let turn = 0; turn < turns; turn++) {
    now += exponential(1000 / rate);
    const answered = now + exponential(model_seconds * 1000);
    calls.push(now, answered);
    for (let page = 0; page < pages_per_turn; page++) calls.push(answered + exponential(1000));
  }
  const waits: number[] = [];
  let free = 0;
  let worked = 0;
  for (const call of calls.toSorted((a, b) => a - b)) {
    const took = lognormal(service, random);
    const start = Math.max(call, free);
    free = start + took;
    worked += took;
    waits.push(free - call);
  }
  const sorted = waits.toSorted((a, b) => a - b);
  const at = (p: number) => sorted[Math.floor(p * sorted.length)] ?? 0;
  return { busy: Math.min(1, worked / now), p50: at(0.5), p99: at(0.99) };
}

const SIGMA = 0.5;

function lognormal(mean: number, random: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return mean * Math.exp(SIGMA * normal - SIGMA ** 2 / 2);
}
