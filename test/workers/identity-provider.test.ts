/** Identity providers: whose tokens are believed, whose registration counts, and what happens while keys cannot be had. */
import { env } from "cloudflare:workers";
import { base64url, exportSPKI, type JWK, SignJWT } from "jose";
import { uuidv7 } from "uuidv7";
import { describe, expect, it } from "vitest";
import { forgetCredentials } from "../../src/http/authenticate.ts";
import { bearer, call, type Company, type HeaderMap, makeCompany } from "./company.ts";
import { actionsOn, bodiesFor } from "./credential-checks.ts";
import { claimsFor, makeKey, makeProvider, publish, register, verify } from "./identity-provider.ts";
import { upstream } from "../upstream/client.ts";

const validate = (headers: HeaderMap) => call("GET", "/v1/auth/validate", { headers });
const who = (token: string) => validate(bearer(token));

describe("identity providers", () => {
  it.each(["RS256", "PS256", "ES256", "EdDSA"])("vouch for users with %s", async (alg) => {
    const company = await makeCompany();
    const provider = await makeProvider(alg, company);
    const who = await validate(
      bearer(await provider.sign({ name: "Ann", email: "ann@a.example", company_id: uuidv7() })),
    );
    expect(who.status).toBe(200);
    expect(who.body).toMatchObject({ kind: "user", company_id: company.company_id, scopes: ["read", "write"] });
    const again = await validate(bearer(await provider.sign({ aud: ["else", "our-api"] })));
    expect(again.body.entity_id).toBe(who.body.entity_id);
    expect((await validate(bearer(await provider.sign({ sub: "u-2" })))).body.entity_id).not.toBe(who.body.entity_id);
  });

  it("are not believed when the token is anything but theirs, for us, and in time", async () => {
    const company = await makeCompany();
    const provider = await makeProvider("RS256", company);
    const imposter = await makeProvider("RS256", company);
    const good = await provider.sign();
    const [header = "", payload = "", signature = ""] = good.split(".");
    const part = (value: object) =>
      btoa(JSON.stringify(value)).replaceAll("=", "").replaceAll("+", "-").replaceAll("/", "_");
    const claims = { iss: provider.body.issuer, aud: "our-api", sub: "u-1", exp: Math.floor(Date.now() / 1000) + 600 };
    const symmetric = (secret: string) =>
      new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(secret));
    const bad: Record<string, string> = {
      "HS256 with the public key as the secret": await symmetric(await exportSPKI(provider.key.publicKey)),
      "HS256 with the key set as the secret": await symmetric(JSON.stringify(provider.key.jwk)),
      "alg none, no signature": `${part({ alg: "none" })}.${part(claims)}.`,
      "alg none, any signature": `${part({ alg: "none" })}.${part(claims)}.AAAA`,
      "another audience": await provider.sign({ aud: "their-api" }),
      "no audience": await provider.sign({ aud: undefined }),
      expired: await provider.sign({ exp: Math.floor(Date.now() / 1000) - 120 }),
      "not yet good": await provider.sign({ nbf: Math.floor(Date.now() / 1000) + 600 }),
      "issued in time to come": await provider.sign({ iat: Math.floor(Date.now() / 1000) + 600 }),
      "a logout token": await provider.sign({}, { typ: "logout+jwt" }),
      "a proof of possession": await provider.sign({}, { typ: "application/dpop+JWT" }),
      "a refresh token": await provider.sign({}, { typ: "refresh+jwt" }),
      "without an end": await provider.sign({ exp: undefined }),
      "without a subject": await provider.sign({ sub: undefined }),
      "an unknown key": await provider.sign({}, { kid: "nobody" }),
      "somebody else's signature": await imposter.sign({ iss: provider.body.issuer }),
      "an unregistered issuer": await provider.sign({ iss: "https://unknown.example.com/" }),
      "our own issuer": await provider.sign({ iss: "conversations-api" }),
      "a changed payload": `${header}.${part({ ...claims, sub: "u-2" })}.${signature}`,
      "a padded signature": `${good}==`,
      "a padded payload": `${header}.${payload}=.${signature}`,
      "flipped unused bits": withTrailingBitsFlipped(good),
      "a fourth part": `${good}.AAAA`,
      "two parts": `${header}.${payload}`,
      nothing: "",
      something: "token",
      "too long": `${good}${"A".repeat(9000)}`,
    };
    expect((await validate(bearer(good))).status).toBe(200);
    // A provider's clock may be ahead.
    const ahead = await provider.sign({ iat: Math.floor(Date.now() / 1000) + 60 });
    expect((await validate(bearer(ahead))).status).toBe(200);
    for (const typ of ["JWT", "at+jwt", "application/at+JWT", "application/okta-internal-at+jwt", "Bearer"])
      expect((await validate(bearer(await provider.sign({}, { typ })))).status, typ).toBe(200);
    const answers: Record<string, string> = {};
    for (const [what, token] of Object.entries(bad)) {
      const { status, headers } = await validate({ ...company.admin, ...bearer(token) });
      answers[what] = `${status} ${headers.get("www-authenticate")?.split(" ")[0]}`;
    }
    expect(answers).toEqual(Object.fromEntries(Object.keys(bad).map((what) => [what, "401 Bearer"])));
    expect(Object.values(bad)).not.toContain(good);
  });

  it("are held to the algorithms that were registered", async () => {
    const company = await makeCompany();
    const key = await makeKey("RS256");
    const jwks_uri = await publish(uuidv7(), { keys: [key.jwk] });
    const issuer = `https://login-${uuidv7()}.example.com/`;
    const body = { issuer, jwks_uri, audience: "our-api", algorithms: ["ES256", "EdDSA"] };
    const token = await key.sign(claimsFor(issuer, "our-api"));
    const refused = await register(company, { ...body, token });
    expect(refused.body.errors).toEqual([{ path: "/token", message: expect.stringContaining("(algorithm)") }]);
    expect((await register(company, body)).body.algorithms).toEqual(["ES256", "EdDSA"]);
  });

  it("decide the company: the same issuer for two of them is told apart by audience and key", async () => {
    const a = await makeCompany();
    const b = await makeCompany();
    const ofA = await makeProvider("ES256", a, { audience: "api-a" });
    const ofB = await makeProvider("ES256", b, { issuer: ofA.body.issuer, audience: "api-b" });
    expect((await validate(bearer(await ofA.sign()))).body.company_id).toBe(a.company_id);
    expect((await validate(bearer(await ofB.sign()))).body.company_id).toBe(b.company_id);
    expect((await validate(bearer(await ofB.sign({ aud: "api-a", company_id: a.company_id })))).status).toBe(401);
  });

  it("make admins only through the claim that was named for it", async () => {
    const company = await makeCompany();
    const named = await makeProvider("ES256", company, { role_claim: "roles" });
    const scopesOf = async (token: string) => (await validate(bearer(token))).body.scopes;
    expect(await scopesOf(await named.sign({ roles: ["staff", "admin"] }))).toContain("admin");
    expect(await scopesOf(await named.sign({ roles: "admin" }))).toContain("admin");
    for (const claims of [{}, { roles: ["administrator"] }, { roles: { admin: true } }, { role: "admin" }]) {
      expect(await scopesOf(await named.sign(claims))).toEqual(["read", "write"]);
    }
    const unnamed = await makeProvider("ES256", company);
    expect(await scopesOf(await unnamed.sign({ role: "admin", roles: ["admin"] }))).toEqual(["read", "write"]);
    const admin = await named.sign({ roles: ["admin"] });
    expect((await call("GET", "/v1/audit", { headers: bearer(admin) })).status).toBe(200);
  });

  it("survive a token whose end no calendar holds", async () => {
    const company = await makeCompany();
    const provider = await makeProvider("ES256", company);
    const answer = await validate(bearer(await provider.sign({ exp: 1e18 })));
    expect(answer.status).toBe(200);
  });

  it("are registered once for an issuer and audience, listed, and removed for good", async () => {
    const company = await makeCompany();
    const other = await makeCompany();
    const provider = await makeProvider("ES256", company);
    expect(provider.registered).toEqual({
      ...provider.body,
      id: expect.any(String),
      company_id: company.company_id,
      algorithms: ["RS256", "PS256", "ES256", "EdDSA"],
      role_claim: null,
      status: "verified",
      verified_at: expect.any(String),
      created_at: expect.any(String),
    });
    expect((await register(company, provider.body)).body).toMatchObject({ status: 409, code: "conflict" });
    const listed = await call("GET", "/v1/auth/issuer", { headers: company.admin });
    expect(listed.body.issuers).toEqual([provider.registered]);
    expect((await call("GET", "/v1/auth/issuer", { headers: other.admin })).body.issuers).toEqual([]);
    const token = await provider.sign();
    expect((await validate(bearer(token))).status).toBe(200);
    expect((await bodiesFor(other, "DELETE", (id) => `/v1/auth/issuer/${id}`, provider.id)).size).toBe(1);
    const removed = await call("DELETE", `/v1/auth/issuer/${provider.id}`, { headers: company.admin });
    expect(removed.body).toEqual(provider.registered);
    expect((await validate(bearer(token))).status).toBe(401);
    expect((await call("DELETE", `/v1/auth/issuer/${provider.id}`, { headers: company.admin })).status).toBe(404);
    expect(await actionsOn(company, provider.id)).toEqual(["issuer.create", "issuer.delete"]);
  });

  it.each<[change: object, path: string]>([
    [{ issuer: "conversations-api" }, "/issuer"],
    [{ issuer: "http://login.example.com" }, "/issuer"],
    [{ issuer: "https://login.example.com/?tenant=1", jwks_uri: null }, "/issuer"],
    [{ token: "x".repeat(8193) }, "/token"],
    [{ token: "not a token" }, "/token"],
    [{ jwks_uri: "http://login.example.com/jwks" }, "/jwks_uri"],
    [{ jwks_uri: "https://10.0.0.1/jwks" }, "/jwks_uri"],
    [{ jwks_uri: "https://metadata.internal/jwks" }, "/jwks_uri"],
    [{ jwks_uri: "https://user:pass@login.example.com/jwks" }, "/jwks_uri"],
    [{ jwks_uri: "file:///etc/passwd" }, "/jwks_uri"],
    [{ algorithms: ["HS256"] }, "/algorithms/0"],
    [{ algorithms: ["none"] }, "/algorithms/0"],
    [{ algorithms: [] }, "/algorithms"],
    [{ audience: "" }, "/audience"],
    [{ company_id: uuidv7() }, "/company_id"],
  ])("refuse %j", async (change, path) => {
    const company = await makeCompany();
    const body = {
      issuer: "https://login.example.com/",
      jwks_uri: "https://login.example.com/jwks",
      audience: "x",
      ...change,
    };
    const answer = await call("POST", "/v1/auth/issuer", { headers: company.admin, body });
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path);
  });
});

