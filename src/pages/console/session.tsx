/** Who is signed in, in this tab alone; signing out removes the credential and everything that was read with it. */
import { createContext, use } from "react";
import { Api, type Credential, Refused } from "./api.ts";
import type { Identity, Scope } from "./types.ts";

export type Session = {
  api: Api;
  me: Identity;
  /** Whether the credential may do this kind of thing. */
  can: (scope: Scope) => boolean;
  /** Tokens that this service made cannot make, rotate or revoke API keys. */
  canManageKeys: boolean;
  signOut: (reason?: "expired") => void;
};

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = use(SessionContext);
  if (!session) throw new Error("Nobody is signed in");
  return session;
}

/** Signs in. Throws Refused for a credential that is not good, or is not of the staff. */
export async function identify(credential: Credential): Promise<Identity> {
  const me = await new Api(credential).get<Identity>("/auth/validate");
  if (me.entity_type === "lead") throw new Refused("forbidden", 403, "visitor");
  return me;
}

export function newSession(credential: Credential, me: Identity, signOut: Session["signOut"]): Session {
  const can = (scope: Scope) => me.scopes.includes(scope) || me.scopes.includes("admin");
  return {
    api: new Api(credential, () => signOut("expired")),
    me,
    can,
    canManageKeys: can("admin") && !isMinted(credential),
    signOut,
  };
}

/** A token of this service itself names the company; those of identity providers cannot. */
function isMinted(credential: Credential): boolean {
  if (!("token" in credential)) return false;
  try {
    const [, payload = ""] = credential.token.split(".");
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    return typeof claims === "object" && claims !== null && "company_id" in claims && "entity_type" in claims;
  } catch {
    return true;
  }
}
