/**
 * The OpenAPI document: the operations of all routes, and what all of them have in common. It is made when the static files
 * are built, so the Worker carries neither what makes it nor what only it says.
 */
import { OpenApiGeneratorV31, OpenAPIRegistry } from "@asteasolutions/zod-to-openapi";
import type { RouteSpec } from "../http/route.ts";
import { problemCodes, problemDocument } from "../problem/problem.ts";
import { PROBLEM_HELP } from "../problem/help.ts";
import { inOpenAiForm } from "../problem/openai-error.ts";
import { addHeaders, BOOKMARK, HEADERS } from "./headers.ts";
import { toOperation } from "./operation.ts";
import { MESSAGE_ID, sampleOf, type Schema } from "./sample.ts";
import { streamExamples } from "./streams.ts";

export type OpenApiDocument = ReturnType<OpenApiGeneratorV31["generateDocument"]>;
type Response = { content?: Record<string, { examples?: object }> };
type Operation = NonNullable<NonNullable<OpenApiDocument["paths"]>[string]["get"]>;

/** Every tag that a route may carry, in the order in which the documentation shows them. */
export const TAGS: Record<string, string> = {
  Conversations: "A conversation belongs to the user or visitor who began it, and is with one agent.",
  Turns: "One message in, one reply out: as JSON, or as a stream of events while the model works.",
  "Hand-over": "A person of the staff answers in place of the agent, for as long as it takes.",
  Messages: "What was said: read, delete and restore single messages. A message never changes its place or its text.",
  Agents: "Who answers: instructions, model and knowledge.",
  Leads: "Visitors of a website. One registers without an account and sees only its own conversations.",
  Analytics: "Figures that were measured: of one conversation, of an agent, of a period.",
  Tokens: "Who is calling, and tokens for a company's own users and visitors.",
  Keys: "API keys, for a company's servers.",
  "Identity providers": "Whose tokens this company's users may bring along.",
  "Model providers": "Where language models are reached, and with which key.",
  Company: "The company's own settings.",
  Users: "The company's people. They sign in at its identity provider, or its backend vouches for them.",
  Erasures: "What is gone for good, with receipts.",
  Holds: "What must not go, whoever asks.",
  Budgets: "How much a company, an agent or a person may use in a day or a month, and what is left of it.",
  Webhooks: "Addresses of yours that are told what happens, signed as Standard Webhooks says.",
  Audit: "Who did what, and when.",
  Service: "The service itself.",
};

const description = `Conversations with AI agents.

**Credentials.** Either the two headers \`X-API-Key\` and \`X-API-Secret\`, or \`Authorization: Bearer\` with a token of a
user or a visitor ("lead"). Where both are sent, the token decides. Scopes are \`read\`, \`write\` and \`admin\`, which
includes both.

**Formats.** JSON in UTF-8, times as RFC 3339 in UTC with milliseconds, ids as UUIDv7. Unknown members of a body
are refused, not ignored.

**Errors** are problem documents (RFC 9457). What is unknown, malformed, deleted or somebody else's is the same 404.

**Prefixes.** The same API is served under \`/v1\` and \`/api/v1\`.`;

const SECURITY = {
  bearer: {
    type: "http" as const,
    scheme: "bearer",
    bearerFormat: "JWT",
    description:
      "A user's token, from the company's identity provider or from `POST /auth/token`; or a visitor's, from `POST /lead/register`.",
  },
  apiKey: {
    type: "apiKey" as const,
    in: "header" as const,
    name: "X-API-Key",
    description: "The public half of an API key, `ak_…`.",
  },
  apiSecret: {
    type: "apiKey" as const,
    in: "header" as const,
    name: "X-API-Secret",
    description: "The secret half, `as_…`, together with the public one.",
  },
};

export function openApiDocument(routes: RouteSpec[]): OpenApiDocument {
  const registry = new OpenAPIRegistry();
  for (const spec of routes) registry.registerPath(toOperation(spec));
  const document = new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: "3.1.0",
    info: { title: "Conversations API", version: "1.0.0", description, license: { name: "MIT", identifier: "MIT" } },
    servers: [
      { url: "/v1", description: "This service" },
      { url: "/api/v1", description: "The same, for clients with this prefix" },
    ],
    tags: [],
  });
  forEachSchema(document, unwrapSingleChoice);
  forEachSchema(document, putNullBesideEnum);
  const used = new Set<string>();
  for (const path of Object.values(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(path) as [string, Operation][]) {
      addHeaders(method, operation);
      for (const tag of operation.tags ?? []) used.add(tag);
    }
  }
  document.tags = Object.entries(TAGS)
    .filter(([name]) => used.has(name))
    .map(([name, about]) => ({ name, description: about }));
  document.components = {
    ...document.components,
    securitySchemes: SECURITY,
    headers: HEADERS as never,
    parameters: { [BOOKMARK.name]: BOOKMARK },
    examples: problemExamples(JSON.stringify(document.paths)),
  };
  addSamples(document);
  addStreams(document);
  return document;
}

/** Of each operation that may answer with a stream, how one looks. */
function addStreams(document: OpenApiDocument): void {
  const message = document.components?.schemas?.["Message"] as Schema | undefined;
  const examples = streamExamples(Object(message?.example));
  for (const path of Object.values(document.paths ?? {})) {
    for (const { operationId = "", responses } of Object.values(path) as Operation[]) {
      const media = (responses?.["200"] as Response | undefined)?.content?.["text/event-stream"];
      if (media) media.examples = examples[operationId];
    }
  }
}

/** Of each schema that answers are made of, an object that fits it. */
function addSamples(document: OpenApiDocument): void {
  for (const [name, schema] of Object.entries(document.components?.schemas ?? {}) as [string, Schema][]) {
    if (schema.type === "object" && schema.additionalProperties !== false && schema.example === undefined)
      schema.example = sampleOf(document, schema, name);
  }
}

/** Every problem that the paths name, once in each form in which they do. */
function problemExamples(paths: string): Record<string, object> {
  const all = problemCodes().flatMap(({ code, title }) => {
    const value = problemDocument({ code }, "https://api.example.com", MESSAGE_ID);
    const about = { summary: title, description: PROBLEM_HELP[code] };
    return [
      [code, { ...about, value }],
      [`openai_${code}`, { ...about, value: inOpenAiForm(value) }],
    ] as const;
  });
  return Object.fromEntries(all.filter(([name]) => paths.includes(`"#/components/examples/${name}"`)));
}

type Node = { oneOf?: object[]; anyOf?: object[]; enum?: unknown[]; type?: unknown };

function forEachSchema(node: unknown, change: (schema: Node) => void): void {
  if (typeof node !== "object" || node === null) return;
  change(node);
  for (const child of Object.values(node)) forEachSchema(child, change);
}

/** A union with a single member becomes `oneOf` with one schema. This puts the schema itself in its place. */
function unwrapSingleChoice(schema: Node): void {
  const [only] = schema.oneOf ?? [];
  if (!only || schema.oneOf?.length !== 1) return;
  delete schema.oneOf;
  Object.assign(schema, only);
}

/** Several generators of clients fail on an enum that contains null. They accept the null type beside the enum. */
function putNullBesideEnum(schema: Node): void {
  if (!Array.isArray(schema.enum) || !Array.isArray(schema.type) || !schema.type.includes("null")) return;
  const values = schema.enum.filter((value) => value !== null);
  const [type, ...others] = schema.type.filter((name) => name !== "null");
  schema.anyOf = [{ type: others.length === 0 ? type : [type, ...others], enum: values }, { type: "null" }];
  delete schema.enum;
  delete schema.type;
}