/** The same bytes in another spelling: the last character's unused bits are set. */
function withTrailingBitsFlipped(token: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const last = alphabet.indexOf(token.at(-1) ?? "");
  return token.slice(0, -1) + alphabet.charAt(last ^ 1);
}

describe("the registration of an identity provider", () => {
  /** A provider that is registered without a proof. */
  async function pendingProvider(company: Company) {
    const key = await makeKey("ES256");
    const jwks_uri = await publish(uuidv7(), { keys: [key.jwk] });
    const body = { issuer: `${env.TEST_UPSTREAM}/documents/${uuidv7()}`, jwks_uri, audience: "our-api" };
    const sign = (claims = {}) => key.sign({ ...claimsFor(body.issuer, body.audience), ...claims });
    return { ...(await register(company, body)).body, body, key, sign };
  }

  it("counts for nothing until a token has proved it", async () => {
    const company = await makeCompany();
    const { id, status, verified_at, sign } = await pendingProvider(company);
    expect([status, verified_at]).toEqual(["pending", null]);
    const token = await sign();
    expect((await who(token)).status).toBe(401);
    const verified = await verify(company, id, token);
    expect(verified.body).toMatchObject({ id, status: "verified", verified_at: expect.any(String) });
    expect((await who(token)).body).toMatchObject({ kind: "user", company_id: company.company_id });
    expect((await verify(company, id, await sign())).body).toEqual(verified.body);
    expect(await actionsOn(company, id)).toEqual(["issuer.create", "issuer.verify"]);
  });

  it("is proved by nothing but a good token of its own", async () => {
    const company = await makeCompany();
    const { id, body, sign } = await pendingProvider(company);
    const stranger = await makeKey("ES256");
    const past = Math.floor(Date.now() / 1000) - 600;
    const bad: Record<string, string> = {
      issuer_unknown: await sign({ aud: "their-api" }),
      expired: await sign({ exp: past }),
      no_matching_key: await stranger.sign(claimsFor(body.issuer, body.audience)),
      claim: await sign({ exp: undefined }),
      subject_unusable: await sign({ sub: "x".repeat(256) }),
      malformed: "nonsense",
    };
    for (const [reason, token] of Object.entries(bad)) {
      const answer = await verify(company, id, token);
      expect(answer.body).toMatchObject({ status: 422, errors: [{ path: "/token" }] });
      expect(answer.body.errors[0].message).toContain(`(${reason})`);
    }
    const slash = await sign({ iss: `${body.issuer}/` });
    const { message } = (await verify(company, id, slash)).body.errors[0];
    expect(message).toContain(`its iss is "${body.issuer}/", its aud ["our-api"]`);
    const other = await makeCompany();
    const foreign = new Set([
      (await verify(other, id, await sign())).status,
      (await verify(other, uuidv7(), "x")).status,
    ]);
    expect([...foreign]).toEqual([404]);
    expect((await who(await sign())).status).toBe(401);
  });

  it("stands in nobody's way while it is pending, and one company alone is verified", async () => {
    const [squatter, owner] = [await makeCompany(), await makeCompany()];
    const squatted = await pendingProvider(squatter);
    const { issuer, audience } = squatted.body;
    const key = await makeKey("ES256");
    const jwks_uri = await publish(uuidv7(), { keys: [key.jwk] });
    const token = await key.sign(claimsFor(issuer, audience));
    const made = await register(owner, { issuer, audience, jwks_uri, token });
    expect(made.body).toMatchObject({ status: "verified", company_id: owner.company_id });
    expect((await who(token)).body.company_id).toBe(owner.company_id);
    const late = await verify(squatter, squatted.id, await squatted.sign());
    expect(late.body).toMatchObject({ status: 409, code: "conflict" });
    expect((await who(token)).body.company_id).toBe(owner.company_id);
    expect((await who(await squatted.sign())).status).toBe(401);
  });

  it("goes over to whoever has the keys that the issuer itself names", async () => {
    const [squatter, owner] = [await makeCompany(), await makeCompany()];
    const squatted = await pendingProvider(squatter);
    const stolen = await squatted.sign();
    expect((await verify(squatter, squatted.id, stolen)).status).toBe(200);
    const { issuer, audience } = squatted.body;
    const key = await makeKey("ES256");
    const name = issuer.split("/documents/")[1];
    const jwks_uri = await publish(uuidv7(), { keys: [key.jwk] });
    await publish(`${name}/.well-known/openid-configuration`, { issuer, jwks_uri });
    const token = await key.sign(claimsFor(issuer, audience));
    expect((await register(owner, { issuer, audience, jwks_uri, token })).body.status).toBe("verified");
    expect((await who(token)).body.company_id).toBe(owner.company_id);
    expect((await who(stolen)).status).toBe(401);
    const [left] = (await call("GET", "/v1/auth/issuer", { headers: squatter.admin })).body.issuers;
    expect(left).toMatchObject({ id: squatted.id, status: "pending" });
    expect(await actionsOn(squatter, squatted.id)).toEqual(["issuer.create", "issuer.verify", "issuer.displace"]);
    expect((await verify(squatter, squatted.id, await squatted.sign())).status).toBe(409);
  });

  it.each([
    ["OpenID Connect", (name: string) => `documents/${name}/.well-known/openid-configuration`],
    ["RFC 8414", (name: string) => `.well-known/oauth-authorization-server/documents/${name}`],
  ])("finds the keys by the issuer's discovery document (%s)", async (_standard, addressOf) => {
    const company = await makeCompany();
    const key = await makeKey("RS256");
    const jwks_uri = await publish(uuidv7(), { keys: [key.jwk] });
    const name = uuidv7();
    const issuer = `${env.TEST_UPSTREAM}/documents/${name}`;
    const document = JSON.stringify({ issuer, jwks_uri });
    await fetch(`${env.TEST_UPSTREAM}/${addressOf(name)}`, { method: "PUT", body: document });
    const token = await key.sign(claimsFor(issuer, "our-api"));
    const made = await register(company, { issuer, audience: "our-api", token });
    expect(made.body).toMatchObject({ status: "verified", jwks_uri: null });
    expect((await who(token)).status).toBe(200);
  });

  it("does not believe a discovery document that is of another issuer", async () => {
    const company = await makeCompany();
    const key = await makeKey("RS256");
    const name = uuidv7();
    const issuer = `${env.TEST_UPSTREAM}/documents/${name}`;
    const jwks_uri = await publish(uuidv7(), { keys: [key.jwk] });
    await publish(`${name}/.well-known/openid-configuration`, { issuer: `${issuer}/`, jwks_uri });
    const answer = await register(company, { issuer, audience: "a", token: await key.sign(claimsFor(issuer, "a")) });
    expect(answer.body).toMatchObject({ status: 503, code: "identity_provider_unavailable" });
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await call("GET", "/v1/auth/issuer", { headers: company.admin })).body.issuers).toEqual([]);
  });

  it("is one of twenty at most", async () => {
    const company = await makeCompany();
    const body = (n: number) => ({ issuer: `https://login-${n}.example.com`, audience: "x" });
    const answers = await Promise.all(Array.from({ length: 24 }, (_, n) => register(company, body(n))));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(20);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(4);
    expect((await register(await makeCompany(), body(0))).status).toBe(201);
  });
});

