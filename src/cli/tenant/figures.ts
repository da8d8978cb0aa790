/** Counts what figures are sums of anew, of one company or of all, while the service goes on. Cut off, it can be run again. */
import { eq } from "drizzle-orm";
import { Budget } from "../../compliance/budget.ts";
import { rollUpCompany } from "../../compliance/rollup.ts";
import { openDatabase } from "../../db/database.ts";
import { forgetRollup } from "../../db/rollup.ts";
import { company } from "../../db/schema.ts";

/** Returns how many companies there were. `report` hears of each, and how many spans of time it has. */
export async function remakeFigures(
  homes: ReadonlyMap<string, D1Database>,
  only: string | undefined,
  now: number,
  report: (company_id: string, spans: number) => void,
): Promise<number> {
  const control = openDatabase(homes.get("DB") as D1Database);
  const where = only === undefined ? undefined : eq(company.id, only);
  const companies = await control.select().from(company).where(where);
  for (const { id: company_id, time_zone, database } of companies) {
    const db = openDatabase(homes.get(database) as D1Database);
    await forgetRollup(db, company_id);
    report(company_id, await rollUpCompany(db, { company_id, time_zone, now }, new Budget(Number.POSITIVE_INFINITY)));
  }
  return companies.length;
}
