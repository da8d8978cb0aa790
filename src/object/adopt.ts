/**
 * An object takes its conversation over from D1, at its first touch or where its own storage was cleared: some messages at a
 * time, so that a conversation of any length fits, and one that was cut off goes on where it stopped.
 */
import type { Journal } from "../chat/journal/journal.ts";
import { type Outcome, ok, refuse, storeUnavailable } from "../chat/outcome.ts";
import { within } from "../chat/within.ts";
import { causeOf, companyDatabase } from "../db/database.ts";
import { type AgentParts, messagesAfter, openConversation } from "../db/opening.ts";
import type { Env } from "../env.ts";

/** Messages in one piece. */
const AT_ONCE = 250;
/** Milliseconds that D1 has for each. */
const PATIENCE = 5_000;

/**
 * Takes the conversation over and returns its agent as D1 has it, or null where another request has just done so. `isCurrent`
 * is false once the object was cleared: what was read before that is not taken over.
 */
export async function adopt(
  env: Env,
  journal: Journal,
  { company_id, id }: { company_id: string; id: string },
  erasedToo: boolean,
  isCurrent: () => boolean,
): Promise<Outcome<AgentParts | null>> {
  try {
    const db = await within(companyDatabase(env, company_id), PATIENCE);
    const opened = await within(openConversation(db, company_id, id), PATIENCE);
    if (!opened || (opened.conversation.erased_at !== null && !erasedToo)) return refuse("not_found");
    const { conversation, parts } = opened;
    const isEmpty = conversation.last_message_at === null && conversation.message_count === 0;
    for (;;) {
      const after = journal.adopted;
      const messages = isEmpty ? [] : await within(messagesAfter(db, company_id, id, after, AT_ONCE), PATIENCE);
      if (!isCurrent()) return refuse("not_found");
      if (journal.found) return ok(null);
      // Another request may be taking it over as well: only the next piece fits.
      if (journal.adopted === after) journal.adopt(conversation, messages, messages.length < AT_ONCE);
      if (journal.found) return ok(parts);
    }
  } catch (error) {
    console.warn(JSON.stringify({ event: "adoption_failed", conversation_id: id, error: causeOf(error) }));
    return storeUnavailable();
  }
}
