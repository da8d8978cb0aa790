/** Conversations: create, get, change, delete, restore. Their lists are in list.ts. */
import * as z from "zod";
import { contextLengthOf } from "../../chat/agent.ts";
import { conversationView } from "../../chat/conversation.ts";
import { DEFAULT_TITLE, titleOrDefault } from "../../chat/title.ts";
import { type AgentCard, agentCard, findAgent, forgetAgents } from "../../db/agent.ts";
import * as store from "../../db/conversation.ts";
import type { Database } from "../../db/database.ts";
import { type Caller, type Entity, hasScope, mayAccess } from "../../auth/principal.ts";
import { admitToWebsiteOf } from "../../http/website.ts";
import { type Api } from "../../http/api.ts";
import { json } from "../../http/operation.ts";
import { type AppContext, linkTo } from "../../http/context.ts";
import { requestDatabase } from "../../http/database.ts";
import { isId, metadata, pathId, text } from "../../http/fields.ts";
import { hashOf, idempotencyHeader, idempotencyKey } from "../../http/idempotency.ts";
import { invalid, notFound, Problem } from "../../problem/problem.ts";
import { erasureResponses } from "../erasure.ts";
import { purgeConversation } from "./purge.ts";
import { conversationListRoutes } from "./list.ts";
import { ask, askOr, jsonText } from "./object.ts";
import { conversationSchema } from "./schema.ts";
import { lazy } from "../../lazy.ts";

const tag = "Conversations";
const title = lazy(() =>
  text(200).meta({ description: `≤ 200 characters. One of which nothing is seen becomes "${DEFAULT_TITLE}".` }),
);
const max_context_length = lazy(() => z.int().min(1).max(4000));
const response = lazy(() => z.object({ conversation: conversationSchema() }));

const deleteQuery = lazy(() =>
  z.strictObject({
    purge: z.enum(["true", "false"]).default("false").meta({ description: "`true` is for good (admin)." }),
  }),
);

const createBody = lazy(() =>
  z
    .strictObject({
      agent_id: z.string().meta({ format: "uuid" }),
      title: title().optional(),
      metadata: metadata().optional(),
      max_context_length: max_context_length().optional(),
    })
    .meta({ id: "NewConversation" }),
);

const updateBody = lazy(() =>
  z
    .strictObject({
      title: title().optional(),
      metadata: metadata().optional(),
      max_context_length: max_context_length().optional(),
      status: z.enum(["active", "archived"]).optional(),
    })
    .meta({ id: "ConversationChanges" }),
);

export function conversationRoutes(api: Api): void {
  api.route(
    {
      method: "post",
      path: "/conversation",
      summary: "Create a conversation",
      description:
        "It belongs to the caller and is with one agent. Send an `Idempotency-Key`, so that a request which is sent again does not make a second one. A visitor already has one from registering.",
      tag,
      audience: "everyone",
      scope: "write",
      limit: "lead",
      headers: idempotencyHeader,
      body: createBody,
      problems: ["not_found", "agent_inactive", "idempotency_mismatch"],
      responses: () => ({
        201: json("Created; `Location` names it.", response()),
        200: json("The conversation that this Idempotency-Key made before.", response()),
      }),
    },
    async ({ c, db, caller, body }) => {
      const creation_key = idempotencyKey(c);
      const creation_hash = creation_key === null ? null : await hashOf(body);
      const earlier = creation_key === null ? undefined : await store.findCreated(db, caller, creation_key);
      const { row, created } = earlier
        ? { row: earlier, created: false }
        : await create(c, db, caller, { ...body, creation_key, creation_hash });
      if (!created && row.creation_hash !== creation_hash) throw new Problem("idempotency_mismatch");
      if (row.deleted_at !== null) throw notFound();
      c.header("location", linkTo(c, `/conversation/${row.id}`));
      if (!created) c.header("idempotent-replayed", "true");
      return c.json({ conversation: conversationView(row, caller) }, created ? 201 : 200);
    },
  );

  conversationListRoutes(api);

  const one = {
    tag,
    audience: "everyone",
    params: pathId(),
    responses: () => ({ 200: json("The conversation.", response()) }),
  } as const;

  api.route(
    {
      ...one,
      method: "get",
      path: "/conversation/{id}",
      summary: "Get a conversation",
      description: "A live one that this credential may see. Its messages are at `…/messages`.",
      scope: "read",
      store: "none",
    },
    async ({ c, caller, params: { id } }) => {
      const fromStore = async (db: Database) =>
        JSON.stringify({ conversation: conversationView(await visibleConversation(db, caller, id), caller) });
      return jsonText(c, await askOr(c, caller, id, (object) => object.read(caller), fromStore));
    },
  );

  api.route(
    {
      ...one,
      method: "patch",
      path: "/conversation/{id}",
      summary: "Change title, metadata, context length or status",
      description: "Members left out stay as they are. metadata is replaced as a whole.",
      scope: "write",
      store: "none",
      body: updateBody,
      problems: ["store_unavailable"],
    },
    async ({ c, caller, params, body }) => {
      const { metadata: sent, title: named, ...rest } = body;
      const { max_context_length } = body;
      if (max_context_length !== undefined && caller.entity_type === "lead") {
        const db = await requestDatabase(c, caller.company_id);
        const { agent_id } = await visibleConversation(db, caller, params.id);
        const agent = await findAgent(db, caller.company_id, agent_id);
        checkContextLength(caller, max_context_length, contextLengthOf(agent?.settings ?? {}));
      }
      const changes = {
        ...rest,
        ...(named === undefined ? {} : { title: titleOrDefault(named) }),
        ...(sent === undefined ? {} : { metadata: JSON.stringify(sent) }),
      };
      return jsonText(c, await ask(c, caller, params.id, (object) => object.update(caller, changes)));
    },
  );

  api.route(
    {
      ...one,
      method: "delete",
      path: "/conversation/{id}",
      summary: "Delete or purge a conversation",
      description:
        "A running turn is stopped first. A delete can be restored, and leaves the messages' own state alone. With `purge=true` (admin) everything that was said is gone for good; counts and audit stay. Repeating a delete answers the same, repeating a purge looks again.",
      scope: "write",
      store: "none",
      query: deleteQuery,
      responses: () => erasureResponses({ conversation: conversationSchema() }),
      problems: ["legal_hold", "store_unavailable"],
    },
    async ({ c, principal, caller, params, query }) => {
      if (query.purge === "false")
        return jsonText(c, await ask(c, caller, params.id, (object) => object.remove(caller)));
      if (!hasScope(principal, "admin")) throw new Problem("forbidden", 'Purging needs the scope "admin".');
      return purgeConversation(c, caller, params.id);
    },
  );

  api.route(
    {
      ...one,
      method: "patch",
      path: "/conversation/{id}/restore",
      summary: "Restore a deleted conversation",
      description:
        "With the messages that it had; those that were deleted one by one stay deleted. A visitor restores what it deleted itself. Repeatable.",
      scope: "write",
      store: "none",
      problems: ["store_unavailable"],
    },
    async ({ c, caller, params }) => jsonText(c, await ask(c, caller, params.id, (object) => object.restore(caller))),
  );
}

