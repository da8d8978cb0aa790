/**
 * Sends a database what it lacks, D1 or the search index, in order, one batch at a time, until nothing is left. What fails
 * stays in the outbox, and a batch that was given up may still arrive: sending one again changes nothing, and an older one
 * is refused.
 */
import { within } from "../within.ts";

/** What a database has yet to confirm. `since`: when (ms) the oldest of it was written, or null. */
type Outbox<Batch> = { readonly since: number | null; next: () => Batch | null; confirm: (batch: Batch) => void };

export type SenderPorts<Batch> = {
  /** Which database it is, for the log. */
  store: string;
  outbox: Outbox<Batch>;
  /** Applies a batch atomically. Rejects when D1 did not confirm. */
  write: (batch: Batch) => Promise<void>;
  sleep: (ms: number) => Promise<void>;
  clock: () => number;
  log: (event: object) => void;
  /** D1 would not take something, or lacks nothing any more. */
  onChange: () => void;
};

type AnyBatch = { header: { id: string; revision: number } };

/** Milliseconds before each further try, while somebody waits for the answer. */
const RETRIES = [50, 400];
/** Milliseconds after which a batch is given up. */
const ATTEMPT = 5_000;
/** Milliseconds that anybody waits for D1. */
const PATIENCE = 10_000;
/** Milliseconds for which turns are gathered into one batch. */
const GATHER = 250;

export class Sender<Batch extends AnyBatch> {
  readonly #ports: SenderPorts<Batch>;
  #running: Promise<boolean> | null = null;
  #isScheduled = false;
  /** How often in a row D1 has refused what it lacks. */
  failures = 0;

  constructor(ports: SenderPorts<Batch>) {
    this.#ports = ports;
  }

  /** Sends within a moment what is there by then. Nobody waits for it. */
  soon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    void this.#ports.sleep(GATHER).then(() => {
      this.#isScheduled = false;
      return this.flush();
    });
  }

  /** Resolves true once everything that is there now is in D1, false when D1 would not take it, or not in time. */
  flush(): Promise<boolean> {
    this.#running ??= this.#drain().finally(() => {
      this.#running = null;
    });
    return within(this.#running, PATIENCE).catch(() => false);
  }

  /** What is added while a batch is on its way goes with the next one, so whoever comes later may wait for the same. */
  async #drain(): Promise<boolean> {
    const { outbox, onChange } = this.#ports;
    for (let batch = outbox.next(); batch; batch = outbox.next()) {
      if (!(await this.#send(batch))) {
        this.failures++;
        onChange();
        return false;
      }
      outbox.confirm(batch);
    }
    this.failures = 0;
    onChange();
    return true;
  }

  async #send(batch: Batch): Promise<boolean> {
    const { store, outbox, write, log, sleep, clock } = this.#ports;
    for (let attempt = 0; ; attempt++) {
      try {
        await within(write(batch), ATTEMPT);
        return true;
      } catch (error) {
        const lag_seconds = (clock() - (outbox.since ?? clock())) / 1000;
        const { id, revision } = batch.header;
        log({
          event: "outbox_failed",
          store,
          conversation_id: id,
          revision,
          attempt,
          lag_seconds,
          error: String(error),
        });
      }
      const pause = RETRIES[attempt];
      if (pause === undefined) return false;
      await sleep(pause);
    }
  }
}
