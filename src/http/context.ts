/** The variables of the Hono context, by c.get(): c.var would copy all of them; and the links that follow from the request. */
import type { Context } from "hono";
import { type Caller, hasScope, type Principal } from "../auth/principal.ts";
import type { Config } from "../config.ts";
import type { Env } from "../env.ts";
import type { Bookmark } from "../chat/outcome.ts";
import type { Database } from "../db/database.ts";
import type { Dialect } from "../problem/response.ts";

/** How far this request has read and written in its company's database. */
type DatabaseState = {
  session?: { database: string; session: D1DatabaseSession; db: Database };
  /** How far the database had got with what a conversation's object wrote. */
  objectBookmark?: Bookmark;
  /** A conversation of which the database may lack something. */
  unsettled?: string;
};

export type AppEnv = {
  Bindings: Env;
  Variables: {
    request_id: string;
    config: Config;
    principal: Principal | null;
    dialect: Dialect | undefined;
    /** True on routes that web pages may call. */
    for_browsers?: boolean;
    database: DatabaseState;
  };
};

export type AppContext = Context<AppEnv>;

/** The origin of the last request, as it was written and as it is: most requests of an isolate ask for the same. */
let last = { written: "", origin: "" };

/** What an origin is usually written as. Nothing after it belongs to the host; any other URL is remembered as a whole. */
const PLAIN = /^https?:\/\/[\w.:[\]-]+(?=\/)/;

/** Scheme and host that this request asked for. */
export function askedOrigin(c: AppContext): string {
  const { url } = c.req;
  const written = PLAIN.exec(url)?.[0] ?? url;
  if (written !== last.written) last = { written, origin: new URL(url).origin };
  return last.origin;
}

/** Scheme and host of links in responses. */
export const originOf = (c: AppContext): string => c.get("config").PUBLIC_URL ?? askedOrigin(c);

/** The prefix of this request, `/v1` or `/api/v1`: links keep it. */
export const prefixOf = (c: AppContext): string => (c.req.path.startsWith("/api/") ? "/api/v1" : "/v1");

/** Absolute URL of a path of this API, under the prefix of this request. */
export const linkTo = (c: AppContext, path: string): string => `${originOf(c)}${prefixOf(c)}${path}`;

/** The principal as plain data, for the audit trail and for Durable Object RPC. */
export const callerOf = (principal: Principal, c: AppContext): Caller => ({
  kind: principal.kind,
  company_id: principal.company_id,
  entity_type: principal.entity_type,
  entity_id: principal.entity_id,
  api_key_id: principal.api_key_id,
  issuer_id: principal.issuer_id,
  issued_at: principal.issued_at,
  expires_at: principal.expires_at,
  may_read: hasScope(principal, "read"),
  request_id: c.get("request_id"),
  grant: {
    scopes: principal.scopes,
    agent_id: principal.agent_id,
    website: principal.website,
    credential: principal.credential,
    checked_at: principal.checked_at,
  },
});
