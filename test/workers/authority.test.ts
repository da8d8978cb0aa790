/**
 * Every route against every kind of credential. What must come out follows from the audience and scope that the route
 * declares, so a route that is added is tested without anybody thinking of it.
 */
import { uuidv7 } from "uuidv7";
import { beforeAll, describe, expect, it } from "vitest";
import { api } from "../../src/app.ts";
import type { Scope } from "../../src/auth/principal.ts";
import type { Audience, MountedRoute } from "../../src/http/route.ts";
import { call, type Company, type HeaderMap, makeCompany, makeLead } from "./company.ts";

type Holder = { kind: "key" | "user" | "lead"; scopes: Scope[] };

/** null: nobody. "bad": a credential that must be refused wherever credentials are looked at. */
const credentials: Record<string, Holder | null | "bad"> = {
  "no credential": null,
  "a key with read": { kind: "key", scopes: ["read"] },
  "a key with read and write": { kind: "key", scopes: ["read", "write"] },
  "a key with admin": { kind: "key", scopes: ["read", "write", "admin"] },
  "a member's token": { kind: "user", scopes: ["read", "write"] },
  "an admin's token": { kind: "user", scopes: ["read", "write", "admin"] },
  "a visitor's token": { kind: "lead", scopes: ["read", "write"] },
  "a bad Bearer token beside a good key": "bad",
  "a key with somebody else's secret": "bad",
};

const open: Record<Audience, Holder["kind"][]> = {
  public: ["key", "user", "lead"],
  anyone: ["key", "user", "lead"],
  everyone: ["key", "user", "lead"],
  staff: ["key", "user"],
  keys: ["key"],
  leads: ["lead"],
};

/** 401, 403, or null when the request must get past the guard. */
function refusalFor({ audience, scope }: MountedRoute, holder: Holder | null | "bad"): 401 | 403 | null {
  if (audience === "public") return null;
  if (holder === "bad") return 401;
  if (holder === null) return audience === "anyone" ? null : 401;
  return open[audience].includes(holder.kind) && holder.scopes.includes(scope) ? null : 403;
}

let company: Company;
let headersOf: Record<string, HeaderMap>;

beforeAll(async () => {
  company = await makeCompany();
  const other = await makeCompany();
  const lead = await makeLead(company);
  headersOf = {
    "no credential": {},
    "a key with read": company.read_only,
    "a key with read and write": company.read_write,
    "a key with admin": company.admin,
    "a member's token": company.user,
    "an admin's token": company.admin_user,
    "a visitor's token": lead.headers,
    "a bad Bearer token beside a good key": { ...company.admin, authorization: "Bearer abc.def.ghi" },
    "a key with somebody else's secret": { ...company.admin, "x-api-secret": other.admin["x-api-secret"] },
  };
});

/** A request that is well-formed as far as the path goes, to objects that are not there. */
const request = (route: MountedRoute, headers: HeaderMap, prefix = "/v1") =>
  call(route.method.toUpperCase(), prefix + route.path.replaceAll(/\{.+?\}/g, uuidv7()), {
    headers,
    ...(route.hasBody ? { body: {} } : {}),
  });

/** Routes by name, each with the names of the credentials that `pick` finds for it. */
const table = (pick: (refusal: 401 | 403 | null) => boolean) =>
  api.routes.flatMap((route) =>
    Object.entries(credentials).flatMap(([name, holder]) => {
      const refusal = refusalFor(route, holder);
      return pick(refusal) ? [[route.method.toUpperCase(), route.path, name, refusal, route] as const] : [];
    }),
  );

describe("the guard refuses", () => {
  it.each(table((refusal) => refusal === 401))("%s %s with %s: %s", async (_method, _path, name, _status, route) => {
    const answer = await request(route, headersOf[name] ?? {});
    expect(answer.body).toMatchObject({ status: 401, code: "unauthorized" });
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer /);
  });

  it.each(table((refusal) => refusal === 403))("%s %s with %s: %s", async (_method, _path, name, _status, route) => {
    const answer = await request(route, headersOf[name] ?? {});
    expect(answer.body).toMatchObject({ status: 403, code: "forbidden" });
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
  });
});

describe("the guard lets through", () => {
  it.each(table((refusal) => refusal === null))("%s %s with %s", async (_method, _path, name, _status, route) => {
    const answer = await request(route, headersOf[name] ?? {});
    expect([401, 403]).not.toContain(answer.status);
    expect(answer.status).toBeLessThan(500);
  });
});

describe("credentials", () => {
  it("are nowhere but in their headers", async () => {
    const key = company.admin["x-api-key"];
    const secret = company.admin["x-api-secret"];
    const token = company.user.authorization?.slice("Bearer ".length) ?? "";
    const elsewhere: [query: string, headers: HeaderMap][] = [
      [`?api_key=${key}&api_secret=${secret}`, {}],
      [`?access_token=${token}`, {}],
      ["", { authorization: `Basic ${btoa(`${key}:${secret}`)}` }],
      ["", { authorization: token }],
      ["", { cookie: `token=${token}; api_key=${key}; api_secret=${secret}` }],
      ["", { "x-api-key": key ?? "" }],
      ["", { "x-api-secret": secret ?? "" }],
      ["", { "x-api-key": secret ?? "", "x-api-secret": key ?? "" }],
    ];
    for (const [query, headers] of elsewhere) {
      expect((await call("GET", `/v1/agent${query}`, { headers })).status).toBe(401);
    }
  });

  it("count before anything else: a refused request is told nothing about its body or its object", async () => {
    const answers = [company.agent_id, uuidv7(), "nonsense"].flatMap((id) =>
      ["{", "{}", '{"name":"x"}'].map((body) =>
        call("PUT", `/v1/agent/${id}`, { headers: { ...company.read_only, "x-request-id": "same" }, body }),
      ),
    );
    const bodies = new Set(
      (await Promise.all(answers)).map((answer) => `${answer.status} ${JSON.stringify(answer.body)}`),
    );
    expect(bodies.size).toBe(1);
    expect([...bodies][0]).toMatch(/^403 /);
  });

  it("count under the other prefix just the same", async () => {
    const guarded = api.routes.filter((route) => refusalFor(route, null) === 401);
    const answers = await Promise.all(guarded.map((route) => request(route, {}, "/api/v1")));
    expect(answers.map((answer) => answer.status)).toEqual(guarded.map(() => 401));
  });
});
