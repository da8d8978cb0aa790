import type { D1Migration } from "@cloudflare/vitest-pool-workers";
import type { Env } from "../../src/config.ts";

declare global {
  namespace Cloudflare {
    interface Env extends AppEnv {
      TEST_MIGRATIONS: D1Migration[];
      TEST_UPSTREAM: string;
    }
  }
}
type AppEnv = Env;
