/** What a token says before anybody has checked its signature: good for finding out whom to ask, and for nothing else. */
import { base64url } from "jose";
import { accept, type Checked, refuse } from "./refusal.ts";

export type Unverified = {
  token: string;
  alg: string;
  issuer: string;
  /** Empty when there is none. */
  audiences: string[];
};

/** Characters of a token. */
const MAX_TOKEN = 8192;
/** Characters of an `iss` and of an `aud`: no longer ones can be registered. */
export const MAX_NAME = 500;
const MAX_AUDIENCES = 32;
/** Seconds by which clocks may differ. */
export const CLOCK_TOLERANCE = 30;
/** The same for when a token was made: no rule refuses one by that, so it says little before it is far off. */
const ISSUED_TOLERANCE = 300;

/** Base64url (RFC 4648, section 5) without padding; bits that a last character has too many of are 0. */
const BASE64URL = /^(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])?$/;

/**
 * Whether a string is a JWS in its one canonical spelling (RFC 7515). Decoders accept padding and stray trailing bits,
 * which would give one token many spellings; this refuses all but the first.
 */
export function isCanonicalJws(token: string): boolean {
  if (token.length > MAX_TOKEN) return false;
  const parts = token.split(".");
  return parts.length === 3 && parts.every((part) => part !== "" && BASE64URL.test(part));
}

/** Whether `typ` says that a token is for something else than access, such as `logout+jwt` (RFC 8725, 3.11; RFC 9068, 2.1). */
const isOfAnotherKind = (typ: unknown) =>
  typeof typ === "string" && /\+jwt$/i.test(typ) && !/(?:^|[/-])at\+jwt$/i.test(typ);

/**
 * The claims of a token that decide who is asked about it. One whose time is over, or to come, and one that is no access token
 * by its own words, asks nobody. `now` in ms.
 */
export function readUnverified(token: string, now: number): Checked<Unverified> {
  if (!isCanonicalJws(token)) return refuse({ reason: "malformed" });
  const [header, payload] = token.split(".").slice(0, 2).map(objectIn);
  if (!header || !payload || typeof header["alg"] !== "string") return refuse({ reason: "malformed" });
  if (isOfAnotherKind(header["typ"])) return refuse({ reason: "claim", claim: "typ" });
  const { iss, aud, exp, nbf, iat } = payload;
  if (!isName(iss)) return refuse({ reason: "issuer_unusable" });
  const audiences = aud === undefined ? [] : Array.isArray(aud) ? aud : [aud];
  if (audiences.length > MAX_AUDIENCES || !audiences.every(isName)) return refuse({ reason: "audience_unusable" });
  const seconds = now / 1000;
  if (typeof exp === "number" && exp <= seconds - CLOCK_TOLERANCE) return refuse({ reason: "expired" });
  if (typeof nbf === "number" && nbf > seconds + CLOCK_TOLERANCE) return refuse({ reason: "not_yet_valid" });
  if (typeof iat === "number" && iat > seconds + ISSUED_TOLERANCE) return refuse({ reason: "not_yet_valid" });
  return accept({ token, alg: header["alg"], issuer: iss, audiences });
}

const isName = (value: unknown): value is string =>
  typeof value === "string" && value !== "" && value.length <= MAX_NAME && value.isWellFormed();

function objectIn(part: string): Record<string, unknown> | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(base64url.decode(part));
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}
