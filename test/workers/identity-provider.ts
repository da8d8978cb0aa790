/** Identity providers with keys of their own, whose key sets a real HTTP server publishes. */
import { env } from "cloudflare:workers";
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";
import { uuidv7 } from "uuidv7";
import { call, type Company } from "./company.ts";

/** Making an RSA key takes a tenth of a second, so keys are used again, but never one of the last ten. */
const pairs = new Map<string, ReturnType<typeof generateKeyPair>>();
let asked = 0;
function pairOf(alg: string) {
  const name = `${alg} ${asked++ % 10}`;
  const pair = pairs.get(name) ?? generateKeyPair(alg, { extractable: true });
  pairs.set(name, pair);
  return pair;
}

/** One signing key: what is published of it, and how it signs. */
export async function makeKey(alg: string, header: object = { kid: `kid-${uuidv7()}` }) {
  const { privateKey, publicKey } = await pairOf(alg);
  const jwk: JWK = { ...(await exportJWK(publicKey)), ...header, alg, use: "sig" };
  const sign = (claims: JWTPayload, more: object = {}) =>
    new SignJWT(claims).setProtectedHeader({ alg, ...header, ...more }).sign(privateKey);
  return { jwk, publicKey, sign };
}

/** Publishes a JSON document under that name; its address. */
export async function publish(name: string, document: unknown): Promise<string> {
  const address = `${env.TEST_UPSTREAM}/documents/${name}`;
  const stored = await fetch(address, { method: "PUT", body: JSON.stringify(document) });
  if (!stored.ok) throw new Error(`documents: ${stored.status}`);
  return address;
}

export const register = (company: Company, body: object) =>
  call("POST", "/v1/auth/issuer", { headers: company.admin, body });
export const verify = (company: Company, id: string, token: string) =>
  call("POST", `/v1/auth/issuer/${id}/verify`, { headers: company.admin, body: { token } });

/** A provider of this company, registered and verified. `sign` makes a good token, but for `claims` and `header`. */
export async function makeProvider(alg: string, company: Company, registration: Record<string, unknown> = {}) {
  const name = uuidv7();
  const key = await makeKey(alg);
  const jwks_uri = await publish(name, { keys: [key.jwk] });
  const body = { issuer: `https://login-${name}.example.com/`, jwks_uri, audience: "our-api", ...registration };
  const sign = (claims: JWTPayload = {}, header: object = {}) =>
    key.sign({ ...claimsFor(body.issuer, body.audience), ...claims }, header);
  const answer = await register(company, { ...body, token: await sign() });
  if (answer.status !== 201) throw new Error(`issuer: ${answer.status} ${JSON.stringify(answer.body)}`);
  return { id: answer.body.id as string, name, body, key, sign, registered: answer.body };
}

export const claimsFor = (iss: string, aud: string | string[]): JWTPayload => ({
  iss,
  aud,
  sub: "u-1",
  exp: Math.floor(Date.now() / 1000) + 600,
});
