/** Tokens minted and verified here: HS256 with the Worker's own secret, for users and leads. No database involved. */
import { jwtVerify, SignJWT } from "jose";
import { uuidv7 } from "uuidv7";
import type { Config } from "../config.ts";
import { TtlCache } from "./cache.ts";
import type { Entity, EntityType } from "./principal.ts";

/** Header `typ` keeps the kinds apart: a refresh token is never an access token (RFC 9068). */
export type TokenUse = "access" | "refresh";
const TYP: Record<TokenUse, string> = { access: "at+jwt", refresh: "refresh+jwt" };

/** `scope`: what the token may do at most, separated by spaces (RFC 9068); without it, what the role says. */
export type TokenClaims = Entity & {
  company_id: string;
  role: "member" | "admin";
  agent_id?: string;
  scope?: string;
};

/** Seconds. */
export const LEAD_ACCESS_TTL = 60 * 60;
export const LEAD_REFRESH_TTL = 30 * 24 * 60 * 60;
export const MAX_ACCESS_TTL = 24 * 60 * 60;

const MAX_TOKEN_LENGTH = 8192;
/** Imported keys, by secret: importing costs more than verifying. */
const secretKeys = new Map<string, CryptoKey>();

async function importSecret(secret: string): Promise<CryptoKey> {
  let key = secretKeys.get(secret);
  if (!key) {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const bytes = new TextEncoder().encode(`token:${secret}`);
    key = await crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign", "verify"]);
    secretKeys.set(secret, key);
  }
  return key;
}

/** A signed token (JWS compact, RFC 7519) that is good for `ttl` seconds. */
export async function mintToken(config: Config, claims: TokenClaims, use: TokenUse, ttl: number): Promise<string> {
  const { entity_id, ...rest } = claims;
  return new SignJWT(rest)
    .setProtectedHeader({ alg: "HS256", typ: TYP[use] })
    .setIssuer(config.TOKEN_ISSUER)
    .setAudience(config.TOKEN_ISSUER)
    .setSubject(entity_id)
    .setJti(uuidv7())
    .setIssuedAt()
    .setExpirationTime(`${ttl} seconds`)
    .sign(await importSecret(config.TOKEN_SECRETS[0] ?? ""));
}

type Verified = TokenClaims & { expires_at: number };

/**
 * Tokens that were good a moment ago, by their config. Nothing can take one back before it ends, so remembering what was
 * found out is the same as finding it out again.
 */
const verified = new WeakMap<Config, TtlCache<Verified>>();
/** Milliseconds, and tokens. */
const REMEMBERED = { ttl: 60_000, max: 500 };

/** The claims of a token minted here, or null when it is not one, not of this use, or not good any more. */
export async function verifyToken(config: Config, token: string, use: TokenUse): Promise<Verified | null> {
  if (use !== "access") return verify(config, token, use);
  const known = verified.get(config) ?? new TtlCache(REMEMBERED.ttl, REMEMBERED.max);
  verified.set(config, known);
  const now = Date.now();
  const remembered = known.get(token, now);
  if (remembered) return remembered.expires_at > now ? remembered : null;
  const claims = await verify(config, token, use);
  if (claims) known.set(token, claims, now);
  return claims;
}

async function verify(config: Config, token: string, use: TokenUse): Promise<Verified | null> {
  for (const secret of config.TOKEN_SECRETS) {
    try {
      const { payload } = await jwtVerify(token, await importSecret(secret), {
        algorithms: ["HS256"],
        issuer: config.TOKEN_ISSUER,
        audience: config.TOKEN_ISSUER,
        typ: TYP[use],
        requiredClaims: ["sub", "exp", "company_id", "entity_type"],
      });
      return {
        company_id: String(payload["company_id"]),
        entity_type: payload["entity_type"] === "lead" ? "lead" : ("user" satisfies EntityType),
        entity_id: String(payload.sub),
        role: payload["role"] === "admin" ? "admin" : "member",
        ...(typeof payload["agent_id"] === "string" ? { agent_id: payload["agent_id"] } : {}),
        ...(typeof payload["scope"] === "string" ? { scope: payload["scope"] } : {}),
        expires_at: (payload.exp ?? 0) * 1000,
      };
    } catch {
      // Another secret of the list may have signed it; if none did, the answer is null.
    }
  }
  return null;
}

/** Base64url (RFC 4648, section 5) without padding; bits that a last character has too many of are 0. */
const BASE64URL = /^(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])?$/;

/**
 * Whether a string is a JWS in its one canonical spelling (RFC 7515). Decoders accept padding and stray trailing bits,
 * which would give one token many spellings; this refuses all but the first.
 */
export function isCanonicalJws(token: string): boolean {
  if (token.length > MAX_TOKEN_LENGTH) return false;
  const parts = token.split(".");
  return parts.length === 3 && parts.every((part) => part !== "" && BASE64URL.test(part));
}
