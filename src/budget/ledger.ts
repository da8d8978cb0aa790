/**
 * What a company's budgets have left. Room is taken before a call of a model and settled after it, both in one synchronous
 * transaction: what is used and reserved together never exceeds a budget, whoever asks at the same time. Its SQLite is the
 * record; a counter that is missing is made from what D1 has of the replies before it.
 */
import { amountOf, type Ask, appliesTo, type Budget, type BudgetState, type Denial, limitOf } from "../chat/budget.ts";
import type { Spender, Spent, Verdict } from "../chat/budget.ts";
import type { SqlStore, SqlValue } from "../chat/journal/storage.ts";
import { decimalOf } from "../chat/money.ts";
import { type Period, periodOf } from "../chat/period.ts";
import { COUNTED, type Counter, Counters, type Uncounted } from "./counters.ts";
import { SCHEMA } from "./schema.ts";

/** Reservations that are expired at a time. */
const EXPIRED = 100;
/** Milliseconds after which every turn knows of a new budget, and D1 has what those took that did not. */
const KNOWN_BY_ALL = 60_000;

/** `since`: from then on the ledger has counted for the budget; what was before is read from D1. */
type Known = { budget: Budget; since: number };
type Part = { budget_id: string; scope: string; start: number; amount: string };
type Matching = Known & { scope: string; counter: Counter; limit: bigint };

/** From the least strict to the strictest. */
const STRICTNESS = ["fallback", "hand_over", "refuse"] as const;

export type LedgerPorts = { storage: SqlStore; clock: () => number; log: (event: object) => void };

export class Ledger {
  readonly #ports: LedgerPorts;
  readonly #counters: Counters;
  #budgets: Known[];
  #zone: string | null;
  /** When its budgets were read from D1 last (ms); 0: never. */
  loadedAt: number;

