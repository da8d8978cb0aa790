/** Tokens of companies' identity providers: whose they are by issuer and audience, then whether the provider's keys agree. */
import { Lookups, TtlCache } from "../auth/cache.ts";
import { fetchKeys, type KeySource } from "../auth/discovery.ts";
import { type ExternalUser, matchingIssuers, verifyExternalToken } from "../auth/identity-provider.ts";
import { type FetchPorts, KeySet, type Published } from "../auth/key-set.ts";
import { accept, type Checked, refuse, type Refusal } from "../auth/refusal.ts";
import type { Unverified } from "../auth/unverified.ts";
import { auditRow } from "../chat/audit.ts";
import { causeOf, companyDatabase, controlDatabase } from "../db/database.ts";
import { findVerifiedIssuers, type IssuerRow, keepKeys } from "../db/issuer.ts";
import { vouchForUser } from "../db/vouched.ts";
import type { AppContext } from "./context.ts";
import type { Json, JsonObject } from "../json.ts";
import { enforceLimit } from "./rate-limit.ts";

/** Milliseconds. */
const ISSUER_TTL = 30_000;
const UNKNOWN_TTL = 10_000;
const SPARE = 10 * 60_000;
/** Key sets that an isolate knows; the one that was not used for longest is forgotten. */
const MAX_SETS = 200;

const issuers = new Lookups<IssuerRow[]>({ spare: SPARE, max: 1000 });
const keySets = new Map<string, KeySet>();
const users = new TtlCache<string>(SPARE);

/** A registration changed. */
export const forgetIssuers = (): void => issuers.clear();

/** The user that a token of an identity provider speaks of, made on first sight. */
export async function externalUser(
  c: AppContext,
  token: Unverified,
  now: number,
): Promise<Checked<ExternalUser & { entity_id: string }>> {
  const { issuer, audiences } = token;
  const key = JSON.stringify([issuer, ...audiences.toSorted()]);
  const freshness = (rows: IssuerRow[]) => (rows.length > 0 ? ISSUER_TTL : UNKNOWN_TTL);
  const { value: registered } = await issuers.get(key, now, freshness, async () => {
    await enforceLimit(c, "lookup", null);
    const rows = await findVerifiedIssuers(controlDatabase(c.env), issuer, audiences);
    // The keys are remembered once, by their set.
    for (const row of rows) offerKept(c, row);
    return rows.map((row) => ({ ...row, keys: null }));
  });
  const matching = matchingIssuers(token, registered);
  if (!matching.ok) return matching;
  const checked = await firstGood(matching.value, (one) => checkAgainst(c, token, one));
  if (!checked.ok) return checked;
  const user = checked.value;
  const identity = JSON.stringify([user.company_id, user.issuer, user.subject, user.role, user.name, user.email]);
  let entity_id = users.get(identity, now);
  if (entity_id === undefined) {
    const { company_id, issuer: iss, subject, name, email, role } = user;
    const vouched = { company_id, issuer: iss, subject, name, email, role, issued_at: user.issued_at ?? 0 };
    const by = { company_id, entity_type: "user", api_key_id: null, request_id: c.get("request_id") } as const;
    const row = await vouchForUser(await companyDatabase(c.env, company_id), vouched, now, (action, id, details) =>
      auditRow({ ...by, entity_id: id }, { action, target_type: "user", target_id: id, details }, now),
    );
    entity_id = row.id;
    // One who was erased may come back with a newer token.
    if (row.erased_at === null) users.set(identity, entity_id, now);
  }
  return accept({ ...user, entity_id });
}

/** Checks a token against one registration, verified or not: its signature, audience, times and subject. */
export function checkAgainst(c: AppContext, token: Unverified, row: IssuerRow): Promise<Checked<ExternalUser>> {
  return verifyExternalToken(token, row, offerKept(c, row), portsOf(c, row));
}

/** The key set of a registration, which learns the keys that are kept with it. */
function offerKept(c: AppContext, row: IssuerRow): KeySet {
  const set = keySetOf(row, c.get("config").local);
  if (row.keys && Array.isArray(row.keys["keys"]) && row.keys_at !== null) {
    set.offer({ keys: { keys: row.keys["keys"] as never }, at: row.keys_at });
  }
  return set;
}

/** The keys of a provider as a column of its registration, for one that was only just checked against. */
export function keptKeys(c: AppContext, source: KeySource): Pick<IssuerRow, "keys" | "keys_at"> {
  const published = keySetOf(source, c.get("config").local).published;
  return { keys: published && asJson(published), keys_at: published && published.at };
}

const asJson = ({ keys }: Published): JsonObject => ({ keys: keys.keys as unknown as Json });

function keySetOf({ issuer, jwks_uri }: KeySource, allowLoopback: boolean): KeySet {
  const name = jwks_uri ?? `the keys of ${issuer}`;
  const set = keySets.get(name) ?? new KeySet(() => fetchKeys({ issuer, jwks_uri }, { allowLoopback }), Date.now);
  keySets.delete(name);
  keySets.set(name, set);
  const [oldest] = keySets.keys();
  if (keySets.size > MAX_SETS && oldest !== undefined) keySets.delete(oldest);
  return set;
}

const portsOf = (c: AppContext, row: IssuerRow): FetchPorts => ({
  keepAlive: (work) => c.executionCtx.waitUntil(work),
  fetched: async (published) => {
    await keepKeys(controlDatabase(c.env), row, asJson(published), published.at).catch((error: unknown) =>
      console.warn(JSON.stringify({ event: "keys_not_kept", issuer_id: row.id, error: causeOf(error) })),
    );
  },
  failed: (error) => {
    const about = { issuer_id: row.id, company_id: row.company_id, request_id: c.get("request_id") };
    console.warn(JSON.stringify({ event: "keys_unavailable", ...about, error: causeOf(error) }));
  },
});

/** The first acceptance, or a refusal: one company may have registered several audiences of a token. */
async function firstGood<A, T>(all: readonly A[], check: (one: A) => Promise<Checked<T>>): Promise<Checked<T>> {
  let last: Refusal = { reason: "signature" };
  for (const one of all) {
    const checked = await check(one);
    if (checked.ok) return checked;
    // Where one could not be asked, nobody can say that the token is bad.
    if (last.reason !== "keys_unavailable") last = checked.refusal;
  }
  return refuse(last);
}
