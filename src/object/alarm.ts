/** When a conversation's object should wake by itself. Milliseconds from now. */
export const alarmAfter = {
  /** While a turn runs or waits: a crash is noticed by then. */
  turn: 30_000,
  /** While D1 lacks something: soon, then less and less often, once a minute at most. */
  failure: (failures: number): number => Math.min(60_000, 1_000 * 2 ** Math.min(failures, 6)),
};
