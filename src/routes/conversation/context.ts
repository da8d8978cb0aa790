/** What the model would get at the next turn of a conversation. */
import * as z from "zod";
import { type Api } from "../../http/api.ts";
import { json } from "../../http/operation.ts";
import { id, pathId } from "../../http/fields.ts";
import { ask, jsonText } from "./object.ts";
import { lazy } from "../../lazy.ts";

const tokens = lazy(() => z.int().meta({ description: "Estimated tokens." }));
const sequence = lazy(() => z.int());

const contextSchema = lazy(() =>
  z
    .object({
      conversation_id: id(),
      max_context_length: z.int(),
      max_input_tokens: z.int().nullable().meta({ description: "The agent's input budget; null: none." }),
      instructions_tokens: tokens(),
      tools_tokens: tokens().meta({ description: "Estimated tokens of the tools' declarations." }),
      summary: z.object({ upto_sequence: sequence(), tokens: tokens(), text: z.string() }).nullable(),
      total_tokens: tokens(),
      messages: z.array(
        z.object({
          message_id: id(),
          turn_id: id(),
          sequence: sequence(),
          role: z.enum(["user", "assistant"]),
          tokens: tokens(),
        }),
      ),
      left_out: z.array(
        z.object({
          reason: z.enum(["max_context_length", "input_budget", "no_question", "deleted", "failed", "empty"]),
          messages: z.int(),
          first_sequence: sequence(),
          last_sequence: sequence(),
        }),
      ),
    })
    .meta({ id: "ConversationContext" }),
);

export function contextRoutes(api: Api): void {
  api.route(
    {
      method: "get",
      path: "/conversation/{id}/context",
      summary: "See what the next turn would send to the model",
      description: "Instructions, summary and window with token estimates, and what is left out and why.",
      tag: "Turns",
      audience: "staff",
      scope: "read",
      params: pathId(),
      store: "none",
      problems: ["agent_inactive"],
      responses: () => ({ 200: json("The context before a new message.", contextSchema()) }),
    },
    async ({ c, caller, params }) => jsonText(c, await ask(c, caller, params.id, (object) => object.context(caller))),
  );
}
