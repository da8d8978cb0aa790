/** Feedback: one rating for each reply, which can be replaced or removed at any time. */
import * as z from "zod";
import { type Api } from "../../http/api.ts";
import { json } from "../../http/operation.ts";
import { pathId, visibleText } from "../../http/fields.ts";
import { ask, conversationOfMessage, jsonText } from "../conversation/object.ts";
import { messageSchema } from "./schema.ts";
import { lazy } from "../../lazy.ts";

const feedbackBody = lazy(() =>
  z
    .strictObject({
      rating: z.enum(["up", "down"]).nullable().meta({ description: "null takes it back." }),
      comment: visibleText(2000).optional(),
    })
    .refine((body) => body.rating !== null || body.comment === undefined, {
      path: ["comment"],
      error: "goes with a rating",
    })
    .meta({ id: "FeedbackBody" }),
);

export function feedbackRoutes(api: Api): void {
  const common = {
    tag: "Messages",
    audience: "everyone",
    scope: "write",
    path: "/message/{id}/feedback",
    params: pathId(),
    store: "none",
    problems: ["conflict", "store_unavailable"],
    responses: () => ({ 200: json("The reply, with its feedback.", z.object({ message: messageSchema() })) }),
  } as const;

  api.route(
    {
      ...common,
      method: "put",
      summary: "Rate a reply",
      description: "Replaces an earlier rating. Only replies of the agent can be rated.",
      body: feedbackBody,
    },
    async ({ c, caller, params: { id }, body: { rating, comment } }) => {
      const feedback = rating === null ? null : { rating, ...(comment === undefined ? {} : { comment }) };
      const conversation_id = await conversationOfMessage(c, caller, id);
      return jsonText(c, await ask(c, caller, conversation_id, (object) => object.rateMessage(caller, id, feedback)));
    },
  );

  api.route(
    {
      ...common,
      method: "delete",
      summary: "Take a rating back",
      description: "The reply is unrated again, whether or not it was rated before.",
    },
    async ({ c, caller, params: { id } }) => {
      const conversation_id = await conversationOfMessage(c, caller, id);
      return jsonText(c, await ask(c, caller, conversation_id, (object) => object.rateMessage(caller, id, null)));
    },
  );
}
