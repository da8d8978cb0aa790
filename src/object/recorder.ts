/**
 * Sends D1 and the search index what they lack of a conversation's journal, knows how far D1 has got, and reports where it
 * lags. What is not taken now stays in the journal, and is sent again.
 */
import type { Batch } from "../chat/changes.ts";
import { Sender, type SenderPorts } from "../chat/engine/sender.ts";
import type { Journal } from "../chat/journal/journal.ts";
import type { IndexBatch } from "../chat/journal/unindexed.ts";
import type { Bookmark } from "../chat/outcome.ts";
import { causeOf, homeOf } from "../db/database.ts";
import { writeBatch } from "../db/record.ts";
import { writeIndex } from "../db/search/write.ts";
import { wakeDispatcher } from "../db/webhook.ts";
import type { Env } from "../env.ts";

/** Milliseconds between two reports that D1 lacks something. */
const REPORT = 60_000;

type Ports = Pick<SenderPorts<Batch>, "sleep" | "clock" | "log" | "onChange">;

export class Recorder {
  readonly #ctx: DurableObjectState;
  readonly #env: Env;
  readonly #journal: Journal;
  readonly #database: Sender<Batch>;
  /** Keeps the search index up with D1; null where none is bound. */
  readonly #indexer: Sender<IndexBatch> | null;
  /** How far D1 had got with the last of our writes that this process knows of. */
  #bookmark: Bookmark | null = null;
  /** When it was last reported that D1 lacks something (ms); null while nobody believes that. */
  #reportedAt: number | null = null;

  constructor(ctx: DurableObjectState, env: Env, journal: Journal, ports: Ports) {
    this.#ctx = ctx;
    this.#env = env;
    this.#journal = journal;
    const { SEARCH: search } = env;
    const index = (batch: IndexBatch) => writeIndex(search as D1Database, batch);
    const outbox = journal.unindexed;
    this.#indexer = search ? new Sender({ ...ports, store: "SEARCH", outbox, write: index }) : null;
    this.#database = new Sender({
      ...ports,
      store: "DB",
      outbox: this.#outbox(),
      write: (batch) => this.#write(batch),
      onChange: () => {
        ports.onChange();
        this.#reportLag();
      },
    });
  }

  /** Goes on where a process that has ended stopped. */
  recover(): void {
    const { outbox, unindexed } = this.#journal;
    if (!outbox.isEmpty) {
      // It may have been reported before this process began.
      this.#reportedAt = 0;
      this.#database.soon();
    }
    if (!unindexed.isEmpty) this.#indexer?.soon();
  }

  /** Sends D1 within a moment what it lacks by then. */
  soon(): void {
    this.#database.soon();
  }

  /** True once D1 has everything that there is now. */
  flush(): Promise<boolean> {
    return this.#database.flush();
  }

  /** The same for the index, where there is one. */
  async flushIndex(): Promise<void> {
    await this.#indexer?.flush();
  }

  get bookmark(): Bookmark | null {
    return this.#bookmark;
  }

  /** D1 or the index lacks something. */
  get isBehind(): boolean {
    const { outbox, unindexed } = this.#journal;
    return !outbox.isEmpty || (this.#indexer !== null && !unindexed.isEmpty);
  }

  /** How often in a row one of them has refused what it lacks. */
  get failures(): number {
    return Math.max(this.#database.failures, this.#indexer?.failures ?? 0);
  }

  /** The outbox for D1. What is confirmed is for the index to hear of, in the same write of the object's storage. */
  #outbox() {
    const { outbox, unindexed, store } = this.#journal;
    return {
      get since() {
        return outbox.since;
      },
      next: () => outbox.next(),
      confirm: (batch: Batch) => {
        outbox.confirm(batch);
        if (this.#indexer) unindexed.note(batch);
        store.writeNotes();
        this.#indexer?.soon();
      },
    };
  }

  async #write(batch: Batch): Promise<void> {
    const { name, d1 } = await homeOf(this.#env, batch.header.company_id);
    const session = d1.withSession("first-primary");
    await writeBatch(session, batch).catch((error: unknown) => {
      throw new Error(causeOf(error));
    });
    const at = session.getBookmark();
    this.#bookmark = at === null ? null : { database: name, at };
    this.#ctx.waitUntil(wakeDispatcher(this.#env, batch.header.company_id));
  }

  /** Whoever asks for the health of the service is told how far D1 is behind. Without an answer nothing is missed. */
  #reportLag(): void {
    const header = this.#journal.found;
    const now = Date.now();
    const since = this.#database.failures > 0 ? this.#journal.outbox.since : null;
    if (!header || (since === null ? this.#reportedAt === null : now - (this.#reportedAt ?? 0) < REPORT)) return;
    this.#reportedAt = since === null ? null : now;
    const report = this.#env.STANDBY.getByName(header.company_id).noteLag(header.id, since);
    this.#ctx.waitUntil(report.catch(() => undefined));
  }
}
