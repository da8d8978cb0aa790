/**
 * Every route against every kind of credential. What must come out follows from the audience and scope that the route
 * declares, so a route that is added is tested without anybody thinking of it.
 */
import { env } from "cloudflare:workers";
import { eq } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import { beforeAll, describe, expect, it } from "vitest";
import { api } from "../../src/app.ts";
import type { Scope } from "../../src/auth/principal.ts";
import { companyDatabase } from "../../src/db/database.ts";
import { user } from "../../src/db/schema.ts";
import type { Audience, MountedRoute } from "../../src/http/route.ts";
import { bearer, call, type Company, type HeaderMap, makeCompany, makeLead } from "./company.ts";
import { claimsFor, makeKey as makeKeyPair, makeProvider, publish, register } from "./identity-provider.ts";

type Holder = { kind: "key" | "user" | "lead"; scopes: Scope[] };

/** null: nobody. "bad": a credential that must be refused wherever credentials are looked at. */
const credentials: Record<string, Holder | null | "bad"> = {
  "no credential": null,
  "a key with read": { kind: "key", scopes: ["read"] },
  "a key with read and write": { kind: "key", scopes: ["read", "write"] },
  "a key with admin": { kind: "key", scopes: ["read", "write", "admin"] },
  "a member's token": { kind: "user", scopes: ["read", "write"] },
  "an admin's token": { kind: "user", scopes: ["read", "write", "admin"] },
  "an admin's token of an identity provider": { kind: "user", scopes: ["read", "write", "admin"] },
  "a visitor's token": { kind: "lead", scopes: ["read", "write"] },
  "a visitor's token from a key with write": { kind: "lead", scopes: ["write"] },
  "a revoked key": "bad",
  "a token from a revoked key": "bad",
  "a visitor's token from a revoked key": "bad",
  "a deleted visitor's token": "bad",
  "a deleted user's token": "bad",
  "a token of a pending identity provider": "bad",
  "a token of a removed identity provider": "bad",
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
function refusalFor(route: MountedRoute, holder: Holder | null | "bad", name = ""): 401 | 403 | null {
  const { audience, scope } = route;
  if (audience === "public") return null;
  if (holder === "bad") return 401;
  if (holder === null) return audience === "anyone" ? null : 401;
  if (route.minted_tokens === "refused" && name === "an admin's token") return 403;
  return open[audience].includes(holder.kind) && holder.scopes.includes(scope) ? null : 403;
}

let company: Company;
let headersOf: Record<string, HeaderMap>;

beforeAll(async () => {
  company = await makeCompany();
  const other = await makeCompany();
  const lead = await makeLead(company);
  const deleted = await makeLead(company);
  await call("DELETE", `/v1/lead/${deleted.lead_id}`, { headers: company.admin });
  const writer = await makeKey(["write"]);
  const revoked = await makeKey(["read", "write", "admin"]);
  const lost = { user: await mint(revoked.headers, "user"), lead: await mint(revoked.headers, "lead") };
  await call("DELETE", `/v1/auth/api-keys/${revoked.id}`, { headers: company.admin });
  const leaver = await mint(company.read_write, "user");
  const db = await companyDatabase(env, company.company_id);
  await db.update(user).set({ deleted_at: Date.now() }).where(eq(user.id, leaver.entity_id));
  const provider = await makeProvider("ES256", company, { role_claim: "role" });
  const removed = await makeProvider("ES256", company, { audience: "removed" });
  await call("DELETE", `/v1/auth/issuer/${removed.id}`, { headers: company.admin });
  const pending = await makeKeyPair("ES256");
  const issuer = `https://login-${uuidv7()}.example.com/`;
  await register(company, { issuer, audience: "x", jwks_uri: await publish(uuidv7(), { keys: [pending.jwk] }) });
  headersOf = {
    "an admin's token of an identity provider": bearer(await provider.sign({ role: "admin" })),
    "a visitor's token from a key with write": (await mint(writer.headers, "lead")).headers,
    "a revoked key": revoked.headers,
    "a token from a revoked key": lost.user.headers,
    "a visitor's token from a revoked key": lost.lead.headers,
    "a deleted visitor's token": deleted.headers,
    "a deleted user's token": leaver.headers,
    "a token of a pending identity provider": bearer(await pending.sign(claimsFor(issuer, "x"))),
    "a token of a removed identity provider": bearer(await removed.sign()),
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

async function makeKey(scopes: Scope[]) {
  const { body } = await call("POST", "/v1/auth/api-keys", { headers: company.admin, body: { scopes } });
  return { id: body.id as string, headers: { "x-api-key": body.api_key, "x-api-secret": body.api_secret } };
}

async function mint(headers: HeaderMap, entity_type: "user" | "lead") {
  const body = { entity_type, external_id: uuidv7(), ...(entity_type === "user" ? { role: "member" } : {}) };
  const answer = await call("POST", "/v1/auth/token", { headers, body });
  return { entity_id: answer.body.entity_id as string, headers: bearer(answer.body.access_token) };
}

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
      const refusal = refusalFor(route, holder, name);
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

describe("the guard lets through", { tags: "slow" }, () => {
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
