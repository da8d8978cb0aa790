/** A route as an operation of the OpenAPI document. */
import type { RouteConfig } from "@asteasolutions/zod-to-openapi";
import * as z from "zod";
import { type ProblemCode, statusOf } from "../problem/problem.ts";
import { problemContent } from "../problem/schema.ts";
import { limitOf } from "./rate-limit.ts";
import type { Fields, RouteSpec } from "./route.ts";

/** The operation: the responses that the route declares, and the problems that follow from its audience, body and query. */
export function toOperation(spec: RouteSpec): RouteConfig {
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
    ...(spec.query ? (["uri_too_long", "validation_failed"] as const) : []),
    ...(isPaged(query) ? (["invalid_cursor"] as const) : []),
    ...(limitOf(spec) ? (["rate_limited"] as const) : []),
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

/** `get /conversation/{id}/messages` → `get_conversation_by_id_messages`: unique, and stable while the path is. */
const operationId = ({ method, path }: RouteSpec) =>
  `${method}${path.replaceAll(/\{([^{}]+)\}/g, "by_$1").replaceAll(/[/-]+/g, "_")}`;

/** A JSON response for `responses`. */
export const json = (description: string, schema: z.ZodType) => ({
  description,
  content: { "application/json": { schema } },
});
