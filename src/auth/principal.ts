/** Who is calling, made once per request and passed on. Everything here is pure. */

export type EntityType = "user" | "lead";
export type Scope = "read" | "write" | "admin";

/** Owner of conversations: everything that says "entity" means this pair. */
export type Entity = { entity_type: EntityType; entity_id: string };

export type Principal = Entity & {
  kind: "api_key" | "user" | "lead";
  company_id: string;
  scopes: readonly Scope[];
  /** The agent that a visitor came to, as far as the token says; null for everybody else. */
  agent_id: string | null;
  /** The API key behind the request, if one is; for the audit trail. */
  api_key_id: string | null;
  /** When the credential stops working, in milliseconds, or null. */
  expires_at: number | null;
};

/** What a Durable Object and the audit trail need to know of the caller: plain data that crosses RPC. */
export type Caller = Entity & {
  company_id: string;
  api_key_id: string | null;
  request_id: string;
};

/** `admin` includes `read` and `write`. */
export function hasScope(principal: Principal, scope: Scope): boolean {
  return principal.scopes.includes(scope) || principal.scopes.includes("admin");
}

/** Visitors see their own rows only; users and keys see their company's. */
export function mayAccess(caller: Entity & { company_id: string }, row: Entity & { company_id: string }): boolean {
  if (row.company_id !== caller.company_id) return false;
  return caller.entity_type === "user" || (row.entity_type === "lead" && row.entity_id === caller.entity_id);
}

/** The scopes a user's role gives. */
export const scopesOfRole = (role: "member" | "admin"): readonly Scope[] =>
  role === "admin" ? ["read", "write", "admin"] : ["read", "write"];

/** `scopes` cut down to what `principal` itself holds: nobody hands out more than they have. */
export const withinScopes = (principal: Principal, scopes: readonly Scope[]): boolean =>
  scopes.every((scope) => hasScope(principal, scope));
