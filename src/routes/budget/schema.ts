/** Schemas and views of budgets. */
import * as z from "zod";
import type { BudgetState } from "../../chat/budget.ts";
import { unitsOf } from "../../chat/money.ts";
import type { BudgetRow } from "../../db/budget.ts";
import { currency, decimal } from "../../http/decimal.ts";
import { id, idFilter, timestamp, toTimestamp } from "../../http/fields.ts";
import { lazy } from "../../lazy.ts";

const MAX_TOKENS = 1_000_000_000_000_000;

/** Of two that fit as well, messages are about the first. */
const limits = lazy(
  () =>
    [
      { amount: decimal().refine((value) => unitsOf(value) !== 0n, "must be more than 0"), currency: currency() },
      { tokens: z.int().min(1).max(MAX_TOKENS) },
    ] as const,
);

const common = lazy(() => ({
  period: z.enum(["day", "month"]).meta({ description: "In the company's time zone." }),
  on_exhausted: z.enum(["refuse", "fallback", "hand_over"]).default("refuse").meta({
    description:
      "`refuse`: 429 `budget_exhausted`. `fallback`: the next of the agent's models that there is room for, and `builtin/faq` at last. `hand_over`: the message is kept for the staff, and the conversation waits for them.",
  }),
}));

const scopes = lazy(
  () =>
    [
      { applies_to: z.literal("company") },
      { applies_to: z.literal("each_lead") },
      { applies_to: z.literal("agent"), agent_id: idFilter() },
      { applies_to: z.literal("entity"), entity_type: z.enum(["user", "lead"]), entity_id: idFilter() },
    ] as const,
);

/** For whom, and how much: an amount of a currency, or tokens. */
export const budgetBody = lazy(() =>
  z
    .union(scopes().flatMap((scope) => limits().map((limit) => z.strictObject({ ...scope, ...limit, ...common() }))))
    .meta({ id: "BudgetBody" }),
);

export type BudgetBody = z.output<ReturnType<typeof budgetBody>>;

const quantity = (description: string) =>
  z
    .union([z.int(), z.string()])
    .nullable()
    .meta({
      description: `${description} Tokens, or an exact decimal. Null for \`each_lead\`, unless for one of them.`,
    });

export const budgetSchema = lazy(() =>
  z
    .object({
      id: id(),
      applies_to: z.enum(["company", "agent", "entity", "each_lead"]),
      agent_id: id().nullable(),
      entity_type: z.enum(["user", "lead"]).nullable(),
      entity_id: id().nullable(),
      period: z.enum(["day", "month"]),
      tokens: z.int().nullable(),
      amount: z.string().nullable(),
      currency: z.string().nullable(),
      on_exhausted: z.enum(["refuse", "fallback", "hand_over"]),
      used: quantity("What turns of this period have taken."),
      reserved: quantity("What calls of models that are under way take at most."),
      resets_at: timestamp().meta({ description: "When the period ends." }),
      created_at: timestamp(),
    })
    .meta({ id: "Budget" }),
);

export const budgetView = (row: BudgetRow, state: BudgetState) => {
  const shown = (text: string | null) => (text !== null && row.tokens !== null ? Number(text) : text);
  return {
    id: row.id,
    applies_to: row.applies_to,
    agent_id: row.agent_id,
    entity_type: row.entity_type,
    entity_id: row.entity_id,
    period: row.period,
    tokens: row.tokens,
    amount: row.amount,
    currency: row.currency,
    on_exhausted: row.on_exhausted,
    used: shown(state.used),
    reserved: shown(state.reserved),
    resets_at: toTimestamp(state.resets_at),
    created_at: toTimestamp(row.created_at),
  };
};
