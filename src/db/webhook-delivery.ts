/**
 * Deliveries of events to webhooks. What is due is read along an index of what may be sent now: of one conversation only the
 * first that is pending is in it, and when that ends, the next one comes in.
 */
import { and, asc, desc, eq, gte, isNull, lt, lte, type SQL, sql } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import type { Database } from "./database.ts";
import { webhook, webhook_delivery, webhook_event } from "./schema.ts";
import type { WebhookRow } from "./webhook.ts";

export type DeliveryRow = typeof webhook_delivery.$inferSelect;
export type EventRow = typeof webhook_event.$inferSelect;

const delivery = webhook_delivery;
/** As in the index, word by word: only then does the planner take it. */
const waits = sql`next_at IS NOT NULL`;
const pending = sql`status = 'pending'`;
const ofWebhook = ({ company_id, id }: Pick<WebhookRow, "company_id" | "id">) =>
  and(eq(delivery.company_id, company_id), eq(delivery.webhook_id, id));

/** When (ms) the first delivery of a webhook is due: one entry of the index, however many wait. */
const firstDue = sql<
  number | null
>`(SELECT min(next_at) FROM webhook_delivery AS d WHERE d.company_id = webhook.company_id
  AND d.webhook_id = webhook.id AND next_at IS NOT NULL)`;

/** Webhooks of a company with something to send, and when (ms) the first of it is due. */
export async function nextDue(db: Database, company_id: string): Promise<{ webhook_id: string; at: number }[]> {
  const rows = await db
    .select({ webhook_id: webhook.id, at: firstDue })
    .from(webhook)
    .where(and(eq(webhook.company_id, company_id), isNull(webhook.disabled_at)));
  return rows.flatMap(({ webhook_id, at }) => (at === null ? [] : [{ webhook_id, at }]));
}

/** What is due for a webhook at `now` (ms), with its events; the longest due first. */
export const dueDeliveries = (db: Database, hook: WebhookRow, now: number, limit: number) =>
  db
    .select({ delivery, event: webhook_event })
    .from(delivery)
    .innerJoin(webhook_event, eq(webhook_event.id, delivery.event_id))
    .where(and(ofWebhook(hook), waits, lte(delivery.next_at, now)))
    .orderBy(asc(delivery.next_at), asc(delivery.id))
    .limit(limit);

/** How an attempt went. `next_at` (ms) when there will be another. */
export type Attempted = Pick<DeliveryRow, "status" | "last_status" | "next_at">;

/** Notes an attempt; one that was the last makes way for the next of its conversation. */
export async function noteAttempt(
  db: Database,
  row: DeliveryRow,
  { status, last_status, next_at }: Attempted,
  now: number,
) {
  const { id, webhook_id, conversation_id } = row;
  const note = db
    .update(delivery)
    .set({ status, last_status, next_at, attempts: sql`attempts + 1` })
    .where(eq(delivery.id, id));
  if (status === "pending" || conversation_id === null) await note.run();
  else await db.batch([note, release(db, webhook_id, conversation_id, now)]);
}

const release = (db: Database, webhook_id: string, conversation_id: string, now: number) =>
  db
    .update(delivery)
    .set({ next_at: sql`coalesce(next_at, ${now})` })
    .where(
      sql`id = (SELECT id FROM webhook_delivery WHERE webhook_id = ${webhook_id} AND conversation_id = ${conversation_id}
        AND status = 'pending' ORDER BY sequence LIMIT 1)`,
    );

/** Newest first, behind the id `before`. */
export const listDeliveries = (db: Database, hook: WebhookRow, before: string | null, limit: number) =>
  db
    .select()
    .from(delivery)
    .where(and(ofWebhook(hook), before === null ? undefined : lt(delivery.id, before)))
    .orderBy(desc(delivery.id))
    .limit(limit);

/** An event for one webhook alone, which says that deliveries arrive. */
export async function insertTest(db: Database, hook: WebhookRow, now: number): Promise<DeliveryRow> {
  const event_id = `evt_${uuidv7()}`;
  const common = { company_id: hook.company_id, type: "webhook.test" };
  const [, rows] = await db.batch([
    db.insert(webhook_event).values({ ...common, id: event_id, at: now, data: { webhook_id: hook.id } }),
    db
      .insert(delivery)
      .values({ ...common, id: uuidv7(), webhook_id: hook.id, event_id, next_at: now, created_at: now })
      .returning(),
  ]);
  const [row] = rows;
  if (!row) throw new Error("an insert returned no row");
  return row;
}

