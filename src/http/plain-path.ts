/** A resource has one address: doubled slashes, and one at the end, lead to it, with method, body and query kept (308). */
import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "./context.ts";

/** The path without slashes that say nothing. It never begins with two, which would name another host. */
export function plainPath(path: string): string {
  const single = path.replaceAll(/\/+/g, "/");
  return single.length > 1 && single.endsWith("/") ? single.slice(0, -1) : single;
}

export const toPlainPath: MiddlewareHandler<AppEnv> = async (c, next) => {
  const path = plainPath(c.req.path);
  return path === c.req.path ? next() : c.redirect(path + new URL(c.req.url).search, 308);
};
