/** Who is calling, made once per request and passed on. Everything here is pure. */

export type EntityType = "user" | "lead";
export type Scope = "read" | "write" | "admin";

/** Owner of conversations: everything that says "entity" means this pair. */
export type Entity = { entity_type: EntityType; entity_id: string };

/** What a credential rests on, as plain data: it is good while all of this still holds (see db/standing.ts). */
export type Basis = Entity & {
  kind: "api_key" | "user" | "lead";
  company_id: string;
  /** The API key behind the request: the one that was sent, or the one that minted the token. */
  api_key_id: string | null;
  /** The registration of the identity provider that signed the token; null for everything that this service made. */
  issuer_id: string | null;
  /** When the token was made, in milliseconds, where it says so. */
  issued_at: number | null;
  /** When the credential stops working, in milliseconds, or null. */
  expires_at: number | null;
};

/** What a credential allows, and how it was found to be good. */
type Grant = {
  scopes: readonly Scope[];
  /** The agent that a visitor came to, as far as the token says; null for everybody else. */
  agent_id: string | null;
  /** The origin of the website that a visitor registered on, as far as the token says. */
  website: string | null;
  /** What only a holder of this very credential can send again (see http/credential.ts), or "" when nobody may remember it. */
  credential: string;
  /** When the database last said that it is good, in milliseconds. */
  checked_at: number;
};

export type Principal = Basis & Grant;

/** Names of what a credential rests on: with any of these it ends. */
export const namesOf = ({ kind, entity_type, entity_id, api_key_id, issuer_id }: Basis): string[] => [
  `${entity_type}:${entity_id}`,
  ...(api_key_id === null ? [] : [`api_key:${api_key_id}`]),
  ...(issuer_id === null ? [] : [`issuer:${issuer_id}`]),
  ...(kind === "lead" ? [WEBSITES] : []),
];

/** The websites of a company's agents, on which visitors' tokens rest. */
export const WEBSITES = "websites";

/** Who does something, as the audit trail names them. */
export type Actor = Entity & { company_id: string; api_key_id: string | null; request_id: string };

/** What a Durable Object needs to know of the caller: plain data that crosses RPC. */
export type Caller = Basis &
  Actor & {
    /** Whether the credential has the scope `read`; without it an answer shows only what the caller just sent or caused. */
    may_read: boolean;
    /** Of a request's credential, which the object remembers for when the database is away. */
    grant?: Grant;
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

/** Whether a token of a user that was minted here is asking; tokens of identity providers and API keys are not such. */
export const isMintedUser = ({ kind, issuer_id }: Principal): boolean => kind === "user" && issuer_id === null;
