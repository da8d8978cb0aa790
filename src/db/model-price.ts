/** What models cost a company. Prices are of a provider's name, also of one that this Worker offers to everybody. */
import { and, asc, eq, gt, lt, sql } from "drizzle-orm";
import type { AuditRow } from "../chat/audit.ts";
import type { Price } from "../chat/money.ts";
import { insertAudit } from "./audit.ts";
import type { Database } from "./database.ts";
import { model_price } from "./schema.ts";

/** Prices by the ids that the provider gives its models. */
export type Prices = Record<string, Price>;

/** The most models of one provider that have a price. */
export const MAX_PRICES = 500;

/** "0" follows "/". */
const ofProvider = (company_id: string, name: string) =>
  and(eq(model_price.company_id, company_id), gt(model_price.model, `${name}/`), lt(model_price.model, `${name}0`));

export async function findPrices(db: Database, company_id: string, name: string): Promise<Prices> {
  const rows = await db
    .select()
    .from(model_price)
    .where(ofProvider(company_id, name))
    .orderBy(asc(model_price.model))
    .limit(MAX_PRICES);
  return Object.fromEntries(
    rows.map(({ company_id: _, model, ...price }) => [model.slice(name.length + 1), price] as const),
  );
}

export const deletePrices = (db: Database, company_id: string, name: string) =>
  db.delete(model_price).where(ofProvider(company_id, name));

/** These prices in place of all that the provider's models had, with their audit row. */
export async function putPrices(
  db: Database,
  company_id: string,
  name: string,
  prices: Prices,
  audit: AuditRow,
): Promise<void> {
  const rows = Object.entries(prices).map(([id, price]) => ({ model: `${name}/${id}`, ...price }));
  const of = (member: string) => sql.raw(`value ->> '$.${member}'`);
  await db.batch([
    deletePrices(db, company_id, name),
    db.insert(model_price).select(
      sql`SELECT ${company_id}, ${of("model")}, ${of("input")}, ${of("cached_input")}, ${of("output")}, ${of("currency")}
          FROM json_each(${JSON.stringify(rows)}) WHERE true`,
    ),
    insertAudit(db, audit),
  ]);
}
