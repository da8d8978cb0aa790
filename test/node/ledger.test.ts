/** The ledger of a company over real SQLite, with a clock that is set by hand. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ledger } from "../../src/budget/ledger.ts";
import type { Ask, Budget, Spent } from "../../src/chat/budget.ts";
import { SqliteStore } from "./sqlite-store.ts";

const NOON = Date.parse("2026-10-25T11:00:00Z");
const HOUR = 3_600_000;
const LEAD = { entity_type: "lead", entity_id: "visitor", agent_id: "agent" } as const;

const budgetOf = (more: Partial<Budget> = {}): Budget => ({
  ...{ id: "b", applies_to: "company", agent_id: null, entity_type: null, entity_id: null, period: "day" },
  ...{ tokens: 1000, amount: null, currency: null, on_exhausted: "refuse" },
  ...more,
});

/** A ledger that knows these budgets; `set` moves its clock, `again` is the same ledger after a restart. */
function ledgerOf(budgets: Budget[], zone = "Europe/Berlin", start = NOON) {
  let now = start;
  const storage = new SqliteStore();
  const logged: object[] = [];
  const ports = { storage, clock: () => now, log: (event: object) => void logged.push(event) };
  const ledger = new Ledger(ports);
  ledger.load(budgets, zone);
  let keys = 0;
  const ask = (spent: Spent | Spent[], more: Partial<Ask> = {}): Ask => ({
    key: `call-${++keys}`,
    spender: LEAD,
    choices: [spent].flat(),
    expires_at: now + HOUR,
    ...more,
  });
  const state = (of: Ledger = ledger, id = "b", lead: string | null = null) => of.states([id], lead)[0];
  /** As if D1 had nothing from before. */
  const settleBase = (of: Ledger = ledger) => {
    for (const one of of.uncounted(LEAD)) of.count(one, 0n);
  };
  return {
    ...{ ledger, ask, state, logged, settleBase },
    set: (to: number) => (now = to),
    again: () => new Ledger(ports),
  };
}

const tokens = (n: number): Spent => ({ tokens: n, cost: "nothing" });
const money = (amount: string, currency = "EUR"): Spent => ({ tokens: 1, cost: { amount, currency } });

