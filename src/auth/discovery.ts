/** Where an identity provider publishes its keys (RFC 8414, OpenID Connect Discovery 1.0), and those keys (RFC 7517). */
import { base64url, type JSONWebKeySet, type JWK } from "jose";
import { outboundFetch, type OutboundPolicy } from "../net/outbound.ts";

/** Without `jwks_uri` the discovery document of `issuer` names it. */
export type KeySource = { issuer: string; jwks_uri: string | null };

/** Bytes of one document. Key sets of real providers have a few thousand. */
const MAX_DOCUMENT = 64 * 1024;
/** Milliseconds for all documents together. */
const TIMEOUT = 5_000;

/** The keys that `source` publishes now. Throws when they cannot be had, whatever the cause. */
export async function fetchKeys({ issuer, jwks_uri }: KeySource, policy: OutboundPolicy): Promise<JSONWebKeySet> {
  const signal = AbortSignal.timeout(TIMEOUT);
  const uri = jwks_uri ?? (await discover(issuer, policy, signal));
  const { keys } = await readObject(uri, policy, signal);
  const published = (Array.isArray(keys) ? keys : []).filter((key) => typeof key === "object" && key !== null);
  if (published.length === 0) throw new Error("the key set has no keys");
  return { keys: published.map(plainKey) };
}

/** Members of a public key that a signature is checked with (RFC 7517), and which of them are numbers (RFC 7518, 6). */
const MEMBERS = ["kty", "crv", "kid", "use", "alg", "key_ops", "n", "e", "x", "y"];
const NUMBERS: Record<string, string[]> = { RSA: ["n", "e"], EC: ["x", "y"] };
/** Bytes of a coordinate, by curve. */
const COORDINATE: Record<string, number> = { "P-256": 32 };

/**
 * A key in its strict form: serialisers write null for what is not there, base64 for base64url, and numbers with a sign byte
 * or without the zeros that fill a coordinate. The algorithm of an Edwards curve has two names by now (RFC 9864).
 */
function plainKey(key: Record<string, unknown>): JWK {
  const { kty, crv } = key;
  const members = MEMBERS.filter((name) => key[name] !== undefined && key[name] !== null).map((name) => {
    const value = key[name];
    if (name === "kid") return [name, String(value)];
    const isNumber = NUMBERS[String(kty)]?.includes(name) && typeof value === "string";
    return [name, isNumber ? plainNumber(value, COORDINATE[String(crv)] ?? 0) : value];
  });
  const plain: Record<string, unknown> = Object.fromEntries(members);
  if (kty === "OKP") delete plain["alg"];
  return plain as JWK;
}

/** Base64url of a number in as few bytes as it needs, but at least `size`. What is none stays as it is. */
function plainNumber(text: string, size: number): string {
  try {
    const bytes = base64url.decode(text.replaceAll(/[=\s]/g, "").replaceAll("+", "-").replaceAll("/", "_"));
    const digits = bytes.subarray(bytes.findIndex((byte) => byte !== 0));
    return base64url.encode(Uint8Array.from([...Array(Math.max(0, size - digits.length)).fill(0), ...digits]));
  } catch {
    return text;
  }
}

/** The `jwks_uri` that the issuer's own discovery document names. Throws when there is none for exactly this issuer. */
export const discover = async (issuer: string, policy: OutboundPolicy, signal?: AbortSignal): Promise<string> =>
  (await discoverAll(issuer, ["jwks_uri"], policy, signal)).jwks_uri;

/** These addresses, as the issuer's own discovery document names them. Throws when it does not name all of them. */
export async function discoverAll<N extends string>(
  issuer: string,
  names: readonly N[],
  policy: OutboundPolicy,
  signal = AbortSignal.timeout(TIMEOUT),
): Promise<Record<N, string>> {
  let failure: unknown;
  for (const address of wellKnown(issuer)) {
    try {
      const document = await readObject(address, policy, signal);
      if (document["issuer"] !== issuer) throw new Error("the discovery document is of another issuer");
      const missing = names.find((name) => typeof document[name] !== "string");
      if (missing !== undefined) throw new Error(`the discovery document has no ${missing}`);
      return document as Record<N, string>;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** OpenID Connect puts the well-known part behind the issuer's path, RFC 8414 before it. */
function wellKnown(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  return [
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ];
}

async function readObject(
  address: string,
  policy: OutboundPolicy,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const read = outboundFetch(policy, MAX_DOCUMENT);
  const response = await read(address, { signal, headers: { accept: "application/json, application/jwk-set+json" } });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`answered ${response.status}`);
  }
  const value: unknown = await response.json();
  if (typeof value !== "object" || value === null) throw new Error("is not a JSON object");
  return { ...value };
}
