/** Tokens: the company's own backend vouches for a user or a visitor; and what a credential says of its bearer. */
import * as z from "zod";
import { hasScope, scopesOfRole, type Principal } from "../auth/principal.ts";
import { MAX_ACCESS_TTL, MAX_ADMIN_TTL, mintToken } from "../auth/token.ts";
import { insertAudit } from "../db/audit.ts";
import { restoreLead } from "../db/lead.ts";
import { vouchForLead, vouchForUser } from "../db/vouched.ts";
import { type Api } from "../http/api.ts";
import { json } from "../http/operation.ts";
import type { Database } from "../db/database.ts";
import type { Audit } from "../http/route.ts";
import { emailAddress, id, text, timestamp, toTimestampOrNull } from "../http/fields.ts";
import { Problem } from "../problem/problem.ts";
import { lazy } from "../lazy.ts";

const entityType = lazy(() => z.enum(["user", "lead"]));
const role = lazy(() => z.enum(["member", "admin"]));

const tokenBody = lazy(() =>
  z
    .strictObject({
      entity_type: entityType(),
      external_id: text(255, 1).meta({
        description: "How the company itself calls this person. The same one is the same entity.",
      }),
      name: text(200, 1).optional(),
      email: emailAddress().optional(),
      role: role().optional().meta({
        description: "Users only; `member` when left out. `admin` needs the scope admin and lives at most an hour.",
      }),
      expires_in: z.int().min(1).max(MAX_ACCESS_TTL).default(3600).meta({ description: "Seconds." }),
    })
    .refine((body) => body.entity_type === "user" || body.role === undefined, {
      path: ["role"],
      error: "is for users only",
    })
    .meta({ id: "TokenBody" }),
);

const tokenSchema = lazy(() =>
  z
    .object({
      access_token: z.string(),
      token_type: z.literal("Bearer"),
      expires_in: z.int().meta({
        description: "Seconds. Less than asked for when the API key itself ends sooner, or the role is `admin`.",
      }),
      entity_type: entityType(),
      entity_id: id(),
    })
    .meta({ id: "Token" }),
);

const identitySchema = lazy(() =>
  z
    .object({
      kind: z.enum(["api_key", "user", "lead"]),
      company_id: id(),
      entity_type: entityType(),
      entity_id: id(),
      entity: z.object({ entity_type: entityType(), entity_id: id() }).meta({ description: "The same two, as one." }),
      scopes: z.array(z.enum(["read", "write", "admin"])),
      expires_at: timestamp().nullable(),
    })
    .meta({ id: "Identity" }),
);

export function tokenRoutes(api: Api): void {
  api.route(
    {
      method: "post",
      path: "/auth/token",
      summary: "Mint a token for a user or a visitor",
      description:
        "For the company's own backend, with an API key. The user or visitor is made on first sight; name and email, where given, are brought up to date. A visitor who had been deleted is restored. A token may do no more than the key that asks for it, and ends within 30 seconds of that key's end. One with the role `admin` leaves an audit row, and cannot make, rotate or revoke keys.",
      tag: "Tokens",
      audience: "keys",
      scope: "write",
      body: tokenBody,
      problems: ["conflict"],
      responses: () => ({ 200: json("A Bearer token.", tokenSchema()) }),
    },
    async ({ c, db, principal, audit, body }) => {
      const { entity_type } = body;
      if (body.role === "admin" && !hasScope(principal, "admin")) {
        throw new Problem("forbidden", 'The role "admin" needs the scope "admin".');
      }
      const now = Date.now();
      const entity_id = await (entity_type === "user"
        ? userId(db, principal, body, audit, now)
        : leadId(db, principal.company_id, body, audit, now));
      const role = body.role ?? "member";
      const scopes = scopesOfRole(role).filter((scope) => hasScope(principal, scope));
      const isLess = scopes.length < scopesOfRole(role).length;
      const { company_id, api_key_id } = principal;
      const claims = {
        ...{ company_id, entity_type, entity_id, role },
        ...(api_key_id === null ? {} : { api_key_id }),
        ...(isLess ? { scope: scopes.join(" ") } : {}),
      };
      const requested = Math.min(body.expires_in, role === "admin" ? MAX_ADMIN_TTL : MAX_ACCESS_TTL);
      const expires_in = lifetime(requested, principal.expires_at, now);
      if (role === "admin") await insertAudit(db, audit("token.mint", "user", entity_id, { role, expires_in }));
      const access_token = await mintToken(c.get("config"), claims, "access", expires_in);
      return c.json({ access_token, token_type: "Bearer", expires_in, entity_type, entity_id });
    },
  );

  api.route(
    {
      method: "get",
      path: "/auth/validate",
      summary: "Say who is calling",
      description: "Which company and entity the credential stands for, what it may do, and until when.",
      tag: "Tokens",
      audience: "everyone",
      scope: "read",
      store: "none",
      responses: () => ({ 200: json("What the credential stands for.", identitySchema()) }),
    },
    ({ c, principal }) => {
      const { kind, company_id, entity_type, entity_id, scopes, expires_at } = principal;
      return c.json({
        kind,
        company_id,
        entity_type,
        entity_id,
        entity: { entity_type, entity_id },
        scopes,
        expires_at: toTimestampOrNull(expires_at),
      });
    },
  );
}

/** Seconds: as requested, but not beyond the expiry (ms) of the API key of the request. */
const lifetime = (requested: number, keyEnds: number | null, now: number): number =>
  keyEnds === null ? requested : Math.max(1, Math.min(requested, Math.floor((keyEnds - now) / 1000)));

type Vouched = z.output<ReturnType<typeof tokenBody>>;

async function userId(db: Database, principal: Principal, body: Vouched, audit: Audit, now: number): Promise<string> {
  const { external_id: subject, name, email } = body;
  const { company_id } = principal;
  // Only admins may change the stored role. The role of the token is the requested one in any case.
  const stored = hasScope(principal, "admin") ? body.role : undefined;
  const vouched = { company_id, issuer: "", subject, name, email, role: stored, issued_at: now };
  const row = await vouchForUser(db, vouched, now, (action, id, details) => audit(action, "user", id, details));
  if (row.deleted_at !== null) throw new Problem("conflict", "This user has been deleted.");
  return row.id;
}

async function leadId(
  db: Database,
  company_id: string,
  { external_id, name, email }: Vouched,
  audit: Audit,
  now: number,
): Promise<string> {
  const vouched = { company_id, external_id, first_name: name, email };
  const lead = await vouchForLead(db, vouched, now, (action, id, details) => audit(action, "lead", id, details));
  if (lead.deleted_at !== null) {
    await restoreLead(db, company_id, lead.id, audit("lead.restore", "lead", lead.id));
  }
  return lead.id;
}
