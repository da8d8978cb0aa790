/** A person of the staff takes a conversation over, answers in it, and gives it back. */
import * as z from "zod";
import type { Caller } from "../../auth/principal.ts";
import type { Database } from "../../db/database.ts";
import { findUser } from "../../db/user.ts";
import type { Api } from "../../http/api.ts";
import { integer, pathId, text } from "../../http/fields.ts";
import { hashOf, idempotencyHeader, idempotencyKey } from "../../http/idempotency.ts";
import { json } from "../../http/operation.ts";
import { lazy } from "../../lazy.ts";
import { messageSchema } from "../message/schema.ts";
import { ask, jsonText } from "./object.ts";
import { conversationSchema } from "./schema.ts";

const takeOverBody = lazy(() =>
  z
    .strictObject({
      return_after_seconds: integer(1, 30 * 24 * 3600)
        .optional()
        .meta({ description: "The agent has it back by itself after so long." }),
    })
    .meta({ id: "TakeOver" }),
);
const replyBody = lazy(() => z.strictObject({ message: text(32_000, 1) }).meta({ id: "StaffReply" }));
const conversation = lazy(() => z.object({ conversation: conversationSchema() }));

/** The caller as visitors are told. */
async function personOf(db: Database, { company_id, entity_id }: Caller) {
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
