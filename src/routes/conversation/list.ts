/** Lists of conversations: of the company, of an entity, of an agent, and the deleted ones. */
import * as z from "zod";
import { type Caller, mayAccess } from "../../auth/principal.ts";
import { conversationView } from "../../chat/conversation.ts";
import { findAgent } from "../../db/agent.ts";
import { type ConversationFilter, listConversations, listDeletedConversations } from "../../db/conversation-list.ts";
import type { Database } from "../../db/database.ts";
import { findEntity } from "../../db/entity.ts";
import { type Api } from "../../http/api.ts";
import { json } from "../../http/operation.ts";
import type { AppContext } from "../../http/context.ts";
import { flag, idFilter, instant, pathId, text } from "../../http/fields.ts";
import { pageOf, pageQuery, respondWithPage } from "../../http/pagination.ts";
import { invalid, notFound } from "../../problem/problem.ts";
import { lazy } from "../../lazy.ts";
import { conversationSchema } from "./schema.ts";

const tag = "Conversations";
const entityType = lazy(() => z.enum(["user", "lead"]));

const listQuery = lazy(() =>
  z
    .object({
      status: z.enum(["active", "archived", "all"]).default("all").meta({ description: "Live ones of this state." }),
      agent_id: idFilter().optional().meta({ description: "Only those with this agent." }),
      entity_type: entityType().optional().meta({ description: "Only those of users, or of leads." }),
      search: text(200, 1).optional().meta({ description: "Part of the title, any case." }),
      created_after: instant().optional(),
      created_before: instant().optional(),
      metadata: z
        .record(z.string(), z.string())
        .optional()
        .meta({
          param: { style: "deepObject", explode: true },
          description: "`metadata[key]=value`: members that must equal these.",
        }),
    })
    .extend(pageQuery().shape),
);

/** What only staff asks for, of all that the company has. */
const staffQuery = lazy(() =>
  listQuery().extend({
    handled_by: z.enum(["agent", "staff"]).optional().meta({ description: "Only those that it answers." }),
    waiting: flag().optional().meta({ description: "Only those that wait for a person, or those that do not." }),
    unread: z
      .literal("true")
      .transform(() => true as const)
      .optional()
      .meta({ type: "boolean", enum: [true], description: "Only those with messages that staff has not read." }),
  }),
);

type ListQuery = z.output<ReturnType<typeof listQuery>>;

/** The `metadata[key]=value` pairs of the query string. Their names are the caller's own, so no schema lists them. */
function metadataFilter(c: AppContext): [string, string][] {
  const pairs: [string, string][] = [];
  for (const [name, value] of new URL(c.req.url).searchParams) {
    const key = /^metadata(?:\[(.*)\])?$/s.exec(name);
    if (!key && !name.startsWith("metadata[")) continue;
    if (!key?.[1]) throw invalid({ path: "/metadata", message: "has the form metadata[key]=value" });
    if (pairs.length === 10) throw invalid({ path: "/metadata", message: "has at most 10 members here" });
    pairs.push([key[1], value]);
  }
  return pairs;
}

/** A page of live conversations. `fixed` is the part of the filter that the route itself sets. */
async function listLive(
  { c, db, caller }: { c: AppContext; db: Database; caller: Caller },
  query: ListQuery,
  fixed: Partial<ConversationFilter> = {},
): Promise<Response> {
  const { page: _, per_page: __, cursor: ___, ...rest } = query;
  const filter: ConversationFilter = { ...rest, metadata: metadataFilter(c), ...fixed };
  return respondWithPage({
    c,
    caller,
    name: "conversations",
    query,
    filter,
    read: (slice) => listConversations(db, caller.company_id, filter, slice),
    key: (row) => [row.activity_at, row.id],
    view: (row) => conversationView(row, caller),
  });
}

export function conversationListRoutes(api: Api): void {
  const page = () => ({
    200: json("A page of conversations, newest activity first.", pageOf("conversations", conversationSchema())),
  });

  api.route(
    {
      method: "get",
      path: "/conversation",
      summary: "List the company's live conversations",
      description: "For staff, newest activity first. A conversation that was just answered moves up within a second.",
      tag,
      audience: "staff",
      scope: "read",
      query: staffQuery,
      problems: ["invalid_cursor"],
      responses: page,
    },
    ({ query, ...request }) => listLive(request, query),
  );

  api.route(
    {
      method: "get",
      path: "/conversation/entity",
      summary: "List the caller's own live conversations",
      description:
        "Of the user or visitor who is calling, newest activity first: what a chat window shows as its history.",
      tag,
      audience: "everyone",
      scope: "read",
      query: () => listQuery().omit({ entity_type: true }),
      problems: ["invalid_cursor"],
      responses: page,
    },
    ({ query, ...request }) => {
      const { entity_type, entity_id } = request.caller;
      return listLive(request, { ...query, entity_type }, { entity_type, entity_id });
    },
  );

  api.route(
    {
      method: "get",
      path: "/conversation/entity/{entity_id}",
      summary: "List the live conversations of one user or lead",
      description: "A visitor may ask for its own only.",
      tag,
      audience: "everyone",
      scope: "read",
      params: pathId("entity_id"),
      query: () =>
        listQuery().extend({
          entity_type: entityType().optional().meta({ description: "What kind it has to be." }),
        }),
      problems: ["invalid_cursor"],
      responses: page,
    },
    async ({ params, query, ...request }) => {
      const { db, caller } = request;
      const { company_id } = caller;
      const entity = await findEntity(db, company_id, params.entity_id, query.entity_type);
      if (!entity || !mayAccess(caller, { company_id, ...entity })) throw notFound();
      return listLive(request, query, entity);
    },
  );

  api.route(
    {
      method: "get",
      path: "/conversation/agent/{agent_id}",
      summary: "List the live conversations with one agent",
      description: "For staff, newest activity first.",
      tag,
      audience: "staff",
      scope: "read",
      params: pathId("agent_id"),
      query: () => staffQuery().omit({ agent_id: true }),
      problems: ["invalid_cursor"],
      responses: page,
    },
    async ({ params, query, ...request }) => {
      const { agent_id } = params;
      if (!(await findAgent(request.db, request.caller.company_id, agent_id))) throw notFound();
      return listLive(request, query, { agent_id });
    },
  );

  api.route(
    {
      method: "get",
      path: "/conversation/deleted",
      summary: "List the company's deleted conversations",
      description: "For whoever decides on restoring. They can be restored until retention or a purge removes them.",
      tag,
      audience: "staff",
      scope: "read",
      query: () => pageQuery(),
      problems: ["invalid_cursor"],
      responses: () => ({ 200: json("A page, newest deletion first.", pageOf("conversations", conversationSchema())) }),
    },
    ({ c, db, caller, query }) =>
      respondWithPage({
        c,
        caller,
        name: "conversations",
        query,
        filter: null,
        read: (slice) => listDeletedConversations(db, caller.company_id, slice),
        key: (row) => [row.deleted_at ?? 0, row.id],
        view: (row) => conversationView(row, caller),
      }),
  );
}
