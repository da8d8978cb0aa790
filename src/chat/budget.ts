/** Budgets, and what a company's ledger is asked about them. Plain data, which crosses RPC. */
import type { Entity } from "../auth/principal.ts";
import { type Cost, decimalOf, type Price, unitsFor, unitsOf } from "./money.ts";
import type { PeriodKind } from "./period.ts";
import type { Usage } from "./usage.ts";

type OnExhausted = "refuse" | "fallback" | "hand_over";

/** How much may be used in a period: `tokens`, or `amount` of a `currency` as an exact decimal. */
export type Budget = {
  id: string;
  applies_to: "company" | "agent" | "entity" | "each_lead";
  agent_id: string | null;
  entity_type: Entity["entity_type"] | null;
  entity_id: string | null;
  period: PeriodKind;
  tokens: number | null;
  amount: string | null;
  currency: string | null;
  on_exhausted: OnExhausted;
};

/** Whose turn it is that a model is called for. */
export type Spender = Entity & { agent_id: string };

/** What a call takes. `cost`: null where nobody said what the model costs, `nothing` where there is nothing to pay. */
export type Spent = { tokens: number; cost: Cost | "nothing" | null };

/**
 * Room for one call of a model. The same `key` asked again replaces what was reserved under it. Of `choices`, the most first,
 * the first one that fits is reserved. Nobody speaks of it after `expires_at` (ms): then all of it counts as used.
 */
export type Ask = { key: string; spender: Spender; choices: Spent[]; expires_at: number };

/** Why there is no room. `resets_at` (ms): when the period of the budget ends. */
export type Denial = { why: "exhausted" | "unpriced"; on_exhausted: OnExhausted; resets_at: number };

export type Verdict = { ok: true; choice: number } | { ok: false; denial: Denial | null };

/** How a budget stands, in tokens or as a decimal; null for one of each lead, unless for one lead. */
export type BudgetState = { id: string; used: string | null; reserved: string | null; resets_at: number };

/** The ledger of one company. */
export interface LedgerRpc extends Rpc.DurableObjectBranded {
  /** `denial` is null where the ledger cannot say. */
  reserve(ask: Ask): Promise<Verdict>;
  /** The call is over: what it took is used in place of what was reserved. Of a key that is not known, nothing is. */
  settle(key: string, spent: Spent): Promise<void>;
  /** How these budgets stand, as D1 has them now; for `lead_id` those of each lead. */
  states(ids: string[], lead_id: string | null): Promise<BudgetState[]>;
}

/** Whether a budget is about this spender. */
export function appliesTo(budget: Budget, { agent_id, entity_type, entity_id }: Spender): boolean {
  switch (budget.applies_to) {
    case "company":
      return true;
    case "agent":
      return budget.agent_id === agent_id;
    case "entity":
      return budget.entity_type === entity_type && budget.entity_id === entity_id;
    case "each_lead":
      return entity_type === "lead";
  }
}

/** What may be used of a budget, in its units: tokens, or the smallest part of its currency that is counted. */
export const limitOf = ({ tokens, amount }: Budget): bigint =>
  tokens === null ? (unitsOf(amount ?? "0") ?? 0n) : BigInt(tokens);

/** Units of a budget that a call takes; null where it cannot be said, because the model has no price in its currency. */
export function amountOf(budget: Budget, spent: Spent | undefined): bigint | null {
  if (budget.tokens !== null) return BigInt(spent?.tokens ?? 0);
  if (spent?.cost === "nothing") return 0n;
  return spent?.cost?.currency === budget.currency ? unitsOf(spent?.cost?.amount ?? "0") : null;
}

type Tokens = Pick<Usage, "input_tokens" | "output_tokens"> & Partial<Usage>;

/** What tokens of a model take of a budget. */
export const spentOn = (model: string, price: Price | null, tokens: Tokens): Spent => ({
  tokens: tokens.input_tokens + tokens.output_tokens,
  cost: model.startsWith("builtin/")
    ? "nothing"
    : price && { amount: decimalOf(unitsFor(tokens, price)), currency: price.currency },
});

export const NOTHING: Spent = { tokens: 0, cost: "nothing" };