describe("room", () => {
  it("is had by exactly as many as fit, and comes back with what was not used", () => {
    const { ledger, ask, state } = ledgerOf([budgetOf()]);
    const asked = Array.from({ length: 20 }, () => ask(tokens(100)));
    expect(asked.map((one) => ledger.reserve(one).ok).filter(Boolean)).toHaveLength(10);
    expect(state()).toMatchObject({ used: "0", reserved: "1000" });
    for (const { key } of asked) ledger.settle(key, tokens(60));
    expect(state()).toMatchObject({ used: "600", reserved: "0" });
    expect(Array.from({ length: 5 }, () => ledger.reserve(ask(tokens(100))).ok)).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
  });

  it("is taken once, however often the same call asks, settles, or both", () => {
    const { ledger, ask, state } = ledgerOf([budgetOf()]);
    const call = ask(tokens(600));
    for (let n = 0; n < 3; n++) expect(ledger.reserve(call).ok).toBe(true);
    expect(state()?.reserved).toBe("600");
    expect(ledger.reserve({ ...call, choices: [tokens(900)] }).ok).toBe(true);
    for (let n = 0; n < 3; n++) ledger.settle(call.key, tokens(250));
    expect(state()).toMatchObject({ used: "250", reserved: "0" });
    ledger.settle("nobody knows it", tokens(100));
    expect(state()?.used).toBe("250");
  });

  it("is the most that fits of what was asked for", () => {
    const { ledger, ask, state } = ledgerOf([budgetOf()]);
    const choices = [tokens(900), tokens(300), tokens(50)];
    const granted = Array.from({ length: 5 }, () => ledger.reserve(ask(choices)));
    expect(granted.map((one) => (one.ok ? one.choice : null))).toEqual([0, 2, 2, null, null]);
    expect(state()?.reserved).toBe("1000");
  });

  it("must be in every budget; of those that are full the strictest decides, and resets last", () => {
    const { ledger, ask } = ledgerOf([
      budgetOf({ id: "a", tokens: 100, on_exhausted: "fallback" }),
      budgetOf({ id: "b", tokens: 100, on_exhausted: "hand_over" }),
      budgetOf({ id: "c", tokens: 100, on_exhausted: "hand_over", period: "month" }),
      budgetOf({ id: "d", tokens: 500, on_exhausted: "refuse" }),
    ]);
    const resets = { day: Date.parse("2026-10-25T23:00:00Z"), month: Date.parse("2026-10-31T23:00:00Z") };
    expect(ledger.reserve(ask(tokens(200)))).toEqual({
      ok: false,
      denial: { why: "exhausted", on_exhausted: "hand_over", resets_at: resets.month },
    });
    expect(ledger.reserve(ask(tokens(600)))).toMatchObject({
      denial: { on_exhausted: "refuse", resets_at: resets.day },
    });
  });

  it("is that of whoever a budget is for: agent, person, or each lead", () => {
    const { ledger, ask, state } = ledgerOf([
      budgetOf({ id: "agent", applies_to: "agent", agent_id: "other" }),
      budgetOf({ id: "person", applies_to: "entity", entity_type: "user", entity_id: "visitor" }),
      budgetOf({ id: "each", applies_to: "each_lead", tokens: 100 }),
    ]);
    const other = { ...LEAD, entity_id: "other" };
    expect(ledger.reserve(ask(tokens(100))).ok).toBe(true);
    expect(ledger.reserve(ask(tokens(1))).ok).toBe(false);
    expect(ledger.reserve(ask(tokens(100), { spender: other })).ok).toBe(true);
    expect(ledger.reserve(ask(tokens(5000), { spender: { ...LEAD, entity_type: "user", entity_id: "x" } })).ok).toBe(
      true,
    );
    expect(ledger.reserve(ask(tokens(1000), { spender: { ...LEAD, entity_type: "user" } })).ok).toBe(true);
    expect(ledger.reserve(ask(tokens(1), { spender: { ...LEAD, entity_type: "user" } })).ok).toBe(false);
    expect(state(ledger, "each")).toMatchObject({ used: null, reserved: null });
    expect(state(ledger, "each", "visitor")).toMatchObject({ used: "0", reserved: "100" });
    expect(state(ledger, "agent")).toMatchObject({ used: "0", reserved: "0" });
  });

  it("is never exceeded, whatever happens in whichever order, restarts too", () => {
    const op = fc.tuple(fc.constantFrom("reserve", "settle", "restart", "later", "other"), fc.nat(9), fc.nat(400));
    const property = fc.property(fc.array(op, { maxLength: 60 }), (ops) => {
      const bench = ledgerOf([budgetOf(), budgetOf({ id: "m", tokens: null, amount: "0.5", currency: "EUR" })]);
      let { ledger } = bench;
      let now = NOON;
      const most = new Map<string, number>();
      for (const [what, n, size] of ops) {
        const key = `k${n}`;
        const spent = (units: number): Spent => ({
          tokens: units,
          cost: { amount: `0.${String(units).padStart(3, "0")}`, currency: "EUR" },
        });
        if (what === "reserve" && ledger.reserve(bench.ask(spent(size), { key, expires_at: now + HOUR })).ok)
          most.set(key, size);
        // A call never takes more than what was reserved for it.
        else if (what === "settle") ledger.settle(key, spent(Math.floor((most.get(key) ?? 0) / 2)));
        else if (what === "restart") ledger = bench.again();
        else if (what === "later") bench.set((now += HOUR / 2));
        for (const [id, limit] of [
          ["b", 1000],
          ["m", 0.5],
        ] as const) {
          const state = ledger.states([id], null)[0];
          expect(Number(state?.used) + Number(state?.reserved)).toBeLessThanOrEqual(limit);
        }
      }
    });
    fc.assert(property, { numRuns: 100 });
  });
});

