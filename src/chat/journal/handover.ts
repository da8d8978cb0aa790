/**
 * Hands what the journal holds over to D1, in order, one batch at a time, until nothing is left. Whatever fails stays in
 * the journal: sending it again changes nothing.
 */
import type { Batch, Change } from "../changes.ts";
import type { Journal } from "./journal.ts";
import type { Message } from "../message.ts";

export type RecordPort = {
  /** Applies a batch atomically; idempotent. Throws when D1 did not confirm. */
  write: (batch: Batch) => Promise<void>;
};

const MESSAGES_PER_BATCH = 20;
const CHANGES_PER_BATCH = 20;
/** UTF-16 code units of content; one reply of the largest size always fits alone. */
const TEXT_PER_BATCH = 500_000;
/** Milliseconds before each further try, while somebody waits for the answer. */
const RETRIES = [50, 400];
/** Milliseconds that anybody waits for D1. What it has been given it may still take; nothing overtakes that. */
const PATIENCE = 10_000;

type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

export class Handover {
  readonly #journal: Journal;
  readonly #record: RecordPort;
  readonly #sleep: Sleep;
  readonly #log: (event: object) => void;
  #running: Promise<boolean> | null = null;
  #following: Promise<boolean> | null = null;

  constructor(journal: Journal, record: RecordPort, sleep: Sleep, log: (event: object) => void) {
    this.#journal = journal;
    this.#record = record;
    this.#sleep = sleep;
    this.#log = log;
  }

  /** Whether D1 lacks something. */
  get pending(): boolean {
    return this.#next() !== null;
  }

  /** Whether D1 lacks a message; cheaper to know. */
  get lacksMessages(): boolean {
    const header = this.#journal.header;
    return header !== null && header.handed_over < header.next_sequence - 1;
  }

  /** Resolves true once everything that the journal holds now is in D1, false when D1 would not take it, or not in time. */
  async flush(): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), PATIENCE);
    });
    try {
      return await Promise.race([this.#everything(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #everything(): Promise<boolean> {
    if (!this.#running) {
      this.#running = this.#drain().finally(() => {
        this.#running = null;
      });
      return this.#running;
    }
    this.#following ??= this.#running.then(() => {
      this.#following = null;
      return this.#everything();
    });
    return this.#following;
  }

  async #drain(): Promise<boolean> {
    for (let batch = this.#next(); batch; batch = this.#next()) {
      if (!(await this.#send(batch))) return false;
      this.#confirm(batch);
    }
    return true;
  }

  async #send(batch: Batch): Promise<boolean> {
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#record.write(batch);
        return true;
      } catch (error) {
        this.#log({ event: "handover_failed", conversation_id: batch.header.id, attempt, error: String(error) });
        const pause = RETRIES[attempt];
        if (pause === undefined) return false;
        await this.#sleep(pause);
      }
    }
  }

  #next(): Batch | null {
    const header = this.#journal.header;
    if (!header || !(this.lacksMessages || this.#journal.hasOutbox)) return null;
    const messages: Message[] = [];
    let size = 0;
    for (const message of this.#journal.messages.unsent(MESSAGES_PER_BATCH)) {
      size += message.content.length + (message.tool_calls ? JSON.stringify(message.tool_calls).length : 0);
      if (messages.length > 0 && size > TEXT_PER_BATCH) break;
      messages.push(message);
    }
    const upto = messages.at(-1)?.sequence ?? header.handed_over;
    const complete = upto === header.next_sequence - 1;
    // A change may speak of any message, so it goes only after, or with, the last of them.
    const waiting = complete ? this.#journal.rows("SELECT * FROM outbox ORDER BY id LIMIT ?", CHANGES_PER_BATCH) : [];
    if (messages.length === 0 && waiting.length === 0) return null;
    const changes = waiting.map((row) => JSON.parse(String(row["change"])) as Change);
    return {
      header,
      messages: [...messages, ...this.#rerun(changes)],
      changes,
      upto,
      lastChange: Number(waiting.at(-1)?.["id"] ?? 0),
    };
  }

  /** Replies that were written again in their old place. */
  #rerun(changes: Change[]): Message[] {
    return changes.flatMap((change) => {
      const message = change.op === "message" ? this.#journal.messages.find(change.message_id) : null;
      return message ? [message] : [];
    });
  }

  #confirm(batch: Batch): void {
    this.#journal.messages.confirmUpTo(batch.upto);
    if (batch.lastChange > 0) this.#journal.clearOutbox(batch.lastChange);
  }
}
