/** Companies: the tenants. One begins with an owner and the owner's first key, so that somebody can make the rest. */
import type { Database } from "./database.ts";
import { api_key, company, user } from "./schema.ts";

export type NewCompany = {
  company: typeof company.$inferInsert;
  owner: typeof user.$inferInsert;
  /** At least one; see newApiKey in auth/api-key.ts. */
  keys: (typeof api_key.$inferInsert)[];
};

/** The statements that store a company, for one batch (or, through `toSQL()`, for a database reached otherwise). */
export const insertCompany = (db: Database, rows: NewCompany) =>
  [
    db.insert(company).values(rows.company),
    db.insert(user).values(rows.owner),
    db.insert(api_key).values(rows.keys),
  ] as const;

/** Throws when the database cannot be reached, or has no tables yet. */
export const ping = (db: Database) => db.select({ id: company.id }).from(company).limit(1).get();
