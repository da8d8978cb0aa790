/** Analytics: the route of one conversation, and those of periods and exports from the files beside it. */
import * as z from "zod";
import { conversationFacts, MAX_TIMELINE } from "../../db/analytic-conversation.ts";
import { conversationFigures } from "./conversation-figures.ts";
import { type Api } from "../../http/api.ts";
import { json } from "../../http/operation.ts";
import { id, pathId, timestamp, orNull } from "../../http/fields.ts";
import { analyticExportRoutes } from "./export.ts";
import { millis } from "./figures.ts";
import { analyticSummaryRoutes } from "./summary.ts";
import { visibleConversation } from "../conversation/conversation.ts";
import { tokensSchema } from "../message/schema.ts";
import { lazy } from "../../lazy.ts";

const conversationAnalytics = lazy(() =>
  z
    .object({
      conversation_id: id(),
      status: z.enum(["active", "archived"]),
      message_count: z.int(),
      messages_by_role: z.object({ user: z.int(), assistant: z.int() }),
      turn_count: z.int(),
      failed_turns: z.int(),
      stopped_turns: z.int(),
      duration_seconds: z.number().meta({ description: "From the first message to the last." }),
      first_response_time_ms: millis(),
      avg_response_time_ms: millis(),
      p50_response_time_ms: millis(),
      p95_response_time_ms: millis(),
      usage: orNull(tokensSchema()),
      deleted_message_count: z.int(),
      first_message_at: timestamp().nullable(),
      last_message_at: timestamp().nullable(),
      timeline: z
        .array(
          z.object({
            turn_id: id(),
            sequence: z.int().meta({ description: "Of the user's message." }),
            started_at: timestamp(),
            status: z.enum(["in_progress", "completed", "failed", "stopped", "handled_by_staff"]),
            response_time_ms: millis(),
            input_tokens: z.int().nullable(),
            output_tokens: z.int().nullable(),
          }),
        )
        .meta({ description: `The latest ${MAX_TIMELINE} turns, oldest first.` }),
      timeline_truncated: z.boolean().meta({ description: "Whether there were more turns." }),
    })
    .meta({ id: "ConversationAnalytics" }),
);

export function analyticRoutes(api: Api): void {
  analyticSummaryRoutes(api);
  analyticExportRoutes(api);

  api.route(
    {
      method: "get",
      path: "/analytic/conversation/{id}",
      summary: "Figures about one conversation",
      description:
        "Counted from its live messages and from all of its turns. What was not measured is null, never 0. A visitor may ask for its own conversations.",
      tag: "Analytics",
      audience: "everyone",
      scope: "read",
      params: pathId(),
      responses: () => ({ 200: json("The figures.", conversationAnalytics()) }),
    },
    async ({ c, db, caller, params }) => {
      const { id: conversation_id, company_id, status, handled_by } = await visibleConversation(db, caller, params.id);
      const figures = conversationFigures(await conversationFacts(db, company_id, conversation_id), handled_by);
      return c.json({ conversation_id, status, ...figures });
    },
  );
}