describe("money", () => {
  it("is counted exactly, and a model without a price in its currency is not called", () => {
    const { ledger, ask, state } = ledgerOf([budgetOf({ tokens: null, amount: "0.3", currency: "EUR" })]);
    const first = ask(money("0.1"));
    expect(ledger.reserve(first).ok && ledger.reserve(ask(money("0.2"))).ok).toBe(true);
    expect(ledger.reserve(ask(money("0.000000000001"))).ok).toBe(false);
    ledger.settle(first.key, money("0.099999999999"));
    expect(state()).toMatchObject({ used: "0.099999999999", reserved: "0.2" });
    const denial = { why: "unpriced", on_exhausted: "refuse" };
    expect(ledger.reserve(ask({ tokens: 1, cost: null }))).toMatchObject({ ok: false, denial });
    expect(ledger.reserve(ask(money("0.01", "USD")))).toMatchObject({ ok: false, denial });
    expect(ledger.reserve(ask({ tokens: 1, cost: "nothing" })).ok).toBe(true);
  });

  it("that a call took without a price counts as it was reserved", () => {
    const { ledger, ask, state } = ledgerOf([budgetOf({ tokens: null, amount: "1", currency: "EUR" })]);
    const call = ask(money("0.4"));
    ledger.reserve(call);
    ledger.settle(call.key, { tokens: 5, cost: null });
    expect(state()).toMatchObject({ used: "0.4", reserved: "0" });
  });
});

describe("time", () => {
  it("ends a day where the company is, also on the day on which its clocks change", () => {
    const { ledger, ask, state, set } = ledgerOf([budgetOf()]);
    const call = ask(tokens(1000), { expires_at: NOON + 24 * HOUR });
    expect(ledger.reserve(call).ok).toBe(true);
    // The 25th of October has 25 hours in Berlin: 22:59 UTC still is that day.
    set(Date.parse("2026-10-25T22:59:59Z"));
    expect(ledger.reserve(ask(tokens(1)))).toMatchObject({ denial: { resets_at: Date.parse("2026-10-25T23:00:00Z") } });
    set(Date.parse("2026-10-25T23:00:00Z"));
    expect(ledger.reserve(ask(tokens(1000))).ok).toBe(true);
    // What began on one day is counted on that day.
    ledger.settle(call.key, tokens(700));
    expect(state()).toMatchObject({ used: "0", reserved: "1000" });
  });

  it("makes a call that nobody settled count as it was reserved, after a restart too", () => {
    const { ledger, ask, set, again, logged, state } = ledgerOf([budgetOf()]);
    const call = ask(tokens(900));
    ledger.reserve(call);
    const after = again();
    expect(after.reserve(ask(tokens(900))).ok).toBe(false);
    set(NOON + HOUR);
    expect(state(after)).toMatchObject({ used: "900", reserved: "0" });
    expect(logged).toEqual([{ event: "reservation_expired", key: call.key }]);
    after.settle(call.key, tokens(1));
    expect(state(after)?.used).toBe("900");
  });

  it("forgets counters of periods that are long over", () => {
    const { ledger, ask, set, state } = ledgerOf([budgetOf({ applies_to: "each_lead" })]);
    for (let n = 0; n < 120; n++) ledger.reserve(ask(tokens(1), { spender: { ...LEAD, entity_id: `lead-${n}` } }));
    set(NOON + 60 * HOUR);
    for (let n = 0; n < 5; n++) ledger.reserve(ask(tokens(1)));
    expect(ledger.uncounted({ ids: ["b"], lead_id: "lead-3" })).toEqual([]);
    expect(state(ledger, "b", "lead-3")).toMatchObject({ used: "0", reserved: "0" });
  });
});

