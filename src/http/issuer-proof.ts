/**
 * Whose an issuer and audience are. A good token shows that somebody can sign in there; where two companies have one, more
 * control wins: keys that the issuer itself names, then keys at its address, then keys anywhere.
 */
import { discover } from "../auth/discovery.ts";
import { matchingIssuers } from "../auth/identity-provider.ts";
import { accept, type Checked, type Refusal } from "../auth/refusal.ts";
import { readUnverified } from "../auth/unverified.ts";
import { systemAuditRow } from "../chat/audit.ts";
import type { Database } from "../db/database.ts";
import { displaceIssuer, findVerifiedIssuers, type IssuerRow } from "../db/issuer.ts";
import { invalid, Problem } from "../problem/problem.ts";
import type { AppContext } from "./context.ts";
import { checkAgainst } from "./external-token.ts";
import { refused } from "./refused.ts";

/**
 * Throws 422 when `token` is not a good one of the registration, 503 when its keys cannot be had, and 409 when another
 * company has shown as much control already. One that has shown less has to show more from now on.
 */
export async function proveIssuer(c: AppContext, db: Database, row: IssuerRow, token: string): Promise<void> {
  const checked = await checkProof(c, row, token);
  if (!checked.ok) {
    const problem = refused(c, checked.refusal, "");
    if (checked.refusal.reason === "keys_unavailable") throw problem;
    const message = `is not a good token of this issuer for this audience (${checked.refusal.reason})${hint(checked.refusal, token)}`;
    throw invalid({ path: "/token", message });
  }
  const [holder] = await findVerifiedIssuers(db, row.issuer, [row.audience]);
  if (!holder || holder.company_id === row.company_id) return;
  const named = await discover(row.issuer, { allowLoopback: c.get("config").local }).catch(() => null);
  if (controlOf(row, named) <= controlOf(holder, named)) {
    throw new Problem("conflict", "Another company has shown that this issuer and audience are its own.");
  }
  const entry = { action: "issuer.displace", target_type: "issuer", target_id: holder.id };
  await displaceIssuer(db, holder, systemAuditRow(holder.company_id, "identity-providers", entry, Date.now()));
}

/** A registration that names another issuer or audience than the provider's tokens is the most frequent mistake. */
function hint({ reason }: Refusal, token: string): string {
  const unverified = readUnverified(token, Date.now());
  if (reason !== "issuer_unknown" || !unverified.ok) return "";
  const { issuer, audiences } = unverified.value;
  return `: its iss is ${JSON.stringify(issuer)}, its aud ${JSON.stringify(audiences)}`;
}

/** Whether a token is a good one of this registration, verified or not. */
export async function checkProof(c: AppContext, row: IssuerRow, token: string): Promise<Checked<null>> {
  const unverified = readUnverified(token, Date.now());
  if (!unverified.ok) return unverified;
  const matching = matchingIssuers(unverified.value, [row]);
  if (!matching.ok) return matching;
  const user = await checkAgainst(c, unverified.value, row);
  return user.ok ? accept(null) : user;
}

/** `named`: the key set that the issuer's own discovery document names, if it has one. */
function controlOf({ issuer, jwks_uri }: IssuerRow, named: string | null): number {
  if (jwks_uri === null || jwks_uri === named) return 2;
  return new URL(jwks_uri).origin === new URL(issuer).origin ? 1 : 0;
}
