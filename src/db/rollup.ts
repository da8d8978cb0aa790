/** What is rolled up, and of whom something is to be. A span and its sums are written together, counted in the same write. */
import { and, eq, gt, gte, inArray, lt, sql } from "drizzle-orm";
import { type Period, rollupOf, spanOf } from "./analytic-cell.ts";
import type { Database } from "./database.ts";
import { company, conversation, lead, message, rollup, rollup_due, rollup_span } from "./schema.ts";

/** No span is longer than a day, on which the clocks may be put back. */
const LONGEST = 2 * 86_400_000;

/** As the index on replies has it: with a parameter in it, SQLite would not take that index. */
const REPLY = sql`role = 'assistant'`;

/** What is there of a company that is about to be rolled up. */
export type Rolled = {
  /** When (ms) the first was made of what figures count; null: nothing. */ first: number | null;
  spans: Period[];
};

/** The company is due behind all others, until endRollup; and its spans that begin at `from` (ms) or later. */
export async function beginRollup(db: Database, company_id: string, from: number): Promise<Rolled> {
  const first = (table: typeof message | typeof conversation | typeof lead, condition = sql`TRUE`) =>
    db
      .select({ at: sql<number | null>`min(${table.created_at})` })
      .from(table)
      .where(and(eq(table.company_id, company_id), condition));
  const [, , spans, ...found] = await db.batch([
    db.delete(rollup_due).where(eq(rollup_due.company_id, company_id)),
    db.insert(rollup_due).values({ company_id }),
    db
      .select({ from: rollup_span.from_at, until: rollup_span.until_at })
      .from(rollup_span)
      .where(and(eq(rollup_span.company_id, company_id), gte(rollup_span.from_at, from))),
    first(message, REPLY),
    first(conversation),
    first(lead),
  ]);
  const times = found.flatMap(([row]) => row?.at ?? []);
  return { first: times.length === 0 ? null : Math.min(...times), spans };
}

/** The company is not due any more, unless one of these spans is not there (any more), or a reply ended behind them. */
export const endRollup = (db: Database, company_id: string, wanted: readonly Period[]) => {
  const { from = 0 } = wanted[0] ?? {};
  const { until = 0 } = wanted.at(-1) ?? {};
  const there = sql`SELECT count(*) FROM rollup_span WHERE company_id = ${company_id} AND from_at >= ${from}
    AND until_at <= ${until}`;
  const later = sql`SELECT 1 FROM message WHERE company_id = ${company_id} AND ${REPLY} AND created_at >= ${until}`;
  const isDone = sql`(${there}) >= ${wanted.length} AND NOT EXISTS (${later})`;
  return db.delete(rollup_due).where(and(eq(rollup_due.company_id, company_id), isDone));
};

/** Rolls one span up, in place of any that it overlaps. */
export async function rollUpSpan(db: Database, company_id: string, span: Period): Promise<void> {
  const { from, until } = span;
  const overlapping = and(
    eq(rollup_span.company_id, company_id),
    gt(rollup_span.from_at, from - LONGEST),
    lt(rollup_span.from_at, until),
    gt(rollup_span.until_at, from),
  );
  await db.batch([
    db.delete(rollup_span).where(overlapping),
    db.insert(rollup).select(rollupOf(company_id, span)),
    db.insert(rollup_span).select(spanOf(company_id, span)),
  ]);
}

/** Takes everything away that is rolled up of a company: it is counted anew. */
export const forgetRollup = (db: Database, company_id: string) =>
  db.delete(rollup_span).where(eq(rollup_span.company_id, company_id));

/** Companies of which something is to be rolled up, those first that have waited longest. */
export const dueCompanies = async (db: Database, limit: number): Promise<string[]> =>
  (
    await db
      .select()
      .from(rollup_due)
      .orderBy(sql`rowid`)
      .limit(limit)
  ).map(({ company_id }) => company_id);

/** Where the days of each of these companies begin (IANA name). */
export async function timeZonesOf(control: Database, ids: string[]): Promise<Map<string, string>> {
  const rows = await control
    .select({ id: company.id, time_zone: company.time_zone })
    .from(company)
    .where(inArray(company.id, ids));
  return new Map(rows.map(({ id, time_zone }) => [id, time_zone]));
}
