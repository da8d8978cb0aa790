/**
 * A table of routes that serves, validates and documents itself. Every route passes the same steps in the same order:
 * who is calling (401), may this kind of credential do it (403), is the request well-formed (400, 413, 415, 422),
 * and only then the handler, the first to look any object up.
 */
import { OpenAPIRegistry, type RouteConfig } from "@asteasolutions/zod-to-openapi";
import { Hono } from "hono";
import * as z from "zod";
import { authenticate } from "./authenticate.ts";
import { hasScope, type Principal, type Scope } from "../auth/principal.ts";
import { admitWebsite } from "./website.ts";
import { lazy } from "../lazy.ts";
import { readJson } from "./body.ts";
import type { AppContext, AppEnv } from "./context.ts";
import { FOR_BROWSERS } from "./cors.ts";
import { type Dialect, invalid, Problem, type ProblemCode, statusOf } from "../problem/problem.ts";
import { problemContent } from "../problem/schema.ts";
import { enforceLimit, type Limited } from "./rate-limit.ts";

/**
 * Who may call a route. `staff`: users and API keys with the scope. `keys`: API keys only. `leads`: visitors only. `everyone`: leads too, for what is their own.
 * `anyone`: no credential needed, but one that is sent must be good. `public`: credentials are not looked at.
 */
export type Audience = "staff" | "keys" | "leads" | "everyone" | "anyone" | "public";

type Fields = z.ZodType<Record<string, unknown>>;

export type RouteSpec = {
  method: "get" | "post" | "put" | "patch" | "delete";
  /** OpenAPI template, such as `/conversation/{id}`. */
  path: string;
  summary: string;
  description?: string;
  tag: string;
  audience: Audience;
  scope: Scope;
  /** Schemas are made at the first request, or for the documentation. */
  params?: () => Fields;
  query?: () => Fields;
  headers?: () => Fields;
  body?: () => z.ZodType;
  /** True when the request may come without a body; the handler then finds undefined. */
  bodyOptional?: boolean;
  responses: () => RouteConfig["responses"];
  /** What of a visitor is counted before anything else is done for it. */
  limit?: Limited;
  /** `openai`: takes an API key as Bearer too, and tells problems in the form that clients of OpenAI's API read. */
  dialect?: Dialect;
  /** Problems beyond those that follow from the rest of the spec. */
  problems?: readonly ProblemCode[];
};

type Parsed<S> = S extends () => z.ZodType ? z.output<ReturnType<S>> : undefined;

/** What a handler is given: everything checked, nothing looked up. */
export type Input<S extends RouteSpec> = {
  c: AppContext;
  principal: S["audience"] extends "staff" | "keys" | "leads" | "everyone" ? Principal : Principal | null;
  params: Parsed<S["params"]>;
  query: Parsed<S["query"]>;
  body: S["bodyOptional"] extends true ? Parsed<S["body"]> | undefined : Parsed<S["body"]>;
};

/** A route as the authority tests see it. */
export type MountedRoute = Pick<RouteSpec, "method" | "path" | "audience" | "scope"> & {
  /** The path as routers write it, such as `/conversation/:id`. */
  pattern: string;
  hasBody: boolean;
};

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
      const input = {
        c,
        principal,
        params: wanted.params && check(wanted.params, c.req.param()),
        query: wanted.query && check(wanted.query, queryOf(c)),
        body: wanted.body && (await parseBody(c, wanted.body, spec.bodyOptional ?? false)),
      };
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

async function parseBody(c: AppContext, schema: z.ZodType, optional: boolean): Promise<unknown> {
  const value = await readJson(c.req.raw, optional);
  return value === undefined && optional ? undefined : check(schema, value);
}

/** A parameter that is given twice arrives as an array, which no scalar schema accepts. */
function queryOf(c: AppContext): Record<string, string | string[]> {
  const all = Object.entries(c.req.queries());
  return Object.fromEntries(all.map(([name, values]) => [name, values.length === 1 ? (values[0] ?? "") : values]));
}

/** The parsed value, or 422 naming every member that is wrong. */
export function check<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw invalid(...result.error.issues.flatMap((issue) => fieldErrors(issue, value)));
}

const pointer = (path: PropertyKey[]) =>
  path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

