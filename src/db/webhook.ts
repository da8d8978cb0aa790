/** Webhooks that companies registered, with their secrets encrypted, and whether a company has any. */
import { and, eq, isNull, sql } from "drizzle-orm";
import type { AuditRow } from "../chat/audit.ts";
import type { Env } from "../env.ts";
import { insertAuditIf } from "./audit.ts";
import { auditedInsertIf, auditedUpdate } from "./audited.ts";
import { companyDatabase, type Database } from "./database.ts";
import { newestFirst } from "./newest-first.ts";
import type { Rows, Slice } from "./page.ts";
import { webhook, webhook_delivery } from "./schema.ts";

export type WebhookRow = typeof webhook.$inferSelect;

/** The most webhooks of one company. */
export const MAX_WEBHOOKS = 20;

/** The context of a webhook's encrypted secret (see auth/encryption.ts): in another row it cannot be decrypted. */
export const webhookSecretContext = (company_id: string, id: string) => `webhook:${company_id}:${id}`;

const own = (company_id: string, id: string) => and(eq(webhook.id, id), eq(webhook.company_id, company_id));

export const findWebhook = (db: Database, company_id: string, id: string): Promise<WebhookRow | undefined> =>
  db.select().from(webhook).where(own(company_id, id)).get();

/** Webhooks of the company, newest first. */
export const listWebhooks = (db: Database, company_id: string, slice: Slice): Promise<Rows<WebhookRow>> =>
  newestFirst(db, webhook, eq(webhook.company_id, company_id), slice);

/** Undefined when the company has MAX_WEBHOOKS already. */
export async function insertWebhook(db: Database, row: WebhookRow, audit: AuditRow): Promise<WebhookRow | undefined> {
  const count = sql`(SELECT count(*) FROM ${webhook} WHERE ${eq(webhook.company_id, row.company_id)})`;
  const made = await auditedInsertIf(db, webhook, row, sql`${count} < ${MAX_WEBHOOKS}`, audit);
  known.delete(row.company_id);
  return made;
}

/** Changes members. Undefined when the company has no such webhook. */
export async function updateWebhook(
  db: Database,
  company_id: string,
  id: string,
  changes: Partial<WebhookRow>,
  audit: AuditRow,
): Promise<WebhookRow | undefined> {
  const row = await auditedUpdate(db, webhook, own(company_id, id), { ...changes, updated_at: audit.at }, audit);
  known.delete(company_id);
  return row;
}

/** Gives it a new secret; the present one, whichever that is by now, signs until `previous_until` (ms) as well. */
export const rotateWebhook = (
  db: Database,
  company_id: string,
  id: string,
  next: { secret_ciphertext: string; previous_until: number },
  audit: AuditRow,
): Promise<WebhookRow | undefined> => {
  const set = { ...next, previous_ciphertext: sql`${webhook.secret_ciphertext}`, updated_at: audit.at };
  return auditedUpdate(db, webhook, own(company_id, id), set, audit);
};

/** Deletes a webhook. Its deliveries are nobody's any more, and go with their events. Undefined when there is no such one. */
export async function deleteWebhook(db: Database, company_id: string, id: string, audit: AuditRow) {
  const [, [removed]] = await db.batch([
    insertAuditIf(db, audit, sql`EXISTS (SELECT 1 FROM ${webhook} WHERE ${own(company_id, id)})`),
    db.delete(webhook).where(own(company_id, id)).returning(),
  ]);
  return removed;
}

/** Nothing is sent to it any more, and what was on its way ends: its receiver said that it is gone. */
export const disableWebhook = (db: Database, { company_id, id }: WebhookRow, audit: AuditRow) =>
  db.batch([
    insertAuditIf(
      db,
      audit,
      sql`EXISTS (SELECT 1 FROM ${webhook} WHERE ${and(own(company_id, id), isNull(webhook.disabled_at))})`,
    ),
    db.update(webhook).set({ disabled_at: audit.at }).where(own(company_id, id)),
    db
      .update(webhook_delivery)
      .set({ status: "dead", next_at: null })
      .where(and(eq(webhook_delivery.webhook_id, id), sql`status = 'pending'`)),
  ]);

/** Milliseconds for which an isolate believes that a company has webhooks or none, and companies that it knows that of. */
const TTL = 10_000;
const MAX_KNOWN = 10_000;
const known = new Map<string, { has: boolean; until: number }>();

async function hasWebhooks(env: Env, company_id: string): Promise<boolean> {
  const entry = known.get(company_id);
  if (entry && entry.until > Date.now()) return entry.has;
  const until = Date.now() + TTL;
  const db = await companyDatabase(env, company_id);
  const found = await db.select({ id: webhook.id }).from(webhook).where(eq(webhook.company_id, company_id)).limit(1);
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(company_id, { has: found.length > 0, until });
  return found.length > 0;
}

/** Tells the company's dispatcher that there may be events to send. Nobody waits for it; the scheduled run makes up for it. */
export async function wakeDispatcher(env: Env, company_id: string): Promise<void> {
  try {
    if (await hasWebhooks(env, company_id)) await env.WEBHOOK.getByName(company_id).wake();
  } catch (error) {
    console.warn(JSON.stringify({ event: "dispatcher_not_woken", company_id, error: String(error) }));
  }
}
