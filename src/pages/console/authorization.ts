/** The authorization request and its answer (OpenID Connect Core 1.0, 3.1.2) with PKCE (RFC 7636), apart from any page. */

export type Provider = { id: string; issuer: string; client_id: string };
export type Start = Provider & { authorization_endpoint: string; redirect_uri: string };
/** A sign-in that began in this tab, and where to go on afterwards. */
export type Pending = { provider: Provider; state: string; nonce: string; code_verifier: string; back: string };

/** `stray`: the answer belongs to nothing that this tab began. */
export type Answer =
  | { kind: "code"; code: string; pending: Pending }
  | { kind: "refused"; reason: string }
  | { kind: "stray" };

/** Characters of a provider's reason. */
const MAX_REASON = 500;

export function requestOf(start: Start, { state, nonce }: Pending, code_challenge: string): string {
  const url = new URL(start.authorization_endpoint);
  const { client_id, redirect_uri } = start;
  const flow = { response_type: "code", scope: "openid profile email", code_challenge_method: "S256" };
  for (const [name, value] of Object.entries({ ...flow, client_id, redirect_uri, state, nonce, code_challenge }))
    url.searchParams.set(name, value);
  return url.href;
}

export const isAnswer = (search: URLSearchParams): boolean =>
  search.has("state") && (search.has("code") || search.has("error"));

export function readAnswer(search: URLSearchParams, pending: Pending | null): Answer {
  const iss = search.get("iss");
  if (pending === null || search.get("state") !== pending.state) return { kind: "stray" };
  // The code of another provider must not be sent to this one (RFC 9207).
  if (iss !== null && iss !== pending.provider.issuer) return { kind: "stray" };
  const code = search.get("code");
  if (code !== null && code !== "") return { kind: "code", code, pending };
  const reason = [search.get("error"), search.get("error_description")].filter(Boolean).join(": ");
  return { kind: "refused", reason: reason.slice(0, MAX_REASON) };
}

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

/** 43 characters of 256 random bits. */
export const randomText = (): string => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** `S256` of RFC 7636. */
export const challengeOf = async (code_verifier: string): Promise<string> =>
  base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(code_verifier))));
