/** Messages: the history of a conversation, single messages, and deleting and restoring one or all of them. */
import * as z from "zod";
import { type Caller, mayAccess } from "../../auth/principal.ts";
import { messageJson, messageView } from "../../chat/message.ts";
import type { Outcome } from "../../chat/outcome.ts";
import type { HistoryText } from "../../chat/rpc.ts";
import type { Database } from "../../db/database.ts";
import { type MessageFilter, readHistory } from "../../db/history.ts";
import { findMessage, listDeletedMessages } from "../../db/message.ts";
import type { Rows, Slice } from "../../db/page.ts";
import { type Api } from "../../http/api.ts";
import { json } from "../../http/operation.ts";
import { id, idFilter, integer, pathId } from "../../http/fields.ts";
import { pageOf, pageQuery, respondWithPage } from "../../http/pagination.ts";
import { notFound } from "../../problem/problem.ts";
import { isVisible } from "../conversation/conversation.ts";
import { ask, askOr, conversationOfMessage, jsonText, wholePage } from "../conversation/object.ts";
import { messageSchema } from "./schema.ts";
import { lazy } from "../../lazy.ts";

const tag = "Messages";
const response = lazy(() => z.object({ message: messageSchema() }));
const sequence = lazy(() => integer(0, 1_000_000_000_000));

const historyQuery = lazy(() =>
  z
    .object({
      order: z.enum(["asc", "desc"]).default("asc").meta({ description: "By sequence: oldest or newest first." }),
      role: z.enum(["user", "assistant"]).optional().meta({ description: "Only what this side said." }),
      after_sequence: sequence().optional().meta({ description: "Only messages with a higher sequence." }),
      before_sequence: sequence().optional().meta({ description: "Only messages with a lower sequence." }),
    })
    .extend(pageQuery(50).shape),
);

const restoreAllBody = lazy(() =>
  z
    .strictObject({
      deletion_id: z.string().optional().meta({ description: "Of a bulk delete: only what it removed." }),
    })
    .meta({ id: "RestoreAll" }),
);

