/** Times as people say them, with the exact one a hover away. */
import { useEffect, useState } from "react";
import { currentLanguage } from "../words.ts";

const STEPS: [unit: Intl.RelativeTimeFormatUnit, seconds: number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** "3 hours ago" up to a week, then the date. */
export function ago(iso: string, now = Date.now()): string {
  const seconds = (Date.parse(iso) - now) / 1000;
  if (Math.abs(seconds) > 7 * 86_400) return dateOf(iso);
  const [unit, size] = STEPS.find(([, step]) => Math.abs(seconds) >= step) ?? ["second", 1];
  const count = unit === "second" ? 0 : Math.trunc(seconds / size);
  return new Intl.RelativeTimeFormat(currentLanguage(), { numeric: "auto", style: "narrow" }).format(count, unit);
}

export const exactly = (iso: string): string =>
  new Intl.DateTimeFormat(currentLanguage(), { dateStyle: "medium", timeStyle: "medium" }).format(new Date(iso));
export const dateOf = (iso: string): string =>
  new Intl.DateTimeFormat(currentLanguage(), { dateStyle: "medium" }).format(new Date(iso));
export const clockOf = (iso: string): string =>
  new Intl.DateTimeFormat(currentLanguage(), { hour: "2-digit", minute: "2-digit" }).format(new Date(iso));

export const number = (value: number, options: Intl.NumberFormatOptions = {}): string =>
  new Intl.NumberFormat(currentLanguage(), options).format(value);

/** Milliseconds as "850 ms", "3.2 s", "4 min". */
export function span(milliseconds: number | null): string {
  if (milliseconds === null) return "–";
  if (milliseconds < 1000) return `${number(Math.round(milliseconds))} ms`;
  if (milliseconds < 120_000) return `${number(milliseconds / 1000, { maximumFractionDigits: 1 })} s`;
  return `${number(Math.round(milliseconds / 60_000))} min`;
}

/** The present, again every half minute. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

export function Time({ at, exact = false }: { at: string; exact?: boolean }) {
  const now = useNow();
  return (
    <time dateTime={at} title={exactly(at)}>
      {exact ? exactly(at) : ago(at, now)}
    </time>
  );
}