/** Of a union, the errors of the alternative that fits best. `whole` is what was checked. */
function fieldErrors(issue: z.core.$ZodIssue, whole: unknown): { path: string; message: string }[] {
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const part = at(whole, issue.path);
    const nearest = issue.errors.reduce((best, errors) => (misfit(errors, part) < misfit(best, part) ? errors : best));
    return nearest.flatMap((inner) => fieldErrors({ ...inner, path: [...issue.path, ...inner.path] }, whole));
  }
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      path: pointer([...issue.path, key]),
      message: "is not a member of this object",
    }));
  }
  const missing = issue.code === "invalid_type" && at(whole, issue.path) === undefined;
  return [{ path: pointer(issue.path), message: missing ? "is missing" : issue.message }];
}

/** How little a value looks like an alternative: what is missing says more than what is of another type. */
function misfit(issues: z.core.$ZodIssue[], value: unknown): number {
  const weigh = (issue: z.core.$ZodIssue): number => {
    const part = at(value, issue.path);
    if (issue.code === "invalid_union" && issue.errors.length > 0)
      return Math.min(...issue.errors.map((errors) => misfit(errors, part)));
    return issue.code === "invalid_type" && issue.path.length < 2 ? (part === undefined ? 2 : 1) : 0;
  };
  return issues.reduce((sum, issue) => sum + weigh(issue), 0);
}

const at = (value: unknown, path: PropertyKey[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key], value);

/** The route for the OpenAPI document: its own answers, and the problems that follow from what it takes. */
function documented(spec: RouteSpec): RouteConfig {
  const query = spec.query?.();
  const keysOnly = spec.audience === "keys";
  const leadsOnly = spec.audience === "leads";
  const authenticated = keysOnly || leadsOnly || spec.audience === "staff" || spec.audience === "everyone";
  const codes: ProblemCode[] = [
    ...(authenticated ? (["unauthorized", "forbidden"] as const) : []),
    ...(spec.audience === "anyone" ? (["unauthorized"] as const) : []),
    ...(spec.params ? (["not_found"] as const) : []),
    ...(spec.body
      ? (["malformed_json", "payload_too_large", "unsupported_media_type", "validation_failed"] as const)
      : []),
    ...(spec.query ? (["validation_failed"] as const) : []),
    ...(isPaged(query) ? (["invalid_cursor"] as const) : []),
    ...(spec.limit ? (["rate_limited"] as const) : []),
    ...(spec.problems ?? []),
  ];
  const problems = Object.groupBy(new Set(codes), (code) => String(statusOf(code)));
  const key: Record<string, string[]> = { apiKey: [], apiSecret: [] };
  const security: Record<string, string[]>[] = keysOnly ? [key] : leadsOnly ? [{ bearer: [] }] : [{ bearer: [] }, key];
  return {
    method: spec.method,
    path: spec.path,
    operationId: operationId(spec),
    summary: spec.summary,
    ...(spec.description === undefined ? {} : { description: spec.description }),
    tags: [spec.tag],
    security: authenticated ? security : spec.audience === "anyone" ? [...security, {}] : [],
    "x-scope": spec.scope,
    "x-audience": spec.audience,
    request: {
      ...(spec.params ? { params: spec.params() as never } : {}),
      ...(query ? { query: query as never } : {}),
      ...(spec.headers ? { headers: spec.headers() as never } : {}),
      ...(spec.body
        ? { body: { required: !spec.bodyOptional, content: { "application/json": { schema: spec.body() } } } }
        : {}),
    },
    responses: {
      ...spec.responses(),
      ...Object.fromEntries(
        Object.entries(problems).map(([status, names]) => [
          status,
          { description: (names ?? []).map((name) => `\`${name}\``).join(", "), content: problemContent(spec.dialect) },
        ]),
      ),
    },
  };
}

const isPaged = (query: Fields | undefined) => query instanceof z.ZodObject && "cursor" in query.shape;

/** `get /conversation/{id}/messages` → `get_conversation_by_id_messages`: stable, unique, made from the route. */
const operationId = ({ method, path }: RouteSpec) =>
  `${method}${path.replaceAll(/\{(.+?)\}/g, "by_$1").replaceAll(/[/-]+/g, "_")}`;

/** A JSON answer for `responses`. */
export const json = (description: string, schema: z.ZodType) => ({
  description,
  content: { "application/json": { schema } },
});
