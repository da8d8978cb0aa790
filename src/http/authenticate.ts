/**
 * Turns the credential of a request into a Principal. Where a Bearer token is sent, the API key is ignored, even if the token
 * is invalid. The 401 does not say what is wrong with the credential.
 */
import { controlDatabase, companyDatabase } from "../db/database.ts";
import { findApiKey, touchApiKey, type ApiKeyRow } from "../db/api-key.ts";
import { findIssuers } from "../db/issuer.ts";
import { upsertExternalUser } from "../db/user.ts";
import type { AppContext } from "./context.ts";
import { Problem } from "../problem/problem.ts";
import { hashSecret, secretMatches } from "../auth/api-key.ts";
import { TtlCache } from "../auth/cache.ts";
import { claimedIssuer, type Issuer, verifyExternalToken } from "../auth/identity-provider.ts";
import { type Principal, scopesOfRole } from "../auth/principal.ts";
import { isCanonicalJws, verifyToken } from "../auth/token.ts";

/** Milliseconds. */
const KEY_TTL = 30_000;
const LAST_USED_EVERY = 5 * 60_000;

const keyCache = new TtlCache<ApiKeyRow>(KEY_TTL);
const issuerCache = new TtlCache<Issuer[]>(KEY_TTL);
const userCache = new TtlCache<string>(10 * 60_000);

/** Call this when a key or an issuer changes: this isolate rereads them at once, others within 30 s. */
export function forgetCredentials(): void {
  keyCache.clear();
  issuerCache.clear();
}

/**
 * The principal, or null when no credential was sent. Throws 401 when a bad one was. With `keyAsBearer` an API key may
 * come as a Bearer token too: its halves with a colon between them.
 */
export async function authenticate(c: AppContext, keyAsBearer = false): Promise<Principal | null> {
  const authorization = c.req.header("authorization");
  const bearer = authorization === undefined ? null : /^Bearer(?: +(.*))?$/i.exec(authorization);
  if (bearer) {
    const token = (bearer[1] ?? "").trim();
    const halves = keyAsBearer ? /^(ak_[^:]*):(as_[^:]*)$/.exec(token) : null;
    return halves ? authenticateKey(c, halves[1] ?? "", halves[2] ?? "") : authenticateToken(c, token);
  }
  const key = c.req.header("x-api-key");
  const secret = c.req.header("x-api-secret");
  if (key === undefined && secret === undefined) return null;
  return authenticateKey(c, key ?? "", secret ?? "");
}

const refuse = (detail: string, error: string) =>
  new Problem("unauthorized", detail, {
    headers: { "www-authenticate": `Bearer realm="conversations", error="${error}"` },
  });

async function authenticateKey(c: AppContext, key: string, secret: string): Promise<Principal> {
  const bad = () => refuse("The API key and secret are not good.", "invalid_request");
  if (!/^ak_[A-Za-z0-9_-]{8,64}$/.test(key) || !/^as_[A-Za-z0-9_-]{16,128}$/.test(secret)) throw bad();
  const now = Date.now();
  let row = keyCache.get(key, now);
  if (!row) {
    row = await findApiKey(controlDatabase(c.env), key);
    if (row) keyCache.set(key, row, now);
  }
  if (!row || !secretMatches(await hashSecret(secret), row, now)) throw bad();
  if (row.revoked_at !== null || (row.expires_at !== null && row.expires_at <= now)) throw bad();
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
    api_key_id: row.id,
    expires_at: row.expires_at,
  };
}

async function authenticateToken(c: AppContext, token: string): Promise<Principal> {
  const bad = () => refuse("The token is not good.", "invalid_token");
  if (!isCanonicalJws(token)) throw bad();
  const issuer = claimedIssuer(token);
  if (issuer === null) throw bad();
  if (issuer === c.var.config.TOKEN_ISSUER) {
    const claims = await verifyToken(c.var.config, token, "access");
    if (!claims) throw bad();
    const { company_id, entity_type, entity_id, role, agent_id = null, scope, expires_at } = claims;
    const atMost = scope?.split(" ");
    const scopes = scopesOfRole(entity_type === "user" ? role : "member").filter(
      (one) => atMost?.includes(one) ?? true,
    );
    return { kind: entity_type, company_id, entity_type, entity_id, scopes, agent_id, api_key_id: null, expires_at };
  }
  const principal = await authenticateExternal(c, token, issuer);
  if (!principal) throw bad();
  return principal;
}

async function authenticateExternal(c: AppContext, token: string, issuer: string): Promise<Principal | null> {
  const now = Date.now();
  let issuers = issuerCache.get(issuer, now);
  if (!issuers) {
    issuers = await findIssuers(controlDatabase(c.env), issuer);
    issuerCache.set(issuer, issuers, now);
  }
  const user = await verifyExternalToken(token, issuers, c.var.config.local);
  if (!user) return null;
  const identity = JSON.stringify([user.company_id, user.issuer, user.subject, user.role, user.name, user.email]);
  let entity_id = userCache.get(identity, now);
  if (entity_id === undefined) {
    entity_id = await upsertExternalUser(await companyDatabase(c.env, user.company_id), user, now);
    userCache.set(identity, entity_id, now);
  }
  return {
    kind: "user",
    company_id: user.company_id,
    entity_type: "user",
    entity_id,
    scopes: scopesOfRole(user.role),
    agent_id: null,
    api_key_id: null,
    expires_at: user.expires_at,
  };
}
