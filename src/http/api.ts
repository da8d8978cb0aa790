/**
 * The table of routes: serves and validates each of them. A request passes the same checks in the same order on
 * every route: the credential (401), what it may do (403), the form of query and body (400, 413, 415, 422) and of the ids in
 * the path (404). Only then the handler runs, and only the handler looks up what the request is about.
 */
import { Hono } from "hono";
import type * as z from "zod";
import { type Caller, hasScope, isMintedUser, type Principal } from "../auth/principal.ts";
import { auditRow } from "../chat/audit.ts";
import { controlDatabase, type Database } from "../db/database.ts";
import { wakeDispatcher } from "../db/webhook.ts";
import { lazy } from "../lazy.ts";
import { Problem } from "../problem/problem.ts";
import { authenticate } from "./authenticate.ts";
import { readJson } from "./body.ts";
import { requestDatabase } from "./database.ts";
import { type AppContext, type AppEnv, callerOf } from "./context.ts";
import { FOR_BROWSERS } from "./cors.ts";
import { enforceLimit, limitOf } from "./rate-limit.ts";
import { recall, stillGood } from "./recall.ts";
import type { Audit, Input, MountedRoute, RouteSpec } from "./route.ts";
import { check } from "./validate.ts";
import { admitWebsite } from "./website.ts";
import { withhold } from "./withhold.ts";

export class Api {
  readonly hono = new Hono<AppEnv>();
  readonly routes: MountedRoute[] = [];
  /** What the routes declare: the OpenAPI document is made of it. */
  readonly specs: RouteSpec[] = [];

  /** Serves one route. */
  route<const S extends RouteSpec>(spec: S, handler: (input: Input<S>) => Response | Promise<Response>): void {
    const { method, path, audience, scope, body } = spec;
    const pattern = path.replaceAll(/\{([^{}]+)\}/g, ":$1");
    const { minted_tokens } = spec;
    const hasBody = body !== undefined;
    this.routes.push({ method, path, pattern, audience, scope, hasBody, ...(minted_tokens ? { minted_tokens } : {}) });
    const limit = limitOf(spec);
    this.specs.push(spec);
    const schemas = lazy(() => ({ params: spec.params?.(), query: spec.query?.(), body: spec.body?.() }));
    this.hono.on(method, pattern, async (c) => {
      c.set("dialect", spec.dialect);
      c.set("for_browsers", FOR_BROWSERS[audience]);
      const principal = audience === "public" ? null : await admit(c, spec);
      c.set("principal", principal);
      if (limit) await enforceLimit(c, limit, principal);
      const schema = schemas();
      const query = schema.query && check(schema.query, queryOf(c));
      const body = schema.body && (await parseBody(c, schema.body, spec.bodyOptional ?? false));
      const params = schema.params && check(schema.params, c.req.param());
      const caller = principal && callerOf(principal, c);
      const audit = caller && auditOf(caller);
      const db = await databaseFor(c, spec, caller);
      const input: unknown = { c, principal, caller, audit, db, params, query, body };
      const response = await handler(input as Input<S>);
      // A conversation's object wakes it itself, and of what is in the control database nobody is told.
      if (method !== "get" && spec.store === undefined && caller)
        c.executionCtx.waitUntil(wakeDispatcher(c.env, caller.company_id));
      return caller && !caller.may_read ? withhold(response, body) : response;
    });
  }
}

/** The principal, or null where the route needs none and no credential was sent. Throws 401 and 403. */
async function admit(c: AppContext, { audience, scope, dialect, minted_tokens }: RouteSpec): Promise<Principal | null> {
  const whileAway = (error: unknown) => recall(c, error, dialect === "openai");
  const principal = await authenticate(c, dialect === "openai").then(
    (found) => found && stillGood(c, found),
    whileAway,
  );
  if (!principal) {
    if (audience === "anyone") return null;
    throw new Problem("unauthorized", "Send an API key and secret, or a Bearer token.", {
      headers: { "www-authenticate": 'Bearer realm="conversations"' },
    });
  }
  if (!hasScope(principal, scope)) throw new Problem("forbidden", `This needs the scope "${scope}".`);
  if (audience === "staff" && principal.kind === "lead")
    throw new Problem("forbidden", "This is not open to visitors.");
  if (audience === "keys" && principal.kind !== "api_key")
    throw new Problem("forbidden", "This is open to API keys only.");
  if (audience === "leads" && principal.kind !== "lead")
    throw new Problem("forbidden", "This is open to visitors only.");
  if (minted_tokens === "refused" && isMintedUser(principal))
    throw new Problem("forbidden", "This is open to API keys and to tokens of an identity provider only.");
  await admitWebsite(c, principal).catch(whileAway);
  return principal;
}

const auditOf =
  (caller: Caller): Audit =>
  (action, target_type, target_id, details) =>
    auditRow(caller, { action, target_type, target_id, details }, Date.now());

/** The database that the route declares; null where it has none, or nobody is calling. */
async function databaseFor(c: AppContext, { store }: RouteSpec, caller: Caller | null): Promise<Database | null> {
  if (store === "control") return controlDatabase(c.env);
  return store === "none" || !caller ? null : requestDatabase(c, caller.company_id);
}

async function parseBody(c: AppContext, schema: z.ZodType, optional: boolean): Promise<unknown> {
  const value = await readJson(c.req.raw, optional);
  return value === undefined && optional ? undefined : check(schema, value);
}

/** Characters of a query string, which the links of a page repeat. */
const MAX_QUERY = 4096;

/** A parameter that occurs twice becomes an array, which no scalar schema accepts. */
function queryOf(c: AppContext): Record<string, string | string[]> {
  const { url } = c.req;
  const at = url.indexOf("?");
  if (at < 0) return {};
  if (url.length - at > MAX_QUERY) {
    throw new Problem("uri_too_long", `The query may have at most ${MAX_QUERY} characters.`);
  }
  const all = Object.entries(c.req.queries());
  return Object.fromEntries(all.map(([name, values]) => [name, values.length === 1 ? (values[0] ?? "") : values]));
}