describe("a token of an identity provider", () => {
  const client = upstream(env.TEST_UPSTREAM);
  /** Makes the key set answer by a script, and count who asks. */
  const script = (name: string, ...steps: Parameters<typeof client.script>[1]) =>
    client.script(`documents/${name}`, steps);
  const asked = async (name: string) => (await client.requests(`documents/${name}`)).length;

  it("that is for the audiences of two companies is nobody's", async () => {
    const [a, b] = [await makeCompany(), await makeCompany()];
    const ofA = await makeProvider("ES256", a, { audience: "api-a" });
    const { issuer, jwks_uri } = ofA.body;
    const token = await ofA.sign({ aud: "api-b" });
    expect((await register(b, { issuer, jwks_uri, audience: "api-b", token })).status).toBe(201);
    expect((await who(await ofA.sign())).body.company_id).toBe(a.company_id);
    expect((await who(token)).body.company_id).toBe(b.company_id);
    expect((await who(await ofA.sign({ aud: ["api-a", "api-b"] }))).status).toBe(401);
    expect((await who(await ofA.sign({ aud: ["api-a", "api-c"] }))).body.company_id).toBe(a.company_id);
  });

  it.each<[what: string, payload: object]>([
    ["iss is a list", { iss: ["https://a.example.com"] }],
    ["iss is an object", { iss: { a: 1 } }],
    ["iss is a number", { iss: 7 }],
    ["iss is not text that a database takes", { iss: "\ud800" }],
    ["aud is an object", { iss: "https://a.example.com", aud: { a: 1 } }],
    ["aud is a list of lists", { iss: "https://a.example.com", aud: [["x"]] }],
    ["aud is a very long list", { iss: "https://a.example.com", aud: Array.from({ length: 200 }, String) }],
    ["exp is text", { iss: "https://a.example.com", aud: "x", exp: "never" }],
  ])("in which %s is a 401 like every other", async (_what, payload) => {
    const part = (value: object) =>
      btoa(JSON.stringify(value)).replaceAll("=", "").replaceAll("+", "-").replaceAll("/", "_");
    const answer = await who(`${part({ alg: "RS256" })}.${part(payload)}.AAAA`);
    expect(answer.body).toMatchObject({ status: 401, code: "unauthorized", detail: "The token is not good." });
  });

  it("asks for no keys while it is for nobody, in another algorithm or out of its time", async () => {
    const company = await makeCompany();
    const provider = await makeProvider("ES256", company, { algorithms: ["ES256"] });
    await script(provider.name, { status: 500 });
    const past = Math.floor(Date.now() / 1000) - 600;
    const tokens = [
      await provider.sign({ aud: "else" }),
      await provider.sign({ exp: past }),
      await (await makeKey("RS256")).sign(claimsFor(provider.body.issuer, "our-api")),
    ];
    for (const token of tokens) expect((await who(token)).status).toBe(401);
    expect(await asked(provider.name)).toBe(0);
  });

  it("is checked with the last known keys while the provider cannot be reached", async () => {
    const company = await makeCompany();
    const provider = await makeProvider("ES256", company);
    await script(provider.name, { status: 500 });
    expect((await who(await provider.sign())).status).toBe(200);
    const stored = await env.DB.prepare("SELECT keys, keys_at FROM issuer WHERE id = ?").bind(provider.id).first();
    expect(JSON.parse(String(stored?.["keys"])).keys[0].kid).toBe(provider.key.jwk.kid);
  });

  it("is not called bad, but told to come later, when its keys cannot be had; and they are asked for once", async () => {
    const company = await makeCompany();
    const key = await makeKey("ES256");
    const name = uuidv7();
    const issuer = `https://login-${name}.example.com/`;
    const made = await register(company, { issuer, jwks_uri: await publish(name, { keys: [key.jwk] }), audience: "a" });
    await env.DB.prepare("UPDATE issuer SET verified_at = 1 WHERE id = ?").bind(made.body.id).run();
    const token = await key.sign(claimsFor(issuer, "a"));
    await client.closeGate(name);
    await script(name, { gate: name }, { status: 500 });
    const many = Promise.all(Array.from({ length: 12 }, () => who(token)));
    await client.waitAtGate(name);
    await client.openGate(name);
    for (const answer of await many) {
      expect(answer.body).toMatchObject({ status: 503, code: "identity_provider_unavailable" });
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(answer.headers.has("www-authenticate")).toBe(false);
    }
    expect((await who(token)).status).toBe(503);
    expect(await asked(name)).toBe(1);
  });

  it("is checked once the one fetch of the keys that many wait for is there", async () => {
    const company = await makeCompany();
    const key = await makeKey("ES256");
    const name = uuidv7();
    const issuer = `https://login-${name}.example.com/`;
    const made = await register(company, { issuer, jwks_uri: await publish(name, {}), audience: "a" });
    await env.DB.prepare("UPDATE issuer SET verified_at = 1 WHERE id = ?").bind(made.body.id).run();
    await client.closeGate(name);
    await script(name, { gate: name }, { status: 200, body: { keys: [key.jwk] } });
    const token = await key.sign(claimsFor(issuer, "a"));
    const many = Promise.all(Array.from({ length: 12 }, () => who(token)));
    await client.waitAtGate(name);
    await client.openGate(name);
    expect((await many).map(({ status }) => status)).toEqual(Array(12).fill(200));
    expect(await asked(name)).toBe(1);
  });

  it.each<[what: string, keys: number, kids: (string | undefined)[], signer: number, kid?: string]>([
    ["two keys without names, signed by the first", 2, [undefined, undefined], 0],
    ["two keys without names, signed by the second", 2, [undefined, undefined], 1],
    ["named keys and a token that names none", 2, ["a", "b"], 1],
    ["two keys of one name, signed by the second", 2, ["k", "k"], 1, "k"],
    ["many keys of one name", 9, Array(9).fill("k"), 8, "k"],
  ])("is tried with every key that may be meant: %s", async (_what, count, kids, signer, kid) => {
    const company = await makeCompany();
    const keys = await Promise.all(Array.from({ length: count }, () => makeKey("RS256", {})));
    const odd = [
      { kty: "oct", kid: "s", k: "AAAA" },
      { kty: "AKP", alg: "ML-DSA-44", pub: "AA" },
      { kty: "RSA", use: "enc", kid: "k" },
    ];
    const published = keys.map(({ jwk: { alg: _, ...jwk } }, n) => ({
      ...jwk,
      ...(kids[n] === undefined ? {} : { kid: kids[n] }),
    }));
    const jwks_uri = await publish(uuidv7(), { keys: [...odd, ...published] });
    const issuer = `https://login-${uuidv7()}.example.com/`;
    const token = await keys[signer]?.sign(claimsFor(issuer, "a"), kid === undefined ? {} : { kid });
    expect((await register(company, { issuer, jwks_uri, audience: "a", token })).status).toBe(201);
    expect((await who(token ?? "")).status).toBe(200);
    const stranger = await makeKey("RS256", {});
    expect((await who(await stranger.sign(claimsFor(issuer, "a"), kid === undefined ? {} : { kid }))).status).toBe(401);
  });

  /** Base64url as base64, with its padding. */
  const padded = (text: string) => {
    const plain = text.replaceAll("-", "+").replaceAll("_", "/");
    return plain.padEnd(Math.ceil(plain.length / 4) * 4, "=");
  };
  /** The bytes of base64url behind as many zeros, or without the zeros that they begin with. */
  const rewritten = (text: string, change: (bytes: number[]) => number[]) =>
    base64url.encode(Uint8Array.from(change([...base64url.decode(text)])));

  it.each<[what: string, alg: string, change: (jwk: JWK) => object, header?: object]>([
    ["nulls where nothing is", "RS256", (jwk) => ({ ...jwk, alg: null, kid: null, key_ops: null, x5c: null })],
    ["a name, though the key has none", "RS256", ({ kid: _, ...jwk }) => jwk, { kid: "named" }],
    ["a name that is a number", "ES256", (jwk) => ({ ...jwk, kid: 7 }), { kid: "7" }],
    ["base64 with its padding", "RS256", (jwk) => ({ ...jwk, n: padded(jwk.n ?? ""), e: padded(jwk.e ?? "") })],
    ["base64 for coordinates", "ES256", (jwk) => ({ ...jwk, x: padded(jwk.x ?? ""), y: padded(jwk.y ?? "") })],
    ["numbers with a sign", "RS256", (jwk) => ({ ...jwk, n: rewritten(jwk.n ?? "", (bytes) => [0, ...bytes]) })],
    ["coordinates with a sign", "ES256", (jwk) => ({ ...jwk, x: rewritten(jwk.x ?? "", (bytes) => [0, ...bytes]) })],
    ["the newer name of a curve's algorithm", "EdDSA", (jwk) => ({ ...jwk, alg: "Ed25519" })],
    [
      "a certificate that is none, and what nobody knows",
      "RS256",
      (jwk) => ({ ...jwk, x5c: ["MIIB"], ext: "true", status: "ACTIVE" }),
    ],
  ])("may be signed by a key with %s", async (_what, alg, change, header = {}) => {
    const company = await makeCompany();
    const key = await makeKey(alg, {});
    const jwks_uri = await publish(uuidv7(), { keys: [null, "x", { kty: "RSA", n: "%", e: 1 }, change(key.jwk)] });
    const issuer = `https://login-${uuidv7()}.example.com/`;
    const token = await key.sign(claimsFor(issuer, "a"), header);
    expect(await register(company, { issuer, jwks_uri, audience: "a", token })).toMatchObject({ status: 201 });
    expect((await who(token)).status).toBe(200);
    const stranger = await makeKey(alg, {});
    expect((await who(await stranger.sign(claimsFor(issuer, "a"), header))).status).toBe(401);
  });

  it("may be signed under the newer name of an Edwards curve", async () => {
    const company = await makeCompany();
    const key = await makeKey("Ed25519", { kid: "ed" });
    const jwks_uri = await publish(uuidv7(), { keys: [{ ...key.jwk, alg: "EdDSA" }] });
    const issuer = `https://login-${uuidv7()}.example.com/`;
    const token = await key.sign(claimsFor(issuer, "a"));
    expect((await register(company, { issuer, jwks_uri, audience: "a", token })).status).toBe(201);
    expect((await who(token)).status).toBe(200);
    const narrow = { issuer, jwks_uri, audience: "b", algorithms: ["ES256"] };
    const refused = await register(company, { ...narrow, token: await key.sign(claimsFor(issuer, "b")) });
    expect(refused.body.errors).toMatchObject([{ path: "/token" }]);
  });

  it("finds its role at the end of a path, unless a claim has that very name", async () => {
    const company = await makeCompany();
    const scopesOf = async (token: string) => (await who(token)).body.scopes;
    const nested = await makeProvider("ES256", company, { role_claim: "realm_access.roles" });
    expect(await scopesOf(await nested.sign({ realm_access: { roles: ["x", "admin"] } }))).toContain("admin");
    expect(await scopesOf(await nested.sign({ "realm_access.roles": "admin" }))).toContain("admin");
    const misses = [
      {},
      { realm_access: { roles: ["x"] } },
      { realm_access: ["roles", "admin"] },
      { realm_access: "admin" },
      { roles: ["admin"] },
      { "realm_access.roles": [], realm_access: { roles: ["admin"] } },
    ];
    for (const claims of misses) expect(await scopesOf(await nested.sign(claims))).toEqual(["read", "write"]);
    const named = await makeProvider("ES256", company, { role_claim: "https://acme.example/roles" });
    expect(await scopesOf(await named.sign({ "https://acme.example/roles": ["admin"] }))).toContain("admin");
    const dotted = await makeProvider("ES256", company, { role_claim: "resource_access.our.client.roles" });
    expect(await scopesOf(await dotted.sign({ resource_access: { "our.client": { roles: ["admin"] } } }))).toContain(
      "admin",
    );
    expect(await scopesOf(await dotted.sign({ resource_access: { our: { roles: ["admin"] } } }))).not.toContain(
      "admin",
    );
    const inherited = await makeProvider("ES256", company, { role_claim: "constructor.name" });
    expect(await scopesOf(await inherited.sign())).toEqual(["read", "write"]);
  });

  it("ends with the registration of its provider, and with its user", async () => {
    const company = await makeCompany();
    const provider = await makeProvider("ES256", company);
    const token = await provider.sign();
    const { entity_id } = (await who(token)).body;
    await env.DB.prepare("UPDATE user SET deleted_at = 1 WHERE id = ?").bind(entity_id).run();
    forgetCredentials();
    expect((await who(token)).status).toBe(401);
    expect((await who(await provider.sign({ name: "Another" }))).status).toBe(401);
    expect((await who(await provider.sign({ sub: "u-2" }))).status).toBe(200);
  });
});
