/** Identity providers that companies registered. */
import { eq } from "drizzle-orm";
import type { Database } from "./database.ts";
import { issuer } from "./schema.ts";

export type IssuerRow = typeof issuer.$inferSelect;

/** Every registration of an `iss`, whichever company made it: the audience tells them apart. */
export const findIssuers = (db: Database, iss: string): Promise<IssuerRow[]> =>
  db.select().from(issuer).where(eq(issuer.issuer, iss)).all();
