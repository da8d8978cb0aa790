/**
 * The authorization code flow (OpenID Connect Core 1.0, 3.1) as a public client with PKCE (RFC 7636): a code becomes an
 * id_token at the provider's token endpoint. Nothing that is exchanged is in an error.
 */
import { decodeJwt } from "jose";
import { outboundFetch, type OutboundPolicy } from "../net/outbound.ts";
import { discoverAll } from "./discovery.ts";

export type Grant = { client_id: string; code: string; code_verifier: string; redirect_uri: string };

/** `refused`: why, in the provider's words. */
export type Exchanged = { ok: true; id_token: string } | { ok: false; refused: string };

/** Bytes of an answer. */
const MAX_ANSWER = 64 * 1024;
/** Milliseconds. */
const TIMEOUT = 8_000;

/** Throws when the provider does not answer as the protocol has it. */
export async function exchangeCode(issuer: string, grant: Grant, policy: OutboundPolicy): Promise<Exchanged> {
  const signal = AbortSignal.timeout(TIMEOUT);
  const { token_endpoint } = await discoverAll(issuer, ["token_endpoint"], policy, signal);
  const response = await outboundFetch(policy, MAX_ANSWER)(token_endpoint, {
    method: "POST",
    signal,
    // Some providers let a client without a secret in by its page's origin alone.
    headers: { accept: "application/json", origin: new URL(grant.redirect_uri).origin },
    body: new URLSearchParams({ grant_type: "authorization_code", ...grant }),
  });
  const answer = await objectIn(response);
  if (response.ok && typeof answer["id_token"] === "string") return { ok: true, id_token: answer["id_token"] };
  if (response.ok) return { ok: false, refused: "it sent no id_token" };
  if (response.status >= 500 || typeof answer["error"] !== "string") throw new Error(`answered ${response.status}`);
  return { ok: false, refused: wordsOf(answer["error"], answer["error_description"]) };
}

/** The `nonce` of a token whose signature is known to be good. */
export const nonceOf = (id_token: string): unknown => decodeJwt(id_token)["nonce"];

async function objectIn(response: Response): Promise<Record<string, unknown>> {
  const value = await response.json().catch(() => null);
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** An error of RFC 6749, 5.2: a code, and perhaps a sentence for people. */
function wordsOf(error: string, description: unknown): string {
  const words = typeof description === "string" && description !== "" ? `${error}: ${description}` : error;
  return words.slice(0, 500).replaceAll(/\p{Cc}+/gu, " ");
}
