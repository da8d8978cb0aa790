/// <reference types="@cloudflare/vitest-pool-workers/types" />
import type { D1Migration } from "@cloudflare/vitest-pool-workers";
import type { Env as AppEnv } from "../../src/env.ts";

declare global {
  namespace Cloudflare {
    interface Env extends AppEnv {
      TEST_MIGRATIONS: D1Migration[];
      TEST_SEARCH_MIGRATIONS: D1Migration[];
      /** Not empty where suites that take long are to run in full. */
      TEST_FULL: string;
      /** Base URL of the upstream that global-setup.ts starts, without a trailing slash. */
      TEST_UPSTREAM: string;
      TOKEN_SECRETS: string;
      ENCRYPTION_KEYS: string;
    }
    interface GlobalProps {
      mainModule: typeof import("../../src/index.ts");
      durableNamespaces: "ConversationObject" | "LedgerObject" | "StandbyObject" | "WebhookObject";
    }
  }
}
