/** The bindings that wrangler.toml declares. Types only. */
import type { ConversationRpc } from "./chat/rpc.ts";

/** What sends to the webhooks of a company. */
export interface DispatcherRpc extends Rpc.DurableObjectBranded {
  wake(): Promise<void>;
}

/** What wrangler binds. Everything that is a string arrives as a variable or a secret. */
export interface Env {
  /** The control database; further ones are bound as DB_1, DB_2 … */
  DB: D1Database;
  /** The search index, made from the others; without it there is no search. See db/search/. */
  SEARCH?: D1Database;
  CONVERSATION: DurableObjectNamespace<ConversationRpc>;
  WEBHOOK: DurableObjectNamespace<DispatcherRpc>;
  ASSETS: Fetcher;
  /** How much visitors may do; see http/rate-limit.ts. */
  LIMIT_IP?: RateLimit;
  LIMIT_LEAD?: RateLimit;
  LIMIT_AGENT?: RateLimit;
  LIMIT_LOOKUP?: RateLimit;
  LIMIT_READ?: RateLimit;
  /** Workers AI, bound in production only. */
  AI?: Ai;
  [name: string]: unknown;
}
