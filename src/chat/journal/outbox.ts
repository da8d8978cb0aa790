/** What D1 has yet to confirm: messages by their sequence, everything else as changes in the order they were made. */
import type { Batch, Change } from "../changes.ts";
import type { Message } from "../message.ts";
import type { Messages } from "./messages.ts";
import { RareTable } from "./rare-table.ts";
import type { Store } from "./store.ts";

const MESSAGES_PER_BATCH = 50;
const CHANGES_PER_BATCH = 20;
/** UTF-16 code units of content; one reply of the largest size always fits alone. */
const TEXT_PER_BATCH = 500_000;

export class Outbox {
  readonly #store: Store;
  readonly #changes: RareTable;
  readonly #messages: Messages;
  /** Whether a change waits; undefined while nobody has looked. */
  #hasChanges: boolean | undefined;

  constructor(store: Store, messages: Messages) {
    this.#store = store;
    this.#changes = new RareTable(store, "outbox");
    this.#messages = messages;
  }

  /** Leaves a change for D1; the transaction that makes it calls this. */
  add(change: Change): void {
    this.#changes.insert({ change: JSON.stringify(change) });
    this.#hasChanges = true;
    this.#store.setHeader({});
  }

  /** Whether D1 has everything. */
  get isEmpty(): boolean {
    const header = this.#store.found;
    if (!header) return true;
    return header.handed_over >= header.next_sequence - 1 && !this.#waits();
  }

  #waits(): boolean {
    return (this.#hasChanges ??= this.#changes.one("SELECT 1 FROM outbox LIMIT 1") !== null);
  }

  /** What was read before may not hold any more. */
  forget(): void {
    this.#hasChanges = undefined;
  }

  /** When (ms) the oldest of what D1 lacks was written, or null when it has everything. */
  get since(): number | null {
    if (this.isEmpty) return null;
    const { header } = this.#store;
    const message = this.#messages.at(header.handed_over + 1);
    const first = this.#changes.one("SELECT change FROM outbox ORDER BY id LIMIT 1");
    const change = first && (JSON.parse(String(first["change"])) as Change);
    const made = change && "audit" in change ? change.audit?.at : undefined;
    return Math.min(message?.created_at ?? Infinity, made ?? header.updated_at);
  }

  /** The next batch, or null when D1 has everything. A change may speak of any message, so it goes after or with the last. */
  next(): Batch | null {
    if (this.isEmpty) return null;
    const { header } = this.#store;
    const messages = this.#unsent();
    const upto = messages.at(-1)?.sequence ?? header.handed_over;
    const isComplete = upto === header.next_sequence - 1;
    const query = "SELECT * FROM outbox ORDER BY id LIMIT ?";
    const waiting = isComplete && this.#waits() ? this.#changes.rows(query, CHANGES_PER_BATCH) : [];
    if (messages.length === 0 && waiting.length === 0) return null;
    const changes = waiting.map((row) => JSON.parse(String(row["change"])) as Change);
    const again = changes.flatMap((change) =>
      change.op === "message" ? (this.#messages.at(change.sequence) ?? []) : [],
    );
    const last_change = Number(waiting.at(-1)?.["id"] ?? 0);
    return {
      header: { ...header, ...this.#messages.unread() },
      messages: [...messages, ...again],
      changes,
      upto,
      last_change,
    };
  }

  /**
   * D1 has taken this batch. Whoever calls this writes the note at once, so that an object that wakes up cold does not send it
   * again. What is left goes under a newer revision: should this batch arrive once more, it undoes none of that.
   */
  confirm({ header, upto, last_change }: Batch): void {
    const { found } = this.#store;
    if (!found) return;
    this.#store.noteLater({ handed_over: Math.max(upto, found.handed_over) });
    if (last_change > 0) {
      this.#changes.run("DELETE FROM outbox WHERE id <= ?", last_change);
      this.forget();
    }
    if (!this.isEmpty && found.revision === header.revision) this.#store.noteLater({ revision: found.revision + 1 });
  }

  #unsent(): Message[] {
    let size = 0;
    const fitting: Message[] = [];
    for (const message of this.#messages.unsent(MESSAGES_PER_BATCH)) {
      size += message.content.length + (message.tool_calls ? JSON.stringify(message.tool_calls).length : 0);
      if (fitting.length > 0 && size > TEXT_PER_BATCH) break;
      fitting.push(message);
    }
    return fitting;
  }
}
