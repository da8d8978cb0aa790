/** API keys: admins create, list, rotate and revoke them. A secret is returned once, in the response that created it. */
import * as z from "zod";
import { newApiKey, newSecret, hashSecret } from "../auth/api-key.ts";
import { noteEnded } from "../http/ended.ts";
import { forgetCredentials } from "../http/authenticate.ts";
import { withinScopes } from "../auth/principal.ts";
import {
  type ApiKeyRow,
  findCompanyApiKey,
  insertApiKey,
  listApiKeys,
  revokeApiKey,
  rotateApiKey,
} from "../db/api-key.ts";
import { type Api } from "../http/api.ts";
import { json } from "../http/operation.ts";
import { dateTime, id, pathId, timestamp, toTimestamp, toTimestampOrNull, visibleText } from "../http/fields.ts";
import { pageOf, pageQuery, respondWithPage } from "../http/pagination.ts";
import { invalid, notFound, Problem } from "../problem/problem.ts";
import { lazy } from "../lazy.ts";

const scope = lazy(() => z.enum(["read", "write", "admin"]));

const keySchema = lazy(() =>
  z
    .object({
      id: id(),
      name: z.string(),
      api_key: z.string().meta({ example: "ak_3q2-7wAAAAAAAAAAAAAAAAAA", description: "The public half: X-API-Key." }),
      scopes: z.array(scope()),
      user_id: id().meta({ description: "The user that the key acts as." }),
      created_at: timestamp(),
      expires_at: timestamp().nullable(),
      revoked_at: timestamp().nullable(),
      last_used_at: timestamp().nullable().meta({ description: "To within some minutes." }),
      previous_secret_expires_at: timestamp()
        .nullable()
        .meta({ description: "Until when the former secret still works." }),
    })
    .meta({ id: "ApiKey" }),
);

const keyWithSecret = lazy(() =>
  keySchema()
    .extend({ api_secret: z.string().meta({ description: "X-API-Secret. Shown here and never again." }) })
    .meta({ id: "ApiKeyWithSecret" }),
);

const createBody = lazy(() =>
  z
    .strictObject({
      name: visibleText(200).default("API key"),
      scopes: z
        .array(scope())
        .min(1)
        .max(20)
        .transform((all) => [...new Set(all)])
        .default(["read", "write"])
        .meta({ description: "`admin` includes the other two." }),
      expires_at: dateTime().nullable().default(null),
    })
    .meta({ id: "ApiKeyBody" }),
);

/** Seconds. */
const DAY = 24 * 60 * 60;
const rotateBody = lazy(() =>
  z.strictObject({
    overlap_seconds: z
      .int()
      .min(0)
      .max(7 * DAY)
      .default(DAY)
      .meta({
        description: "How long the present secret goes on working beside the new one. An older one stops at once.",
      }),
  }),
);

export function apiKeyRoutes(api: Api): void {
  const common = { tag: "Keys", scope: "admin", audience: "staff", store: "control" } as const;

  api.route(
    {
      ...common,
      method: "post",
      path: "/auth/api-keys",
      minted_tokens: "refused",
      summary: "Make an API key",
      description: "It acts as the user who makes it, and never with more scope than the credential that makes it.",
      body: createBody,
      responses: () => ({ 201: json("The key and, this once, its secret.", keyWithSecret()) }),
    },
    async ({ c, db, principal, audit, body }) => {
      const now = Date.now();
      const { name, scopes } = body;
      if (!withinScopes(principal, scopes))
        throw new Problem("forbidden", "A key may not have more scope than its maker.");
      const expires_at = body.expires_at === null ? null : Date.parse(body.expires_at);
      if (expires_at !== null && !(expires_at > now)) throw invalid({ path: "/expires_at", message: "is in the past" });
      const owner = { company_id: principal.company_id, user_id: principal.entity_id };
      const created = await newApiKey(owner, { name, scopes, expires_at }, now);
      const row = await insertApiKey(db, created.row, audit("api_key.create", "api_key", created.row.id, { scopes }));
      return c.json({ ...keyView(row), api_secret: created.secret }, 201);
    },
  );

  api.route(
    {
      ...common,
      method: "get",
      path: "/auth/api-keys",
      summary: "List API keys",
      description: "Every key of the company, revoked and expired ones too, newest first; no secrets.",
      query: () => pageQuery(),
      responses: () => ({ 200: json("A page of keys.", pageOf("api_keys", keySchema())) }),
    },
    ({ c, db, caller, query }) =>
      respondWithPage({
        c,
        caller,
        name: "api_keys",
        query,
        filter: null,
        read: (slice) => listApiKeys(db, caller.company_id, slice),
        key: (row) => [row.id],
        view: keyView,
      }),
  );

  api.route(
    {
      ...common,
      method: "delete",
      path: "/auth/api-keys/{id}",
      minted_tokens: "refused",
      summary: "Revoke an API key",
      description: "For good. It is refused at once here, everywhere within 30 seconds. Repeating it answers the same.",
      params: pathId(),
      responses: () => ({ 200: json("The key as it is now.", keySchema()) }),
      problems: ["store_unavailable"],
    },
    async ({ c, db, caller, audit, params }) => {
      await noteEnded(c, caller.company_id, `api_key:${params.id}`);
      const record = audit("api_key.revoke", "api_key", params.id);
      const row = await revokeApiKey(db, caller.company_id, params.id, record);
      if (!row) throw notFound();
      forgetCredentials();
      return c.json(keyView(row));
    },
  );

  api.route(
    {
      ...common,
      method: "post",
      path: "/auth/api-keys/{id}/rotate",
      minted_tokens: "refused",
      summary: "Give an API key a new secret",
      description:
        "The public half stays. The secret before this one goes on working for `overlap_seconds`, so that servers can be changed one by one.",
      params: pathId(),
      body: rotateBody,
      bodyOptional: true,
      responses: () => ({ 200: json("The key and, this once, its new secret.", keyWithSecret()) }),
      problems: ["conflict", "store_unavailable"],
    },
    async ({ c, db, caller: { company_id }, audit, params, body }) => {
      const before = await findCompanyApiKey(db, company_id, params.id);
      if (!before) throw notFound();
      await noteEnded(c, company_id, `api_key:${before.id}`);
      const { overlap_seconds } = body ?? rotateBody().parse({});
      const secret = newSecret();
      const next = { secret_hash: await hashSecret(secret), previous_expires_at: Date.now() + overlap_seconds * 1000 };
      const record = audit("api_key.rotate", "api_key", before.id, { overlap_seconds });
      const row = await rotateApiKey(db, company_id, before.id, next, record);
      if (!row) throw new Problem("conflict", "The key has been revoked.");
      forgetCredentials();
      return c.json({ ...keyView(row), api_secret: secret });
    },
  );
}

const keyView = (row: ApiKeyRow) => ({
  id: row.id,
  name: row.name,
  api_key: row.key,
  scopes: row.scopes,
  user_id: row.user_id,
  created_at: toTimestamp(row.created_at),
  expires_at: toTimestampOrNull(row.expires_at),
  revoked_at: toTimestampOrNull(row.revoked_at),
  last_used_at: toTimestampOrNull(row.last_used_at),
  previous_secret_expires_at: toTimestampOrNull(row.previous_expires_at),
});
