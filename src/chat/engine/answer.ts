/** Gets one turn's answer out of an agent's models, whichever of them gives one. Never throws. */
import type { ModelAttempt } from "../message.ts";
import { type Answer, type AnswerPorts, Attempt, LAST_RESORT } from "./attempt.ts";
import type { LiveTurn } from "./live-turn.ts";
import { NoRoom } from "./reservation.ts";
import { errorOf } from "./turn-errors.ts";

/** Milliseconds before a model that was not there is asked once more. */
const RETRY_PAUSE = 250;

/**
 * Asks the agent's model; as long as that has said and done nothing, the agent's next one when it fails, and the last one
 * once more if it was not there. Where a budget has no room and says so, the next one that it has room for, at last the one
 * that costs nothing. Each attempt reads the window anew: what was deleted in between does not go out again.
 * `onAttempt` is told the attempt whose answer counts, should the turn be stopped.
 */
export async function askModel(
  ports: AnswerPorts,
  live: LiveTurn,
  onAttempt: (attempt: Attempt) => void,
): Promise<Answer> {
  const { signal } = live.stopping;
  const attempts: ModelAttempt[] = [];
  for (let tries = 1, link = 0; ; tries++) {
    const attempt = new Attempt(ports, live, link, attempts);
    onAttempt(attempt);
    const failure = await attempt.run();
    if (signal.aborted) return attempt.end("stopped", null);
    if (!failure) return attempt.end("completed", null);
    const { kind, message: reason } = failure;
    const denial = failure instanceof NoRoom ? failure.denial : null;
    ports.log({ event: denial ? "budget_denied" : "model_failed", turn_id: live.turn.id, tries, kind, reason });
    const isFinal = attempt.hasBegun || failure.begun || (denial !== null && denial.on_exhausted !== "fallback");
    const next = link + 1 < attempt.links ? link + 1 : denial && attempt.hasLastResort ? LAST_RESORT : null;
    const mayRepeat = tries < 2 && kind === "unavailable";
    if (isFinal || (next === null && !mayRepeat)) return attempt.end("failed", errorOf(failure), denial);
    attempt.drop(failure);
    if (next === null) await ports.sleep(RETRY_PAUSE, signal);
    else [link, tries] = [next, 0];
  }
}
