/**
 * Turns the credential of a request into a Principal. Where a Bearer token is sent, the API key is ignored, even if the token
 * is invalid. The 401 does not say what is wrong with the credential; the log does.
 */
import { hashSecret, secretMatches } from "../auth/api-key.ts";
import { Lookups } from "../auth/cache.ts";
import type { Principal } from "../auth/principal.ts";
import { accept, type Checked, refuse } from "../auth/refusal.ts";
import { findApiKey, touchApiKey, type ApiKeyRow } from "../db/api-key.ts";
import { controlDatabase } from "../db/database.ts";
import { forgetStandings } from "../db/standing.ts";
import { authenticateToken } from "./authenticate-token.ts";
import type { AppContext } from "./context.ts";
import { forgetIssuers } from "./external-token.ts";
import { sentCredential, type SentKey, shownWith } from "./credential.ts";
import { enforceLimit } from "./rate-limit.ts";
import { admitted } from "./refused.ts";

/** Milliseconds. */
const KEY_TTL = 30_000;
const UNKNOWN_TTL = 10_000;
/** For so long a key that was good goes on while the database does not answer: then nothing can have been revoked either. */
const SPARE = 10 * 60_000;
const LAST_USED_EVERY = 5 * 60_000;

const keys = new Lookups<ApiKeyRow | undefined>({ spare: SPARE, max: 1000 });
const freshness = (row: ApiKeyRow | undefined) => (row ? KEY_TTL : UNKNOWN_TTL);

/** Call this when a key or an issuer changes: this isolate rereads them at once, others within 30 s. */
export function forgetCredentials(): void {
  keys.clear();
  forgetIssuers();
  forgetStandings();
}

/**
 * The principal, or null when no credential was sent. Throws 401 when a bad one was. With `keyAsBearer` an API key may
 * come as a Bearer token too: its halves with a colon between them.
 */
export async function authenticate(c: AppContext, keyAsBearer = false): Promise<Principal | null> {
  const sent = sentCredential(c, keyAsBearer);
  if (!sent) return null;
  return "token" in sent ? authenticateToken(c, sent.token) : authenticateKey(c, sent);
}

async function authenticateKey(c: AppContext, { key, secret }: SentKey): Promise<Principal> {
  const now = Date.now();
  const hash = await hashSecret(secret);
  const checked = await checkKey(c, { key, secret }, hash, now);
  const { row, at } = admitted(c, checked, "The API key and secret are not good.", "invalid_request");
  if (row.last_used_at === null || now - row.last_used_at > LAST_USED_EVERY) {
    row.last_used_at = now;
    c.executionCtx.waitUntil(touchApiKey(controlDatabase(c.env), row, now));
  }
  return {
    kind: "api_key",
    company_id: row.company_id,
    entity_type: "user",
    entity_id: row.user_id,
    scopes: row.scopes,
    agent_id: null,
    website: null,
    api_key_id: row.id,
    issuer_id: null,
    issued_at: null,
    expires_at: row.expires_at,
    // A secret that another has taken the place of ends soon, so nobody remembers it.
    credential: hash === row.secret_hash ? shownWith(c, `${key} ${hash}`) : "",
    checked_at: at,
  };
}

async function checkKey(
  c: AppContext,
  { key, secret }: SentKey,
  hash: string,
  now: number,
): Promise<Checked<{ row: ApiKeyRow; at: number }>> {
  if (!/^ak_[A-Za-z0-9_-]{8,64}$/.test(key) || !/^as_[A-Za-z0-9_-]{16,128}$/.test(secret)) {
    return refuse({ reason: "malformed" });
  }
  const { value: row, at } = await keys.get(key, now, freshness, async () => {
    await enforceLimit(c, "lookup", null);
    return findApiKey(controlDatabase(c.env), key);
  });
  if (!row) return refuse({ reason: "key_unknown", api_key: key });
  if (!secretMatches(hash, row, now)) return refuse({ reason: "key_secret", api_key: key });
  if (row.revoked_at !== null) return refuse({ reason: "key_revoked" });
  if (row.expires_at !== null && row.expires_at <= now) return refuse({ reason: "key_expired", api_key: key });
  return accept({ row, at });
}