/** Events that one replay sends again, at most. */
export const MOST_REPLAYED = 1000;

/** Sends one delivery again, whatever became of it. How many there were: 0 or 1. */
export const replayOne = (db: Database, hook: WebhookRow, delivery_id: string, now: number) =>
  again(db, hook, sql`id = ${delivery_id}`, now);

/** Sends the events again that happened from `from` to `to` (ms, both inclusive) and that the webhook wants; the oldest first. */
export async function replayRange(db: Database, hook: WebhookRow, from: number, to: number, now: number) {
  const events = await db
    .select()
    .from(webhook_event)
    .where(and(eq(webhook_event.company_id, hook.company_id), gte(webhook_event.at, from), lte(webhook_event.at, to)))
    .orderBy(asc(webhook_event.at), asc(webhook_event.id))
    .limit(MOST_REPLAYED + 1);
  const isWanted = ({ type }: EventRow) => type !== "webhook.test" && (hook.events?.includes(type) ?? true);
  const wanted = events.slice(0, MOST_REPLAYED).filter(isWanted);
  const rows = wanted.map(({ id, type, conversation_id, sequence }) => [uuidv7(), id, type, conversation_id, sequence]);
  const ids = sql`event_id IN (SELECT value ->> 1 FROM json_each(${JSON.stringify(rows)}))`;
  await db.run(
    sql`INSERT INTO webhook_delivery (id, company_id, webhook_id, event_id, type, conversation_id, sequence, created_at)
      SELECT value ->> 0, ${hook.company_id}, ${hook.id}, value ->> 1, value ->> 2, value ->> 3, value ->> 4, ${now}
      FROM json_each(${JSON.stringify(rows)}) WHERE TRUE ON CONFLICT (event_id, webhook_id) DO NOTHING`,
  );
  const replayed = await again(db, hook, ids, now);
  return { replayed, next_from: events.length > MOST_REPLAYED ? (events[MOST_REPLAYED]?.at ?? null) : null };
}

async function again(db: Database, hook: WebhookRow, which: SQL, now: number): Promise<number> {
  const mine = ofWebhook(hook);
  const [reset] = await db.batch([
    db
      .update(delivery)
      .set({ status: "pending", attempts: 0, next_at: null })
      .where(and(mine, which))
      .returning({ id: delivery.id }),
    // Of each conversation the first that is pending, and all that belong to none.
    db
      .update(delivery)
      .set({ next_at: now })
      .where(
        and(
          mine,
          which,
          pending,
          sql`next_at IS NULL AND NOT EXISTS (SELECT 1 FROM webhook_delivery AS earlier
            WHERE earlier.webhook_id = webhook_delivery.webhook_id
              AND earlier.conversation_id = webhook_delivery.conversation_id AND earlier.status = 'pending'
              AND earlier.sequence < webhook_delivery.sequence)`,
        ),
      ),
  ]);
  return reset.length;
}

/** Companies of a database with something that was due before `now` (ms). Reads the webhooks, and an entry for each. */
export const companiesBehind = (db: Database, now: number, limit: number) =>
  db
    .selectDistinct({ company_id: webhook.company_id })
    .from(webhook)
    .where(and(isNull(webhook.disabled_at), sql`${firstDue} <= ${now}`))
    .limit(limit);

/** Removes events and ended deliveries of before `before` (ms), some at a time. How many events. */
export async function forgetEvents(db: Database, before: number, limit: number): Promise<number> {
  const old = sql`SELECT id FROM webhook_event WHERE at < ${before} ORDER BY at LIMIT ${limit}`;
  const [, removed] = await db.batch([
    db.delete(delivery).where(sql`event_id IN (${old})`),
    db
      .delete(webhook_event)
      .where(sql`id IN (${old})`)
      .returning({ id: webhook_event.id }),
  ]);
  return removed.length;
}
