/** Before a turn is journalled: whether the company's budgets have room for its first call of a model. */
import type { Journal } from "../journal/journal.ts";
import { summaryOf } from "../journal/summary.ts";
import { exhausted, type Refusal, storeUnavailable } from "../outcome.ts";
import { MESSAGE_OVERHEAD, mostTokens } from "../usage.ts";
import type { JsonObject } from "../../json.ts";
import { buildContext } from "./context.ts";
import { type Ledger, mostOf, NoRoom, type Reservation, reserve } from "./reservation.ts";
import type { TurnAgent } from "./turn-agent.ts";
import { ERRORS } from "./turn-errors.ts";

/** What was found out before a turn: why it may not begin, the room that it has in budgets, or that a person has to answer. */
export type Admission = {
  problem: Refusal | null;
  reservation: Reservation | null;
  /** The budget says so; `resets_at` (ms): until when it is used up. */
  hand_over: { resets_at: number } | null;
};

/** No budget has anything to say. */
export const FREELY: Admission = { problem: null, reservation: null, hand_over: null };

/** Why a conversation is handed over where a budget says so. */
export const EXHAUSTED = "budget_exhausted";

/** What will be asked: a new message, behind all that there are, or again the message of a sequence. */
export type Question = { content: string; output_schema: JsonObject | null } | { sequence: number };

/** `ahead`: turns that run or wait. Where a budget lets another model answer, the turn finds the one itself. */
export async function admit(
  ledger: Ledger,
  journal: Journal,
  agent: TurnAgent,
  question: Question,
  now: number,
  ahead: number,
): Promise<Admission> {
  try {
    const [link] = agent.links;
    const input = inputOf(journal, agent, question);
    return { ...FREELY, reservation: await reserve(ledger, agent, link, input, now, { ahead }) };
  } catch (error) {
    if (!(error instanceof NoRoom)) throw error;
    const { denial } = error;
    if (!denial) return { ...FREELY, problem: storeUnavailable().error };
    if (denial.on_exhausted === "fallback") return FREELY;
    if (denial.on_exhausted === "hand_over") return { ...FREELY, hand_over: denial };
    return {
      ...FREELY,
      problem: denial.why === "exhausted" ? exhausted(denial.resets_at, now).error : ERRORS.unpriced,
    };
  }
}

/** Most input tokens of the first call. */
function inputOf(journal: Journal, agent: TurnAgent, question: Question): number {
  const { max_context_length, next_sequence } = journal.header;
  const upto = "sequence" in question ? question.sequence : next_sequence - 1;
  const shown = journal.messages.shownBefore(upto);
  const { request } = buildContext(shown, max_context_length, agent, agent.summarize ? summaryOf(journal) : null);
  if ("sequence" in question) return mostOf(request, agent);
  const { content, output_schema } = question;
  const asked = mostTokens(content) + 2 * MESSAGE_OVERHEAD;
  return mostOf({ ...request, ...(output_schema ? { output_schema } : {}) }, agent) + asked;
}
