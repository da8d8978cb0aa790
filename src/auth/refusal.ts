/** Why a credential is refused: one tagged reason, for the log alone. The wire learns only that it is not good. */
import { errors } from "jose";

export type Refusal =
  /** Not an API key and secret, not one JWS in its canonical spelling, or not JSON inside. */
  | { reason: "malformed" }
  | { reason: "key_unknown" | "key_secret" | "key_expired"; api_key: string }
  | { reason: "key_revoked" }
  /** `iss` or `aud` is missing or of another type than text. */
  | { reason: "issuer_unusable" | "audience_unusable" }
  /** No company has proved that it owns this issuer and audience. */
  | { reason: "issuer_unknown"; issuer: string }
  /** The audiences belong to several companies. */
  | { reason: "several_companies"; issuer: string }
  | { reason: "algorithm"; alg: string }
  | { reason: "expired" | "not_yet_valid" | "subject_unusable" }
  | { reason: "claim"; claim: string }
  | { reason: "no_matching_key" }
  | { reason: "signature" }
  /** The provider's keys cannot be had: the one refusal that is not the token's fault. Seconds. */
  | { reason: "keys_unavailable"; issuer: string; retry_after: number }
  /** What the credential rests on is gone. */
  | {
      reason: "lead_deleted" | "user_deleted" | "unknown_entity" | "tokens_ended" | "refresh_reused" | "issuer_removed";
    };

export type Checked<T> = { ok: true; value: T } | { ok: false; refusal: Refusal };

export const accept = <T>(value: T): Checked<T> => ({ ok: true, value });
export const refuse = (refusal: Refusal): { ok: false; refusal: Refusal } => ({ ok: false, refusal });

/** The reason behind an error of jose; a key that cannot be used is as good as none. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof errors.JWTExpired) return { reason: "expired" };
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.claim === "nbf" ? { reason: "not_yet_valid" } : { reason: "claim", claim: error.claim };
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return { reason: "signature" };
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return { reason: "malformed" };
  if (error instanceof errors.JOSEAlgNotAllowed) return { reason: "algorithm", alg: "" };
  return { reason: "no_matching_key" };
}
