/**
 * The websites on which a visitor's token is valid: the allowed_origins of the token's agent, or, for a token that names no
 * agent, those of all agents of the company. Origins are compared as whole strings.
 */
import { companyDatabase } from "../db/database.ts";
import { type AgentRow, forgetAgents, listAllowedOrigins } from "../db/agent.ts";
import { type AppContext, askedOrigin, originOf } from "./context.ts";
import { originAllowed } from "../net/origin.ts";
import { Problem } from "../problem/problem.ts";
import { Lookups } from "../auth/cache.ts";
import type { Principal } from "../auth/principal.ts";

/** Milliseconds for which an isolate trusts what it has read, and for which that will do while the database is away. */
const TTL = 30_000;
const SPARE = 10 * 60_000;
const listsCache = new Lookups<string[][]>({ spare: SPARE, max: 1000 });

/** Call this when an agent changes: this isolate rereads it and the lists at once, others within 30 s. */
export function forgetWebsites(): void {
  listsCache.clear();
  forgetAgents();
}

type Visitor = Pick<Principal, "kind" | "company_id" | "agent_id" | "website">;

/**
 * Throws 403 when a visitor's token comes from a page of a website that is not listed. A request without `Origin` counts as
 * one from the website that the visitor registered on.
 */
export async function admitWebsite(c: AppContext, principal: Visitor): Promise<void> {
  const origin = c.req.header("origin") ?? principal.website;
  if (principal.kind !== "lead" || origin === null || isOwn(c, origin)) return;
  const lists = await originsOf(c, principal);
  if (!lists.some((allowed) => originAllowed(origin, allowed, c.get("config").local))) throw originRefused();
}

/** What the visitor's agent lists, or every agent of the company that vouched for the visitor. */
async function originsOf(c: AppContext, { company_id, agent_id }: Visitor): Promise<string[][]> {
  const key = `${company_id} ${agent_id ?? ""}`;
  const read = async () => listAllowedOrigins(await companyDatabase(c.env, company_id), company_id, agent_id);
  return (await listsCache.get(key, Date.now(), () => TTL, read)).value;
}

/** Throws 403 when a request without a token comes from a page of a website that is not in `allowed`. */
export function admitPage(c: AppContext, allowed: string[]): void {
  const origin = c.req.header("origin");
  if (origin === undefined || originAllowed(origin, allowed, c.get("config").local)) return;
  throw originRefused();
}

/**
 * Throws 403 when a visitor starts a conversation with an agent that does not list the website of the page, or the one that
 * the visitor registered on. A token that does not name that website is valid for agents that share one with its own agent.
 */
export async function admitToWebsiteOf(c: AppContext, agent: Pick<AgentRow, "id" | "allowed_origins">): Promise<void> {
  const principal = c.get("principal");
  const config = c.get("config");
  if (principal?.kind !== "lead") return;
  const { website, agent_id } = principal;
  const allowed = agent.allowed_origins;
  if (!isOwn(c, c.req.header("origin") ?? "")) admitPage(c, allowed);
  if (website !== null) {
    if (!isOwn(c, website) && !originAllowed(website, allowed, config.local)) throw originRefused();
  } else if (agent_id !== null && agent_id !== agent.id) {
    const own = (await originsOf(c, principal)).flat();
    const isLocal = config.local && own.length === 0 && allowed.length === 0;
    if (!isLocal && !own.some((origin) => allowed.includes(origin))) throw originRefused();
  }
}

export const originRefused = () => new Problem("origin_not_allowed", "This agent may not be used from this website.");

const isOwn = (c: AppContext, origin: string) => origin === originOf(c) || origin === askedOrigin(c);
