/** A turn by its id: for whoever sent a message without waiting for the reply. */
import * as z from "zod";
import { conversationIdIn } from "../chat/id.ts";
import type { Api } from "../http/api.ts";
import { id, pathId, timestamp } from "../http/fields.ts";
import { json } from "../http/operation.ts";
import { lazy } from "../lazy.ts";
import { notFound } from "../problem/problem.ts";
import { problemContent } from "../problem/schema.ts";
import { ask, jsonText, linksOf } from "./conversation/object.ts";
import { messageSchema } from "./message/schema.ts";

export const turnStatus = lazy(() => z.enum(["queued", "in_progress", "completed", "failed", "stopped"]));

const turnSchema = lazy(() =>
  z
    .object({
      id: id(),
      conversation_id: id(),
      status: turnStatus(),
      position: z
        .int()
        .min(1)
        .optional()
        .meta({ description: "While it waits: how many turns begin before, plus one." }),
      message_id: id().meta({ description: "The user's message." }),
      handled_by: z.literal("staff").optional().meta({ description: "A person answers this one." }),
      reply: messageSchema().optional().meta({ description: "Once there is one, unless it was deleted." }),
      error: problemContent()["application/problem+json"].schema.optional().meta({ description: "Why it failed." }),
      started_at: timestamp().nullable(),
      ended_at: timestamp().nullable(),
    })
    .meta({ id: "Turn" }),
);

export function turnRoutes(api: Api): void {
  api.route(
    {
      method: "get",
      path: "/turn/{id}",
      summary: "Get a turn: how far it is, and its reply",
      description: "A turn that was sent with `Prefer: respond-async` counts as answered once it was read here.",
      tag: "Turns",
      audience: "everyone",
      scope: "read",
      params: pathId(),
      store: "none",
      problems: ["store_unavailable"],
      responses: () => ({ 200: json("The turn.", z.object({ turn: turnSchema() })) }),
    },
    async ({ c, caller, params: { id: turn_id } }) => {
      const conversation_id = conversationIdIn(turn_id);
      if (conversation_id === null) throw notFound();
      const isRead = c.req.method !== "HEAD";
      const links = linksOf(c);
      return jsonText(
        c,
        await ask(c, caller, conversation_id, (object) => object.turn(caller, turn_id, isRead, links)),
      );
    },
  );
}
