/** What is looked at before a turn begins: its agent, and the company's budgets. */
import { type Admission, admit, FREELY, type Question } from "../chat/engine/admission.ts";
import type { Accepted } from "../chat/engine/engine.ts";
import { type Outcome, storeUnavailable } from "../chat/outcome.ts";
import type { ConversationCore } from "./conversation-core.ts";

/**
 * Begins a turn if it may, and gives back the room in budgets that no turn has taken. `question`: what would be asked, or null
 * where no model will be.
 */
export async function admitted(
  core: ConversationCore,
  question: () => Question | null,
  begin: (admission: Admission) => Outcome<Accepted>,
): Promise<Outcome<Accepted>> {
  const admission = await admissionOf(core, question);
  let hasBegun = false;
  try {
    const accepted = begin(admission);
    hasBegun = accepted.ok && !accepted.value.isRepeat && accepted.value.live !== null;
    return accepted;
  } finally {
    if (!hasBegun) admission.reservation?.release();
  }
}

async function admissionOf(
  { agents, engine, journal, ledger }: ConversationCore,
  question: () => Question | null,
): Promise<Admission> {
  const agent = await agents.load(journal.header).catch(() => undefined);
  if (agent === undefined) return { ...FREELY, problem: storeUnavailable().error };
  if (agent === null) return { ...FREELY, problem: { code: "agent_inactive" } };
  const asked = agent.budgets ? question() : null;
  return asked ? admit(ledger, journal, agent, asked, Date.now(), engine.open.length) : FREELY;
}
