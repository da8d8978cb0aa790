/**
 * Rolls up what figures are sums of: of each company its days that are over, and the hours of the present one. It costs turns
 * nothing, and nothing depends on it but how much a figure reads: what is not rolled up is counted when it is read.
 */
import type { Period } from "../db/analytic-cell.ts";
import { allHomes, causeOf, controlDatabase, type Database, openDatabase } from "../db/database.ts";
import { daysOf } from "../db/day.ts";
import { beginRollup, dueCompanies, endRollup, rollUpSpan, timeZonesOf } from "../db/rollup.ts";
import type { Env } from "../env.ts";
import { Budget } from "./budget.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Milliseconds after which D1 has heard of a turn, but for outages: what comes later takes its span away again. */
const SETTLED = 10 * 60_000;
/** Days that are kept rolled up: more than a period of figures can have. What is older is counted when it is read. */
const DAYS = 400;
/** Companies of one database, and calls of all, in one run. */
const COMPANIES = 100;
const CALLS = 400;

export type RollupPlan = { company_id: string; time_zone: string; now: number };

/** The scheduled run. What it has no room for is left to the next one. */
export async function rollUpDue(env: Env, now: number): Promise<void> {
  const budget = new Budget(CALLS);
  for (const { d1 } of allHomes(env)) {
    const db = openDatabase(d1);
    if (!budget.spend(2)) return;
    const ids = await dueCompanies(db, COMPANIES);
    const zones = await timeZonesOf(controlDatabase(env), ids);
    for (const company_id of ids) {
      const plan = { company_id, time_zone: zones.get(company_id) ?? "UTC", now };
      await rollUpCompany(db, plan, budget).catch((error: unknown) =>
        console.error(JSON.stringify({ event: "rollup_failed", company_id, error: causeOf(error) })),
      );
    }
  }
}

/** Rolls up what a company lacks, the newest first. Returns how many spans that were. */
export async function rollUpCompany(
  db: Database,
  { company_id, time_zone, now }: RollupPlan,
  budget: Budget,
): Promise<number> {
  if (!budget.spend(2)) return 0;
  const { first, spans } = await beginRollup(db, company_id, now - (DAYS + 1) * DAY);
  const since = first ?? now;
  const wanted = spansOf(time_zone, { from: Math.max(since, now - DAYS * DAY), until: now - SETTLED });
  const there = new Map(spans.map(({ from, until }) => [from, until]));
  const lacking = wanted.filter(({ from, until }) => there.get(from) !== until).toReversed();
  let done = 0;
  for (const span of lacking) {
    if (!budget.spend(1)) break;
    await rollUpSpan(db, company_id, span);
    done++;
  }
  await endRollup(db, company_id, wanted);
  return done;
}

/** The whole days that lie in a period and, of the last one that is not over, the whole hours. Oldest first. */
function spansOf(time_zone: string, { from, until }: Period): Period[] {
  const spans: Period[] = [];
  for (const day of daysOf(time_zone, { from: from - 2 * DAY, until: until + 2 * DAY })) {
    if (day.until <= from || day.from >= until) continue;
    if (day.until <= until) spans.push({ from: day.from, until: day.until });
    else for (let at = day.from; at + HOUR <= until; at += HOUR) spans.push({ from: at, until: at + HOUR });
  }
  return spans.filter((span) => span.from < span.until);
}
