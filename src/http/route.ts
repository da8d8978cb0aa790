/** What a route declares: who may call it, what it takes and what it answers. */
import type { RouteConfig } from "@asteasolutions/zod-to-openapi";
import type * as z from "zod";
import type { Principal, Scope } from "../auth/principal.ts";
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
