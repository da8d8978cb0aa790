/** Every route against bodies, parameters and headers that nobody means well: never a 5xx, always a problem document. */
import fc from "fast-check";
import { uuidv7 } from "uuidv7";
import { beforeAll, describe, expect, it } from "vitest";
import app, { api } from "../../src/app.ts";
import { type Answer, answerOf, call, type Company, type HeaderMap, makeCompany, makeLead, send } from "./company.ts";
import { chat, createConversation } from "./conversation-client.ts";

type Schema = { $ref?: string; properties?: Record<string, Schema>; items?: Schema } & Record<string, unknown>;

let company: Company;
let callers: Record<string, HeaderMap>;
let ids: string[];
let document: { paths: Record<string, any>; components: { schemas: Record<string, Schema> } };

beforeAll(async () => {
  company = await makeCompany();
  const lead = await makeLead(company);
  callers = { key: company.admin, user: company.admin_user, lead: lead.headers, nobody: {} };
  const { id } = await createConversation(company);
  const { body } = await chat(company, id, "hello");
  ids = [id, body.message_id, body.reply.id, company.agent_id, lead.lead_id, uuidv7()];
  document = (await call("GET", "/openapi.json")).body;
});

/** What a schema has in it, as far as a hostile client would look: names of members, at any depth. */
function membersOf(schema: Schema | undefined, depth = 0): string[] {
  if (!schema || depth > 4) return [];
  const { $ref, properties = {}, items } = schema;
  const target = $ref ? document.components.schemas[$ref.split("/").at(-1) ?? ""] : undefined;
  const choices = [schema["oneOf"], schema["anyOf"], schema["allOf"]].flatMap((one) => (one ?? []) as Schema[]);
  return [
    ...Object.keys(properties),
    ...Object.values(properties).flatMap((one) => membersOf(one, depth + 1)),
    ...[target, items, ...choices].flatMap((one) => membersOf(one, depth + 1)),
  ];
}

const STRINGS = [
  ...["", " ", "x", "\u0000", "\ud800", "\u202e\u200b", "a".repeat(300), "%2e%2e/", "../", "__proto__", "constructor"],
  ...["null", "true", "-0", "1e999", "2026-02-30", "2026-11-22T07:00:00Z", "0000-01-01", "9999-12-31", "builtin/echo"],
  ...["https://example.com", "http://127.0.0.1:1/", "https://[::1]", "file:///etc/passwd", "javascript://x", "a@b.c"],
  ...["user", "lead", "day", "up", "json", "csv", "usage", "conversations", "regenerate-message", "text", "assistant"],
  ...["' OR 1=1 --", "{{7*7}}", "\r\nX: y", "💥".repeat(20), "{}", "[]"],
];
const scalar = fc.oneof(
  fc.constantFrom<unknown>(...STRINGS, null, true, false, 0, -1, 0.5, 1e21, 2 ** 53, -(2 ** 31)),
  fc.nat().map((n) => ids[n % ids.length]),
);
const hostile = (names: string[]): fc.Arbitrary<unknown> => {
  const name = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...(names.length > 0 ? names : ["x"])) },
    fc.constantFrom("__proto__", "constructor", "toString", "", "length", "x".repeat(300)),
  );
  return fc.letrec((tie) => ({
    value: fc.oneof({ depthSize: "small", withCrossShrink: true }, scalar, tie("list"), tie("object")),
    list: fc.array(tie("value"), { maxLength: 4 }),
    object: fc.array(fc.tuple(name, tie("value")), { maxLength: 6 }).map((members) => Object.fromEntries(members)),
  })).value;
};
/** Right names with wrong values, which get further than wrong names. */
const plausible = (names: string[]): fc.Arbitrary<unknown> => {
  const value = fc.oneof(scalar, fc.array(scalar, { maxLength: 2 }), fc.constant({}));
  return fc
    .uniqueArray(fc.constantFrom(...names), { maxLength: 5 })
    .chain((chosen) =>
      fc
        .tuple(...chosen.map(() => value))
        .map((values) => Object.fromEntries(chosen.map((name, i) => [name, values[i]]))),
    );
};

