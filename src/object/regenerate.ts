/**
 * A reply that is made anew: what came after its question is deleted, and a model is asked again. The same request under the
 * same key is answered once; where that failed it is one more attempt.
 */
import { uuidv7 } from "uuidv7";
import type { Caller } from "../auth/principal.ts";
import type { Admission } from "../chat/engine/admission.ts";
import type { Accepted } from "../chat/engine/engine.ts";
import * as edits from "../chat/journal/edits.ts";
import type { Journal } from "../chat/journal/journal.ts";
import type { Rerun } from "../chat/journal/turns.ts";
import { exhausted, type Outcome, ok, refuse } from "../chat/outcome.ts";
import type { Once, Wanted } from "../chat/rpc.ts";
import { principalOf, type Turn } from "../chat/turn.ts";
import { admitted } from "./admitted.ts";
import type { ConversationCore } from "./conversation-core.ts";

const HANDLED = "A person has this conversation: the agent answers nothing until it is given back.";

export function regenerate(
  core: ConversationCore,
  caller: Caller,
  wanted: Wanted,
  once: Once,
): Promise<Outcome<Accepted>> {
  return core.inOrder(async () => {
    const entered = await core.enter(caller);
    if (!entered.ok) return entered;
    const question = () => {
      const sequence = turnOf(core.journal, principalOf(caller), wanted)?.user_sequence ?? null;
      return sequence === null || isSettled(core.journal, caller, once) ? null : { sequence };
    };
    return admitted(core, question, (admission) => begin(core, caller, wanted, once, admission));
  });
}

function begin(
  core: ConversationCore,
  caller: Caller,
  wanted: Wanted,
  { idempotency_key: key, body_hash }: Once,
  { problem, hand_over, reservation }: Admission,
): Outcome<Accepted> {
  const { engine, journal } = core;
  const principal = principalOf(caller);
  const earlier = key === null ? null : journal.turns.rerunBy(principal, key);
  if (earlier && earlier.body_hash !== body_hash) return refuse("idempotency_mismatch");
  const failed = earlier && failedIn(journal, earlier);
  if (earlier && !failed) return repeated(core, earlier);
  if (failed && journal.messages.ofTurn(failed).asked?.deleted_at !== null) return refuse("message_deleted");
  if (!earlier && key !== null && journal.turns.byKey(principal, key)) return refuse("idempotency_mismatch");
  if (journal.header.handled_by === "staff") return refuse("conflict", { detail: HANDLED });
  const turn = failed ?? turnOf(journal, principal, wanted);
  if (!turn || turn.user_sequence === null) return refuse("not_found");
  const error = problem ?? (failed ? null : engine.rerunProblem(turn));
  if (error) return { ok: false, error };
  if (hand_over) {
    engine.handOver(core.now());
    core.changed();
    return exhausted(hand_over.resets_at, Date.now());
  }
  if (failed) return engine.retry(failed, "enqueue", reservation);
  const { id: turn_id, user_sequence } = turn;
  return ok(
    engine.stopFor(false, () =>
      journal.transaction(() => {
        const now = core.now();
        edits.deleteMessagesAfter({ journal, caller, now }, user_sequence, uuidv7());
        const accepted = engine.rerun(journal.turns.byId(turn_id) ?? turn, reservation);
        const { reply_id } = accepted.turn;
        if (key !== null) journal.turns.noteRerun({ principal, key, body_hash, turn_id, reply_id, at: now });
        return accepted;
      }),
    ),
  );
}

/** Whether no model will be asked, because a person has the conversation or this very request has its answer. */
function isSettled(journal: Journal, caller: Caller, { idempotency_key: key }: Once): boolean {
  const earlier = key === null ? null : journal.turns.rerunBy(principalOf(caller), key);
  return journal.header.handled_by === "staff" || (earlier !== null && failedIn(journal, earlier) === null);
}

/** The turn of a request, where its reply failed and was not deleted. */
function failedIn({ turns, messages }: Journal, { turn_id, reply_id }: Rerun): Turn | null {
  const turn = turns.byId(turn_id);
  if (turn?.reply_id !== reply_id || turn.status !== "failed") return null;
  return messages.ofTurn(turn).reply?.deleted_at === null ? turn : null;
}

/** The reply that was made anew for this request. */
function repeated({ engine, journal }: ConversationCore, { turn_id, reply_id }: Rerun): Outcome<Accepted> {
  const turn = journal.turns.byId(turn_id);
  if (turn?.reply_id !== reply_id) return refuse("message_deleted");
  return ok({ live: engine.find(turn.number), turn, isRepeat: true });
}

function turnOf({ turns, messages }: Journal, principal: string, wanted: Wanted): Turn | null {
  const found = wanted.messages.flatMap((message_id) => messages.find(message_id) ?? []);
  if (found[0]) return turns.byId(found[0].turn_id);
  const keyed = wanted.key === null ? null : turns.byKey(principal, wanted.key);
  return keyed ?? (wanted.or_last ? turns.last() : null);
}
