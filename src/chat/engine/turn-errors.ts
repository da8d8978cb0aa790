/** What the wire may know of a model's failure: its kind, in our own words. */
import type { ModelFailure } from "../ports.ts";
import type { TurnError } from "../turn.ts";
import { NoRoom } from "./reservation.ts";

export const ERRORS = {
  error: { code: "model_error", detail: "The model refused, broke off or sent something that is not an answer." },
  unavailable: { code: "model_unavailable", detail: "The model is overloaded or cannot be reached." },
  timeout: { code: "model_timeout", detail: "The model took too long." },
  output: {
    code: "output_invalid",
    detail: "The model's answer does not fit output_schema, not even when asked again.",
  },
  exhausted: { code: "budget_exhausted", detail: "The budget for this is used up." },
  unpriced: {
    code: "budget_unpriced",
    detail: "A budget in money applies, and nobody has said what the model costs in its currency.",
  },
} as const;

export function errorOf(failure: ModelFailure): TurnError {
  const error = ERRORS[failure.kind];
  const denial = failure instanceof NoRoom ? failure.denial : null;
  return denial?.why === "exhausted" ? { ...error, resets_at: denial.resets_at } : error;
}
