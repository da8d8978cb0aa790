/** The scheduled run of webhooks: wakes dispatchers that have something overdue, and forgets old events. */
import { allHomes, openDatabase } from "../db/database.ts";
import { companiesBehind, forgetEvents } from "../db/webhook-delivery.ts";
import type { Env } from "../env.ts";

const DAY = 86_400_000;
/** Milliseconds for which events can be replayed. */
const KEPT = 30 * DAY;
/** Companies that one run wakes, and events that it removes at a time and in all. */
const COMPANIES = 200;
const EVENTS = 500;
const ROUNDS = 20;

export async function runWebhooks(env: Env, now: number): Promise<void> {
  for (const { d1 } of allHomes(env)) {
    const db = openDatabase(d1);
    const behind = await companiesBehind(db, now, COMPANIES);
    await Promise.all(behind.map(({ company_id }) => env.WEBHOOK.getByName(company_id).wake()));
    for (let round = 0; round < ROUNDS; round++) if ((await forgetEvents(db, now - KEPT, EVENTS)) < EVENTS) break;
  }
}
