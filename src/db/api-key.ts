/** API keys: looked up by their public half before it is known whose they are; everything else takes the company. */
import { eq } from "drizzle-orm";
import type { Database } from "./database.ts";
import { api_key } from "./schema.ts";

export type ApiKeyRow = typeof api_key.$inferSelect;

export const findApiKey = (db: Database, key: string): Promise<ApiKeyRow | undefined> =>
  db.select().from(api_key).where(eq(api_key.key, key)).get();

/** Notes that a key was used; callers throttle it. */
export const touchApiKey = (db: Database, row: ApiKeyRow, at: number) =>
  db.update(api_key).set({ last_used_at: at }).where(eq(api_key.id, row.id)).run();
