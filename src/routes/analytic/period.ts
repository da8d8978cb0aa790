/** The period of a request for figures, and its days in the company's time zone. */
import { timeZoneOf } from "../../db/company.ts";
import { controlDatabase } from "../../db/database.ts";
import { beginOfDate, beginOfDay, daysOf, type LocalDay } from "../../db/day.ts";
import type { AppContext } from "../../http/context.ts";
import { moment, timestamp, timeZone, toTimestamp } from "../../http/fields.ts";
import { invalid } from "../../problem/problem.ts";
import { lazy } from "../../lazy.ts";

/** Milliseconds. */
const DAY = 86_400_000;
const DEFAULT_DAYS = 30;
const MAX_DAYS = 366;
/** By so much longer are as many days in which clocks are put back. */
const CLOCK_CHANGES = DAY / 8;

/** Milliseconds, `from` inclusive, `until` exclusive, and the days of which that is made. */
export type CompanyPeriod = { from: number; until: number; time_zone: string; days: LocalDay[] };

/** The members that set the period, in a query or in a body. */
export const periodFields = lazy(() => ({
  start_date: moment()
    .optional()
    .meta({
      description: `RFC 3339 date (from its beginning in the company's time zone) or date-time. By default the period has ${DEFAULT_DAYS} days.`,
    }),
  end_date: moment()
    .optional()
    .meta({
      description: `RFC 3339 date (to its end in the company's time zone) or date-time, inclusive. Now by default. At most ${MAX_DAYS} days after the start.`,
    }),
}));

/** The period in responses. */
export const periodSchema = lazy(() => ({
  start_date: timestamp(),
  end_date: timestamp().meta({ description: "Inclusive." }),
  time_zone: timeZone().meta({ description: "Of the company: where its days begin." }),
}));

type Dates = { start_date?: string; end_date?: string };

/** The period of a request. Throws 422 when it ends before it starts, or is too long. */
export async function companyPeriod(c: AppContext, company_id: string, dates: Dates): Promise<CompanyPeriod> {
  return periodOf(dates, await timeZoneOf(controlDatabase(c.env), company_id), Date.now());
}

function periodOf({ start_date, end_date }: Dates, time_zone: string, now: number): CompanyPeriod {
  const until =
    end_date === undefined
      ? now + 1
      : isDate(end_date)
        ? beginOfDate(time_zone, end_date, 1)
        : Date.parse(end_date) + 1;
  const from =
    start_date === undefined
      ? beginOfDay(time_zone, until - 1, 1 - DEFAULT_DAYS)
      : isDate(start_date)
        ? beginOfDate(time_zone, start_date)
        : Date.parse(start_date);
  if (from >= until)
    throw invalid({ path: "/start_date", message: "must not be after end_date, which is now by default" });
  if (until - from > MAX_DAYS * DAY + CLOCK_CHANGES) {
    throw invalid({
      path: "/start_date",
      message: `must be at most ${MAX_DAYS} days before end_date, which is now by default`,
    });
  }
  if (until <= 0) throw invalid({ path: "/end_date", message: "must not be before 1970" });
  return { from, until, time_zone, days: daysOf(time_zone, { from, until }) };
}

export const periodView = ({ from, until, time_zone }: CompanyPeriod) => ({
  start_date: toTimestamp(from),
  end_date: toTimestamp(until - 1),
  time_zone,
});

const isDate = (value: string) => value.length === "2026-11-22".length;