  constructor(ports: LedgerPorts) {
    this.#ports = ports;
    ports.storage.sql.exec(SCHEMA);
    this.#counters = new Counters(ports.storage);
    const [known] = this.#rows("SELECT time_zone, at FROM known");
    this.#zone = known ? String(known["time_zone"]) : null;
    this.loadedAt = Number(known?.["at"] ?? 0);
    this.#budgets = this.#rows("SELECT value, since FROM budget ORDER BY id").map(({ value, since }) => ({
      budget: JSON.parse(String(value)) as Budget,
      since: Number(since),
    }));
  }

  /** The company's budgets as D1 has them. In another time zone all counting begins anew, from what D1 has. */
  load(budgets: Budget[], zone: string): void {
    const now = this.#ports.clock();
    const before = new Map(zone === this.#zone ? this.#budgets.map((known) => [known.budget.id, known.since]) : []);
    const kept = budgets.map((budget) => ({ budget, since: before.get(budget.id) ?? now }));
    const isSame = zone === this.#zone && JSON.stringify(kept) === JSON.stringify(this.#budgets);
    this.#ports.storage.transactionSync(() => {
      this.#run("INSERT OR REPLACE INTO known VALUES (1, ?, ?)", zone, now);
      if (isSame) return;
      // A period may begin at the same moment in both zones, or the former one may come back. Reservations stay.
      if (zone !== this.#zone) this.#run("UPDATE counter SET used = '0', counted = 0");
      this.#run("DELETE FROM budget");
      for (const { budget, since } of kept)
        this.#run("INSERT INTO budget VALUES (?, ?, ?)", budget.id, JSON.stringify(budget), since);
      const ids = JSON.stringify(budgets.map(({ id }) => id));
      this.#run("DELETE FROM counter WHERE budget_id NOT IN (SELECT value FROM json_each(?))", ids);
    });
    this.#budgets = kept;
    this.#zone = zone;
    this.loadedAt = now;
  }

  /**
   * Counters for this spender, or for these budgets, that lack what D1 has of the time before `since`; and once more those of
   * new budgets, when all turns know of them.
   */
  uncounted(of: Spender | { ids: string[]; lead_id: string | null }): Uncounted[] {
    const found = "ids" in of ? this.#shown(of.ids, of.lead_id) : this.#matching(of);
    const now = this.#ports.clock();
    return found.flatMap(({ budget, scope, since, counter: { counted, used, reserved, start } }) => {
      const isKnown = now >= since + KNOWN_BY_ALL;
      const isAgain = counted === COUNTED.before;
      if (counted === COUNTED.all || (isAgain && !isKnown)) return [];
      const isWhole = isKnown && (isAgain || used + reserved === 0n);
      return [{ budget, scope, start, until: isWhole ? now : since, isWhole, isAgain }];
    });
  }

  /** What D1 has; counted once, however often it is told. Of the whole period D1 has at most what was used. */
  count({ budget, scope, start, isWhole }: Uncounted, units: bigint): void {
    this.#ports.storage.transactionSync(() => {
      const counter = this.#counters.find(budget.id, scope, start);
      if (!counter || counter.counted === COUNTED.all || (!isWhole && counter.counted === COUNTED.before)) return;
      if (!isWhole) this.#counters.write({ ...counter, used: counter.used + units, counted: COUNTED.before });
      else this.#counters.write({ ...counter, used: larger(counter.used, units), counted: COUNTED.all });
    });
  }

  reserve({ key, spender, choices, expires_at }: Ask): Verdict {
    return this.#ports.storage.transactionSync(() => {
      const now = this.#ports.clock();
      this.#expire(now);
      this.#close(key, () => 0n);
      const found = this.#matching(spender);
      const unpriced = found.filter(({ budget }) => amountOf(budget, choices[0]) === null);
      if (unpriced.length > 0) return denied("unpriced", unpriced);
      for (const [choice, spent] of choices.entries()) {
        const fits = ({ budget, counter, limit }: Matching) =>
          counter.used + counter.reserved + (amountOf(budget, spent) ?? 0n) <= limit;
        if (found.every(fits)) {
          if (found.length > 0) this.#take(key, found, spent, expires_at);
          return { ok: true, choice };
        }
        if (choice + 1 === choices.length) {
          const full = found.filter((one) => !fits(one));
          for (const one of full) this.#warn(one);
          return denied("exhausted", full);
        }
      }
      return { ok: true, choice: 0 };
    });
  }

  settle(key: string, spent: Spent): void {
    this.#ports.storage.transactionSync(() => this.#close(key, (budget) => amountOf(budget, spent)));
  }

  states(ids: string[], lead_id: string | null): BudgetState[] {
    return this.#ports.storage.transactionSync(() => {
      this.#expire(this.#ports.clock());
      const shown = new Map(this.#shown(ids, lead_id).map((one) => [one.budget.id, one]));
      return this.#budgets
        .filter(({ budget }) => ids.includes(budget.id))
        .map(({ budget }) => {
          const counter = shown.get(budget.id)?.counter;
          const view = (units: bigint) => (budget.tokens === null ? decimalOf(units) : units.toString());
          const resets_at = this.#period(budget).end;
          return {
            id: budget.id,
            used: counter ? view(counter.used) : null,
            reserved: counter ? view(counter.reserved) : null,
            resets_at,
          };
        });
    });
  }

  /** Warnings that D1 has yet to hear of, at most `limit`. */
  warnings(limit: number): { id: string; at: number; data: string }[] {
    return this.#rows("SELECT id, at, data FROM warning ORDER BY at LIMIT ?", limit) as never;
  }

  forgetWarning(id: string): void {
    this.#run("DELETE FROM warning WHERE id = ?", id);
  }

  #take(key: string, found: Matching[], spent: Spent, expires_at: number): void {
    const parts = found.map(({ budget, scope, counter }): Part => {
      const amount = amountOf(budget, spent) ?? 0n;
      this.#counters.write({ ...counter, reserved: counter.reserved + amount });
      return { budget_id: budget.id, scope, start: counter.start, amount: amount.toString() };
    });
    this.#run("INSERT INTO reservation VALUES (?, ?, ?)", key, expires_at, JSON.stringify(parts));
  }

  /** Ends a reservation. `used`: units of a budget that the call took; null: as many as were reserved. */
  #close(key: string, used: (budget: Budget) => bigint | null): void {
    const [row] = this.#rows("SELECT parts FROM reservation WHERE key = ?", key);
    if (!row) return;
    this.#run("DELETE FROM reservation WHERE key = ?", key);
    for (const { budget_id, scope, start, amount } of JSON.parse(String(row["parts"])) as Part[]) {
      const known = this.#budgets.find(({ budget }) => budget.id === budget_id);
      const counter = this.#counters.find(budget_id, scope, start);
      if (!known || !counter) continue;
      const reserved = BigInt(amount);
      const after = {
        ...counter,
        reserved: counter.reserved - reserved,
        used: counter.used + (used(known.budget) ?? reserved),
      };
      this.#counters.write(after);
      const limit = limitOf(known.budget);
      if (after.used * 5n >= limit * 4n) this.#warn({ ...known, scope, counter: after, limit });
    }
  }

  /** What nobody has settled in its time counts as used: the process that called the model has crashed. */
  #expire(now: number): void {
    for (const { key } of this.#rows("SELECT key FROM reservation WHERE expires_at <= ? LIMIT ?", now, EXPIRED)) {
      this.#ports.log({ event: "reservation_expired", key });
      this.#close(String(key), () => null);
    }
    this.#counters.expire(now);
  }

  /** Once for each counter: a budget has less than a fifth left, or was asked for more than it has. */
  #warn({ budget, scope, counter, limit }: Matching): void {
    if (this.#counters.find(budget.id, scope, counter.start)?.warned !== false) return;
    this.#counters.write({ ...counter, warned: true });
    const view = (units: bigint) => (budget.tokens === null ? decimalOf(units) : Number(units));
    const data = {
      budget_id: budget.id,
      ...(scope === "" ? {} : { lead_id: scope }),
      used: view(counter.used),
      limit: view(limit),
      ...(budget.currency === null ? {} : { currency: budget.currency }),
      resets_at: new Date(this.#period(budget).end).toISOString(),
    };
    const id = ["evt", budget.id, counter.start, scope].filter((part) => part !== "").join("_");
    this.#run("INSERT OR IGNORE INTO warning VALUES (?, ?, ?)", id, this.#ports.clock(), JSON.stringify(data));
  }

  #matching(spender: Spender): Matching[] {
    return this.#budgets
      .filter(({ budget }) => appliesTo(budget, spender))
      .map((known) => this.#open(known, known.budget.applies_to === "each_lead" ? spender.entity_id : ""));
  }

  #shown(ids: string[], lead_id: string | null): Matching[] {
    return this.#budgets
      .filter(({ budget }) => ids.includes(budget.id) && (budget.applies_to !== "each_lead" || lead_id !== null))
      .map((known) => this.#open(known, known.budget.applies_to === "each_lead" ? (lead_id ?? "") : ""));
  }

  #open(known: Known, scope: string): Matching {
    const { start, end } = this.#period(known.budget);
    const counted = start >= known.since + KNOWN_BY_ALL ? COUNTED.all : COUNTED.nothing;
    const counter = this.#counters.open(known.budget.id, scope, start, end, counted);
    return { ...known, scope, counter, limit: limitOf(known.budget) };
  }

  readonly #periods = new Map<string, Period>();

  /** The present period of a budget. */
  #period({ period: kind }: Budget): Period {
    const now = this.#ports.clock();
    const zone = this.#zone ?? "UTC";
    const key = `${kind} ${zone}`;
    let period = this.#periods.get(key);
    if (!period || now < period.start || now >= period.end)
      this.#periods.set(key, (period = periodOf(kind, zone, now)));
    return period;
  }

  #rows = (query: string, ...values: SqlValue[]) => this.#ports.storage.sql.exec(query, ...values).toArray();
  #run = (query: string, ...values: SqlValue[]) => void this.#ports.storage.sql.exec(query, ...values);
}

const larger = (a: bigint, b: bigint) => (a > b ? a : b);

/** The strictest of several budgets decides, and of those the one that resets last. */
function denied(why: Denial["why"], budgets: Matching[]): Verdict {
  const strictness = Math.max(...budgets.map(({ budget }) => STRICTNESS.indexOf(budget.on_exhausted)));
  const deciding = budgets.filter(({ budget }) => STRICTNESS.indexOf(budget.on_exhausted) === strictness);
  const resets_at = Math.max(...deciding.map(({ counter }) => counter.end));
  return { ok: false, denial: { why, on_exhausted: STRICTNESS[strictness] ?? "refuse", resets_at } };
}
