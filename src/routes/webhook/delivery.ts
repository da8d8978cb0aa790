/** What became of the events of a webhook, and how to have them sent again. */
import * as z from "zod";
import type { Database } from "../../db/database.ts";
import { insertTest, listDeliveries, MOST_REPLAYED, replayOne, replayRange } from "../../db/webhook-delivery.ts";
import { findWebhook, type WebhookRow } from "../../db/webhook.ts";
import type { Api } from "../../http/api.ts";
import { cursorPageOf, cursorQuery, respondWithCursor } from "../../http/cursor-page.ts";
import { pathId, timestamp, toTimestampOrNull } from "../../http/fields.ts";
import { json } from "../../http/operation.ts";
import { invalid, notFound, Problem } from "../../problem/problem.ts";
import { deliverySchema, deliveryView, replayBody } from "./schema.ts";

export function webhookDeliveryRoutes(api: Api): void {
  const common = { tag: "Webhooks", scope: "admin", audience: "staff", params: pathId() } as const;

  api.route(
    {
      ...common,
      method: "get",
      path: "/webhook/{id}/deliveries",
      summary: "List the deliveries of a webhook",
      description: "Newest first. They are kept for 30 days.",
      query: () => cursorQuery({}),
      responses: () => ({ 200: json("A page of deliveries.", cursorPageOf("deliveries", deliverySchema())) }),
    },
    async ({ c, db, caller, params, query }) => {
      const hook = await findWebhook(db, caller.company_id, params.id);
      if (!hook) throw notFound();
      return respondWithCursor({
        c,
        caller,
        name: "deliveries",
        query,
        filter: null,
        read: async (after, limit) => {
          const found = await listDeliveries(db, hook, after && String(after[0]), limit + 1);
          const rows = found.slice(0, limit);
          const last = rows.at(-1);
          return { rows, next: found.length > limit && last ? [last.id] : null };
        },
        view: deliveryView,
      });
    },
  );

  api.route(
    {
      ...common,
      method: "post",
      path: "/webhook/{id}/test",
      summary: "Send a test event",
      description: "An event of type `webhook.test`, to this webhook alone, whichever types it wants.",
      responses: () => ({ 202: json("Its delivery.", z.object({ delivery: deliverySchema() })) }),
      problems: ["conflict"],
    },
    async ({ c, db, caller, params }) => {
      const hook = await enabled(db, caller.company_id, params.id);
      return c.json({ delivery: deliveryView(await insertTest(db, hook, Date.now())) }, 202);
    },
  );

  api.route(
    {
      ...common,
      method: "post",
      path: "/webhook/{id}/replay",
      summary: "Send events again",
      description: `One delivery, or the events from \`from\` to \`to\` (both inclusive) of the types that the webhook wants, also those
of before it was registered, as far as the company had a webhook then. At most ${MOST_REPLAYED} at a time: \`next_from\` says where to go on. They have the ids that they had.`,
      body: replayBody,
      responses: () => ({
        202: json("How many are sent again.", z.object({ replayed: z.int(), next_from: timestamp().nullable() })),
      }),
      problems: ["conflict"],
    },
    async ({ c, db, caller, params, body }) => {
      const hook = await enabled(db, caller.company_id, params.id);
      const now = Date.now();
      if ("delivery_id" in body) {
        const replayed = await replayOne(db, hook, body.delivery_id, now);
        if (replayed === 0) throw notFound();
        return c.json({ replayed, next_from: null }, 202);
      }
      if (body.from > body.to) throw invalid({ path: "/from", message: "is after to" });
      const { replayed, next_from } = await replayRange(db, hook, body.from, body.to, now);
      return c.json({ replayed, next_from: toTimestampOrNull(next_from) }, 202);
    },
  );
}

async function enabled(db: Database, company_id: string, id: string): Promise<WebhookRow> {
  const hook = await findWebhook(db, company_id, id);
  if (!hook) throw notFound();
  if (hook.disabled_at !== null) throw new Problem("conflict", "The webhook is disabled. A PUT enables it again.");
  return hook;
}
