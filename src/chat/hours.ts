/** When people are there to take a conversation over: weekly hours in a time zone. Pure. */

export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
type Weekday = (typeof WEEKDAYS)[number];

/** `time_zone`: IANA name. `from` is inclusive, `to` exclusive, both `HH:MM` of the same day; `24:00` is its end. */
export type Hours = { time_zone: string; open: { days: Weekday[]; from: string; to: string }[] };

/** Whether `at` (ms) is within the hours. Clock times of the zone count, also on the days on which its clocks change. */
export function isOpen({ time_zone, open }: Hours, at: number): boolean {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: time_zone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(at);
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((one) => one.type === type)?.value ?? "";
  const day = part("weekday").toLowerCase();
  const time = `${part("hour")}:${part("minute")}`;
  return open.some(({ days, from, to }) => days.some((one) => one === day) && from <= time && time < to);
}
