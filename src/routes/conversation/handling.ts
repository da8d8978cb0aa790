/** A person of the staff takes a conversation over, answers in it, and gives it back. */
import * as z from "zod";
import type { Caller } from "../../auth/principal.ts";
import type { Note } from "../../chat/rpc.ts";
import type { Database } from "../../db/database.ts";
import type { Slice as PageSlice } from "../../db/page.ts";
import { findUser } from "../../db/user.ts";
import type { Api } from "../../http/api.ts";
import { id, messageText, pathId, timestamp, toTimestamp, visibleText } from "../../http/fields.ts";
import { hashOf, idempotencyHeader, idempotencyKey } from "../../http/idempotency.ts";
import { json } from "../../http/operation.ts";
import { pageOf, pageQuery, respondWithPage } from "../../http/pagination.ts";
import { lazy } from "../../lazy.ts";
import { messageSchema } from "../message/schema.ts";
import { ask, jsonText } from "./object.ts";
import { conversationSchema } from "./schema.ts";

const takeOverBody = lazy(() =>
  z
    .strictObject({
      return_after_seconds: z
        .int()
        .min(1)
        .max(30 * 24 * 3600)
        .optional()
        .meta({ description: "The agent has it back by itself after so long." }),
    })
    .meta({ id: "TakeOver" }),
);
const replyBody = lazy(() => z.strictObject({ message: messageText() }).meta({ id: "StaffReply" }));
const conversation = lazy(() => z.object({ conversation: conversationSchema() }));

const noteBody = lazy(() => z.strictObject({ text: visibleText(10_000) }).meta({ id: "NewNote" }));
const readBody = lazy(() => z.strictObject({ sequence: z.int().min(0) }).meta({ id: "ReadMark" }));
const by = lazy(() => z.object({ entity_id: id(), name: z.string().nullable() }).nullable());
const noteSchema = lazy(() =>
  z
    .object({
      id: id(),
      text: z.string(),
      author: by().meta({ description: "Null where the agent's model wrote it, asking for a person." }),
      created_at: timestamp(),
    })
    .meta({ id: "Note" }),
);
const handlingSchema = lazy(() =>
  z
    .object({
      at: timestamp(),
      action: z
        .enum(["hand_over", "take_over", "give_back"])
        .meta({ description: "`hand_over`: the agent asked for a person." }),
      reason: z.string().nullable().meta({
        description:
          "`return_after`: its time was over. `model`: the agent's model asked. `budget_exhausted`: a budget that hands over is used up.",
      }),
      by: by().meta({ description: "Null where it happened by itself." }),
    })
    .meta({ id: "Handling" }),
);

const handlerOf = ({ entity_id, name }: { entity_id: string | null; name: string | null }) =>
  entity_id === null ? null : { entity_id, name };
export const noteView = ({ id: note_id, text: content, at, ...person }: Note) => ({
  ...{ id: note_id, text: content, author: handlerOf(person), created_at: toTimestamp(at) },
});
const cut = ({ after, offset, limit }: PageSlice) => ({ after: after?.[0] ?? null, offset, limit });

/** The caller as visitors are told. */
export async function personOf(db: Database, { company_id, entity_id }: Caller) {
  return { entity_id, name: (await findUser(db, company_id, entity_id))?.name ?? null };
}