export function messageRoutes(api: Api): void {
  api.route(
    {
      method: "get",
      path: "/conversation/{id}/messages",
      summary: "Page through a conversation's live messages",
      description:
        "Ascending by `sequence` unless `order=desc`. A message that was just sent is here as soon as its answer was.",
      tag,
      audience: "everyone",
      scope: "read",
      params: pathId(),
      store: "none",
      query: historyQuery,
      problems: ["invalid_cursor"],
      responses: () => ({
        200: json("A page by sequence.", pageOf("messages", messageSchema(), { conversation_id: id() })),
      }),
    },
    ({ c, caller, params: { id: conversation_id }, query }) => {
      const { page: _, per_page: __, cursor: ___, ...filter } = query;
      return respondWithPage({
        c,
        caller,
        name: "messages",
        query,
        filter,
        read: ({ after, ...slice }) => {
          const wanted = { ...filter, ...slice, cursor: after && Number(after[0]) };
          return askOr(
            c,
            caller,
            conversation_id,
            async (object) => rowsOf(await wholePage(object, caller, wanted)),
            (db) => storedHistory(db, caller, conversation_id, filter, { after, ...slice }),
          );
        },
        key: (row) => [row.sequence],
        view: (row) => row.text,
        isText: true,
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
      store: "none",
      problems: ["store_unavailable"],
      responses: () => ({ 200: json("How many were deleted.", z.object({ deleted: z.int(), deletion_id: id() })) }),
    },
    async ({ c, caller, params }) =>
      jsonText(c, await ask(c, caller, params.id, (object) => object.removeMessages(caller))),
  );

  api.route(
    {
      method: "patch",
      path: "/conversation/{id}/message/restore-all",
      summary: "Restore a conversation's deleted messages",
      description:
        "All of them, or with `deletion_id` those that one bulk delete removed. They are back at their old places. A visitor restores what it deleted itself.",
      tag,
      audience: "everyone",
      scope: "write",
      params: pathId(),
      store: "none",
      body: restoreAllBody,
      bodyOptional: true,
      problems: ["store_unavailable"],
      responses: () => ({ 200: json("How many were restored.", z.object({ restored: z.int() })) }),
    },
    async ({ c, caller, params, body }) => {
      const deletion_id = body?.deletion_id ?? null;
      return jsonText(c, await ask(c, caller, params.id, (object) => object.restoreMessages(caller, deletion_id)));
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
      query: () =>
        pageQuery().extend({
          conversation_id: idFilter().optional().meta({ description: "Only those of this conversation." }),
        }),
      problems: ["invalid_cursor"],
      responses: () => ({ 200: json("A page of deleted messages.", pageOf("messages", messageSchema())) }),
    },
    ({ c, db, caller, query }) =>
      respondWithPage({
        c,
        caller,
        name: "messages",
        query,
        filter: query.conversation_id ?? null,
        read: (slice) => listDeletedMessages(db, caller.company_id, query.conversation_id, slice),
        key: (row) => [row.deleted_at ?? 0, row.id],
        view: (row) => messageView(row.conversation_id, row),
      }),
  );

  const one = {
    tag,
    audience: "everyone",
    store: "none",
    params: pathId(),
    responses: () => ({ 200: json("The message.", response()) }),
  } as const;

  api.route(
    {
      ...one,
      method: "get",
      path: "/message/{id}",
      summary: "Get a live message",
      description: "One that was deleted is not found until it is restored.",
      scope: "read",
    },
    async ({ c, caller, params: { id } }) => {
      const conversation_id = await conversationOfMessage(c, caller, id);
      const fromStore = async (db: Database) => {
        const row = await visibleMessage(db, caller, id);
        if (row.deleted_at !== null) throw notFound();
        return JSON.stringify({ message: messageView(row.conversation_id, row) });
      };
      return jsonText(c, await askOr(c, caller, conversation_id, (object) => object.message(caller, id), fromStore));
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
    async ({ c, caller, params: { id } }) => {
      const conversation_id = await conversationOfMessage(c, caller, id);
      return jsonText(c, await ask(c, caller, conversation_id, (object) => object.removeMessage(caller, id)));
    },
  );

  api.route(
    {
      ...one,
      method: "patch",
      path: "/message/{id}/restore",
      summary: "Restore a deleted message to its old place",
      description:
        "With the same id, sequence and text; the model sees it again. A visitor restores what it deleted itself. A reply that was made anew does not come back beside the new one (409): delete that one first. Repeatable.",
      scope: "write",
      problems: ["store_unavailable", "conflict"],
    },
    async ({ c, caller, params: { id } }) => {
      const conversation_id = await conversationOfMessage(c, caller, id);
      return jsonText(c, await ask(c, caller, conversation_id, (object) => object.restoreMessage(caller, id)));
    },
  );
}

/** Messages that the object has serialised. */
function rowsOf(page: Outcome<HistoryText>): Outcome<Rows<HistoryRow>> {
  if (!page.ok) return page;
  const { messages, sequences, total } = page.value;
  const rows = messages.map((text, index) => ({ text, sequence: sequences[index] ?? 0 }));
  return { ...page, value: { rows, total } };
}
type HistoryRow = { text: string; sequence: number };

/** The same page from the table. */
async function storedHistory(
  db: Database,
  caller: Caller,
  conversation_id: string,
  filter: MessageFilter,
  slice: Slice,
): Promise<Rows<HistoryRow>> {
  const { owner, rows, total } = await readHistory(db, caller.company_id, conversation_id, filter, slice);
  if (!isVisible(caller, owner)) throw notFound();
  return { rows: rows.map((row) => ({ text: messageJson(conversation_id, row), sequence: row.sequence })), total };
}

/** A message, live or deleted, of a live conversation that this caller may see; 404 otherwise. */
async function visibleMessage(db: Database, caller: Caller, message_id: string) {
  const row = await findMessage(db, caller.company_id, message_id);
  if (!row) throw notFound();
  const { message, entity_type, entity_id } = row;
  if (!mayAccess(caller, { company_id: message.company_id, entity_type, entity_id })) throw notFound();
  return message;
}