function expectGood(answer: Answer, what: string): void {
  expect(answer.status, `${what}: ${JSON.stringify(answer.body)}`).toBeLessThan(500);
  expect(answer.headers.get("x-request-id"), what).toEqual(expect.any(String));
  if (answer.status < 400) return;
  expect(answer.headers.get("content-type"), what).toBe("application/problem+json");
  const { status, title, detail, code, request_id, errors, type } = answer.body;
  expect([status, title !== "", detail !== "", code !== "", type.endsWith(`/errors/${code}`)], what).toEqual([
    ...[answer.status, true, true, true, true],
  ]);
  expect(request_id, what).toBe(answer.headers.get("x-request-id"));
  expect(errors.length, what).toBeLessThanOrEqual(100);
  expect(answer.body.message, what).toBe(detail);
  expect(answer.body.error_code, what).toBe(code);
  expect(JSON.stringify(answer.body), what).not.toMatch(/SQLITE|D1_|drizzle|\bat \S+ \(|node_modules/);
}

const routes = api.routes.map((route) => [`${route.method.toUpperCase()} ${route.path}`, route] as const);

describe("never a 5xx from", { tags: "slow" }, () => {
  it.each(routes.filter(([, { hasBody }]) => hasBody))("a body of %s", async (_, { method, path }) => {
    const operation = document.paths[path]?.[method];
    const schema = operation?.requestBody?.content?.["application/json"]?.schema as Schema | undefined;
    const names = membersOf(schema);
    const whole = schema?.$ref ? document.components.schemas[schema.$ref.split("/").at(-1) ?? ""] : schema;
    const top = Object.keys(whole?.properties ?? {});
    const bodies = top.length > 0 ? fc.oneof(hostile(names), plausible(top)) : hostile(names);
    const caller = fc.constantFrom("key", "user", "lead");
    await fc.assert(
      fc.asyncProperty(bodies, caller, fc.nat(), async (body, who, n) => {
        const target = `/v1${path.replaceAll(/\{[^{}]+\}/g, () => ids[n % ids.length] ?? "")}`;
        const headers = { ...callers[who], ...(n % 3 === 0 ? { "idempotency-key": `k${n % 5}` } : {}) };
        const text = JSON.stringify(body) ?? "";
        expectGood(await call(method.toUpperCase(), target, { headers, body: text }), `${target} ${text}`);
      }),
      { numRuns: 30 },
    );
  });

  it.each(routes)("parameters of %s", async (_, { method, path }) => {
    const parameters = (document.paths[path]?.[method]?.parameters ?? []) as { in: string; name: string }[];
    const names = parameters.filter((one) => one.in === "query").map((one) => one.name);
    const pair = fc.tuple(fc.constantFrom(...names, "page", "metadata[a]", "metadata[", "x"), scalar);
    await fc.assert(
      fc.asyncProperty(fc.array(pair, { maxLength: 4 }), fc.array(scalar, { maxLength: 3 }), async (pairs, values) => {
        const text = (value: unknown) => encodeURIComponent(String(value ?? "").toWellFormed()) || "%00";
        let i = 0;
        const target = path.replaceAll(/\{[^{}]+\}/g, () => text(values[i++ % Math.max(1, values.length)] ?? ids[0]));
        const query = pairs.map(([name, value]) => `${encodeURIComponent(name)}=${text(value)}`).join("&");
        for (const who of ["user", "lead", "nobody"]) {
          const body = method === "get" ? {} : { body: "{}" };
          const response = await send(method.toUpperCase(), `/v1${target}?${query}`, {
            headers: callers[who] ?? {},
            ...body,
          });
          const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
          if (isStream) await response.body?.cancel();
          else expectGood(await answerOf(response), `${method} ${target}?${query}`);
        }
      }),
      { numRuns: 5 },
    );
  });

  it("headers", async () => {
    const names = [
      "authorization",
      "x-api-key",
      "x-api-secret",
      "accept",
      "content-type",
      "content-encoding",
      "origin",
    ];
    const more = ["idempotency-key", "last-event-id", "x-request-id", "x-d1-bookmark", "prefer", "range", "if-match"];
    const value = fc.constantFrom(
      ...["", "x", "Bearer", "Bearer x.y.z", "Bearer a.b", `Bearer ${"e".repeat(5000)}`, "Basic eDp5", "*/*;q=", ",,,"],
      ...[
        "null",
        "https://",
        "https://shop.example",
        '"',
        '"\\"',
        "0-0",
        "999999999999-1",
        "bytes=0-",
        "text/*;q=9",
        "\t",
      ],
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(...names, ...more), value), { maxLength: 5 }),
        async (pairs) => {
          for (const [method, path] of [
            ["GET", "/v1/conversation"],
            ["POST", "/v1/conversation"],
            ["POST", `/v1/conversation/${ids[0]}/chat`],
            ["POST", "/v1/lead/register"],
            ["OPTIONS", "/v1/lead/register"],
          ] as const) {
            const headers = { ...company.user, ...Object.fromEntries(pairs) };
            const body = method === "POST" ? { body: "{}" } : {};
            expectGood(await call(method, path, { headers, ...body }), `${method} ${path} ${JSON.stringify(pairs)}`);
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});

it("says that the configuration is wrong to the log alone", async () => {
  const logged: unknown[] = [];
  const log = console.error;
  console.error = (...parts) => void logged.push(parts);
  try {
    const response = await app.request("/v1/health", {}, { TOKEN_SECRETS: "short", ENCRYPTION_KEYS: "" });
    expect(response.status).toBe(500);
    expect(response.headers.get("x-request-id")).toEqual(expect.any(String));
    expect(await response.text()).not.toMatch(/TOKEN_SECRETS|Configuration/);
    expect(JSON.stringify(logged)).toContain("TOKEN_SECRETS");
  } finally {
    console.error = log;
  }
});
