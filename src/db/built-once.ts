/** Queries that go to D1 in one trip, and whose SQL is built once: building it takes nearly as long as the trip. */
import { fillPlaceholders, type Query } from "drizzle-orm";
import type { Database } from "./database.ts";

/** What drizzle makes of a query; its parameters may be placeholders. */
type Built = { getQuery(): Query; mapResult(result: unknown, isFromBatch: boolean): unknown };

/** Resolves to the rows of each query, in order. `values` are those of the placeholders, by name. */
export function builtOnce(build: (db: Database) => { prepare(): Built }[]) {
  let built: Built[] | undefined;
  return async (db: Database, values: Record<string, unknown>): Promise<unknown[]> => {
    const queries = (built ??= build(db).map((query) => query.prepare()));
    const statements = queries.map((query) => {
      const { sql, params } = query.getQuery();
      return db.$client.prepare(sql).bind(...fillPlaceholders(params, values));
    });
    const results = await db.$client.batch(statements);
    return results.map((result, i) => queries[i]?.mapResult(result, true));
  };
}
