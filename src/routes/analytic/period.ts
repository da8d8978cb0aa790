/** The period of a request for figures, and its UTC days. */
import * as z from "zod";
import type { Period } from "../../db/analytic-period.ts";
import { timestamp, toTimestamp } from "../../http/fields.ts";
import { invalid } from "../../problem/problem.ts";
import { lazy } from "../../lazy.ts";

/** Milliseconds. */
const DAY = 86_400_000;
const DEFAULT_DAYS = 30;
const MAX_DAYS = 366;

const moment = lazy(() => z.union([z.iso.date(), z.iso.datetime({ offset: true })]));

/** The members that set the period, in a query or in a body. */
export const periodFields = lazy(() => ({
  start_date: moment()
    .optional()
    .meta({
      description: `RFC 3339 date (from its beginning in UTC) or date-time. By default the period has ${DEFAULT_DAYS} days.`,
    }),
  end_date: moment()
    .optional()
    .meta({
      description: `RFC 3339 date (to its end in UTC) or date-time, inclusive. Now by default. At most ${MAX_DAYS} days after the start.`,
    }),
}));

/** The period in responses. */
export const periodSchema = lazy(() => ({
  start_date: timestamp(),
  end_date: timestamp().meta({ description: "Inclusive." }),
}));

/** The period of a request. Throws 422 when it ends before it starts, or is too long. */
export function periodOf({ start_date, end_date }: { start_date?: string; end_date?: string }, now: number): Period {
  const until =
    end_date === undefined ? now + 1 : isDate(end_date) ? Date.parse(end_date) + DAY : Date.parse(end_date) + 1;
  const from = start_date === undefined ? (dayOf(until - 1) - DEFAULT_DAYS + 1) * DAY : Date.parse(start_date);
  if (from >= until)
    throw invalid({ path: "/start_date", message: "must not be after end_date, which is now by default" });
  if (until - from > MAX_DAYS * DAY) {
    throw invalid({
      path: "/start_date",
      message: `must be at most ${MAX_DAYS} days before end_date, which is now by default`,
    });
  }
  return { from, until };
}

export const periodView = ({ from, until }: Period) => ({
  start_date: toTimestamp(from),
  end_date: toTimestamp(until - 1),
});

/** The UTC days of a period, also those that it only touches, as days since 1970. */
export function daysOf({ from, until }: Period): number[] {
  const first = dayOf(from);
  return Array.from({ length: dayOf(until - 1) - first + 1 }, (_, i) => first + i);
}

/** `YYYY-MM-DD` of a day since 1970. */
export const dateOf = (day: number): string => toTimestamp(day * DAY).slice(0, 10);

const isDate = (value: string) => value.length === "2026-11-22".length;
const dayOf = (at: number) => Math.floor(at / DAY);
