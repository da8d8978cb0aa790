/** A budget as the API has it, and in words. */
import { number } from "../ui/time.tsx";
import { say } from "../words.ts";

export const BUDGETS = "/budget";

export const SCOPES = ["company", "agent", "entity", "each_lead"] as const;
export const EXHAUSTED = ["refuse", "fallback", "hand_over"] as const;

export type Budget = {
  id: string;
  applies_to: (typeof SCOPES)[number];
  agent_id: string | null;
  entity_type: "user" | "lead" | null;
  entity_id: string | null;
  period: "day" | "month";
  tokens: number | null;
  /** An exact decimal. */
  amount: string | null;
  currency: string | null;
  on_exhausted: (typeof EXHAUSTED)[number];
  /** Null of each visitor's. */
  used: number | string | null;
  reserved: number | string | null;
  resets_at: string;
};

const SCOPE_WORD = { company: "everybody", agent: "oneAgent", entity: "onePerson", each_lead: "eachLead" } as const;
const EXHAUSTED_WORD = { refuse: "budgetRefuse", fallback: "budgetFallback", hand_over: "budgetHandOver" } as const;

export const scopeWord = (scope: Budget["applies_to"]): string => say(SCOPE_WORD[scope]);
export const exhaustedWord = (what: Budget["on_exhausted"]): string => say(EXHAUSTED_WORD[what]);

/** So many tokens, or so much money to the last digit. */
export function quantityOf({ currency }: Budget, value: number | string | null): string {
  if (value === null) return "–";
  return currency === null ? say("tokensTotal", { n: number(Number(value)) }) : `${value} ${currency}`;
}
