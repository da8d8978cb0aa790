import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";

for (const database of [env.DB, env["DB_1"] as D1Database]) await applyD1Migrations(database, env.TEST_MIGRATIONS);
if (env.SEARCH) await applyD1Migrations(env.SEARCH, env.TEST_SEARCH_MIGRATIONS);