export function handlingRoutes(api: Api): void {
  const common = { tag: "Hand-over", audience: "staff", scope: "write", params: pathId() } as const;

  api.route(
    {
      ...common,
      method: "post",
      path: "/conversation/{id}/take-over",
      summary: "Take a conversation over from its agent, or from a colleague",
      description:
        "Once this is answered no model writes in the conversation: what runs is stopped, and messages that wait or arrive are stored for a person to answer.",
      body: takeOverBody,
      bodyOptional: true,
      problems: ["store_unavailable"],
      responses: () => ({ 200: json("The conversation.", conversation()) }),
    },
    async ({ c, db, caller, params: { id }, body }) => {
      const person = await personOf(db, caller);
      const seconds = body?.return_after_seconds ?? null;
      return jsonText(c, await ask(c, caller, id, (object) => object.takeOver(caller, person, seconds)));
    },
  );

  api.route(
    {
      ...common,
      method: "post",
      path: "/conversation/{id}/give-back",
      summary: "Give a conversation back to its agent",
      description:
        "The next message is answered by the model again, which then also sees what staff wrote. Repeating it changes nothing.",
      problems: ["store_unavailable"],
      responses: () => ({ 200: json("The conversation.", conversation()) }),
    },
    async ({ c, db, caller, params: { id } }) => {
      const person = await personOf(db, caller);
      return jsonText(c, await ask(c, caller, id, (object) => object.giveBack(caller, person)));
    },
  );

  api.route(
    {
      ...common,
      method: "post",
      path: "/conversation/{id}/note",
      summary: "Leave a note for colleagues",
      description: "Never shown to a visitor or a model. At most 1,000 a conversation.",
      body: noteBody,
      problems: ["conflict", "store_unavailable"],
      responses: () => ({ 201: json("The note.", z.object({ note: noteSchema() })) }),
    },
    async ({ c, db, caller, params: { id }, body }) => {
      const person = await personOf(db, caller);
      const note = await ask(c, caller, id, (object) => object.note(caller, person, body.text));
      return c.json({ note: noteView(note) }, 201);
    },
  );

  const list = { ...common, scope: "read", store: "none", query: () => pageQuery(), method: "get" } as const;
  api.route(
    {
      ...list,
      path: "/conversation/{id}/notes",
      summary: "List the notes of a conversation, newest first",
      description: "What colleagues left for each other. Visitors and models never see it.",
      problems: ["invalid_cursor"],
      responses: () => ({ 200: json("A page of notes.", pageOf("notes", noteSchema())) }),
    },
    ({ c, caller, params: { id }, query }) =>
      respondWithPage({
        c,
        caller,
        name: "notes",
        query,
        filter: null,
        read: (slice) => ask(c, caller, id, (object) => object.notes(caller, cut(slice))),
        key: (row) => [row.id],
        view: noteView,
      }),
  );

  api.route(
    {
      ...list,
      path: "/conversation/{id}/handling",
      summary: "See who had a conversation and from when on, and when its agent asked for a person, newest first",
      description: "Each time it was taken over or given back: when, by whom, and why.",
      problems: ["invalid_cursor"],
      responses: () => ({ 200: json("A page of changes.", pageOf("handling", handlingSchema())) }),
    },
    ({ c, caller, params: { id }, query }) =>
      respondWithPage({
        c,
        caller,
        name: "handling",
        query,
        filter: null,
        read: (slice) => ask(c, caller, id, (object) => object.handling(caller, cut(slice))),
        key: (row) => [row.number],
        view: ({ at, action, reason, ...person }) => ({ at: toTimestamp(at), action, reason, by: handlerOf(person) }),
      }),
  );

  const either = { ...common, audience: "everyone", method: "post" } as const;
  api.route(
    {
      ...either,
      store: "none",
      path: "/conversation/{id}/read",
      summary: "Say up to which message the caller's side has read",
      description: "Sequences only go up: an older one changes nothing.",
      body: readBody,
      problems: ["store_unavailable"],
      responses: () => ({ 200: json("The conversation.", conversation()) }),
    },
    async ({ c, caller, params: { id }, body }) =>
      jsonText(c, await ask(c, caller, id, (object) => object.markRead(caller, body.sequence))),
  );

  api.route(
    {
      ...either,
      path: "/conversation/{id}/typing",
      summary: "Say that the caller is writing",
      description: "Whoever follows the conversation hears `chat_typing`. Nothing is stored.",
      problems: ["store_unavailable"],
      responses: () => ({ 204: { description: "Said." } }),
    },
    async ({ c, db, caller, params: { id } }) => {
      const name = caller.entity_type === "user" ? (await personOf(db, caller)).name : null;
      await ask(c, caller, id, (object) => object.typing(caller, name));
      return c.body(null, 204);
    },
  );

  api.route(
    {
      ...common,
      method: "post",
      path: "/conversation/{id}/reply",
      summary: "Answer in place of the agent",
      description: "Takes the conversation over if nobody has. Whoever follows it hears `chat_message`.",
      headers: idempotencyHeader,
      body: replyBody,
      problems: ["idempotency_mismatch", "message_deleted", "store_unavailable"],
      responses: () => ({ 201: json("The message.", z.object({ message: messageSchema() })) }),
    },
    async ({ c, db, caller, params: { id }, body }) => {
      const person = await personOf(db, caller);
      const once = { idempotency_key: idempotencyKey(c), body_hash: await hashOf(["reply", body.message]) };
      const message = { content: body.message, ...once };
      const answer = await ask(c, caller, id, (object) => object.reply(caller, person, message));
      if (answer.replayed) c.header("idempotent-replayed", "true");
      return jsonText(c, answer.body, 201);
    },
  );
}
