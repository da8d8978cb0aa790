/**
 * Conversations of which D1 lacks something, as their objects report it: in memory alone, because whoever is behind reports
 * again at every failure, once a minute at the least. Who was not heard of for longer has nothing to report any more.
 */
import type { Lag } from "../env.ts";

/** Milliseconds for which a report counts. An object that is behind tries again, and fails, once a minute. */
const COUNTS_FOR = 3 * 60_000;
/** Conversations that are remembered: of more, the ones that are behind for longest. */
const MOST = 1_000;

export class Lagging {
  readonly #behind = new Map<string, { since: number; until: number }>();

  /** Times in milliseconds. With null D1 has everything of the conversation. */
  note(conversation_id: string, since: number | null, now: number): void {
    this.#behind.delete(conversation_id);
    if (since === null) return;
    this.#behind.set(conversation_id, { since, until: now + COUNTS_FOR });
    if (this.#behind.size <= MOST) return;
    this.#forget(now);
    let [newest] = this.#behind;
    for (const entry of this.#behind) if (newest && entry[1].since > newest[1].since) newest = entry;
    if (newest && this.#behind.size > MOST) this.#behind.delete(newest[0]);
  }

  at(now: number): Lag {
    this.#forget(now);
    let since: number | null = null;
    for (const one of this.#behind.values()) since = Math.min(since ?? Infinity, one.since);
    return { conversations: this.#behind.size, since };
  }

  #forget(now: number): void {
    for (const [id, { until }] of this.#behind) if (until <= now) this.#behind.delete(id);
  }
}
