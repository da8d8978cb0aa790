/** Which earlier turn a request repeats: the one with its key, or else the newest one, when its body is the same. Pure reading. */
import type { Journal } from "../journal/journal.ts";
import { type Outcome, ok, refuse } from "../outcome.ts";
import type { Turn } from "../turn.ts";
import type { OnBusy } from "../rpc.ts";
import type { LiveTurn } from "./live-turn.ts";

/** A request for a turn. */
export type TurnInput = {
  principal: string;
  idempotency_key: string | null;
  body_hash: string;
  content: string;
  metadata: Turn["metadata"];
  output_schema: Turn["output_schema"];
  on_busy: OnBusy;
  /** The client says that it has sent this before: a reply that was only just given may not have reached it. */
  resent?: boolean;
};

/** Milliseconds for which an answer that did not reach its client waits for it to ask again. */
const UNANSWERED_FOR = 60_000;
/** Milliseconds for which a failed turn is run again by the same body. */
const RERUN_FOR = 15 * 60_000;
/** Milliseconds for which a client that says that it asks again is believed not to have had the answer. */
const RESENT_FOR = 15_000;

export function earlierTurn(
  journal: Journal,
  open: readonly LiveTurn[],
  input: TurnInput,
  now: number,
): Outcome<Turn | null> {
  const { principal, idempotency_key, body_hash } = input;
  if (idempotency_key !== null) {
    const turn = journal.turns.byKey(principal, idempotency_key);
    if (turn && turn.body_hash !== body_hash) return refuse("idempotency_mismatch");
    // The key asked for another thing: a reply that was made anew.
    if (!turn && journal.turns.rerunBy(principal, idempotency_key)) return refuse("idempotency_mismatch");
    return ok(turn);
  }
  const newest = open.at(-1)?.turn ?? journal.turns.lastRequest();
  const isSame = newest?.principal === principal && newest.body_hash === body_hash;
  return ok(newest && isSame && isRepeated(journal, newest, input, now) ? newest : null);
}

function isRepeated(journal: Journal, turn: Turn, { resent }: TurnInput, now: number): boolean {
  if (turn.ended_at === null) return true;
  const { asked, reply } = journal.messages.ofTurn(turn);
  if (asked?.deleted_at !== null) return false;
  const age = now - turn.ended_at;
  if (turn.status === "failed") return age < RERUN_FOR;
  const isAnswered = turn.kind === "held" || reply?.deleted_at === null;
  if (turn.status !== "completed" || !isAnswered) return false;
  if (journal.header.answered < turn.number) return age < UNANSWERED_FOR;
  return resent === true && age < RESENT_FOR;
}
