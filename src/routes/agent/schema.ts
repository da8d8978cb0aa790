/** An agent on the wire. Settings that no query filters by are one JSON column in D1, and plain members here. */
import * as z from "zod";
import type { AgentFields, AgentRow } from "../../db/agent.ts";
import {
  responseShape,
  id,
  metadata,
  text,
  timestamp,
  toTimestamp,
  toTimestampOrNull,
  visibleText,
} from "../../http/fields.ts";
import { contextLengthOf, type HttpTool } from "../../chat/agent.ts";
import { normaliseOrigin } from "../../net/origin.ts";
import { handOverFields } from "./hand-over.ts";
import { toolBody, toolSchema, toolView } from "./tool.ts";
import { lazy } from "../../lazy.ts";

const origin = lazy(() =>
  z
    .string()
    .max(300)
    .transform((value, context) => {
      const normalised = normaliseOrigin(value);
      if (normalised !== null) return normalised;
      context.issues.push({
        code: "custom",
        input: value,
        message: "must be scheme://host[:port], without path or wildcard",
      });
      return z.NEVER;
    })
    .meta({ type: "string", example: "https://www.example.com" }),
);

const knowledge = lazy(() => z.strictObject({ question: text(1000, 1), answer: text(8000, 1) }));

/** Milliseconds between `min` and 15 minutes, or null for the service's own limit. */
const timeout = (min: number, description: string) =>
  z.int().min(min).max(900_000).nullable().default(null).meta({ description });

/** The body for creating and for replacing an agent. A member that is left out gets its default; only tools stay unchanged. */
export const agentBody = lazy(() =>
  z
    .strictObject({
      name: visibleText(200),
      description: text(2000).default(""),
      instructions: text(32_000).default("").meta({ description: "What the model is told before the conversation." }),
      model: z
        .union([text(300, 1), z.array(text(300, 1)).min(1).max(5)])
        .default("builtin/faq")
        .meta({
          description:
            "`provider/name`, or up to five of them: the next one answers when the one before it refuses, is busy, fails or is late before it has said anything. `builtin/faq` at the end always answers.",
        }),
      temperature: z.number().min(0).max(2).nullable().default(null),
      max_output_tokens: z.int().min(1).max(1_000_000).nullable().default(null),
      greeting: text(2000).default(""),
      knowledge: z.array(knowledge()).max(1000).default([]),
      allowed_origins: z
        .array(origin())
        .max(100)
        .transform((all) => [...new Set(all)])
        .default([])
        .meta({ description: "Websites whose visitors may register with this agent. Empty means none." }),
      lead_form: z.enum(["none", "optional", "required"]).default("none"),
      status: z.enum(["active", "inactive"]).default("active"),
      stop: z.array(text(100, 1)).max(8).default([]).meta({ description: "Texts at which the model stops." }),
      first_token_timeout_ms: timeout(100, "How long the model may take to begin."),
      token_timeout_ms: timeout(100, "How long the model may be silent once it has begun."),
      turn_timeout_ms: timeout(100, "How long a whole reply may take."),
      max_input_tokens: z
        .int()
        .min(100)
        .max(10_000_000)
        .nullable()
        .default(null)
        .meta({ description: "How much of the conversation the model is shown at most, besides max_context_length." }),
      max_context_length: z.int().min(1).max(4000).default(contextLengthOf({})).meta({
        description: "Of new conversations with this agent, unless they say otherwise; a visitor may not say more.",
      }),
      summarize: z.boolean().default(false).meta({ description: "Show the model a summary of what no longer fits." }),
      auto_title: z.boolean().default(true).meta({ description: "Name a conversation after its first turn." }),
      tools: z.array(toolBody()).max(16).optional().meta({
        description:
          "What the model may call over HTTP, in up to five steps a reply. Left out when replacing: as they are. Built-in models call none.",
      }),
      ...handOverFields(),
      metadata: metadata().default({}),
    })
    .meta({ id: "AgentBody" }),
);

export type AgentBody = z.output<ReturnType<typeof agentBody>>;

export const agentSchema = lazy(() =>
  z
    .object({
      ...responseShape(agentBody().shape),
      name: z.string().meta({ description: "Empty where the credential may not read." }),
      tools: z.array(toolSchema()),
      id: id(),
      company_id: id(),
      created_at: timestamp(),
      updated_at: timestamp(),
      deleted_at: timestamp().nullable(),
      deleted_by: z.string().nullable(),
    })
    .meta({ id: "Agent" }),
);

/** What a web page may know of an agent. */
export const widgetAgentSchema = lazy(() =>
  agentSchema()
    .pick({ id: true, name: true, description: true, greeting: true, lead_form: true, status: true })
    .meta({ id: "WidgetAgent" }),
);

/** The columns of a body, and `tools` in the form in which they are stored. */
export function columnsOf(body: AgentBody, tools: HttpTool[]): AgentFields {
  const { stop, first_token_timeout_ms, token_timeout_ms, turn_timeout_ms, max_input_tokens, ...rest } = body;
  const { max_context_length, summarize, auto_title, tools: _, model: models, hand_over, hours, ...columns } = rest;
  const [model = "", ...fallback] = [models].flat();
  const settings = {
    ...(fallback.length > 0 ? { fallback } : {}),
    ...(stop.length > 0 ? { stop } : {}),
    ...withoutNulls({ first_token_timeout_ms, token_timeout_ms, turn_timeout_ms, max_input_tokens }),
    ...(max_context_length === contextLengthOf({}) ? {} : { max_context_length }),
    summarize,
    auto_title,
    ...(tools.length > 0 ? { tools } : {}),
    ...(hand_over ? { hand_over } : {}),
    ...(hours ? { hours } : {}),
  };
  return { ...columns, model, settings };
}

const withoutNulls = <T extends Record<string, number | null>>(members: T) =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null)) as { [K in keyof T]?: number };

export const agentView = (row: AgentRow) => ({
  id: row.id,
  company_id: row.company_id,
  name: row.name,
  description: row.description,
  instructions: row.instructions,
  model: row.settings.fallback ? [row.model, ...row.settings.fallback] : row.model,
  temperature: row.temperature,
  max_output_tokens: row.max_output_tokens,
  greeting: row.greeting,
  knowledge: row.knowledge,
  allowed_origins: row.allowed_origins,
  lead_form: row.lead_form,
  status: row.status,
  stop: row.settings.stop ?? [],
  first_token_timeout_ms: row.settings.first_token_timeout_ms ?? null,
  token_timeout_ms: row.settings.token_timeout_ms ?? null,
  turn_timeout_ms: row.settings.turn_timeout_ms ?? null,
  max_input_tokens: row.settings.max_input_tokens ?? null,
  max_context_length: contextLengthOf(row.settings),
  summarize: row.settings.summarize ?? false,
  auto_title: row.settings.auto_title ?? true,
  tools: (row.settings.tools ?? []).map(toolView),
  hand_over: row.settings.hand_over ?? false,
  hours: row.settings.hours ?? null,
  metadata: row.metadata,
  created_at: toTimestamp(row.created_at),
  updated_at: toTimestamp(row.updated_at),
  deleted_at: toTimestampOrNull(row.deleted_at),
  deleted_by: row.deleted_by,
});

export const widgetAgentView = ({ id: agent_id, name, description, greeting, lead_form, status }: AgentRow) => ({
  id: agent_id,
  name,
  description,
  greeting,
  lead_form,
  status,
});
