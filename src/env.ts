/** The bindings that wrangler.toml declares. Types only. */
import type { LedgerRpc } from "./chat/budget.ts";
import type { ConversationRpc } from "./chat/rpc.ts";

/** What sends to the webhooks of a company. */
export interface DispatcherRpc extends Rpc.DurableObjectBranded {
  wake(): Promise<void>;
}

/** What is known of a company while its database is away. */
export interface StandbyRpc extends Rpc.DurableObjectBranded {
  /** D1 lacks something of a conversation since `since` (ms); with null it lacks nothing any more. */
  noteLag(conversation_id: string, since: number | null): Promise<void>;
  /** Of how many conversations D1 lacks something, and when (ms) the oldest of that was written. */
  lag(): Promise<Lag>;
  /** Credentials that rest on one of these names end now. Rejects when that could not be noted. */
  noteEnded(names: string[]): Promise<void>;
  /** Whether a credential that rests on these names may have ended since `since` (ms). */
  hasEnded(names: string[], since: number): Promise<boolean>;
}

export type Lag = { conversations: number; since: number | null };

/** What wrangler binds. Everything that is a string arrives as a variable or a secret. */
export interface Env {
  /** The control database; further ones are bound as DB_1, DB_2 … */
  DB: D1Database;
  /** The search index, made from the others; without it there is no search. See db/search/. */
  SEARCH?: D1Database;
  CONVERSATION: DurableObjectNamespace<ConversationRpc>;
  WEBHOOK: DurableObjectNamespace<DispatcherRpc>;
  BUDGET: DurableObjectNamespace<LedgerRpc>;
  STANDBY: DurableObjectNamespace<StandbyRpc>;
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