describe("what was before", () => {
  it("is counted once: from the begin of the period to when the ledger heard of the budget", () => {
    const { ledger, ask, state, again } = ledgerOf([budgetOf()]);
    const [missing] = ledger.uncounted(LEAD);
    expect(missing).toMatchObject({ scope: "", start: Date.parse("2026-10-24T22:00:00Z"), until: NOON });
    for (let n = 0; n < 2; n++) if (missing) ledger.count(missing, 950n);
    expect(again().uncounted(LEAD)).toEqual([]);
    expect(state()?.used).toBe("950");
    expect(ledger.reserve(ask(tokens(51))).ok).toBe(false);
  });

  it("is looked at once more when all turns know of the budget: those that did not are in it then", () => {
    const { ledger, ask, set, state, again } = ledgerOf([budgetOf()]);
    const [before] = ledger.uncounted(LEAD);
    if (before) ledger.count(before, 100n);
    const [known, late] = [ask(tokens(90)), ask(tokens(90))];
    for (const call of [known, late]) ledger.reserve(call);
    ledger.settle(known.key, tokens(50));
    set(NOON + 59_000);
    expect(ledger.uncounted(LEAD)).toEqual([]);
    set(NOON + 60_000);
    const [whole] = again().uncounted(LEAD);
    expect(whole).toMatchObject({ start: Date.parse("2026-10-24T22:00:00Z"), until: NOON + 60_000, isWhole: true });
    // 100 of before, 50 of the turn that knew, 70 of one that did not.
    for (let n = 0; n < 2; n++) if (whole) ledger.count(whole, 220n);
    if (before) ledger.count(before, 100n);
    ledger.settle(late.key, tokens(10));
    expect(state()).toMatchObject({ used: "230", reserved: "0" });
    expect(again().uncounted(LEAD)).toEqual([]);
  });

  it("never becomes less by looking once more: D1 may be behind", () => {
    const { ledger, ask, set, state, settleBase } = ledgerOf([budgetOf()]);
    settleBase();
    const call = ask(tokens(90));
    ledger.reserve(call);
    ledger.settle(call.key, tokens(50));
    set(NOON + 60_000);
    settleBase();
    expect(state()?.used).toBe("50");
    expect(ledger.uncounted(LEAD)).toEqual([]);
  });

  it("is counted anew in another time zone, and not at all in a period that began later", () => {
    const { ledger, set, settleBase } = ledgerOf([budgetOf()]);
    settleBase();
    set(NOON + 24 * HOUR);
    expect(ledger.uncounted(LEAD)).toEqual([]);
    ledger.load([budgetOf()], "America/New_York");
    expect(ledger.uncounted(LEAD)).toMatchObject([
      { start: Date.parse("2026-10-26T04:00:00Z"), until: NOON + 24 * HOUR },
    ]);
  });

  it("is counted anew each time that the zone changes, also back to one that was there before", () => {
    const { ledger, ask, state, set, settleBase } = ledgerOf([budgetOf()]);
    settleBase();
    const later = { expires_at: NOON + 3 * HOUR };
    const calls = [ask(tokens(100), later), ask(tokens(100), later)] as const;
    for (const call of calls) ledger.reserve(call);
    ledger.settle(calls[0].key, tokens(90));
    set(NOON + HOUR);
    ledger.load([budgetOf()], "Europe/Athens");
    set(NOON + 2 * HOUR);
    ledger.load([budgetOf()], "Europe/Berlin");
    const [missing] = ledger.uncounted(LEAD);
    expect(missing).toMatchObject({ start: Date.parse("2026-10-24T22:00:00Z"), until: NOON + 2 * HOUR });
    expect(state()).toMatchObject({ used: "0", reserved: "100" });
    if (missing) ledger.count(missing, 700n);
    ledger.settle(calls[1].key, tokens(80));
    expect(state()).toMatchObject({ used: "780", reserved: "0" });
  });

  it("goes with its budget", () => {
    const { ledger, ask, state } = ledgerOf([budgetOf()]);
    ledger.reserve(ask(tokens(1000)));
    ledger.load([], "Europe/Berlin");
    expect(ledger.reserve(ask(tokens(5000)))).toEqual({ ok: true, choice: 0 });
    expect(state()).toBeUndefined();
  });
});

describe("a warning", () => {
  it("is given once a period and budget: at four fifths, or when one is refused", () => {
    const { ledger, ask, set, again } = ledgerOf([budgetOf(), budgetOf({ id: "large", tokens: 1500 })]);
    const spend = (n: number) => {
      const call = ask(tokens(n));
      ledger.reserve(call);
      ledger.settle(call.key, tokens(n));
    };
    spend(799);
    expect(ledger.warnings(10)).toHaveLength(0);
    spend(1);
    const [warning, ...more] = ledger.warnings(10);
    expect(more).toEqual([]);
    expect(JSON.parse(warning?.data ?? "")).toEqual({
      ...{ budget_id: "b", used: 800, limit: 1000, resets_at: "2026-10-25T23:00:00.000Z" },
    });
    ledger.forgetWarning(warning?.id ?? "");
    spend(100);
    expect(ledger.reserve(ask(tokens(5000))).ok).toBe(false);
    expect(
      again()
        .warnings(10)
        .map(({ id }) => id),
    ).toEqual([expect.stringContaining("large")]);
    ledger.forgetWarning(ledger.warnings(1)[0]?.id ?? "");
    set(NOON + 24 * HOUR);
    spend(900);
    const [next] = ledger.warnings(10);
    expect(next?.id).not.toBe(warning?.id);
  });
});
