/** Lists of what staff has not read go by the hour of the last activity, which most turns do not change. */
const HOUR = 3_600_000;

/** `activity_at` in milliseconds. */
export const unreadHourOf = (activity_at: number): number => Math.floor(activity_at / HOUR);
