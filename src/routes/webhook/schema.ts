/** Schemas and views of webhooks and their deliveries. */
import * as z from "zod";
import type { Config } from "../../config.ts";
import { webhookPublicKey } from "../../auth/webhook-signature.ts";
import type { DeliveryRow } from "../../db/webhook-delivery.ts";
import type { WebhookRow } from "../../db/webhook.ts";
import {
  id,
  idFilter,
  instant,
  responseShape,
  text,
  timestamp,
  toTimestamp,
  toTimestampOrNull,
} from "../../http/fields.ts";
import { lazy } from "../../lazy.ts";

const TYPES = [
  ...(["conversation.created", "conversation.updated", "conversation.deleted", "conversation.restored"] as const),
  ...(["message.created", "message.deleted", "message.restored", "message.rated"] as const),
  ...(["turn.completed", "turn.failed", "turn.stopped", "handling.changed"] as const),
  ...(["lead.created", "lead.erased", "erasure.done", "budget.warning"] as const),
];

export const webhookBody = lazy(() =>
  z
    .strictObject({
      url: text(2000, 1).meta({
        description: "https and public. Redirects are not followed.",
        example: "https://example.com/hooks/conversations",
      }),
      events: z
        .array(z.enum(TYPES))
        .min(1)
        .max(50)
        .transform((all) => [...new Set(all)])
        .nullable()
        .default(null)
        .meta({ description: "Types of events; null: all of them." }),
      description: text(500).default(""),
      payload: z.enum(["thin", "full"]).default("thin").meta({
        description:
          "`thin`: ids only. `full`: also the message or the conversation, as it is when it is sent; null when it was deleted.",
      }),
    })
    .meta({ id: "WebhookBody" }),
);

const webhookSchema = lazy(() =>
  z
    .object({
      id: id(),
      ...responseShape(webhookBody().shape),
      public_key: z.string().meta({
        description: "`whpk_…`: checks the `v1a` signatures. The same key is in `/.well-known/jwks.json`.",
      }),
      created_at: timestamp(),
      updated_at: timestamp(),
      disabled_at: timestamp().nullable().meta({
        description: "Since then nothing is sent, because the receiver answered 410. A PUT enables it again.",
      }),
      previous_secret_until: timestamp()
        .nullable()
        .meta({ description: "Until then the secret before the last signs too." }),
    })
    .meta({ id: "Webhook" }),
);

const secret = () =>
  z.string().meta({
    description: "Shown this once. Checks the `v1` signatures.",
    example: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
  });

export const webhookResponse = lazy(() => z.object({ webhook: webhookSchema() }));
export const webhookWithSecret = lazy(() => z.object({ webhook: webhookSchema(), secret: secret() }));
export const webhookItem = webhookSchema;

export const deliverySchema = lazy(() =>
  z
    .object({
      id: id(),
      event_id: z.string().meta({ description: "`webhook-id` of every attempt." }),
      type: z.string().meta({ example: "turn.completed" }),
      status: z.enum(["pending", "delivered", "dead"]).meta({
        description: "`dead`: given up. A replay sends it again.",
      }),
      attempts: z.int(),
      last_status: z.int().nullable().meta({ description: "Status of the last answer; null where there was none." }),
      next_at: timestamp().nullable().meta({
        description: "When it is tried next; null while an earlier event of its conversation is pending.",
      }),
      created_at: timestamp(),
    })
    .meta({ id: "WebhookDelivery" }),
);

/** One delivery, or what happened in a stretch of time. */
export const replayBody = lazy(() =>
  z
    .union([z.strictObject({ delivery_id: idFilter() }), z.strictObject({ from: instant(), to: instant() })])
    .meta({ id: "WebhookReplay" }),
);

export const webhookView = async (config: Config, row: WebhookRow) => ({
  id: row.id,
  url: row.url,
  events: row.events,
  description: row.description,
  payload: row.payload,
  public_key: await webhookPublicKey(config),
  created_at: toTimestamp(row.created_at),
  updated_at: toTimestamp(row.updated_at),
  disabled_at: toTimestampOrNull(row.disabled_at),
  previous_secret_until: toTimestampOrNull((row.previous_until ?? 0) > Date.now() ? row.previous_until : null),
});

export const deliveryView = (row: DeliveryRow) => ({
  id: row.id,
  event_id: row.event_id,
  type: row.type,
  status: row.status,
  attempts: row.attempts,
  last_status: row.last_status,
  next_at: toTimestampOrNull(row.next_at),
  created_at: toTimestamp(row.created_at),
});
