/**
 * Chat completions as clients of OpenAI's API send and read them. A member that would change the reply and is not supported
 * is refused. A member that only tunes the model is accepted and ignored, because the settings of the agent apply.
 */
import * as z from "zod";
import { metadata, text, orNull } from "../../http/fields.ts";
import type { JsonObject } from "../../json.ts";
import { jsonSchema } from "../json-schema.ts";
import { lazy } from "../../lazy.ts";
import { costSchema } from "../message/schema.ts";

/** UTF-16 code units; a body has at most 1 MiB anyway. */
const MAX_TEXT = 1024 * 1024;

const TOOLS = "is not supported: an agent's tools are its own";
const TEXT_ONLY = "messages and replies are text";

type TextPart = { type: "text"; text: string };

const textPart = lazy(() =>
  z.custom<TextPart>(isTextPart, `must be a part of the type text: ${TEXT_ONLY}`).meta({
    type: "object",
    properties: { type: { type: "string", enum: ["text"] }, text: { type: "string" } },
    required: ["type", "text"],
  }),
);

function isTextPart(value: unknown): value is TextPart {
  if (typeof value !== "object" || value === null) return false;
  const part = value as Partial<TextPart>;
  return part.type === "text" && typeof part.text === "string" && part.text.isWellFormed();
}

const content = lazy(() => z.union([z.array(textPart()).min(1).max(1000), text(MAX_TEXT)]));
const none = (why: string) => z.null(why).optional();
const noList = (why: string) => z.array(z.unknown()).max(0, why).nullish();

const message = lazy(() =>
  z
    .discriminatedUnion(
      "role",
      [
        z.looseObject({ role: z.literal("user"), content: content() }),
        z.looseObject({
          role: z.literal("assistant"),
          content: content().nullish(),
          tool_calls: noList(TOOLS),
          function_call: none(TOOLS),
          audio: none(`is not supported: ${TEXT_ONLY}`),
        }),
        z.looseObject({ role: z.enum(["system", "developer"]), content: z.unknown().optional() }),
      ],
      "must be a message of the role user, assistant, system or developer",
    )
    .meta({ id: "ChatCompletionMessage" }),
);

/** Members that only tune a model. */
const ignored = lazy(() =>
  z.unknown().optional().meta({ description: "Not looked at: the agent's own settings decide." }),
);
const IGNORED = lazy(() => ({
  frequency_penalty: ignored(),
  logit_bias: ignored(),
  max_completion_tokens: ignored(),
  max_tokens: ignored(),
  parallel_tool_calls: ignored(),
  prediction: ignored(),
  presence_penalty: ignored(),
  prompt_cache_key: ignored(),
  prompt_cache_options: ignored(),
  prompt_cache_retention: ignored(),
  reasoning_effort: ignored(),
  safety_identifier: ignored(),
  seed: ignored(),
  service_tier: ignored(),
  stop: ignored(),
  store: ignored(),
  temperature: ignored(),
  top_p: ignored(),
  verbosity: ignored(),
}));

const UNSUPPORTED = lazy(() => ({
  audio: none(`is not supported: ${TEXT_ONLY}`),
  function_call: z.enum(["none", "auto"], TOOLS).nullish(),
  functions: noList(TOOLS),
  logprobs: z.literal(false, "is not supported").nullish(),
  modalities: z
    .array(z.literal("text", `is not supported: ${TEXT_ONLY}`))
    .max(4)
    .nullish(),
  moderation: none("is not supported"),
  n: z.literal(1, "must be 1: a conversation goes on in one way").nullish(),
  tool_choice: z.enum(["none", "auto"], TOOLS).nullish(),
  tools: noList(TOOLS),
  top_logprobs: z.literal(0, "is not supported").nullish(),
  web_search_options: none("is not supported"),
}));

const responseFormat = lazy(() =>
  z.discriminatedUnion(
    "type",
    [
      z.looseObject({ type: z.literal("text") }),
      z.looseObject({ type: z.literal("json_object") }),
      z.looseObject({
        type: z.literal("json_schema"),
        json_schema: z.looseObject({
          name: z.string().optional(),
          schema: jsonSchema("JSON Schema of an object. ≤ 16 KiB serialised.", { type: "object", properties: {} }),
        }),
      }),
    ],
    "must be text, json_object or json_schema",
  ),
);

