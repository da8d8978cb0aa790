/** Bearer tokens: those that this service minted, and those of the companies' identity providers. */
import type { Principal } from "../auth/principal.ts";
import { scopesOfRole } from "../auth/principal.ts";
import { rememberedToken, type Verified, verifyToken } from "../auth/token.ts";
import { readUnverified } from "../auth/unverified.ts";
import { standingOf } from "../db/standing.ts";
import type { AppContext } from "./context.ts";
import { shownWith, signatureOf } from "./credential.ts";
import { externalUser } from "./external-token.ts";
import { admitted } from "./refused.ts";

const VAGUE = "The token is not good.";

/** The principal that a token stands for. Throws 401 when it is not good, 503 when that cannot be found out. */
export async function authenticateToken(c: AppContext, token: string): Promise<Principal> {
  const now = Date.now();
  const config = c.get("config");
  const known = rememberedToken(config, token, now);
  if (known) return checkStanding(c, token, mintedPrincipal(known));
  const unverified = admitted(c, readUnverified(token, now), VAGUE);
  if (unverified.issuer === config.TOKEN_ISSUER) {
    const claims = admitted(c, await verifyToken(config, token, "access"), VAGUE);
    return checkStanding(c, token, mintedPrincipal(claims));
  }
  const user = admitted(c, await externalUser(c, unverified, now), VAGUE);
  return checkStanding(c, token, {
    kind: "user",
    company_id: user.company_id,
    entity_type: "user",
    entity_id: user.entity_id,
    scopes: scopesOfRole(user.role),
    agent_id: null,
    website: null,
    api_key_id: null,
    issuer_id: user.issuer_id,
    issued_at: user.issued_at,
    expires_at: user.expires_at,
  });
}

function mintedPrincipal(claims: Verified): Unchecked {
  const { company_id, entity_type, entity_id, role, agent_id = null, website = null, scope } = claims;
  const { api_key_id = null, issued_at, expires_at } = claims;
  const atMost = scope?.split(" ");
  const scopes = scopesOfRole(entity_type === "user" ? role : "member").filter((one) => atMost?.includes(one) ?? true);
  const entity = { kind: entity_type, company_id, entity_type, entity_id } as const;
  return { ...entity, scopes, agent_id, website, api_key_id, issuer_id: null, issued_at, expires_at };
}

type Unchecked = Omit<Principal, "credential" | "checked_at">;

async function checkStanding(c: AppContext, token: string, basis: Unchecked): Promise<Principal> {
  const checked_at = admitted(c, await standingOf(c.env, basis, Date.now()), VAGUE);
  return { ...basis, credential: shownWith(c, signatureOf(token)), checked_at };
}
