/**
 * Users' tokens from a company's own identity provider (RFC 7519, RFC 8725). Issuer and audience decide the company before
 * any key is fetched; its key set decides about the signature.
 */
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import type { FetchPorts, KeySet, Known } from "./key-set.ts";
import { accept, type Checked, refuse, type Refusal, refusalOf } from "./refusal.ts";
import { CLOCK_TOLERANCE, type Unverified } from "./unverified.ts";

/** Asymmetric only: with a symmetric one, whoever can verify could also sign. */
export const ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"] as const;

export type Issuer = {
  id: string;
  company_id: string;
  issuer: string;
  jwks_uri: string | null;
  audience: string;
  algorithms: string[];
  role_claim: string | null;
};

export type ExternalUser = {
  company_id: string;
  issuer_id: string;
  issuer: string;
  subject: string;
  name: string | null;
  email: string | null;
  role: "member" | "admin";
  /** Milliseconds. */
  issued_at: number | null;
  expires_at: number;
};

/** Milliseconds; a Date holds no later one. */
const LAST_INSTANT = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
/** Keys of one set that are tried on one signature. */
const MAX_TRIES = 16;

/** Those of `issuers` that a token is for. */
export function matchingIssuers<I extends Issuer>(token: Unverified, issuers: readonly I[]): Checked<I[]> {
  const { issuer, alg } = token;
  const named = issuers.filter((one) => one.issuer === issuer && token.audiences.includes(one.audience));
  if (named.length === 0) return refuse({ reason: "issuer_unknown", issuer });
  if (new Set(named.map((one) => one.company_id)).size > 1) return refuse({ reason: "several_companies", issuer });
  // An Edwards curve by its newer name (RFC 9864).
  const known = alg === "Ed25519" ? "EdDSA" : alg;
  const able = named.filter(({ algorithms }) => algorithms.includes(known) && ALGORITHMS.some((one) => one === known));
  return able.length > 0 ? accept(able) : refuse({ reason: "algorithm", alg: alg.slice(0, 20) });
}

/** The user that a token speaks of, if `issuer` vouches for it. */
export async function verifyExternalToken(
  { token }: Unverified,
  issuer: Issuer,
  keySet: KeySet,
  ports: FetchPorts,
): Promise<Checked<ExternalUser>> {
  const unavailable = () => {
    return refuse({ reason: "keys_unavailable", issuer: issuer.issuer, retry_after: keySet.retryAfter });
  };
  const known = await keySet.current(ports);
  if (!known) return unavailable();
  const checked = await verifyWith(token, issuer, known);
  if (checked.ok || !ABOUT_KEYS.has(checked.refusal.reason)) return checked;
  // The provider may have changed its keys since they were fetched, and even kept their names.
  const newer = await keySet.after(known, ports);
  if (!newer) return unavailable();
  return newer === known ? checked : verifyWith(token, issuer, newer);
}

const ABOUT_KEYS = new Set<Refusal["reason"]>(["no_matching_key", "signature"]);

async function verifyWith(token: string, issuer: Issuer, { select }: Known): Promise<Checked<ExternalUser>> {
  const verify = (key: JWTVerifyGetKey) =>
    jwtVerify(token, key, {
      issuer: issuer.issuer,
      audience: issuer.audience,
      algorithms: issuer.algorithms.includes("EdDSA") ? [...issuer.algorithms, "Ed25519"] : issuer.algorithms,
      clockTolerance: CLOCK_TOLERANCE,
      requiredClaims: ["sub", "exp"],
    });
  try {
    return toUser((await verify(select)).payload, issuer);
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) return refuse(refusalOf(error));
    let last: Refusal = { reason: "signature" };
    let tries = 0;
    for await (const key of error) {
      if (++tries > MAX_TRIES) break;
      try {
        return toUser((await verify(() => key)).payload, issuer);
      } catch (next) {
        last = refusalOf(next);
        if (last.reason !== "signature") break;
      }
    }
    return refuse(last);
  }
}

function toUser(payload: JWTPayload, { company_id, id, issuer, role_claim }: Issuer): Checked<ExternalUser> {
  const text = (value: unknown) => (typeof value === "string" && value.isWellFormed() ? value.slice(0, 320) : null);
  const { sub } = payload;
  if (typeof sub !== "string" || sub === "" || sub.length > 255 || !sub.isWellFormed())
    return refuse({ reason: "subject_unusable" });
  return accept({
    company_id,
    issuer_id: id,
    issuer,
    subject: sub,
    name: text(payload["name"]),
    email: text(payload["email"]),
    role: roleOf(payload, role_claim),
    issued_at: typeof payload.iat === "number" ? Math.min(payload.iat * 1000, LAST_INSTANT) : null,
    expires_at: Math.min((payload.exp ?? 0) * 1000, LAST_INSTANT),
  });
}

/** `admin` when the role claim is, or lists, "admin". */
function roleOf(payload: JWTPayload, claim: string | null): "member" | "admin" {
  const value = claim === null ? undefined : claimAt(payload, claim);
  return value === "admin" || (Array.isArray(value) && value.includes("admin")) ? "admin" : "member";
}

/**
 * The claim of that name, such as `https://acme.example/roles`; without one, what the path `realm_access.roles` leads to.
 * Names on the way may have dots of their own.
 */
function claimAt(value: unknown, path: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  const members = value as Record<string, unknown>;
  if (Object.hasOwn(members, path)) return members[path];
  for (let dot = path.indexOf("."); dot >= 0; dot = path.indexOf(".", dot + 1)) {
    const name = path.slice(0, dot);
    const found = Object.hasOwn(members, name) ? claimAt(members[name], path.slice(dot + 1)) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
