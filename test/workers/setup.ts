import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach } from "vitest";
import { forgetLog, showLog } from "./isolate.ts";

for (const [name, database] of Object.entries(env)) {
  if (/^DB(_\d+)?$/.test(name)) await applyD1Migrations(database as D1Database, env.TEST_MIGRATIONS);
}
if (env.SEARCH) await applyD1Migrations(env.SEARCH, env.TEST_SEARCH_MIGRATIONS);

beforeEach(({ onTestFailed }) => {
  forgetLog();
  onTestFailed(showLog);
});
