/**
 * Rate limits on what visitors may do, by Cloudflare's binding: per location and approximate, so a shield and no quota.
 * Keys and users are not counted. The numbers stand here and in wrangler.toml; a test holds the two together.
 */
import type { Principal } from "../auth/principal.ts";
import type { Env } from "../env.ts";
import type { AppContext } from "./context.ts";
import { Problem } from "../problem/problem.ts";

/** `quota` requests in `window` seconds (10 or 60, the platform's choice). */
export const RATE_LIMITS = {
  /** Registrations and refreshes from one address. */
  ip: { binding: "LIMIT_IP", quota: 120, window: 60 },
  /** Messages and new conversations of one visitor. */
  lead: { binding: "LIMIT_LEAD", quota: 240, window: 60 },
  /** The same of all visitors of one agent. */
  agent: { binding: "LIMIT_AGENT", quota: 3000, window: 60 },
} as const;

type Name = keyof typeof RATE_LIMITS;

/** What a route counts: requests from an address, or those of a visitor and of the visitor's agent. */
export type Limited = "ip" | "lead";

/** Throws 429 when one of the limits of this request is used up. */
export async function enforceLimit(c: AppContext, limited: Limited, principal: Principal | null): Promise<void> {
  if (c.var.config.RATE_LIMITS === "off") return;
  if (limited === "ip") {
    // Set by Cloudflare itself; what a client sends under this name never gets here.
    const ip = c.req.header("cf-connecting-ip");
    if (ip !== undefined) await count(c.env, "ip", ip);
  } else if (principal?.kind === "lead") {
    const { company_id, agent_id, entity_id } = principal;
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