type Creation = z.output<ReturnType<typeof createBody>> & { creation_key: string | null; creation_hash: string | null };

async function create(c: AppContext, db: Database, { company_id, entity_type, entity_id }: Caller, creation: Creation) {
  const owner = { company_id, entity_type, entity_id };
  return beginWith(c, db, owner, creation.agent_id, (agent) => {
    const max_context_length = creation.max_context_length ?? agent.max_context_length;
    checkContextLength(owner, max_context_length, agent.max_context_length);
    return store.createConversation(db, { ...creation, ...owner, max_context_length }, Date.now());
  });
}

/** Throws 422 when a visitor asks for more messages in the context than the agent's own conversations have. */
function checkContextLength({ entity_type }: Entity, length: number, most: number): void {
  if (entity_type === "user" || length <= most) return;
  throw invalid({ path: "/max_context_length", message: `may be at most ${most} for a visitor of this agent` });
}

/**
 * Creates a conversation with an agent, if the owner may start one with it now; else throws. `make` answers null where the
 * agent is not active any more or the owner is gone. `unknown` is the detail of the 404.
 */
export async function beginWith<T>(
  c: AppContext,
  db: Database,
  { company_id }: Entity & { company_id: string },
  agent_id: string,
  make: (agent: AgentCard) => Promise<T | null>,
  unknown?: string,
): Promise<T> {
  const admit = async () => {
    const agent = isId(agent_id) ? await agentCard(db, company_id, agent_id) : undefined;
    if (!agent) throw new Problem("not_found", unknown);
    await admitToWebsiteOf(c, agent);
    if (agent.status !== "active") throw new Problem("agent_inactive");
    return agent;
  };
  const made = await make(await admit());
  if (made !== null) return made;
  forgetAgents();
  await admit();
  throw ownerGone();
}

/** The token of whoever was deleted or erased may still be valid for a while, but starts no conversation. */
export const ownerGone = () =>
  new Problem("unauthorized", "Whoever this was is not known any more.", {
    headers: { "www-authenticate": 'Bearer realm="conversations", error="invalid_token"' },
  });

/** A live conversation that the caller may see, from D1. Throws 404 otherwise, with `unknown` as its detail. */
export async function visibleConversation(db: Database, caller: Caller, conversation_id: string, unknown?: string) {
  const row = await store.findConversation(db, caller.company_id, conversation_id);
  if (!row || !isVisible(caller, row)) throw new Problem("not_found", unknown);
  return row;
}

/** Whether this is a live conversation that the caller may see. */
export const isVisible = (
  caller: Caller,
  row: Pick<store.ConversationRow, "company_id" | "entity_type" | "entity_id" | "deleted_at"> | null,
): boolean => row !== null && row.deleted_at === null && mayAccess(caller, row);
