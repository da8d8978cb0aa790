/** Messages: history, one message, deletes and restores of one or all. */
import * as z from "zod";
import { mayAccess, type Principal } from "../auth/principal.ts";
import { messageView } from "../chat/message.ts";
import { readHistory } from "../db/history.ts";
import { findMessage, listDeletedMessages } from "../db/message.ts";
import { type Api } from "../http/api.ts";
import { json } from "../http/operation.ts";
import { requestDatabase } from "../http/bookmark.ts";
import { type AppContext, callerOf } from "../http/context.ts";
import { id, integer, isId, pathId } from "../http/fields.ts";
import { pageOf, pageQuery, respondWithPage } from "../http/pagination.ts";
import { notFound, unwrap } from "../problem/problem.ts";
import { isVisible } from "./conversation.ts";
import { conversationObject, jsonText } from "./object.ts";
import { messageSchema } from "./schemas.ts";
import { lazy } from "../lazy.ts";

const tag = "Messages";
const wrapped = lazy(() => z.object({ message: messageSchema() }));
const sequence = lazy(() => integer(0, 1_000_000_000_000));

const historyQuery = lazy(() =>
  z
    .object({
      order: z.enum(["asc", "desc"]).default("asc"),
      role: z.enum(["user", "assistant"]).optional(),
      after_sequence: sequence().optional(),
      before_sequence: sequence().optional(),
    })
    .extend(pageQuery(50).shape),
);

const restoreAllBody = lazy(() => z.strictObject({ deletion_id: z.string().optional() }).meta({ id: "RestoreAll" }));

export function messageRoutes(api: Api): void {
  api.route(
    {
      method: "get",
      path: "/conversation/{id}/messages",
      summary: "Page through a conversation's live messages",
      tag,
      audience: "everyone",
      scope: "read",
      params: pathId(),
      query: historyQuery,
      problems: ["invalid_cursor"],
      responses: () => ({
        200: json("A page by sequence.", pageOf("messages", messageSchema(), { conversation_id: id() })),
      }),
    },
    async ({ c, principal, params, query }) => {
      const conversation_id = String(params["id"]);
      if (!isId(conversation_id)) throw notFound();
      const { page: _, per_page: __, cursor: ___, ...filter } = query;
      const { company_id } = principal;
      const db = await requestDatabase(c, company_id);
      return respondWithPage({
        c,
        principal,
        name: "messages",
        query,
        filter,
        read: async (slice) => {
          const { owner, ...page } = await readHistory(db, company_id, conversation_id, filter, slice);
          if (!isVisible(principal, owner)) throw notFound();
          return page;
        },
        key: (row) => [row.sequence],
        view: (row) => messageView(conversation_id, row),
        more: { conversation_id },
      });
    },
  );

  api.route(
    {
      method: "delete",
      path: "/conversation/{id}/messages",
      summary: "Soft-delete all messages of a conversation",
      description:
        "They share one `deletion_id`, with which exactly these can be restored. A running turn is stopped first. When there is nothing to delete, `deleted` is 0 and `deletion_id` that of the latest bulk delete.",
      tag,
      audience: "everyone",
      scope: "write",
      params: pathId(),
      problems: ["store_unavailable"],
      responses: () => ({ 200: json("How many were deleted.", z.object({ deleted: z.int(), deletion_id: id() })) }),
    },
    async ({ c, principal, params }) => {
      const object = conversationObject(c, String(params["id"]));
      return jsonText(c, unwrap(await object.removeMessages(callerOf(principal, c), String(params["id"]))));
    },
  );

  api.route(
    {
      method: "patch",
      path: "/conversation/{id}/message/restore-all",
      summary: "Restore a conversation's deleted messages",
      tag,
      audience: "everyone",
      scope: "write",
      params: pathId(),
      body: restoreAllBody,
      bodyOptional: true,
      problems: ["store_unavailable"],
      responses: () => ({ 200: json("How many were restored.", z.object({ restored: z.int() })) }),
    },
    async ({ c, principal, params, body }) => {
      const object = conversationObject(c, String(params["id"]));
      const caller = callerOf(principal, c);
      return jsonText(c, unwrap(await object.restoreMessages(caller, String(params["id"]), body?.deletion_id ?? null)));
    },
  );

  api.route(
    {
      method: "get",
      path: "/message/deleted",
      summary: "List the company's deleted messages",
      description: "For whoever decides on restoring: the one list that shows deleted messages. Newest deletion first.",
      tag,
      audience: "staff",
      scope: "read",
      query: () => pageQuery(),
      problems: ["invalid_cursor"],
      responses: () => ({ 200: json("A page of deleted messages.", pageOf("messages", messageSchema())) }),
    },
    async ({ c, principal, query }) => {
      const db = await requestDatabase(c, principal.company_id);
      return respondWithPage({
        c,
        principal,
        name: "messages",
        query,
        filter: null,
        read: (slice) => listDeletedMessages(db, principal.company_id, slice),
        key: (row) => [row.deleted_at ?? 0, row.id],
        view: (row) => messageView(row.conversation_id, row),
      });
    },
  );

  const one = {
    tag,
    audience: "everyone",
    params: pathId(),
    responses: () => ({ 200: json("The message.", wrapped()) }),
  } as const;

  api.route(
    { ...one, method: "get", path: "/message/{id}", summary: "Get a live message", scope: "read" },
    async ({ c, principal, params }) => {
      const row = await visibleMessage(c, principal, String(params["id"]));
      if (row.deleted_at !== null) throw notFound();
      return c.json({ message: messageView(row.conversation_id, row) });
    },
  );

  api.route(
    {
      ...one,
      method: "delete",
      path: "/message/{id}",
      summary: "Soft-delete a message",
      description: "From the answer on, its text is in no list or replay and never reaches the model. Repeatable.",
      scope: "write",
      problems: ["store_unavailable"],
    },
    async ({ c, principal, params }) => {
      const { conversation_id, id: message_id } = await visibleMessage(c, principal, String(params["id"]));
      const object = conversationObject(c, conversation_id);
      return jsonText(c, unwrap(await object.removeMessage(callerOf(principal, c), conversation_id, message_id)));
    },
  );

  api.route(
    {
      ...one,
      method: "patch",
      path: "/message/{id}/restore",
      summary: "Restore a deleted message to its old place",
      scope: "write",
      problems: ["store_unavailable"],
    },
    async ({ c, principal, params }) => {
      const { conversation_id, id: message_id } = await visibleMessage(c, principal, String(params["id"]));
      const object = conversationObject(c, conversation_id);
      return jsonText(c, unwrap(await object.restoreMessage(callerOf(principal, c), conversation_id, message_id)));
    },
  );
}

/** A message, live or deleted, of a live conversation that this caller may see; 404 otherwise. */
export async function visibleMessage(c: AppContext, principal: Principal, message_id: string) {
  if (!isId(message_id)) throw notFound();
  const found = await findMessage(await requestDatabase(c, principal.company_id), principal.company_id, message_id);
  if (!found) throw notFound();
  const { message, entity_type, entity_id } = found;
  if (!mayAccess(principal, { company_id: message.company_id, entity_type, entity_id })) throw notFound();
  return message;
}
