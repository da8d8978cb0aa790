/** Signing in at an identity provider: which ones a company has, and codes that become tokens, against a real token endpoint. */
import { env } from "cloudflare:workers";
import type { JWTPayload } from "jose";
import { uuidv7 } from "uuidv7";
import { describe, expect, it } from "vitest";
import { upstream } from "../upstream/client.ts";
import { bearer, call, type Company, makeCompany } from "./company.ts";
import { claimsFor, makeKey, makeProvider, publish, register } from "./identity-provider.ts";

const up = upstream(env.TEST_UPSTREAM);
const VERIFIER = "v".repeat(43);
const NONCE = "nonce-nonce-nonce";

/** A verified provider with a discovery document and a token endpoint, which answers what it is told to. */
async function makeSignIn(company: Company, registration: Record<string, unknown> = {}, document: object = {}) {
  const name = `sign-in-${uuidv7()}`;
  const issuer = `${env.TEST_UPSTREAM}/documents/${name}`;
  const provider = await makeProvider("ES256", company, { issuer, audience: name, ...registration });
  const token_endpoint = up.toolUrl(name);
  const authorization_endpoint = "https://login.example.com/authorize?tenant=1";
  await publish(`${name}/.well-known/openid-configuration`, {
    ...{ issuer, jwks_uri: provider.body.jwks_uri, token_endpoint, authorization_endpoint },
    ...document,
  });
  const finish = (body: object = {}) =>
    call("POST", `/v1/auth/sign-in/${provider.id}`, {
      body: { code: "the-code", code_verifier: VERIFIER, nonce: NONCE, ...body },
    });
  return {
    ...provider,
    name,
    answer: (status: number, body: unknown) => up.script(`tools/${name}`, [{ status, body }]),
    idToken: (claims: JWTPayload = {}) => provider.sign({ nonce: NONCE, ...claims }),
    requests: () => up.requests(`tools/${name}`),
    begin: () => call("GET", `/v1/auth/sign-in/${provider.id}`),
    finish,
  };
}

const listed = (company_id: string) => call("GET", `/v1/auth/sign-in?company_id=${company_id}`);
const wrong = async (answer: Promise<{ status: number; body: any }>) => {
  const { status, body } = await answer;
  return [status, body.errors?.[0]?.path, body.errors?.[0]?.message];
};

