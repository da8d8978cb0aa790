/**
 * One Durable Object per company, named by its id, sends what is due to the company's webhooks: some at a time to each, so
 * that one that hangs keeps up no other. It keeps nothing: what there is to send is in D1.
 */
import { DurableObject } from "cloudflare:workers";
import { systemAuditRow } from "../chat/audit.ts";
import { configOf } from "../config.ts";
import { causeOf, companyDatabase, type Database } from "../db/database.ts";
import { disableWebhook, findWebhook, type WebhookRow } from "../db/webhook.ts";
import { dueDeliveries, nextDue, noteAttempt } from "../db/webhook-delivery.ts";
import type { DispatcherRpc, Env } from "../env.ts";
import { deliver, GONE, type Sent } from "./deliver.ts";

/** Deliveries of one webhook at the same time. */
const AT_ONCE = 5;
/** Milliseconds after which the alarm rings whatever happens: a crash, and an event that nobody told of, is noticed by then. */
const LOOK_AGAIN = 60_000;
/** Milliseconds after which D1 is asked again when it did not answer. */
const RETRY = 10_000;

export class WebhookObject extends DurableObject<Env> implements DispatcherRpc {
  /** Webhooks that are being sent to. `isStale`: there may be something that was not read yet. */
  readonly #sending = new Map<string, { isStale: boolean }>();

  /** There may be something to send. */
  async wake(): Promise<void> {
    await this.ctx.storage.setAlarm(Date.now() + LOOK_AGAIN);
    this.ctx.waitUntil(this.#run());
  }

  override async alarm(): Promise<void> {
    await this.ctx.storage.setAlarm(Date.now() + LOOK_AGAIN);
    await this.#run(true);
  }

  get #company_id(): string {
    return String(this.ctx.id.name);
  }

  /**
   * Sends everything that is due, and sets the alarm to what is due next. Of several at once the last one does that. Who was
   * woken looks once more after a minute, `isAlarm`: an isolate that has not heard yet of a new webhook wakes nobody.
   */
  async #run(isAlarm = false): Promise<void> {
    try {
      const db = await companyDatabase(this.env, this.#company_id);
      const due = await nextDue(db, this.#company_id);
      const now = Date.now();
      await Promise.all(due.filter(({ at }) => at <= now).map(({ webhook_id }) => this.#drain(db, webhook_id)));
      if (this.#sending.size > 0) return;
      const times = (await nextDue(db, this.#company_id)).map(({ at }) => at);
      const next = Math.min(...times, isAlarm ? Infinity : now + LOOK_AGAIN);
      if (next < Infinity) await this.ctx.storage.setAlarm(Math.max(Date.now(), next));
      else await this.ctx.storage.deleteAlarm();
    } catch (error) {
      console.warn(JSON.stringify({ event: "webhooks_delayed", company_id: this.#company_id, error: causeOf(error) }));
      await this.ctx.storage.setAlarm(Date.now() + RETRY);
    }
  }

  /** Sends to one webhook until nothing is due, unless that is being done. */
  async #drain(db: Database, webhook_id: string): Promise<void> {
    const running = this.#sending.get(webhook_id);
    if (running) {
      running.isStale = true;
      return;
    }
    const state = { isStale: true };
    this.#sending.set(webhook_id, state);
    try {
      while (state.isStale) {
        state.isStale = false;
        const hook = await findWebhook(db, this.#company_id, webhook_id);
        if (!hook || hook.disabled_at !== null) return;
        const due: Sent[] = await dueDeliveries(db, hook, Date.now(), AT_ONCE);
        if (due.length > 0) state.isStale = true;
        await Promise.all(due.map((sent) => this.#send(db, hook, sent)));
      }
    } finally {
      this.#sending.delete(webhook_id);
    }
  }

  async #send(db: Database, hook: WebhookRow, sent: Sent): Promise<void> {
    const attempted = await deliver(configOf(this.env), db, hook, sent);
    await noteAttempt(db, sent.delivery, attempted, Date.now());
    if (attempted.last_status !== GONE) return;
    const entry = { action: "webhook.disable", target_type: "webhook", target_id: hook.id };
    await disableWebhook(db, hook, systemAuditRow(hook.company_id, "webhooks", entry, Date.now()));
  }
}
