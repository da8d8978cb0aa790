/**
 * Keys that sign what others check without us: Ed25519, each derived from one of ENCRYPTION_KEYS, so that a deployment has
 * them without setting anything up. The first signs, all are published: a key stays checkable as long as its entry is listed.
 */
import { base64url, calculateJwkThumbprint, CompactSign, compactVerify, decodeProtectedHeader, importJWK } from "jose";
import type { Config } from "../config.ts";
import { type EncryptionKey, keyOf } from "./encryption-key.ts";

/** The public half, as a key set has it (RFC 7517, RFC 8037). `kid` is its thumbprint (RFC 7638). */
export type PublicKey = { kty: "OKP"; crv: "Ed25519"; x: string; kid: string; alg: "EdDSA"; use: "sig" };

/** What a signature is for; a verifier that expects one purpose takes no other. Becomes the header `typ`. */
export type Purpose = "erasure-receipt+jwt" | "audit-seal+jws" | "JWT";

type Pair = { private_key: CryptoKey; public_key: PublicKey };

/** What comes before the 32 bytes of a private key in PKCS #8 (RFC 8410, section 7). */
const PKCS8 = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/** Keeps these apart from everything else that is made of the same secrets. */
const INFO = new TextEncoder().encode("conversations-api signing key");

const derived = new WeakMap<Config, Promise<Pair[]>>();

function pairsOf(config: Config): Promise<Pair[]> {
  let pairs = derived.get(config);
  if (!pairs)
    derived.set(config, (pairs = Promise.all(config.ENCRYPTION_KEYS.map((entry) => keyOf(entry).then(derive)))));
  return pairs;
}

/** HKDF (RFC 5869) of the secret is the private key. */
async function derive({ bytes: secret }: EncryptionKey): Promise<Pair> {
  const material = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const parameters = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: INFO };
  const seed = new Uint8Array(await crypto.subtle.deriveBits(parameters, material, 256));
  const bytes = new Uint8Array([...PKCS8, ...seed]);
  const private_key = await crypto.subtle.importKey("pkcs8", bytes, { name: "Ed25519" }, true, ["sign"]);
  const { x = "" } = (await crypto.subtle.exportKey("jwk", private_key)) as JsonWebKey;
  const jwk = { kty: "OKP", crv: "Ed25519", x } as const;
  return { private_key, public_key: { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: "EdDSA", use: "sig" } };
}

/** The key set (RFC 7517) that anybody may have. */
export async function publicKeys(config: Config): Promise<{ keys: PublicKey[] }> {
  return { keys: (await pairsOf(config)).map(({ public_key }) => public_key) };
}

/** `payload` as a JWS in compact form (RFC 7515), signed by the first key. */
export async function sign(config: Config, purpose: Purpose, payload: Uint8Array | object): Promise<string> {
  const [first] = await pairsOf(config);
  if (!first) throw new Error("there is no signing key");
  return new CompactSign(bytesOf(payload))
    .setProtectedHeader({ alg: "EdDSA", typ: purpose, kid: first.public_key.kid })
    .sign(first.private_key);
}

/** The 64 bytes of an Ed25519 signature (RFC 8032) of exactly these bytes, by the first key. */
export async function signRaw(config: Config, bytes: Uint8Array): Promise<Uint8Array> {
  const [first] = await pairsOf(config);
  if (!first) throw new Error("there is no signing key");
  return new Uint8Array(await crypto.subtle.sign("Ed25519", first.private_key, bytes));
}

/** A JWS without its payload (RFC 7515, appendix F), for whoever has that already. */
export async function signDetached(config: Config, purpose: Purpose, payload: Uint8Array | object): Promise<string> {
  const [header = "", , signature = ""] = (await sign(config, purpose, payload)).split(".");
  return `${header}..${signature}`;
}

/** The payload of a JWS that one of the published keys signed for this purpose, or null. */
export async function verify(config: Config, purpose: Purpose, jws: string): Promise<Uint8Array | null> {
  try {
    const { kid, typ } = decodeProtectedHeader(jws);
    const pair = (await pairsOf(config)).find(({ public_key }) => public_key.kid === kid);
    if (!pair || typ !== purpose) return null;
    const { payload } = await compactVerify(jws, await importJWK(pair.public_key), { algorithms: ["EdDSA"] });
    return payload;
  } catch {
    return null;
  }
}

/** Whether a detached JWS is one of `payload`, for this purpose, by one of the published keys. */
export async function verifyDetached(
  config: Config,
  purpose: Purpose,
  jws: string,
  payload: Uint8Array | object,
): Promise<boolean> {
  const [header = "", middle, signature = ""] = jws.split(".");
  if (middle !== "") return false;
  return (await verify(config, purpose, `${header}.${base64url.encode(bytesOf(payload))}.${signature}`)) !== null;
}

const bytesOf = (payload: Uint8Array | object): Uint8Array =>
  payload instanceof Uint8Array ? payload : new TextEncoder().encode(JSON.stringify(payload));
