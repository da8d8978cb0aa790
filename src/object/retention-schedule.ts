/**
 * The scheduled run of retention: purges what was deleted more than RETENTION_DAYS ago, some conversations at a time. What a
 * run does not get done, because it is cut off or an object cannot be reached, the next one does.
 */
import { configOf } from "../config.ts";
import type { Env } from "../env.ts";
import { allHomes, causeOf, type Database, openDatabase } from "../db/database.ts";
import { expiredConversations, expiredMessages, type Place } from "../db/retention.ts";

const DAY = 86_400_000;

/** Conversations that are purged at the same time. */
const AT_ONCE = 10;
/** Deleted messages that are looked up at the same time. */
const MESSAGES = 200;
/** Calls to objects in one run, well below what the platform allows. */
const CALLS = 500;

/** How much a run purged; `failed` counts conversations that the next run tries again. */
export type RetentionCounts = { conversations: number; messages: number; failed: number };

/** Purges what is expired at `now` (ms). Throws when D1 cannot be read. */
export async function runRetention(env: Env, now: number): Promise<RetentionCounts> {
  const days = configOf(env).RETENTION_DAYS;
  const counts: RetentionCounts = { conversations: 0, messages: 0, failed: 0 };
  if (days === 0) return counts;
  for (const { d1 } of allHomes(env)) {
    const run = new Run(env, openDatabase(d1), now - days * DAY, counts);
    await run.conversations();
    await run.messages();
  }
  return counts;
}

class Run {
  readonly #env: Env;
  readonly #db: Database;
  readonly #before: number;
  readonly #counts: RetentionCounts;
  #calls = 0;

  constructor(env: Env, db: Database, before: number, counts: RetentionCounts) {
    this.#env = env;
    this.#db = db;
    this.#before = before;
    this.#counts = counts;
  }

  async conversations(): Promise<void> {
    let after: Place | null = null;
    while (this.#calls < CALLS) {
      const due = await expiredConversations(this.#db, this.#before, after, AT_ONCE);
      const done = await Promise.all(
        due.map(({ company_id, id }) => this.#call(id, (object) => object.purge(company_id, this.#before))),
      );
      this.#counts.conversations += done.filter((gone) => gone === true).length;
      after = due.at(-1) ?? after;
      if (due.length < AT_ONCE) return;
    }
  }

  /** Messages of conversations that are still there, deleted themselves or not. */
  async messages(): Promise<void> {
    let after: Place | null = null;
    while (this.#calls < CALLS) {
      const due = await expiredMessages(this.#db, this.#before, after, MESSAGES);
      const conversations = Object.entries(Object.groupBy(due, (row) => row.conversation_id));
      for (let i = 0; i < conversations.length; i += AT_ONCE) {
        const done = await Promise.all(
          conversations.slice(i, i + AT_ONCE).map(([id, rows = []]) => {
            const ids = rows.map((row) => row.id);
            const company_id = rows[0]?.company_id ?? "";
            return this.#call(id, (object) => object.purgeMessages(company_id, ids, this.#before));
          }),
        );
        this.#counts.messages += done.reduce<number>((sum, count) => sum + (count ?? 0), 0);
      }
      after = due.at(-1) ?? after;
      if (due.length < MESSAGES) return;
    }
  }

  /** What the object of a conversation answers, or null when it failed, which is logged and counted. */
  async #call<T>(id: string, ask: (object: Stub) => Promise<Answer<T>>): Promise<T | null> {
    this.#calls++;
    try {
      const answer = await ask(this.#env.CONVERSATION.getByName(id));
      if (answer.ok) return answer.value;
      this.#failed(id, answer.error.code);
    } catch (error) {
      this.#failed(id, causeOf(error));
    }
    return null;
  }

  #failed(conversation_id: string, reason: string): void {
    this.#counts.failed++;
    console.error(JSON.stringify({ event: "retention_failed", conversation_id, reason }));
  }
}

type Stub = ReturnType<Env["CONVERSATION"]["getByName"]>;
type Answer<T> = { ok: true; value: T } | { ok: false; error: { code: string } };
