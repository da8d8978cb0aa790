/** One line a request in the log: what was asked for by its route, never by its address, and never anything of its content. */
import type { Context } from "hono";
import { matchedRoutes } from "hono/route";
import type { AppEnv } from "./context.ts";

/**
 * Writes the line of a request that began at `began` (ms), once its response is there; a stream's own time is not in it.
 * Locally nothing is written: whoever runs it sees the requests anyway.
 */
export function logRequest(c: Context<AppEnv>, began: number): void {
  if (c.get("config").local) return;
  const line = {
    event: "request",
    method: c.req.method,
    route: matchedRoutes(c).findLast(({ method }) => method !== "ALL")?.path ?? null,
    status: c.res.status,
    duration_ms: Date.now() - began,
    request_id: c.get("request_id"),
    company_id: c.get("principal")?.company_id ?? null,
  };
  // oxlint-disable-next-line no-console -- A request is no warning.
  console.log(JSON.stringify(line));
}
