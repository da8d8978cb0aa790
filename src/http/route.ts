/** What a route declares: who may call it, what it takes and what it answers. */
import type { RouteConfig } from "@asteasolutions/zod-to-openapi";
import type * as z from "zod";
import type { Caller, Principal, Scope } from "../auth/principal.ts";
import type { AuditRow } from "../chat/audit.ts";
import type { Database } from "../db/database.ts";
import type { JsonObject } from "../json.ts";
import type { ProblemCode } from "../problem/problem.ts";
import type { Dialect } from "../problem/response.ts";
import type { AppContext } from "./context.ts";
import type { Limited } from "./rate-limit.ts";

/**
 * Who may call a route. `staff`: users and API keys with the scope. `keys`: API keys only. `leads`: visitors only. `everyone`: leads too, for what is their own.
 * `anyone`: no credential needed, but one that is sent must be good. `public`: credentials are not looked at.
 */
export type Audience = "staff" | "keys" | "leads" | "everyone" | "anyone" | "public";

export type Fields = z.ZodType<Record<string, unknown>>;

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
  /**
   * Where the handler's rows are: the company's database when this is left out, or the control database. With `none`, for what
   * a conversation's object answers alone, no database is opened.
   */
  store?: "control" | "none";
};

type Parsed<S> = S extends () => z.ZodType ? z.output<ReturnType<S>> : undefined;

/** The audit row of what this request does now; `action` is `<noun>.<verb>`, such as `agent.delete`. */
export type Audit = (action: string, target_type: string, target_id: string, details?: JsonObject) => AuditRow;

type Db<S extends RouteSpec> = S["store"] extends "none" ? null : Database;

/** What a handler knows of whoever is calling: `caller` is the principal as plain data, which crosses RPC. */
type Known<S extends RouteSpec> = { principal: Principal; caller: Caller; audit: Audit; db: Db<S> };

type Unknown<S extends RouteSpec> = {
  principal: null;
  caller: null;
  audit: null;
  db: S["store"] extends "control" ? Database : null;
};

type Calling<S extends RouteSpec> = S["audience"] extends "public"
  ? Unknown<S>
  : S["audience"] extends "anyone"
    ? Known<S> | Unknown<S>
    : Known<S>;

/** What a handler gets: everything checked, nothing looked up. */
export type Input<S extends RouteSpec> = Calling<S> & {
  c: AppContext;
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
