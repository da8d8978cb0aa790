/** What every handler finds on its Hono context. */
import type { Context } from "hono";
import type { Caller, Principal } from "../auth/principal.ts";
import type { Config } from "../config.ts";
import type { Env } from "../env.ts";
import type { Bookmark } from "../chat/outcome.ts";
import type { Database } from "../db/database.ts";
import type { Dialect } from "../problem/response.ts";

/** What a request has seen of its company's database. */
type Seen = {
  session?: { database: string; session: D1DatabaseSession; db: Database };
  /** Of what a conversation's object wrote; null where that is not known. */
  written?: Bookmark | null;
};

export type AppEnv = {
  Bindings: Env;
  Variables: {
    request_id: string;
    config: Config;
    principal: Principal | null;
    dialect: Dialect | undefined;
    /** The route that answers is one that web pages call. */
    for_browsers?: boolean;
    seen: Seen;
  };
};

export type AppContext = Context<AppEnv>;

/** Scheme and host that links in answers start with. */
export const originOf = (c: AppContext): string =>
  c.var.config.PUBLIC_URL ? new URL(c.var.config.PUBLIC_URL).origin : new URL(c.req.url).origin;

/** `/v1`, or `/api/v1` for a client with that fixed prefix: links stay under the one it used. */
export const prefixOf = (c: AppContext): string => (c.req.path.startsWith("/api/") ? "/api/v1" : "/v1");

/** Absolute URL of a path of this API, as this client addresses it. */
export const linkTo = (c: AppContext, path: string): string => `${originOf(c)}${prefixOf(c)}${path}`;

/** The principal as plain data, for the audit trail and for Durable Object RPC. */
export const callerOf = (principal: Principal, c: AppContext): Caller => ({
  company_id: principal.company_id,
  entity_type: principal.entity_type,
  entity_id: principal.entity_id,
  api_key_id: principal.api_key_id,
  request_id: c.var.request_id,
});
