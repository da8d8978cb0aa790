/**
 * Rate limits for visitors and strangers, by Cloudflare's binding. It counts per location and approximately: a shield against
 * floods, not a quota. API keys and users have no limit. The numbers are here and in wrangler.toml; a test keeps them equal.
 */
import type { Principal } from "../auth/principal.ts";
import type { Env } from "../env.ts";
import type { AppContext } from "./context.ts";
import { networkOf } from "../net/address.ts";
import { Problem } from "../problem/problem.ts";

/** `quota` requests in `window` seconds (10 or 60, the platform's choice). */
export const RATE_LIMITS = {
  /** Registrations and refreshes from one address. */
  ip: { binding: "LIMIT_IP", quota: 120, window: 60 },
  /** Changes of one visitor: messages, conversations, deletes, restores, ratings. */
  lead: { binding: "LIMIT_LEAD", quota: 240, window: 60 },
  /** The same of all visitors of one agent. */
  agent: { binding: "LIMIT_AGENT", quota: 3000, window: 60 },
  /** Look-ups for one address before it is known who is asking: keys, identity providers, agents, health. */
  lookup: { binding: "LIMIT_LOOKUP", quota: 600, window: 60 },
  /** Reads of one visitor, streams that it opens among them. */
  read: { binding: "LIMIT_READ", quota: 600, window: 60 },
} as const;

type Name = keyof typeof RATE_LIMITS;

/** `ip` and `lookup` count the requests from one address; `lead` and `read` those of one visitor, `lead` also of its agent. */
export type LimitKind = "ip" | "lookup" | "lead" | "read";

/** The limit of a route: the declared one, or else what its audience and method call for. */
export function limitOf({ limit, audience, method }: { limit?: LimitKind; audience: string; method: string }) {
  if (limit) return limit;
  if (audience === "public") return "lookup";
  if (audience === "staff" || audience === "keys") return null;
  return method === "get" ? "read" : "lead";
}

/** Throws 429 when a limit is exhausted. */
export async function enforceLimit(c: AppContext, kind: LimitKind, principal: Principal | null): Promise<void> {
  if (c.get("config").RATE_LIMITS === "off") return;
  if (kind === "ip" || kind === "lookup") {
    // Cloudflare sets this header itself and removes what a client sends under its name.
    const ip = c.req.header("cf-connecting-ip");
    if (ip !== undefined) await count(c.env, kind, networkOf(ip));
  } else if (principal === null) {
    await enforceLimit(c, "lookup", null);
  } else if (principal.kind === "lead") {
    const { company_id, agent_id, entity_id } = principal;
    if (kind === "read") return count(c.env, "read", entity_id);
    await Promise.all([count(c.env, "lead", entity_id), count(c.env, "agent", agent_id ?? company_id)]);
  }
}

async function count(env: Env, name: Name, key: string): Promise<void> {
  const { binding, quota, window } = RATE_LIMITS[name];
  const limiter = env[binding] as RateLimit | undefined;
  if (!limiter) throw new Error(`${binding} is not bound; bind it, or set RATE_LIMITS to "off"`);
  const { success } = await limiter.limit({ key });
  if (success) return;
  throw new Problem("rate_limited", `At most ${quota} of these requests in ${window} seconds.`, {
    retry_after: window,
    limit: { name, quota, window },
  });
}
