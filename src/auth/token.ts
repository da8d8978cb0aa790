/** Tokens minted and verified here: HS256 with the Worker's own secret, for users and leads. No database involved. */
import { errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { uuidv7 } from "uuidv7";
import type { Config } from "../config.ts";
import { TtlCache } from "./cache.ts";
import type { Entity, EntityType } from "./principal.ts";
import { accept, type Checked, refuse, refusalOf } from "./refusal.ts";
import { isCanonicalJws } from "./unverified.ts";

/** Header `typ` keeps the kinds apart: a refresh token is never an access token (RFC 9068). */
export type TokenUse = "access" | "refresh";
const TYP: Record<TokenUse, string> = { access: "at+jwt", refresh: "refresh+jwt" };

/** `scope`: what the token may do at most, separated by spaces (RFC 9068); without it, what the role says. */
export type TokenClaims = Entity & {
  company_id: string;
  role: "member" | "admin";
  agent_id?: string;
  /** Origin of the website that a visitor registered on. */
  website?: string;
  scope?: string;
  /** The API key that minted the token: the token ends with it. */
  api_key_id?: string;
};

/** What can be said of a token that was minted here and is good. Times in milliseconds. */
export type Verified = TokenClaims & { jti: string; issued_at: number; expires_at: number };

/** Seconds. */
export const LEAD_ACCESS_TTL = 60 * 60;
export const LEAD_REFRESH_TTL = 30 * 24 * 60 * 60;
export const MAX_ACCESS_TTL = 24 * 60 * 60;
export const MAX_ADMIN_TTL = 60 * 60;

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
export async function mintToken(
  config: Config,
  claims: TokenClaims,
  use: TokenUse,
  ttl: number,
  jti = uuidv7(),
): Promise<string> {
  const { entity_id, ...rest } = claims;
  return new SignJWT(rest)
    .setProtectedHeader({ alg: "HS256", typ: TYP[use] })
    .setIssuer(config.TOKEN_ISSUER)
    .setAudience(config.TOKEN_ISSUER)
    .setSubject(entity_id)
    .setJti(jti)
    .setIssuedAt()
    .setExpirationTime(`${ttl} seconds`)
    .sign(await importSecret(config.TOKEN_SECRETS[0] ?? ""));
}

/** Access tokens that were good a moment ago, by their config: what verifying found out stays true until they end. */
const verified = new WeakMap<Config, TtlCache<Verified>>();
/** Milliseconds, and tokens. */
const REMEMBERED = { ttl: 60_000, max: 500 };

/** The claims of an access token that was good a moment ago and is not over at `now` (ms). */
export function rememberedToken(config: Config, token: string, now: number): Verified | undefined {
  const known = verified.get(config)?.get(token, now);
  return known && known.expires_at > now ? known : undefined;
}

function remember(config: Config, token: string, claims: Verified): void {
  const known = verified.get(config) ?? new TtlCache(REMEMBERED.ttl, REMEMBERED.max);
  verified.set(config, known);
  known.set(token, claims, Date.now());
}

/** The claims of a token minted here, unless it is not one, not of this use, or over. What it rests on is not looked at. */
export async function verifyToken(config: Config, token: string, use: TokenUse): Promise<Checked<Verified>> {
  if (!isCanonicalJws(token)) return refuse({ reason: "malformed" });
  for (const secret of config.TOKEN_SECRETS) {
    try {
      const { payload } = await jwtVerify(token, await importSecret(secret), {
        algorithms: ["HS256"],
        issuer: config.TOKEN_ISSUER,
        audience: config.TOKEN_ISSUER,
        typ: TYP[use],
        requiredClaims: ["sub", "exp", "iat", "jti", "company_id", "entity_type"],
      });
      const claims = claimsOf(payload);
      if (use === "access") remember(config, token, claims);
      return accept(claims);
    } catch (error) {
      // Another secret of the list may have signed it.
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) return refuse(refusalOf(error));
    }
  }
  return refuse({ reason: "signature" });
}

function claimsOf(payload: JWTPayload): Verified {
  const text = (name: string) => (typeof payload[name] === "string" ? { [name]: payload[name] } : {});
  return {
    company_id: String(payload["company_id"]),
    entity_type: payload["entity_type"] === "lead" ? "lead" : ("user" satisfies EntityType),
    entity_id: String(payload.sub),
    role: payload["role"] === "admin" ? "admin" : "member",
    ...text("agent_id"),
    ...text("website"),
    ...text("scope"),
    ...text("api_key_id"),
    jti: String(payload.jti),
    issued_at: (payload.iat ?? 0) * 1000,
    expires_at: (payload.exp ?? 0) * 1000,
  };
}
