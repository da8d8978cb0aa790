/** Webhooks: where a company wants to hear what happens. The secret is shown once, when it is made. */
import { uuidv7 } from "uuidv7";
import { encrypt } from "../../auth/encryption.ts";
import { newWebhookSecret } from "../../auth/webhook-signature.ts";
import {
  deleteWebhook,
  findWebhook,
  insertWebhook,
  listWebhooks,
  MAX_WEBHOOKS,
  rotateWebhook,
  updateWebhook,
  webhookSecretContext,
} from "../../db/webhook.ts";
import type { Api } from "../../http/api.ts";
import { type AppContext, linkTo } from "../../http/context.ts";
import { pathId } from "../../http/fields.ts";
import { json } from "../../http/operation.ts";
import { pageOf, pageQuery, respondWithPage } from "../../http/pagination.ts";
import { refusalOf } from "../../net/outbound.ts";
import { invalid, notFound, Problem } from "../../problem/problem.ts";
import { webhookBody, webhookItem, webhookResponse, webhookView, webhookWithSecret } from "./schema.ts";

/** Milliseconds for which the secret before a rotation signs as well. */
const OVERLAP = 24 * 60 * 60_000;

export function webhookRoutes(api: Api): void {
  const common = { tag: "Webhooks", scope: "admin", audience: "staff" } as const;

  api.route(
    {
      ...common,
      method: "post",
      path: "/webhook",
      summary: "Register a webhook",
      description: `From then on the company's events are sent to the address, signed as Standard Webhooks says. At most ${MAX_WEBHOOKS} a company.`,
      body: webhookBody,
      responses: () => ({ 201: json("The webhook and, this once, its secret.", webhookWithSecret()) }),
      problems: ["conflict"],
    },
    async ({ c, db, caller: { company_id }, audit, body }) => {
      checkAddress(c, body.url);
      const id = uuidv7();
      const { secret, secret_ciphertext } = await makeSecret(c, company_id, id);
      const now = Date.now();
      const unset = { previous_ciphertext: null, previous_until: null, disabled_at: null };
      const row = { ...body, ...unset, id, company_id, secret_ciphertext, created_at: now, updated_at: now };
      const made = await insertWebhook(db, row, audit("webhook.create", "webhook", id));
      if (!made) throw new Problem("conflict", `There are at most ${MAX_WEBHOOKS} webhooks a company.`);
      const location = linkTo(c, `/webhook/${id}`);
      return c.json({ webhook: await webhookView(c.get("config"), made), secret }, 201, { location });
    },
  );

  api.route(
    {
      ...common,
      method: "get",
      path: "/webhook",
      summary: "List webhooks",
      description: "Webhooks of the company, newest first, without their secrets.",
      query: () => pageQuery(),
      responses: () => ({ 200: json("A page of webhooks, newest first.", pageOf("webhooks", webhookItem())) }),
    },
    ({ c, db, caller, query }) =>
      respondWithPage({
        c,
        caller,
        name: "webhooks",
        query,
        filter: null,
        read: async (slice) => {
          const { rows, total } = await listWebhooks(db, caller.company_id, slice);
          return { rows: await Promise.all(rows.map((row) => webhookView(c.get("config"), row))), total };
        },
        key: (row) => [row.id],
        view: (row) => row,
      }),
  );

  api.route(
    {
      ...common,
      method: "get",
      path: "/webhook/{id}",
      summary: "Look at a webhook",
      description: "Without its secret, which only making and rotating show.",
      params: pathId(),
      responses: () => ({ 200: json("The webhook, without its secret.", webhookResponse()) }),
    },
    async ({ c, db, caller, params }) => {
      const row = await findWebhook(db, caller.company_id, params.id);
      if (!row) throw notFound();
      return c.json({ webhook: await webhookView(c.get("config"), row) });
    },
  );

  api.route(
    {
      ...common,
      method: "put",
      path: "/webhook/{id}",
      summary: "Replace a webhook",
      description: "What is left out gets its default; the secret stays. One that is disabled is enabled again.",
      params: pathId(),
      body: webhookBody,
      responses: () => ({ 200: json("The webhook as it is now.", webhookResponse()) }),
    },
    async ({ c, db, caller: { company_id }, audit, params: { id }, body }) => {
      checkAddress(c, body.url);
      const changes = { ...body, disabled_at: null };
      const row = await updateWebhook(db, company_id, id, changes, audit("webhook.update", "webhook", id));
      if (!row) throw notFound();
      return c.json({ webhook: await webhookView(c.get("config"), row) });
    },
  );

  api.route(
    {
      ...common,
      method: "delete",
      path: "/webhook/{id}",
      summary: "Remove a webhook",
      description: "With its deliveries, for good. What is being sent at this moment may still arrive.",
      params: pathId(),
      responses: () => ({ 200: json("The webhook that was removed.", webhookResponse()) }),
    },
    async ({ c, db, caller: { company_id }, audit, params: { id } }) => {
      const row = await deleteWebhook(db, company_id, id, audit("webhook.delete", "webhook", id));
      if (!row) throw notFound();
      return c.json({ webhook: await webhookView(c.get("config"), row) });
    },
  );

  api.route(
    {
      ...common,
      method: "post",
      path: "/webhook/{id}/rotate",
      summary: "Give a webhook a new secret",
      description: "For 24 hours the present one signs as well; one that was replaced before stops at once.",
      params: pathId(),
      responses: () => ({ 200: json("The webhook and, this once, its new secret.", webhookWithSecret()) }),
    },
    async ({ c, db, caller: { company_id }, audit, params: { id } }) => {
      const { secret, secret_ciphertext } = await makeSecret(c, company_id, id);
      const next = { secret_ciphertext, previous_until: Date.now() + OVERLAP };
      const row = await rotateWebhook(db, company_id, id, next, audit("webhook.rotate", "webhook", id));
      if (!row) throw notFound();
      return c.json({ webhook: await webhookView(c.get("config"), row), secret });
    },
  );
}

async function makeSecret(c: AppContext, company_id: string, id: string) {
  const secret = newWebhookSecret();
  return { secret, secret_ciphertext: await encrypt(c.get("config"), secret, webhookSecretContext(company_id, id)) };
}

function checkAddress(c: AppContext, url: string): void {
  const message = refusalOf(url, { allowLoopback: c.get("config").local });
  if (message) throw invalid({ path: "/url", message });
}
