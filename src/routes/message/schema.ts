/** A message, its tool calls and its token counts as every route shows them. */
import * as z from "zod";
import type { Json } from "../../json.ts";
import { id, metadata, timestamp, orNull } from "../../http/fields.ts";
import { lazy } from "../../lazy.ts";

export const costSchema = lazy(() =>
  z
    .object({ amount: z.string().meta({ example: "0.000345" }), currency: z.string().meta({ example: "EUR" }) })
    .meta({ id: "Cost", description: "Exact, at the company's prices; null where it has none for the model." }),
);

export const usageSchema = lazy(() =>
  z
    .object({
      input_tokens: z.int(),
      cached_input_tokens: z.int().nullable().meta({
        description: "Those of them that the provider had in its cache; null where it did not say.",
      }),
      output_tokens: z.int(),
      source: z.enum(["measured", "estimated"]).meta({ description: "By the model's provider, or from the text." }),
      cost: orNull(costSchema()),
    })
    .meta({ id: "Usage" }),
);

/** Of many turns. */
export const tokensSchema = lazy(() =>
  z
    .object({
      input_tokens: z.int(),
      cached_input_tokens: z.int().nullable().meta({
        description: "Those of them that providers said they had in their caches; null where none said so.",
      }),
      output_tokens: z.int(),
      source: z.enum(["measured", "estimated"]).meta({ description: "By the models' providers, or from the text." }),
      cost: costSchema().nullable().meta({
        description: "Exact; null where a model had no price, or where there were several currencies.",
      }),
    })
    .meta({ id: "Tokens" }),
);

/** Any JSON. zod's own schema for it is recursive, which the OpenAPI generator does not support. */
const json = (description: string) =>
  z
    .custom<Json>((value) => value !== undefined)
    .meta({ type: ["object", "array", "string", "number", "boolean", "null"], description });

const toolCallSchema = lazy(() =>
  z
    .object({
      call_id: id(),
      name: z.string(),
      input: json("The arguments. What is long is cut to the beginning of its JSON text."),
      state: z
        .enum(["called", "done", "failed"])
        .meta({ description: "`called`: stopped before there was an answer." }),
      output: json("What the tool answered, cut likewise; why it failed; or null."),
      duration_ms: z.int().nullable(),
    })
    .meta({ id: "ToolCall" }),
);

const modelAttemptSchema = lazy(() =>
  z
    .object({
      model: z.string(),
      status: z.enum(["completed", "failed", "stopped"]),
      code: z
        .enum([
          ...(["model_error", "model_unavailable", "model_timeout", "output_invalid"] as const),
          ...(["budget_exhausted", "budget_unpriced"] as const),
        ])
        .nullable(),
      duration_ms: z.int(),
    })
    .meta({ id: "ModelAttempt" }),
);

export const messageSchema = lazy(() =>
  z
    .object({
      id: id(),
      conversation_id: id(),
      turn_id: id(),
      sequence: z.int().meta({ description: "1, 2, 3 … within the conversation; gap-free, never reused or changed." }),
      role: z.enum(["user", "assistant"]),
      content: z.string().meta({ description: "The text, byte for byte as it was written." }),
      status: z.enum(["complete", "failed", "stopped"]).meta({
        description:
          "Of a reply: `failed` and `stopped` ones have what was said until then; a model is never shown a failed one.",
      }),
      model_used: z.string().nullable().meta({ description: "As the provider names it; assistant only." }),
      processing_time: z.number().nullable().meta({ description: "Seconds; assistant only." }),
      usage: orNull(usageSchema()),
      metadata: metadata(),
      tool_calls: z
        .array(toolCallSchema())
        .optional()
        .meta({ description: "Tools that were called for this reply, in order. Only there if there were any." }),
      parsed: z
        .unknown()
        .optional()
        .meta({ description: "What the content is as JSON. Only there if it had to fit a schema." }),
      attempts: z
        .array(modelAttemptSchema())
        .optional()
        .meta({ description: "The models that were asked, in order. Only there if the agent has several." }),
      author: z
        .object({ type: z.literal("staff"), entity_id: id(), name: z.string().nullable() })
        .optional()
        .meta({ description: "The person who wrote this reply. Not there for what a model says." }),
      feedback: z
        .object({ rating: z.enum(["up", "down"]), comment: z.string().optional() })
        .nullable()
        .meta({ description: "What a person thought of the reply." }),
      created_at: timestamp(),
      deleted_at: timestamp().nullable(),
      deleted_by: z.string().nullable().meta({ description: "Id of the user or lead who deleted it." }),
    })
    .meta({ id: "Message" }),
);
