/** What a turn is asked with and answered with: the shapes of the chat routes. */
import * as z from "zod";
import { id, messageText, metadata, orNull } from "../../http/fields.ts";
import { lazy } from "../../lazy.ts";
import { jsonSchema } from "../json-schema.ts";
import { messageSchema, usageSchema } from "../message/schema.ts";
import { turnStatus } from "../turn.ts";
import { type UiBody, uiBody } from "./ui-message.ts";

const nativeBody = lazy(() =>
  z
    .strictObject({
      message: messageText().meta({
        description: "1–32,000 characters, not of white space only, stored byte for byte.",
      }),
      metadata: metadata().optional(),
      output_schema: jsonSchema(
        "JSON Schema of an object that the reply has to be (≤ 16 KiB serialised); it is then told as a whole. A model whose answer does not fit is asked once more, and then the turn fails with `output_invalid`. `format`, `uniqueItems`, dynamic references and patterns that are not simple are told to the model, not checked.",
        { type: "object", properties: { mood: { enum: ["good", "bad"] } }, required: ["mood"] },
      ).optional(),
      on_busy: z.enum(["enqueue", "reject", "interrupt"]).default("enqueue").meta({
        description: "While another turn runs: wait, be refused with 409, or stop that one (what it said is kept).",
      }),
    })
    .meta({ id: "ChatRequest" }),
);

/** zod tries the native form first: it is the common one. */
export const chatBody = lazy(() => z.union([nativeBody(), uiBody()]));

export const isUiBody = (body: z.output<ReturnType<typeof chatBody>>): body is UiBody =>
  typeof body.message !== "string";

export const answerSchema = lazy(() =>
  z
    .object({
      conversation_id: id(),
      turn_id: id(),
      message_id: id().meta({ description: "The user's message." }),
      role: z.literal("assistant"),
      content: z.string(),
      model_used: z.string().nullable(),
      processing_time: z.number().nullable(),
      usage: orNull(usageSchema()),
      parsed: z.unknown().optional().meta({ description: "The reply as JSON. Only there with `output_schema`." }),
      reply: orNull(messageSchema()),
      status: z.literal("handled_by_staff").optional().meta({
        description: "Only there while a person has the conversation: the message is stored, and `reply` is null.",
      }),
      messages: z.array(messageSchema()).meta({
        description:
          "The last `max_context_length` messages, oldest first, the reply last; at most 1 MiB, cut from the oldest. Without the scope `read` the turn's own two.",
      }),
      stream_url: z.url().meta({ description: "Replays this turn as server-sent events." }),
    })
    .meta({ id: "ChatAnswer" }),
);

export const receiptSchema = lazy(() =>
  z
    .object({ turn_id: id(), message_id: id().meta({ description: "The user's message." }), status: turnStatus() })
    .meta({ id: "TurnReceipt" }),
);

export const followQuery = lazy(() =>
  z.object({
    turn_id: z.string().optional().meta({ description: "Replay this turn from its start, and end with it." }),
    last_event_id: z
      .string()
      .optional()
      .meta({ description: "Like the header Last-Event-ID: resume after this event." }),
    presence: z.enum(["true", "false"]).optional().meta({
      description:
        "Staff only: be named to others of the staff who follow with it, and hear of them by `chat_presence`. Not with turn_id.",
    }),
  }),
);

export const stopBody = lazy(() => z.strictObject({ turn_id: z.string().optional() }).meta({ id: "StopRequest" }));

export const eventStream = lazy(() => ({
  description:
    "Server-sent events `chat_status`, `chat_delta`, `chat_response` (always the last of a turn) and `heartbeat`; `chat_message` `{message}` for what a person of the staff wrote, and `chat_typing` `{author}` while somebody writes; for a reader with `presence=true` also `chat_presence` `{staff: [{entity_id, name}]}`, everybody of the staff who reads with it (this reader too), at the beginning and whenever that changes, and a heartbeat every five seconds; of an agent with tools also `chat_tool`: `{turn_id, call_id, name, state, input?, output?, duration_ms?}`, with `state` `called`, then `done` or `failed`.",
  content: { "text/event-stream": { schema: z.string() } },
}));
