/** Days and months as a time zone has them, also those on which its clocks change. Pure; times are milliseconds. */

export type PeriodKind = "day" | "month";

/** From the first moment on, up to but without the last. */
export type Period = { start: number; end: number };

const MINUTE = 60_000;
/** No zone is further from UTC, and no day begins later than by as much after a change of the clocks. */
const FURTHEST = 18 * 60 * MINUTE;

/** Zones at hand in this process. A name may be spelt in many ways, each of which is another one here. */
const MOST = 50;
const formats = new Map<string, Intl.DateTimeFormat>();

/** The date in a time zone (IANA), as `YYYY-MM-DD`. */
function dateIn(zone: string, at: number): string {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" });
    if (formats.size >= MOST) formats.clear();
    formats.set(zone, format);
  }
  return format.format(at);
}

/** The day or month that `now` is in. A day begins with its first minute there, which need not be at midnight. */
export function periodOf(kind: PeriodKind, zone: string, now: number): Period {
  const [year = 0, month = 0, day = 0] = dateIn(zone, now).split("-").map(Number);
  const first = kind === "day" ? day : 1;
  const next = kind === "day" ? Date.UTC(year, month - 1, day + 1) : Date.UTC(year, month);
  return { start: beginOf(Date.UTC(year, month - 1, first), zone), end: beginOf(next, zone) };
}

/** When a date begins in a time zone. `utc` is when it does in UTC. */
function beginOf(utc: number, zone: string): number {
  const date = new Date(utc).toISOString().slice(0, 10);
  let before = utc - FURTHEST;
  let after = utc + FURTHEST;
  while (after - before > MINUTE) {
    const middle = Math.floor((before + after) / 2 / MINUTE) * MINUTE;
    if (dateIn(zone, middle) < date) before = middle;
    else after = middle;
  }
  return after;
}
