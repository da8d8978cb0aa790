/** What a route declares: who may call it, which input it accepts, and its responses. */
import type { RouteConfig } from "@asteasolutions/zod-to-openapi";
import type * as z from "zod";
import type { Caller, Principal, Scope } from "../auth/principal.ts";
import type { AuditRow } from "../chat/audit.ts";
import type { Database } from "../db/database.ts";
import type { JsonObject } from "../json.ts";
import type { ProblemCode } from "../problem/problem.ts";
import type { Dialect } from "../problem/response.ts";
import type { AppContext } from "./context.ts";
import type { LimitKind } from "./rate-limit.ts";

/**
 * Who may call a route. `staff`: users and API keys with the scope. `keys`: API keys only. `leads`: visitors only.
 * `everyone`: all of these, visitors for what is their own. `anyone`: no credential is needed, but one that is sent must be
 * valid. `public`: credentials are ignored.
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
  /** Schemas are functions, because making one costs time: it happens at the first request or for the documentation. */
  params?: () => Fields;
  query?: () => Fields;
  headers?: () => Fields;
  body?: () => z.ZodType;
  /** True when the request may have no body; the handler then gets undefined. */
  bodyOptional?: boolean;
  responses: () => RouteConfig["responses"];
  /** What is counted; left out, it follows from audience and method. See rate-limit.ts. */
  limit?: LimitKind;
  /** `refused`: tokens of users that this service minted may not do this, whatever their role, because it would outlive them. */
  minted_tokens?: "refused";
  /** `openai`: an API key may also be sent as a Bearer token, and problems have the form that clients of OpenAI's API read. */
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

/** Of an authenticated request. `caller` is the principal as plain data, which crosses RPC. */
type Authenticated<S extends RouteSpec> = { principal: Principal; caller: Caller; audit: Audit; db: Db<S> };

/** Of a request without a credential. */
type Anonymous<S extends RouteSpec> = {
  principal: null;
  caller: null;
  audit: null;
  db: S["store"] extends "control" ? Database : null;
};

type Identity<S extends RouteSpec> = S["audience"] extends "public"
  ? Anonymous<S>
  : S["audience"] extends "anyone"
    ? Authenticated<S> | Anonymous<S>
    : Authenticated<S>;

/** What a handler gets: checked input, and no object looked up yet. */
export type Input<S extends RouteSpec> = Identity<S> & {
  c: AppContext;
  params: Parsed<S["params"]>;
  query: Parsed<S["query"]>;
  body: S["bodyOptional"] extends true ? Parsed<S["body"]> | undefined : Parsed<S["body"]>;
};

/** A route as the authority tests see it. */
export type MountedRoute = Pick<RouteSpec, "method" | "path" | "audience" | "scope" | "minted_tokens"> & {
  /** The path as routers write it, such as `/conversation/:id`. */
  pattern: string;
  hasBody: boolean;
};
