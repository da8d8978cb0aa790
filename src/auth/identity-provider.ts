/** Users' tokens from a company's own identity provider: the issuer decides the company, its JWKS the signature. */
import { createRemoteJWKSet, customFetch, decodeJwt, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { outboundFetch } from "../net/outbound.ts";

/** Asymmetric only: with a symmetric one, whoever can verify could also sign. */
export const ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"] as const;

export type Issuer = {
  company_id: string;
  issuer: string;
  jwks_uri: string;
  audience: string;
  algorithms: string[];
  role_claim: string | null;
};

export type ExternalUser = {
  company_id: string;
  issuer: string;
  subject: string;
  name: string | null;
  email: string | null;
  role: "member" | "admin";
  expires_at: number;
};

/** Milliseconds; a Date holds no later one. */
const LAST_INSTANT = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Bytes of a key set. */
const MAX_JWKS = 256 * 1024;
const keySets = new Map<string, JWTVerifyGetKey>();

function keySetOf(jwks_uri: string, allowLoopback: boolean): JWTVerifyGetKey {
  let keys = keySets.get(jwks_uri);
  if (!keys) {
    keys = createRemoteJWKSet(new URL(jwks_uri), {
      timeoutDuration: 5_000,
      cooldownDuration: 10_000,
      cacheMaxAge: 600_000,
      [customFetch]: outboundFetch({ allowLoopback }, MAX_JWKS),
    });
    keySets.set(jwks_uri, keys);
  }
  return keys;
}

/** The `iss` of a token that has not been verified: only good for finding out whom to ask. */
export function claimedIssuer(token: string): string | null {
  try {
    return decodeJwt(token).iss ?? null;
  } catch {
    return null;
  }
}

/** The user that `token` speaks of, if one of the issuers registered under its `iss` vouches for it; else null. */
export async function verifyExternalToken(
  token: string,
  issuers: Issuer[],
  allowLoopback: boolean,
): Promise<ExternalUser | null> {
  for (const issuer of issuers) {
    try {
      const { payload } = await jwtVerify(token, keySetOf(issuer.jwks_uri, allowLoopback), {
        issuer: issuer.issuer,
        audience: issuer.audience,
        algorithms: issuer.algorithms.filter((name) => (ALGORITHMS as readonly string[]).includes(name)),
        clockTolerance: 30,
        requiredClaims: ["sub", "exp"],
      });
      return toUser(payload, issuer);
    } catch {
      // Not for this audience or not signed by it; which, is nobody's business.
    }
  }
  return null;
}

function toUser(payload: JWTPayload, issuer: Issuer): ExternalUser | null {
  const text = (value: unknown) => (typeof value === "string" && value.isWellFormed() ? value.slice(0, 320) : null);
  if (!payload.sub || payload.sub.length > 255 || !payload.sub.isWellFormed()) return null;
  return {
    company_id: issuer.company_id,
    issuer: issuer.issuer,
    subject: payload.sub,
    name: text(payload["name"]),
    email: text(payload["email"]),
    role: roleOf(payload, issuer.role_claim),
    expires_at: Math.min((payload.exp ?? 0) * 1000, LAST_INSTANT),
  };
}

/** `admin` when the role claim is, or lists, "admin". */
function roleOf(payload: JWTPayload, claim: string | null): "member" | "admin" {
  const value = claim === null ? undefined : payload[claim];
  return value === "admin" || (Array.isArray(value) && value.includes("admin")) ? "admin" : "member";
}
