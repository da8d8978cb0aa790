/** When a conversation's object should wake by itself. Pure; times are milliseconds. */

/** While a turn runs or waits, and while D1 has not refused what it lacks: a crash is noticed by then. */
const CRASH = 30_000;
/** How long the deltas of a turn that has ended are kept for replay. */
export const DELTAS_KEPT = 24 * 60 * 60 * 1000;

export type AlarmState = {
  /** Turns run or wait. */
  isBusy: boolean;
  /** D1 lacks something; how often in a row it has refused it. */
  isBehind: boolean;
  failures: number;
  /** When the turn ended that has the oldest deltas, or null. */
  oldestDeltas: number | null;
  /** When a person's conversation goes back to its agent, or null. */
  returnAt: number | null;
  /** From 0 to 1: objects that failed together do not all come back together. */
  random: number;
};

/** When the alarm has to ring, or null when nothing is left to do. */
export function nextAlarm(
  { isBusy, isBehind, failures, oldestDeltas, returnAt, random }: AlarmState,
  now: number,
): number | null {
  const due = [
    ...(isBusy || (isBehind && failures === 0) ? [now + CRASH] : []),
    ...(isBehind && failures > 0 ? [now + backOff(failures, random)] : []),
    ...(returnAt === null ? [] : [Math.max(now, returnAt)]),
    ...(oldestDeltas === null ? [] : [Math.max(now, oldestDeltas + DELTAS_KEPT + 1)]),
  ];
  return due.length === 0 ? null : Math.min(...due);
}

/** Soon at first, then less and less often, once a minute at most. */
const backOff = (failures: number, random: number): number =>
  Math.min(60_000, 1_000 * 2 ** Math.min(failures, 6)) * (0.75 + random / 4);
