/**
 * CORS (Fetch standard) for the routes that web pages call, and for no other: a route for API keys responds without CORS
 * headers. Only the Authorization header carries a credential, never a cookie.
 */
import type { MiddlewareHandler } from "hono";
import { TrieRouter } from "hono/router/trie-router";
import type { Audience, MountedRoute } from "./route.ts";
import type { AppContext, AppEnv } from "./context.ts";
import { plainPath } from "./plain-path.ts";
import { Problem } from "../problem/problem.ts";

/** Headers that a page may send. Those of an API key are not among them. */
const REQUEST_HEADERS =
  "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Prefer, X-D1-Bookmark, X-Request-Id";
/** Headers that a page may read. */
const RESPONSE_HEADERS =
  "Idempotent-Replayed, Link, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Conversation-Id, X-D1-Bookmark, X-Left-Aside, X-Request-Id, X-Vercel-AI-UI-Message-Stream";
/** Seconds for which a browser may cache a preflight. */
const MAX_AGE = "7200";

/** Whether web pages may call the routes of an audience. */
export const FOR_BROWSERS: Record<Audience, boolean> = {
  public: true,
  anyone: true,
  everyone: true,
  leads: true,
  staff: false,
  keys: false,
};

/** Responds to preflights, and adds CORS headers to the responses of the routes for web pages. */
export function cors(routes: MountedRoute[]): MiddlewareHandler<AppEnv> {
  const table = new TrieRouter<MountedRoute>();
  for (const route of routes) {
    for (const prefix of ["/v1", "/api/v1"]) table.add(route.method.toUpperCase(), prefix + route.pattern, route);
  }
  return async (c, next) => {
    const origin = c.req.header("origin");
    const isPreflight = c.req.method === "OPTIONS";
    const method = isPreflight ? c.req.header("access-control-request-method") : undefined;
    const path = plainPath(c.req.path);
    const isForBrowsers = (name: string) => {
      const [[first]] = table.match(name, path);
      return first !== undefined && FOR_BROWSERS[first[0].audience];
    };
    if (method !== undefined) {
      if (!isForBrowsers(method)) return next();
      if (origin !== undefined) return preflight(origin, method);
    }
    // The redirect to the plain path needs the headers too, and no route matches this path.
    if (path !== c.req.path) c.set("for_browsers", isForBrowsers(c.req.method));
    await next();
    if (!c.get("for_browsers")) return;
    const { headers } = c.res;
    headers.append("vary", "Origin");
    if (origin === undefined || usesKey(c) || isRefused(c)) return;
    headers.set("access-control-allow-origin", origin);
    headers.set("access-control-expose-headers", RESPONSE_HEADERS);
  };
}

/**
 * A preflight carries no credential and no body, so it cannot show yet whether this website may send the request: every
 * preflight succeeds, and the request itself is refused.
 */
const preflight = (origin: string, method: string) =>
  new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-origin": origin,
      "access-control-allow-methods": method,
      "access-control-allow-headers": REQUEST_HEADERS,
      "access-control-max-age": MAX_AGE,
      vary: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    },
  });

const usesKey = (c: AppContext) =>
  c.req.header("x-api-key") !== undefined ||
  c.req.header("x-api-secret") !== undefined ||
  /^Bearer +ak_/i.test(c.req.header("authorization") ?? "");

const isRefused = (c: AppContext) => c.error instanceof Problem && c.error.details.code === "origin_not_allowed";
