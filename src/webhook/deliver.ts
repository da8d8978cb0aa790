/** One attempt to deliver an event to a webhook: signed, bounded in time, to an address that may be requested only. */
import { decrypt } from "../auth/encryption.ts";
import { signatureHeaders } from "../auth/webhook-signature.ts";
import type { Config } from "../config.ts";
import { causeOf, type Database } from "../db/database.ts";
import type { Attempted, DeliveryRow, EventRow } from "../db/webhook-delivery.ts";
import { webhookSecretContext, type WebhookRow } from "../db/webhook.ts";
import { outbound, OutboundRefusal } from "../net/outbound.ts";
import { payloadOf } from "./payload.ts";
import { nextAttempt, retryAfter } from "./retry.ts";

/** Milliseconds that a receiver has to answer. */
const PATIENCE = 10_000;
/** The receiver says that it wants nothing any more (RFC 9110, section 15.5.11). */
export const GONE = 410;

export type Sent = { delivery: DeliveryRow; event: EventRow };

/** Sends it once. What the receiver answers beside its status is not read. */
export async function deliver(config: Config, db: Database, hook: WebhookRow, sent: Sent): Promise<Attempted> {
  const { delivery, event } = sent;
  let answer: { status: number; after: number | null } | null = null;
  try {
    answer = await post(config, hook, event.id, await payloadOf(db, hook, event));
  } catch (error) {
    if (error instanceof OutboundRefusal && error.status !== null) answer = { status: error.status, after: null };
    console.warn(JSON.stringify({ event: "webhook_failed", delivery_id: delivery.id, error: causeOf(error) }));
  }
  const last_status = answer?.status ?? null;
  if (last_status !== null && last_status >= 200 && last_status < 300)
    return { status: "delivered", last_status, next_at: null };
  const next_at =
    last_status === GONE ? null : nextAttempt(delivery.attempts + 1, answer?.after ?? null, Math.random(), Date.now());
  return { status: next_at === null ? "dead" : "pending", last_status, next_at };
}

async function post(config: Config, hook: WebhookRow, id: string, body: string) {
  const now = Date.now();
  const secrets = await secretsOf(config, hook, now);
  const headers = {
    "content-type": "application/json",
    "user-agent": "conversations-api webhooks",
    ...(await signatureHeaders(config, secrets, id, now, body)),
  };
  const signal = AbortSignal.timeout(PATIENCE);
  const policy = { allowLoopback: config.local };
  const response = await outbound(policy, hook.url, { method: "POST", headers, body, signal });
  await response.body?.cancel();
  return { status: response.status, after: retryAfter(response.headers.get("retry-after"), Date.now()) };
}

/** The present secret and, for a while after a rotation, the one before it. */
async function secretsOf(config: Config, hook: WebhookRow, now: number): Promise<string[]> {
  const previous = (hook.previous_until ?? 0) > now ? hook.previous_ciphertext : null;
  const context = webhookSecretContext(hook.company_id, hook.id);
  const kept = [hook.secret_ciphertext, previous].filter((one) => one !== null);
  const read = await Promise.all(kept.map((one) => decrypt(config, one, context)));
  const secrets = read.filter((one) => one !== null);
  if (secrets.length === 0) throw new Error("the secret of a webhook cannot be decrypted");
  return secrets;
}
