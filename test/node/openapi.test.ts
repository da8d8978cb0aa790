/** The OpenAPI document: valid by strict rules, complete, true of what is sent, and good enough to generate types from. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import app, { api } from "../../src/app.ts";
import { root } from "../../src/cli/tool/project.ts";
import { REQUESTS } from "../../src/openapi/examples.ts";
import { type OpenApiDocument, openApiDocument, TAGS } from "../../src/openapi/document.ts";
import { problemCodes, problemDocument } from "../../src/problem/problem.ts";

const env = {
  TOKEN_SECRETS: "a-secret-for-this-test-of-32-characters",
  ENCRYPTION_KEYS: `k1:${"A".repeat(43)}`,
};
const get = (path: string, headers: Record<string, string> = {}) => app.request(path, { headers }, env);

let folder: string;
let file: string;
let document: OpenApiDocument;

beforeAll(async () => {
  mkdirSync(join(root, "dist"), { recursive: true });
  folder = mkdtempSync(join(root, "dist/openapi-"));
  file = join(folder, "openapi.json");
  const text = JSON.stringify(openApiDocument(api.specs));
  document = JSON.parse(text);
  writeFileSync(file, text);
});
afterAll(() => rmSync(folder, { recursive: true }));

const operations = () =>
  Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );

describe("The OpenAPI document", () => {
  it("passes a strict linter", () => {
    const args = ["lint", "--config", join(root, "redocly.yaml"), "--format", "stylish", file];
    const telemetry = { REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };
    const options = { cwd: root, encoding: "utf8", stdio: "pipe", env: { ...process.env, ...telemetry } } as const;
    let said = "";
    try {
      execFileSync(
        process.execPath,
        [createRequire(import.meta.url).resolve("@redocly/cli/bin/cli.js"), ...args],
        options,
      );
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      said = `${stdout}${stderr}`;
    }
    expect(said).toBe("");
  });

  it("has every route, once", () => {
    const documented = operations().map(({ method, path }) => `${method} ${path}`);
    expect(documented.toSorted()).toEqual(api.routes.map(({ method, path }) => `${method} ${path}`).toSorted());
    expect(new Set(operations().map(({ operation }) => operation.operationId)).size).toBe(documented.length);
  });

  it("has a tag with a description on every operation", () => {
    const tags = new Set(operations().flatMap(({ operation }) => operation.tags ?? []));
    expect([...tags].filter((tag) => !(tag in TAGS))).toEqual([]);
    expect(new Set(document.tags?.map(({ name }) => name))).toEqual(tags);
  });

  it("asks for the credentials that a route wants", () => {
    for (const { audience, method, path } of api.routes) {
      const security = document.paths?.[path]?.[method]?.security ?? [];
      const open = security.length === 0 || security.some((one) => Object.keys(one).length === 0);
      expect([method, path, open]).toEqual([method, path, audience === "public" || audience === "anyone"]);
    }
  });

  it("describes problems member for member", () => {
    const schema = document.components?.schemas?.["Problem"] as {
      properties: Record<string, { enum?: string[] }>;
      required: string[];
    };
    const sent = problemDocument({ code: "not_found" }, "https://api.example.com", "r");
    expect(schema.required.toSorted()).toEqual(Object.keys(sent).toSorted());
    expect(schema.properties["code"]?.enum).toEqual(problemCodes().map(({ code }) => code));
  });

  it("has null beside the values of an enum, never among them", () => {
    const among: string[] = [];
    const walk = (node: unknown, path: string): void => {
      if (typeof node !== "object" || node === null) return;
      const { enum: values, type } = node as { enum?: unknown; type?: unknown };
      if (Array.isArray(values) && (values.includes(null) || Array.isArray(type))) among.push(path);
      for (const [name, child] of Object.entries(node)) walk(child, `${path}/${name}`);
    };
    walk(document, "");
    expect(among).toEqual([]);
    const properties = (name: string) => (document.components?.schemas?.[name] as { properties: object }).properties;
    const orNull = { anyOf: [{ type: "string", enum: ["up", "down"] }, { type: "null" }] };
    expect(properties("FeedbackBody")).toMatchObject({ rating: { ...orNull, description: expect.any(String) } });
    expect(properties("ChatCompletionRequest")).toMatchObject({
      tool_choice: { anyOf: [{ type: "string", enum: ["none", "auto"] }, { type: "null" }] },
      logprobs: { anyOf: [{ type: "boolean", enum: [false] }, { type: "null" }] },
    });
  });

  it("says of every operation what it does, and shows every body that it takes", () => {
    const lacking = operations().flatMap(({ operation }) => {
      const body = (operation.requestBody as { content: Record<string, { examples?: object }> } | undefined)?.content;
      const isShown = body === undefined || Object.keys(body["application/json"]?.examples ?? {}).length > 0;
      return operation.description && isShown ? [] : [operation.operationId];
    });
    expect(lacking).toEqual([]);
    const known = new Set(operations().map(({ operation }) => operation.operationId));
    expect(Object.keys(REQUESTS).filter((id) => !known.has(id))).toEqual([]);
  });

  it("shows every stream, and all of its data is JSON", () => {
    for (const { operation } of operations()) {
      const media = (operation.responses?.["200"] as any)?.content?.["text/event-stream"];
      if (!media) continue;
      const examples = Object.values<{ value: string }>(media.examples ?? {});
      expect([operation.operationId, examples.length > 0]).toEqual([operation.operationId, true]);
      const data = examples.flatMap(({ value }) => [...value.matchAll(/^data: (.*)$/gm)].map(([, json = ""]) => json));
      for (const json of data) expect(json === "[DONE]" || typeof JSON.parse(json) === "object").toBe(true);
    }
  });

  it("has no schema that is null itself, because every use of it would be", () => {
    const schemas = Object.entries(document.components?.schemas ?? {}) as [string, { type?: unknown }][];
    expect(schemas.filter(([, { type }]) => Array.isArray(type)).map(([name]) => name)).toEqual([]);
  });

  it("names a header only where there is one", () => {
    const headersOf = (method: "get" | "post", path: string, status: string) =>
      Object.keys(document.paths?.[path]?.[method]?.responses?.[status]?.headers ?? {});
    expect(headersOf("post", "/conversation", "201")).toEqual(
      expect.arrayContaining(["X-Request-Id", "Location", "Idempotent-Replayed"]),
    );
    expect(headersOf("get", "/conversation", "200")).toEqual(expect.arrayContaining(["X-Request-Id", "Link"]));
    expect(headersOf("get", "/conversation/{id}", "200")).not.toContain("Link");
    expect(headersOf("get", "/conversation", "401")).toContain("WWW-Authenticate");
    expect(headersOf("get", "/health", "503")).toContain("Retry-After");
  });
});

const CLIENT = `
import type { components, paths } from "./api.js";

type Json<T> = T extends { content: { "application/json": infer B } } ? B : never;
type Created = Json<paths["/conversation"]["post"]["responses"]["201"]>;
type Wanted = NonNullable<paths["/conversation"]["post"]["requestBody"]>["content"]["application/json"];

export const wanted: Wanted = { agent_id: "019ab2f4-6f1e-7c3a-9d3e-0a8d1c2b3a4f", metadata: { any: ["thing"] } };
export const idOf = (answer: Created): string => answer.conversation.id;
export const codeOf = (problem: components["schemas"]["Problem"]): "not_found" | string => problem.code;
// @ts-expect-error: there is no such member
export const none = (answer: Created) => answer.conversation.nothing;
`;

describe("Types generated from it", () => {
  it("compile, and know what a client sends and gets", { tags: "slow" }, () => {
    const clients = createRequire(join(root, "clients/typescript/package.json"));
    const generator = join(clients.resolve("openapi-typescript/package.json"), "../bin/cli.js");
    execFileSync(process.execPath, [generator, file, "-o", join(folder, "api.d.ts")], { stdio: "pipe" });
    writeFileSync(join(folder, "client.ts"), CLIENT);
    const compilerOptions = { noEmit: true, strict: true, module: "nodenext", target: "es2022", types: [] };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["client.ts"] }));
    const compiler = join(clients.resolve("typescript/package.json"), "../bin/tsc");
    let said = "";
    try {
      execFileSync(process.execPath, [compiler, "-p", folder], {
        stdio: "pipe",
        encoding: "utf8",
      });
    } catch (error) {
      said = (error as { stdout: string }).stdout;
    }
    expect(said).toBe("");
  });
});

describe("The pages", () => {
  it("explain every problem that a document can link to", async () => {
    for (const { code, status, title } of problemCodes()) {
      const { type } = problemDocument({ code }, "http://api.test", "r");
      const response = await get(new URL(type).pathname, { accept: "text/html" });
      expect([code, response.status, response.headers.get("content-type")]).toEqual([
        code,
        200,
        "text/html; charset=utf-8",
      ]);
      expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
      const page = await response.text();
      expect(page).toContain(`<h1>${title}</h1>`);
      expect(page).toContain(String(status));
    }
    expect((await get("/errors/nothing_like_it")).status).toBe(404);
    expect(await (await get("/errors/not_found")).json()).toMatchObject({ code: "not_found", status: 404 });
  });

  it("are found from the root, by people and by programs", async () => {
    expect(await (await get("/", { accept: "text/html" })).text()).toContain('href="/docs"');
    expect(await (await get("/")).json()).toMatchObject({ docs: "http://localhost/docs", api: "http://localhost/v1" });
    expect((await app.request("/docs", { method: "POST" }, env)).status).toBe(405);
  });
});
