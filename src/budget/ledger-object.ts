/**
 * One Durable Object per company, named by its id, keeps the ledger of its budgets. The budgets themselves are D1's; while D1
 * is away the ledger goes on with those that it knows.
 */
import { DurableObject } from "cloudflare:workers";
import type { Ask, BudgetState, LedgerRpc, Spender, Spent, Verdict } from "../chat/budget.ts";
import { within } from "../chat/within.ts";
import { allBudgets, insertWarning, spentBetween } from "../db/budget.ts";
import { findCompany } from "../db/company.ts";
import { causeOf, companyDatabase, controlDatabase } from "../db/database.ts";
import { wakeDispatcher } from "../db/webhook.ts";
import type { Env } from "../env.ts";
import { Ledger } from "./ledger.ts";

/** Milliseconds for which the budgets and the time zone are believed. */
const TTL = 60_000;
/** Milliseconds that D1 has to answer, and for which it is not asked again when it did not. */
const PATIENCE = 2_000;
const RETRY = 10_000;
/** Warnings that are sent to D1 at a time. */
const WARNINGS = 50;

const log = (event: object) => console.warn(JSON.stringify(event));

export class LedgerObject extends DurableObject<Env> implements LedgerRpc {
  readonly #ledger: Ledger;
  #loading: Promise<void> | null = null;
  #counting: Promise<void> = Promise.resolve();
  /** D1 did not answer: until then (ms) it is not asked again. */
  #quietUntil = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#ledger = new Ledger({
      storage: ctx.storage,
      clock: () => Date.now(),
      log: (event) => log({ ...event, ...this.#of }),
    });
  }

  async reserve(ask: Ask): Promise<Verdict> {
    const age = Date.now() - this.#ledger.loadedAt;
    if (this.#ledger.loadedAt === 0) await this.#load();
    else if (age > TTL && Date.now() > this.#quietUntil) this.ctx.waitUntil(this.#load());
    if (this.#ledger.loadedAt === 0) return { ok: false, denial: null };
    await this.#count(ask.spender);
    const verdict = this.#ledger.reserve(ask);
    if (!verdict.ok) this.#warnSoon();
    return verdict;
  }

  async settle(key: string, spent: Spent): Promise<void> {
    this.#ledger.settle(key, spent);
    this.#warnSoon();
  }

  async states(ids: string[], lead_id: string | null): Promise<BudgetState[]> {
    await this.#load();
    await this.#count({ ids, lead_id });
    return this.#ledger.states(ids, lead_id);
  }

  override async alarm(): Promise<void> {
    await this.#sendWarnings();
  }

  get #company_id(): string {
    return String(this.ctx.id.name);
  }

  get #of() {
    return { company_id: this.#company_id };
  }

  /** Reads the budgets from D1. Without an answer those that are known stay. */
  #load(): Promise<void> {
    this.#loading ??= this.#read().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  async #read(): Promise<void> {
    try {
      const reading = Promise.all([
        companyDatabase(this.env, this.#company_id).then((db) => allBudgets(db, this.#company_id)),
        findCompany(controlDatabase(this.env), this.#company_id),
      ]);
      const [budgets, company] = await within(reading, PATIENCE);
      this.#ledger.load(budgets, company?.time_zone ?? "UTC");
    } catch (error) {
      this.#quietUntil = Date.now() + RETRY;
      const age_seconds = (Date.now() - this.#ledger.loadedAt) / 1000;
      log({ event: "budgets_from_ledger", ...this.#of, age_seconds, error: causeOf(error) });
    }
  }

  /** One after another, so that nothing is counted twice. Without an answer of D1 it is tried again by a later call. */
  #count(of: Spender | { ids: string[]; lead_id: string | null }): Promise<void> {
    const due = Date.now() < this.#quietUntil ? [] : this.#ledger.uncounted(of);
    if (due.length === 0) return Promise.resolve();
    this.#counting = this.#counting.then(async () => {
      if (Date.now() < this.#quietUntil) return;
      try {
        const db = await companyDatabase(this.env, this.#company_id);
        for (const one of this.#ledger.uncounted(of)) {
          const reading = spentBetween(db, this.#company_id, one.budget, one.scope, one.start, one.until);
          this.#ledger.count(one, await within(reading, 5 * PATIENCE));
        }
      } catch (error) {
        this.#quietUntil = Date.now() + RETRY;
        log({ event: "budget_not_counted", ...this.#of, error: causeOf(error) });
      }
    });
    if (!due.every(({ isAgain }) => isAgain)) return this.#counting;
    this.ctx.waitUntil(this.#counting);
    return Promise.resolve();
  }

  #warnSoon(): void {
    if (this.#ledger.warnings(1).length > 0) this.ctx.waitUntil(this.#sendWarnings());
  }

  /** What D1 does not take now, the alarm tries again. */
  async #sendWarnings(): Promise<void> {
    try {
      const db = await companyDatabase(this.env, this.#company_id);
      for (let due = this.#ledger.warnings(WARNINGS); due.length > 0; due = this.#ledger.warnings(WARNINGS)) {
        for (const warning of due) {
          await within(insertWarning(db, this.#company_id, warning), PATIENCE);
          this.#ledger.forgetWarning(warning.id);
        }
        await wakeDispatcher(this.env, this.#company_id);
      }
    } catch (error) {
      log({ event: "budget_warning_delayed", ...this.#of, error: causeOf(error) });
      await this.ctx.storage.setAlarm(Date.now() + RETRY);
    }
  }
}
