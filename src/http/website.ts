/**
 * Which websites a visitor's token is good on: those that its agent lists, or, for a visitor whom the company's backend
 * vouched for without naming an agent, those that any of its agents lists. Compared whole.
 */
import { companyDatabase } from "../db/database.ts";
import { listAllowedOrigins } from "../db/agent.ts";
import { type AppContext, originOf } from "./context.ts";
import { originAllowed } from "../net/origin.ts";
import { Problem } from "../problem/problem.ts";
import { TtlCache } from "../auth/cache.ts";
import type { Principal } from "../auth/principal.ts";

/** Milliseconds for which an isolate believes what it has read. */
const TTL = 30_000;
const listsCache = new TtlCache<string[][]>(TTL);

/** An agent changed: this isolate knows at once, others within 30 s. */
export const forgetWebsites = (): void => listsCache.clear();

type Visitor = Pick<Principal, "kind" | "company_id" | "agent_id">;

/** Throws 403 when a page of another website than these is asking with a visitor's token. */
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

/** Throws 403 when a page of a website that is not in `allowed` is asking without any token. */
export function admitPage(c: AppContext, allowed: string[]): void {
  const origin = c.req.header("origin");
  if (origin === undefined || originAllowed(origin, allowed, c.var.config.local)) return;
  throw originRefused();
}

/** The same for a visitor who turns to an agent, which need not be the one that the token was given for. */
export function admitVisitorPage(c: AppContext, allowed: string[]): void {
  if (!isOwn(c, c.req.header("origin") ?? "")) admitPage(c, allowed);
}

export const originRefused = () => new Problem("origin_not_allowed", "This agent may not be used from this website.");

const isOwn = (c: AppContext, origin: string) => origin === originOf(c) || origin === new URL(c.req.url).origin;