describe("signing in at an identity provider", () => {
  it("goes from the company to a token that the API takes", async () => {
    const company = await makeCompany();
    const one = await makeSignIn(company);
    expect((await listed(company.company_id)).body).toEqual({
      providers: [{ id: one.id, issuer: one.body.issuer, client_id: one.name }],
    });
    expect((await one.begin()).body).toEqual({
      id: one.id,
      issuer: one.body.issuer,
      client_id: one.name,
      authorization_endpoint: "https://login.example.com/authorize?tenant=1",
      redirect_uri: "http://api.test/console",
    });
    const id_token = await one.idToken({ name: "Ann" });
    await one.answer(200, { token_type: "Bearer", access_token: "x", id_token });
    const answer = await one.finish();
    expect([answer.status, answer.body]).toEqual([200, { id_token }]);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    const [request] = await one.requests();
    expect(request?.method).toBe("POST");
    expect(request?.headers).toMatchObject({
      "content-type": expect.stringContaining("application/x-www-form-urlencoded"),
      origin: "http://api.test",
    });
    expect(Object.fromEntries(new URLSearchParams(request?.body))).toEqual({
      ...{ grant_type: "authorization_code", client_id: one.name, code: "the-code", code_verifier: VERIFIER },
      redirect_uri: "http://api.test/console",
    });
    const me = await call("GET", "/v1/auth/validate", { headers: bearer(id_token) });
    expect(me.body).toMatchObject({ kind: "user", company_id: company.company_id });
  });

  it("tells nobody which companies there are, nor of providers that count for nothing", async () => {
    const company = await makeCompany();
    const empty = await listed(uuidv7());
    expect([empty.status, empty.body]).toEqual([200, { providers: [] }]);
    const key = await makeKey("ES256");
    const jwks_uri = await publish(uuidv7(), { keys: [key.jwk] });
    const issuer = `${env.TEST_UPSTREAM}/documents/${uuidv7()}`;
    const pending = await register(company, { issuer, audience: "x", jwks_uri });
    expect((await listed(company.company_id)).body).toEqual(empty.body);
    const body = { code: "c", code_verifier: VERIFIER, nonce: NONCE };
    for (const id of [pending.body.id, uuidv7()]) {
      expect((await call("GET", `/v1/auth/sign-in/${id}`)).status).toBe(404);
      expect((await call("POST", `/v1/auth/sign-in/${id}`, { body })).status).toBe(404);
    }
    expect((await listed("acme")).status).toBe(422);
    expect((await call("GET", "/v1/auth/sign-in")).status).toBe(422);
  });

  it("says in the provider's words why it refused", async () => {
    const one = await makeSignIn(await makeCompany());
    await one.answer(400, { error: "invalid_grant", error_description: "The code\nis over" });
    expect(await wrong(one.finish())).toEqual([
      422,
      "/code",
      "the identity provider refused it (invalid_grant: The code is over)",
    ]);
    await one.answer(401, { error: "invalid_client" });
    expect((await wrong(one.finish()))[2]).toContain("invalid_client");
    await one.answer(200, { access_token: "x" });
    expect((await wrong(one.finish()))[2]).toContain("no id_token");
  });

  it("refuses tokens that are not for this sign-in, this client or this provider", async () => {
    const company = await makeCompany();
    const one = await makeSignIn(company);
    const foreign = await makeSignIn(await makeCompany());
    await one.answer(200, { id_token: await one.idToken({ nonce: "of another sign-in" }) });
    expect((await wrong(one.finish())).slice(0, 2)).toEqual([422, "/nonce"]);
    await one.answer(200, { id_token: await one.sign() });
    expect((await wrong(one.finish())).slice(0, 2)).toEqual([422, "/nonce"]);
    const others = {
      issuer_unknown: [await foreign.idToken(), await one.idToken({ aud: "another client" })],
      no_matching_key: [await (await makeKey("ES256")).sign({ ...claimsFor(one.body.issuer, one.name), nonce: NONCE })],
      expired: [await one.idToken({ exp: Math.floor(Date.now() / 1000) - 600 })],
      malformed: ["nonsense", ""],
    };
    for (const [reason, tokens] of Object.entries(others)) {
      for (const id_token of tokens) {
        await one.answer(200, { id_token });
        expect(await wrong(one.finish())).toEqual([422, "/code", expect.stringContaining(reason)]);
      }
    }
  });

  it.each<[what: string, status: number, body: unknown]>([
    ["is broken", 500, { error: "server_error" }],
    ["sends rubbish", 400, "<html>"],
    ["redirects", 302, ""],
    ["sends too much", 400, "x".repeat(70_000)],
  ])("is 503 while the token endpoint %s", async (_what, status, body) => {
    const one = await makeSignIn(await makeCompany());
    await one.answer(status, body);
    const answer = await one.finish();
    expect(answer.body).toMatchObject({ status: 503, code: "identity_provider_unavailable" });
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  it("is 503 while the provider is away", async () => {
    const one = await makeSignIn(await makeCompany());
    await up.script(`tools/${one.name}`, [{ reset: true }]);
    expect((await one.finish()).body).toMatchObject({ status: 503, code: "identity_provider_unavailable" });
    await up.script(`documents/${one.name}/.well-known/openid-configuration`, [{ reset: true }]);
    expect((await one.begin()).body).toMatchObject({ status: 503, code: "identity_provider_unavailable" });
  });

  it.each<[what: string, document: object]>([
    ["is of another issuer", { issuer: "https://login.example.com/" }],
    ["names no such places", { authorization_endpoint: undefined, token_endpoint: undefined }],
    [
      "names places that may not be asked",
      { authorization_endpoint: "javascript:alert(1)", token_endpoint: "http://10.0.0.1/" },
    ],
  ])("is 503 where the discovery document %s", async (_what, document) => {
    const one = await makeSignIn(await makeCompany(), {}, document);
    expect((await one.begin()).status).toBe(503);
    expect((await one.finish()).status).toBe(503);
    expect(await one.requests()).toEqual([]);
  });

  it.each<[change: object, path: string]>([
    [{ code: "" }, "/code"],
    [{ code: "x".repeat(4097) }, "/code"],
    [{ code_verifier: "short" }, "/code_verifier"],
    [{ code_verifier: `${"v".repeat(43)}+` }, "/code_verifier"],
    [{ nonce: "short" }, "/nonce"],
    [{ redirect_uri: "https://evil.example/" }, "/redirect_uri"],
  ])("refuses %j", async (change, path) => {
    const one = await makeSignIn(await makeCompany());
    expect((await wrong(one.finish(change))).slice(0, 2)).toEqual([422, path]);
    expect(await one.requests()).toEqual([]);
  });
});
