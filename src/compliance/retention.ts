/**
 * Retention, carried out by the scheduled run: what a company, or the deployment, keeps no longer goes for good, a few things
 * at a time and within one budget over all databases. What a run does not get done, because it is cut off or an object cannot
 * be reached, the next one does.
 */
import { systemAuditRow } from "../chat/audit.ts";
import type { Expiry } from "../chat/rpc.ts";
import { configOf } from "../config.ts";
import { insertAudit } from "../db/audit.ts";
import { allHomes, causeOf, controlDatabase, type Database, type Home, openDatabase } from "../db/database.ts";
import * as store from "../db/retention.ts";
import type { Env } from "../env.ts";
import { Budget } from "./budget.ts";
import { effectiveRetention } from "./rule.ts";

const DAY = 86_400_000;
const HOUR = 3_600_000;

/** Calls of databases and objects in one run, well below what the platform allows. */
const CALLS = 500;
/** Conversations that are purged at the same time, messages that are looked up together, and visitors likewise. */
const AT_ONCE = 10;
const MESSAGES = 200;
const LEADS = 20;
/** Of what cannot go now, as much is passed over in one run. */
const PASSED = 100;

/** How much was purged of one company. */
type Counts = { conversations: number; messages: number; leads: number };

/** Purges what has expired at `now` (ms). Throws when D1 cannot be read. */
export async function runRetention(env: Env, now: number): Promise<void> {
  const ceiling = configOf(env).RETENTION_DAYS;
  const budget = new Budget(CALLS);
  const rules = await rulesOf(env, budget, now);
  for (const home of allHomes(env)) {
    const sweep = new Sweep(env, home, budget);
    try {
      await sweep.finishClosed();
      if (ceiling > 0) await sweep.deleted({ company_id: null, before: now - ceiling * DAY });
      for (const rule of rules.filter(({ database }) => database === home.name)) {
        const { conversations_days, deleted_days, leads_days } = effectiveRetention(rule, ceiling);
        const before = (days: number | null) => (days === null ? null : now - days * DAY);
        const [idle, gone, unheard] = [before(conversations_days), before(deleted_days), before(leads_days)];
        if (gone !== null && deleted_days !== ceiling) await sweep.deleted({ company_id: rule.id, before: gone });
        if (idle !== null) await sweep.idle(rule.id, idle);
        if (unheard !== null) await sweep.leads(rule.id, unheard);
      }
    } finally {
      await sweep.record();
    }
  }
}

/** What companies have set. Each run begins with another of them, so that a large one does not hold up the others for long. */
async function rulesOf(env: Env, budget: Budget, now: number): Promise<store.Rule[]> {
  const rules: store.Rule[] = [];
  for (let last = ""; budget.spend(1);) {
    const some = await store.companyRules(controlDatabase(env), last, 1000);
    rules.push(...some);
    last = some.at(-1)?.id ?? last;
    if (some.length < 1000) break;
  }
  const start = rules.length === 0 ? 0 : Math.floor(now / HOUR) % rules.length;
  return [...rules.slice(start), ...rules.slice(0, start)];
}

/** One run's work in one database. */
class Sweep {
  readonly #env: Env;
  readonly #db: Database;
  readonly #budget: Budget;
  readonly #counts = new Map<string, Counts>();

  constructor(env: Env, home: Home, budget: Budget) {
    this.#env = env;
    this.#db = openDatabase(home.d1);
    this.#budget = budget;
  }

