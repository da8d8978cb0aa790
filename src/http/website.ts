/**
 * The websites on which a visitor's token is valid: the allowed_origins of the token's agent, or, for a token that names no
 * agent, those of all agents of the company. Origins are compared as whole strings.
 */
import { companyDatabase } from "../db/database.ts";
import { listAllowedOrigins } from "../db/agent.ts";
import { type AppContext, originOf } from "./context.ts";
import { originAllowed } from "../net/origin.ts";
import { Problem } from "../problem/problem.ts";
import { TtlCache } from "../auth/cache.ts";
import type { Principal } from "../auth/principal.ts";

/** Milliseconds for which an isolate trusts what it has read. */
const TTL = 30_000;
const listsCache = new TtlCache<string[][]>(TTL);

/** Call this when an agent changes: this isolate rereads the lists at once, others within 30 s. */
export const forgetWebsites = (): void => listsCache.clear();

type Visitor = Pick<Principal, "kind" | "company_id" | "agent_id">;

/** Throws 403 when a visitor's token comes from a page of a website that is not listed. */
export async function admitWebsite(c: AppContext, principal: Visitor): Promise<void> {
  const origin = c.req.header("origin");
  if (principal.kind !== "lead" || origin === undefined || isOwn(c, origin)) return;
  const { company_id, agent_id } = principal;
  const key = `${company_id} ${agent_id ?? ""}`;
  const now = Date.now();
  let lists = listsCache.get(key, now);
  if (!lists) {
    lists = await listAllowedOrigins(await companyDatabase(c.env, company_id), company_id, agent_id);
    listsCache.set(key, lists, now);
  }
  if (!lists.some((allowed) => originAllowed(origin, allowed, c.var.config.local))) throw originRefused();
}

/** Throws 403 when a request without a token comes from a page of a website that is not in `allowed`. */
export function admitPage(c: AppContext, allowed: string[]): void {
  const origin = c.req.header("origin");
  if (origin === undefined || originAllowed(origin, allowed, c.var.config.local)) return;
  throw originRefused();
}

/** The same for a visitor who starts a conversation with an agent: it need not be the agent of the token. */
export function admitVisitorPage(c: AppContext, allowed: string[]): void {
  if (!isOwn(c, c.req.header("origin") ?? "")) admitPage(c, allowed);
}

export const originRefused = () => new Problem("origin_not_allowed", "This agent may not be used from this website.");

const isOwn = (c: AppContext, origin: string) => origin === originOf(c) || origin === new URL(c.req.url).origin;
