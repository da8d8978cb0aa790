/**
 * A table of routes that serves, validates and documents itself. Every route passes the same steps in the same order:
 * who is calling (401), may this kind of credential do it (403), is the request well-formed (400, 413, 415, 422), can
 * there be anything under its ids (404), and only then the handler, the first to look any object up.
 */
import { OpenAPIRegistry } from "@asteasolutions/zod-to-openapi";
import { Hono } from "hono";
import type * as z from "zod";
import { type Caller, hasScope, type Principal } from "../auth/principal.ts";
import { auditRow } from "../chat/audit.ts";
import { controlDatabase, type Database } from "../db/database.ts";
import { lazy } from "../lazy.ts";
import { Problem } from "../problem/problem.ts";
import { authenticate } from "./authenticate.ts";
import { readJson } from "./body.ts";
import { requestDatabase } from "./bookmark.ts";
import { type AppContext, type AppEnv, callerOf } from "./context.ts";
import { FOR_BROWSERS } from "./cors.ts";
import { documented } from "./operation.ts";
import { enforceLimit } from "./rate-limit.ts";
import type { Audit, Input, MountedRoute, RouteSpec } from "./route.ts";
import { check } from "./validate.ts";
import { admitWebsite } from "./website.ts";

export class Api {
  readonly hono = new Hono<AppEnv>();
  readonly routes: MountedRoute[] = [];
  readonly #registry = new OpenAPIRegistry();
  #undocumented: RouteSpec[] = [];

  /** The documentation of every route so far; written when it is first asked for, which most starts never do. */
  get registry(): OpenAPIRegistry {
    for (const spec of this.#undocumented) this.#registry.registerPath(documented(spec));
    this.#undocumented = [];
    return this.#registry;
  }

  /** Serves and documents one route. */
  route<const S extends RouteSpec>(spec: S, handler: (input: Input<S>) => Response | Promise<Response>): void {
    const { method, path, audience, scope, body } = spec;
    const pattern = path.replaceAll(/\{(.+?)\}/g, ":$1");
    this.routes.push({ method, path, pattern, audience, scope, hasBody: body !== undefined });
    this.#undocumented.push(spec);
    const schemas = lazy(() => ({ params: spec.params?.(), query: spec.query?.(), body: spec.body?.() }));
    this.hono.on(method, pattern, async (c) => {
      c.set("dialect", spec.dialect);
      c.set("for_browsers", FOR_BROWSERS[audience]);
      const principal = audience === "public" ? null : await admit(c, spec);
      c.set("principal", principal);
      if (spec.limit) await enforceLimit(c, spec.limit, principal);
      const wanted = schemas();
      const query = wanted.query && check(wanted.query, queryOf(c));
      const body = wanted.body && (await parseBody(c, wanted.body, spec.bodyOptional ?? false));
      const params = wanted.params && check(wanted.params, c.req.param());
      const caller = principal && callerOf(principal, c);
      const audit = caller && auditOf(caller);
      const db = await databaseFor(c, spec, caller);
      const input: unknown = { c, principal, caller, audit, db, params, query, body };
      return handler(input as Input<S>);
    });
  }
}

/** The principal, once its credential is good and its scope suffices. */
async function admit(c: AppContext, { audience, scope, dialect }: RouteSpec): Promise<Principal | null> {
  const principal = await authenticate(c, dialect === "openai");
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
  await admitWebsite(c, principal);
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

/** A parameter that is given twice arrives as an array, which no scalar schema accepts. */
function queryOf(c: AppContext): Record<string, string | string[]> {
  const all = Object.entries(c.req.queries());
  return Object.fromEntries(all.map(([name, values]) => [name, values.length === 1 ? (values[0] ?? "") : values]));
}