  /** Conversations that an earlier run has begun to take away. */
  async finishClosed(): Promise<void> {
    if (!this.#budget.spend(1)) return;
    const due = await store.closedConversations(this.#db, 100);
    await this.#purgeAll(due, { of: "idle", before: 0 });
  }

  /** What was deleted before the scope's time: conversations, and messages of those that are still there. */
  async deleted(scope: store.Scope): Promise<void> {
    for (let after: store.Place | null = null; this.#budget.spend(1);) {
      const due: (store.Place & { company_id: string })[] = await store.expiredConversations(
        this.#db,
        scope,
        after,
        AT_ONCE,
      );
      if ((await this.#purgeAll(due, { of: "deleted", before: scope.before })) === null) return;
      after = due.at(-1) ?? after;
      if (due.length < AT_ONCE) break;
    }
    await this.#messages(scope);
  }

  async #messages(scope: store.Scope): Promise<void> {
    for (let after: store.Place | null = null; this.#budget.spend(1);) {
      const due = await store.expiredMessages(this.#db, scope, after, MESSAGES);
      const conversations = Object.entries(Object.groupBy(due, (row) => row.conversation_id));
      for (let i = 0; i < conversations.length; i += AT_ONCE) {
        const some = conversations.slice(i, i + AT_ONCE);
        if (!this.#budget.spend(some.length)) return;
        const work = some.map(async ([id, rows = []]) => {
          const company_id = rows[0]?.company_id ?? "";
          const ids = rows.map((row) => row.id);
          const done = await this.#call(id, (object) => object.purgeMessages(company_id, ids, scope.before));
          this.#count(company_id, "messages", done ?? 0);
        });
        await Promise.all(work);
      }
      after = due.at(-1) ?? after;
      if (due.length < MESSAGES) return;
    }
  }

  /** Live conversations in which nothing was said since before `before`. */
  async idle(company_id: string, before: number): Promise<void> {
    // Those that have just been spoken in, or that cannot be reached: they would be found again and again.
    const passed: string[] = [];
    while (passed.length < PASSED && this.#budget.spend(1)) {
      const ids = await store.idleConversations(this.#db, company_id, before, AT_ONCE, passed);
      const due = ids.map((id) => ({ id, company_id }));
      const left = await this.#purgeAll(due, { of: "idle", before });
      if (left === null || ids.length === 0) return;
      passed.push(...left);
    }
  }

  /** Visitors who were not heard of since before `before`: first their conversations go, and then what is known of them. */
  async leads(company_id: string, before: number): Promise<void> {
    const passed: string[] = [];
    while (passed.length < PASSED && this.#budget.spend(2)) {
      const ids = await store.idleLeads(this.#db, company_id, before, LEADS, passed);
      if (ids.length === 0) return;
      for (const stuck: string[] = []; stuck.length < PASSED;) {
        if (!this.#budget.spend(1)) return;
        const theirs = await store.conversationsOfLeads(this.#db, company_id, ids, AT_ONCE, stuck);
        const due = theirs.map(({ id }) => ({ id, company_id }));
        const left = await this.#purgeAll(due, { of: "idle", before });
        if (left === null) return;
        stuck.push(...left);
        if (theirs.length < AT_ONCE) break;
      }
      if (!this.#budget.spend(1)) return;
      const now = Date.now();
      const entry = (id: string) => ({ action: "lead.erase", target_type: "lead", target_id: id });
      const forgotten = await store.forgetLeads(this.#db, company_id, ids, (id) =>
        systemAuditRow(company_id, "retention", entry(id), now),
      );
      this.#count(company_id, "leads", forgotten.length);
      passed.push(...ids.filter((id) => !forgotten.includes(id)));
    }
  }

  /** One audit row a company and sweep, with what went. */
  async record(): Promise<void> {
    for (const [company_id, counts] of this.#counts) {
      const entry = { action: "retention.sweep", target_type: "company", target_id: company_id, details: counts };
      await insertAudit(this.#db, systemAuditRow(company_id, "retention", entry, Date.now())).run();
    }
  }

  /** Ids of those of these that did not go; null when there is no room for them. */
  async #purgeAll(due: { id: string; company_id: string }[], expiry: Expiry): Promise<string[] | null> {
    const left: string[] = [];
    for (let i = 0; i < due.length; i += AT_ONCE) {
      const some = due.slice(i, i + AT_ONCE);
      if (!this.#budget.spend(some.length)) return null;
      const work = some.map(async ({ id, company_id }) => {
        const done = await this.#call(id, (object) => object.purge(company_id, expiry));
        if (done) this.#count(company_id, "conversations", 1);
        if (!done) left.push(id);
      });
      await Promise.all(work);
    }
    return left;
  }

  #count(company_id: string, what: keyof Counts, n: number): void {
    if (n === 0) return;
    const counts = this.#counts.get(company_id) ?? { conversations: 0, messages: 0, leads: 0 };
    this.#counts.set(company_id, { ...counts, [what]: counts[what] + n });
  }

  /** What the object of a conversation answers, or null when it failed, which is logged: the next run tries again. */
  async #call<T>(id: string, ask: (object: Stub) => Promise<Answer<T>>): Promise<T | null> {
    try {
      const answer = await ask(this.#env.CONVERSATION.getByName(id));
      if (answer.ok) return answer.value;
      log(id, answer.error.code);
    } catch (error) {
      log(id, causeOf(error));
    }
    return null;
  }
}

const log = (conversation_id: string, reason: string) =>
  console.error(JSON.stringify({ event: "retention_failed", conversation_id, reason }));

type Stub = ReturnType<Env["CONVERSATION"]["getByName"]>;
type Answer<T> = { ok: true; value: T } | { ok: false; error: { code: string } };