/** The schema that a reply has to fit, or null. */
export function outputSchemaOf({ response_format: format }: CompletionBody): JsonObject | null {
  if (format?.type === "json_schema") return format.json_schema.schema;
  return format?.type === "json_object" ? { type: "object" } : null;
}

export const completionBody = lazy(() =>
  z
    .strictObject({
      model: z.string().meta({ description: "Id of the agent." }),
      messages: z.array(message()).min(1).max(4000).meta({
        description:
          "The last one is what the user says now. Without `conversation`, those before it become the beginning of a new conversation. Messages of the roles system and developer are left aside: the agent's instructions decide.",
      }),
      conversation: z
        .union([z.string(), z.looseObject({ id: z.string() })])
        .nullish()
        .meta({
          description: "Id of a conversation with this agent to go on with. Then only the last message is looked at.",
        }),
      stream: z.boolean().nullish(),
      stream_options: z
        .looseObject({ include_usage: z.boolean().nullish() })
        .nullish()
        .meta({ description: "`include_usage`: a last chunk says how many tokens it took." }),
      response_format: responseFormat().nullish().meta({
        description:
          "`json_schema`: a reply that does not fit after a second try is an error with the code `output_invalid`.",
      }),
      user: text(512).nullish().meta({ description: "Your own id of whoever is talking; kept as metadata.user." }),
      metadata: metadata().nullish().meta({ description: "Kept with the message, and with a new conversation." }),
      ...UNSUPPORTED(),
      ...IGNORED(),
    })
    .meta({ id: "ChatCompletionRequest" }),
);

export type CompletionBody = z.output<ReturnType<typeof completionBody>>;
type Content = z.output<ReturnType<typeof content>>;

const textOf = (parts: Content | null | undefined): string =>
  typeof parts === "string" ? parts : (parts ?? []).map((part) => part.text).join("");

/** The messages of the user and the assistant, oldest first, as plain text. */
export const messagesOf = (body: CompletionBody) =>
  body.messages.flatMap((one) =>
    one.role === "user" || one.role === "assistant" ? [{ role: one.role, content: textOf(one.content) }] : [],
  );

/** What the request contains and is ignored: names of members, and instructions among the messages. */
export const ignoredMembers = (body: CompletionBody): string[] => [
  ...Object.keys(IGNORED()).filter((name) => (body[name as keyof CompletionBody] ?? null) !== null),
  ...body.messages.flatMap(({ role }, index) =>
    role === "user" || role === "assistant" ? [] : [`messages[${index}]`],
  ),
];

const usage = lazy(() =>
  z.object({
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    total_tokens: z.int(),
    prompt_tokens_details: z.object({ cached_tokens: z.int() }).optional().meta({
      description: "Left out where the provider did not say how many were cached.",
    }),
    source: z.enum(["measured", "estimated"]).meta({ description: "By the model's provider, or from the text." }),
    cost: orNull(costSchema()),
  }),
);

export const completionSchema = lazy(() =>
  z
    .object({
      id: z.uuid().meta({ description: "Id of the stored reply." }),
      object: z.literal("chat.completion"),
      created: z.int().meta({ description: "Seconds since 1970." }),
      model: z.uuid().meta({ description: "Id of the agent." }),
      choices: z.array(
        z.object({
          index: z.literal(0),
          message: z.object({ role: z.literal("assistant"), content: z.string(), refusal: z.null() }),
          logprobs: z.null(),
          finish_reason: z.literal("stop").meta({ description: "Also of a reply that was stopped." }),
        }),
      ),
      usage: usage().optional().meta({ description: "Left out where nothing was counted." }),
      conversation: z
        .object({ id: z.uuid(), turn_id: z.uuid(), message_id: z.uuid() })
        .meta({ description: "Send it back as `conversation` to go on." }),
    })
    .meta({ id: "ChatCompletion" }),
);
