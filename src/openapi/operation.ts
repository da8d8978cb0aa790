/** A route as an operation of the OpenAPI document. */
import type { RouteConfig } from "@asteasolutions/zod-to-openapi";
import * as z from "zod";
import { type ProblemCode, statusOf } from "../problem/problem.ts";
import { problemContent } from "../problem/schema.ts";
import { REQUESTS } from "./examples.ts";
import { limitOf } from "../http/rate-limit.ts";
import type { Fields, RouteSpec } from "../http/route.ts";

/** What any credential can be answered with: looking one up is limited, and an identity provider may be away. */
const OF_CREDENTIALS = ["unauthorized", "forbidden", "rate_limited", "identity_provider_unavailable"] as const;

/** The operation: the responses that the route declares, and the problems that follow from its audience, body and query. */
export function toOperation(spec: RouteSpec): RouteConfig {
  const id = operationId(spec);
  const query = spec.query?.();
  const keysOnly = spec.audience === "keys";
  const leadsOnly = spec.audience === "leads";
  const authenticated = keysOnly || leadsOnly || spec.audience === "staff" || spec.audience === "everyone";
  const codes: ProblemCode[] = [
    ...(spec.audience === "public" ? [] : OF_CREDENTIALS),
    ...(spec.audience === "public" && spec.store === "none" ? [] : (["store_unavailable"] as const)),
    // A lead's token may be used on the websites of its agent only.
    ...(["leads", "everyone", "anyone"].includes(spec.audience) ? (["origin_not_allowed"] as const) : []),
    ...(takesIdempotencyKey(spec) ? (["malformed_request"] as const) : []),
    ...(spec.params ? (["not_found"] as const) : []),
    ...(spec.body
      ? (["malformed_json", "payload_too_large", "unsupported_media_type", "validation_failed"] as const)
      : []),
    ...(query ? (["uri_too_long", "validation_failed"] as const) : []),
    ...(isPaged(query) ? (["invalid_cursor"] as const) : []),
    ...(limitOf(spec) ? (["rate_limited"] as const) : []),
    // A database that is overloaded or away may be so for any of them.
    "store_unavailable",
    ...(spec.problems ?? []),
  ];
  const problems = Object.groupBy(new Set(codes), (code) => String(statusOf(code)));
  const key: Record<string, string[]> = { apiKey: [], apiSecret: [] };
  const security: Record<string, string[]>[] = keysOnly ? [key] : leadsOnly ? [{ bearer: [] }] : [{ bearer: [] }, key];
  return {
    method: spec.method,
    path: spec.path,
    operationId: id,
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
        ? { body: { required: !spec.bodyOptional, content: { "application/json": bodyOf(spec.body(), id) } } }
        : {}),
    },
    responses: {
      ...spec.responses(),
      ...Object.fromEntries(
        Object.entries(problems).map(([status, names = []]) => [status, problemOf(names, spec.dialect)]),
      ),
    },
  };
}

const bodyOf = (schema: z.ZodType, id: string) => {
  const examples = REQUESTS[id];
  return { schema, ...(examples ? { examples } : {}) };
};

/** Several problems may have one status; the example of each is in the document once. */
function problemOf(codes: ProblemCode[], dialect: RouteSpec["dialect"]) {
  const prefix = dialect === "openai" ? "openai_" : "";
  const examples = codes.map((code) => [code, { $ref: `#/components/examples/${prefix}${code}` }]);
  const { "application/problem+json": content } = problemContent(dialect);
  return {
    description: codes.map((code) => `\`${code}\``).join(", "),
    content: { "application/problem+json": { ...content, examples: Object.fromEntries(examples) } },
  };
}

const takesIdempotencyKey = ({ headers }: RouteSpec) => {
  const schema = headers?.();
  return schema instanceof z.ZodObject && "idempotency-key" in schema.shape;
};

const isPaged = (query: Fields | undefined) => query instanceof z.ZodObject && "cursor" in query.shape;

/** `get /conversation/{id}/messages` → `get_conversation_by_id_messages`: unique, and stable while the path is. */
const operationId = ({ method, path }: RouteSpec) =>
  `${method}${path.replaceAll(/\{([^{}]+)\}/g, "by_$1").replaceAll(/[/-]+/g, "_")}`;
