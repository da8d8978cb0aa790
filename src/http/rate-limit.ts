/**
 * Rate limits for visitors, by Cloudflare's binding. It counts per location and approximately: a shield against floods, not
 * a quota. API keys and users have no limit. The numbers are here and in wrangler.toml; a test keeps them equal.
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

/** `ip` counts the requests from one address; `lead` those of one visitor and of all visitors of the same agent. */
export type LimitKind = "ip" | "lead";

/** Throws 429 when a limit is exhausted. */
export async function enforceLimit(c: AppContext, kind: LimitKind, principal: Principal | null): Promise<void> {
  if (c.var.config.RATE_LIMITS === "off") return;
  if (kind === "ip") {
    // Cloudflare sets this header itself and removes what a client sends under its name.
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
