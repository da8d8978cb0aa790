/** Calendar days of a time zone (IANA), as the moments at which they begin. Pure. */

const DAY = 86_400_000;

/** A day: its date, and its moments in milliseconds, `until` exclusive. A day that a zone has skipped has none. */
export type LocalDay = { date: string; from: number; until: number };

/** Zones at hand in this process. A name may be spelt in many ways, each of which is another one here. */
const MOST = 50;
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(time_zone: string): Intl.DateTimeFormat {
  const known = formats.get(time_zone);
  if (known) return known;
  const digits = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" } as const;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: time_zone,
    calendar: "gregory",
    ...digits,
    second: "2-digit",
    hourCycle: "h23",
  });
  if (formats.size >= MOST) formats.clear();
  formats.set(time_zone, format);
  return format;
}

/** What the clocks of the zone show at `at` (ms), as if it were UTC. */
function wallClock(time_zone: string, at: number): number {
  const parts = formatOf(time_zone).formatToParts(at);
  const part = (type: Intl.DateTimeFormatPartTypes) => Number(parts.find((one) => one.type === type)?.value);
  return Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
}

/** The day on which `at` (ms) is, as days since 1970. */
const dayNumber = (time_zone: string, at: number): number => Math.floor(wallClock(time_zone, at) / DAY);

/** When a day begins: at midnight, or where the clocks are put forward over midnight, at the first moment after it. */
function beginOf(time_zone: string, day: number): number {
  const midnight = day * DAY;
  const offset = (at: number) => wallClock(time_zone, at) - Math.floor(at / 1000) * 1000;
  // The offset from UTC that holds at midnight is that of a day before or of a day after.
  const candidates = [midnight - offset(midnight - DAY), midnight - offset(midnight + DAY)].toSorted((a, b) => a - b);
  return candidates.find((at) => dayNumber(time_zone, at) >= day) ?? midnight;
}

/** The days of a period (ms, `until` exclusive), also those that it only touches; the first and the last are cut to it. */
export function daysOf(time_zone: string, { from, until }: { from: number; until: number }): LocalDay[] {
  const first = dayNumber(time_zone, from);
  const last = dayNumber(time_zone, until - 1);
  const begins = Array.from({ length: last - first + 2 }, (_, i) => beginOf(time_zone, first + i));
  return Array.from({ length: last - first + 1 }, (_, i) => ({
    date: new Date((first + i) * DAY).toISOString().slice(0, 10),
    from: Math.max(from, begins[i] ?? from),
    until: Math.min(until, begins[i + 1] ?? until),
  }));
}

/** When the day of a date (`YYYY-MM-DD`), or one so many days later, begins. */
export const beginOfDate = (time_zone: string, date: string, later = 0): number =>
  beginOf(time_zone, Date.parse(date) / DAY + later);

/** When the day began on which `at` (ms) is, or one so many days later. */
export const beginOfDay = (time_zone: string, at: number, later = 0): number =>
  beginOf(time_zone, dayNumber(time_zone, at) + later);
