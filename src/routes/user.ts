/** Users, for admins: who they are, and that one of them is no longer one. Users come by their identity provider. */
import * as z from "zod";
import { noteEnded } from "../http/ended.ts";
import type { Audit } from "../http/route.ts";
import { liveKeysOfUser, revokeApiKey } from "../db/api-key.ts";
import { newErasure } from "../compliance/erasure.ts";
import { controlDatabase } from "../db/database.ts";
import { beginErasure, hasBegun } from "../db/erasure.ts";
import * as store from "../db/user.ts";
import { type Api } from "../http/api.ts";
import { forgetCredentials } from "../http/authenticate.ts";
import type { AppContext } from "../http/context.ts";
import { id, pathId, timestamp, toTimestamp, toTimestampOrNull } from "../http/fields.ts";
import { json } from "../http/operation.ts";
import { pageOf, pageQuery, respondWithPage } from "../http/pagination.ts";
import { answerErasure, erasureResponses } from "./erasure.ts";
import { notFound, Problem } from "../problem/problem.ts";
import { answerExport, exportRoute } from "./person-export.ts";
import { lazy } from "../lazy.ts";

const userSchema = lazy(() =>
  z
    .object({
      id: id(),
      company_id: id(),
      issuer: z
        .string()
        .nullable()
        .meta({ description: "The identity provider that vouches for this user; null for the company's own backend." }),
      external_id: z.string().nullable().meta({ description: "How the identity provider or the backend calls them." }),
      name: z.string().nullable(),
      email: z.string().nullable(),
      role: z.enum(["member", "admin"]),
      created_at: timestamp(),
      deleted_at: timestamp().nullable(),
      deleted_by: z.string().nullable(),
      erased_at: timestamp().nullable(),
    })
    .meta({ id: "User" }),
);
const deleteQuery = lazy(() =>
  z.strictObject({
    erase: z.enum(["true", "false"]).default("false").meta({ description: "`true` erases the person." }),
  }),
);
const response = lazy(() => z.object({ user: userSchema() }));

export function userRoutes(api: Api): void {
  const common = { tag: "Users", audience: "staff", scope: "admin" } as const;

  api.route(
    {
      ...common,
      method: "get",
      path: "/user",
      summary: "List users",
      description: "Live users of the company, newest first.",
      query: () => pageQuery(),
      responses: () => ({ 200: json("A page of users.", pageOf("users", userSchema())) }),
    },
    async ({ c, db, caller, query }) =>
      respondWithPage({
        c,
        caller,
        name: "users",
        query,
        filter: null,
        read: (slice) => store.listUsers(db, caller.company_id, slice),
        key: (row) => [row.id],
        view: userView,
      }),
  );

  api.route(
    {
      ...common,
      method: "get",
      path: "/user/{id}",
      summary: "Look at a user",
      description: "A live user. One that was deleted is not found.",
      params: pathId(),
      responses: () => ({ 200: json("The user.", response()) }),
    },
    async ({ c, db, caller, params }) => {
      const row = await store.findUser(db, caller.company_id, params.id);
      if (!row) throw notFound();
      return c.json({ user: userView(row) });
    },
  );

  api.route(
    { ...common, ...exportRoute, path: "/user/{id}/export", summary: "Export a user's data", params: pathId() },
    async ({ c, db, caller, params: { id } }) => {
      const row = await store.findAnyUser(db, caller.company_id, id);
      if (!row || row.erased_at !== null) throw notFound();
      return answerExport(c, db, caller, { entity_type: "user", entity_id: id }, userView(row));
    },
  );

  api.route(
    {
      ...common,
      method: "delete",
      path: "/user/{id}",
      summary: "Delete or erase a user",
      description:
        "The user's tokens end within 30 seconds, the API keys that act as this user are revoked; conversations stay. With `erase=true` the person is erased: personal fields and the content of every conversation are gone for good, counts and audit stay. Nobody deletes the user that they are. Repeating a delete answers the same, repeating an erasure goes on with it, or looks again.",
      params: pathId(),
      query: deleteQuery,
      responses: () => erasureResponses({ user: userSchema() }),
      problems: ["conflict", "legal_hold", "store_unavailable"],
    },
    async ({ c, db, caller, audit, params: { id }, query }) => {
      const { company_id } = caller;
      if (id === caller.entity_id) throw new Problem("conflict", "This is the user that you are.");
      await noteEnded(c, company_id, `user:${id}`);
      if (query.erase === "true") {
        const before = await store.findAnyUser(db, company_id, id);
        if (!before) throw notFound();
        const row = await newErasure(company_id, "user", id, caller.entity_id);
        const marks = await store.markErasedUser(db, before, hasBegun(row.id), audit("user.erase", "user", id));
        const begun = await beginErasure(db, row, [...marks]);
        return answerErasure(c, db, caller, begun, async () => ({
          user: userView((await store.findAnyUser(db, company_id, id)) ?? before),
        }));
      }
      const row = await store.deleteUser(db, company_id, id, audit("user.delete", "user", id));
      if (!row) throw notFound();
      await revokeKeysOf(c, company_id, row.id, audit);
      return c.json({ user: userView(row) });
    },
  );
}

/** A key acts as its user, so it goes with the user. A repeat finds those that a failure left. */
async function revokeKeysOf(c: AppContext, company_id: string, user_id: string, audit: Audit): Promise<number> {
  const control = controlDatabase(c.env);
  let revoked = 0;
  for (;;) {
    const ids = await liveKeysOfUser(control, company_id, user_id);
    for (const key of ids) await revokeApiKey(control, company_id, key, audit("api_key.revoke", "api_key", key));
    revoked += ids.length;
    if (ids.length < 100) break;
  }
  if (revoked > 0) forgetCredentials();
  return revoked;
}

const userView = (row: store.UserRow) => ({
  id: row.id,
  company_id: row.company_id,
  issuer: row.issuer === "" ? null : row.issuer,
  external_id: row.erased_at === null ? row.subject : null,
  name: row.name,
  email: row.email,
  role: row.role,
  created_at: toTimestamp(row.created_at),
  deleted_at: toTimestampOrNull(row.deleted_at),
  deleted_by: row.deleted_by,
  erased_at: toTimestampOrNull(row.erased_at),
});
