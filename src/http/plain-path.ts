/** A resource has one address. A path with doubled or trailing slashes is redirected to it with 308: method and body stay. */
import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "./context.ts";

/** The path without doubled and trailing slashes. It never begins with two: as a redirect that would name another host. */
export function plainPath(path: string): string {
  const single = path.replaceAll(/\/+/g, "/");
  return single.length > 1 && single.endsWith("/") ? single.slice(0, -1) : single;
}

/** The path goes back as it came, percent-encoded: decoded, a backslash would begin a host, and a line end would be no header. */
export const toPlainPath: MiddlewareHandler<AppEnv> = async (c, next) => {
  if (plainPath(c.req.path) === c.req.path) return next();
  const { pathname, search } = new URL(c.req.url);
  return c.redirect(plainPath(pathname) + search, 308);
};
