/** Feedback: what a person thought of a reply. One opinion a reply, given anew or taken back at any time. */
import * as z from "zod";
import type { Principal } from "../auth/principal.ts";
import type { Feedback } from "../chat/message.ts";
import { type Api } from "../http/api.ts";
import { json } from "../http/operation.ts";
import { type AppContext, callerOf } from "../http/context.ts";
import { pathId, text } from "../http/fields.ts";
import { notFound, Problem, unwrap } from "../problem/problem.ts";
import { visibleMessage } from "./message.ts";
import { conversationObject, jsonText } from "./object.ts";
import { messageSchema } from "./schemas.ts";
import { lazy } from "../lazy.ts";

const feedbackBody = lazy(() =>
  z
    .strictObject({
      rating: z.enum(["up", "down"]).nullable().meta({ description: "null takes it back." }),
      comment: text(2000, 1).optional(),
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
    ({ c, principal, params, body }) => {
      const { rating, comment } = body;
      const feedback = rating === null ? null : { rating, ...(comment === undefined ? {} : { comment }) };
      return rate(c, principal, params.id, feedback);
    },
  );

  api.route({ ...common, method: "delete", summary: "Take a rating back" }, ({ c, principal, params }) =>
    rate(c, principal, params.id, null),
  );
}

async function rate(c: AppContext, principal: Principal, id: string, feedback: Feedback | null): Promise<Response> {
  const { conversation_id, role, deleted_at } = await visibleMessage(c, principal, id);
  if (deleted_at !== null) throw notFound();
  if (role !== "assistant") throw new Problem("conflict", "Only replies of the agent can be rated.");
  const object = conversationObject(c, conversation_id);
  return jsonText(c, unwrap(await object.rateMessage(callerOf(principal, c), conversation_id, id, feedback)));
}
