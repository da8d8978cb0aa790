/**
 * What the search index has yet to hear of. It hears of nothing that D1 has not confirmed, and is told how a stretch of
 * messages is, not what happened to it: whatever is lost or sent twice, the next batch sets right.
 */
import type { Batch } from "../changes.ts";
import type { Message } from "../message.ts";
import type { Messages } from "./messages.ts";
import type { Header } from "./schema.ts";
import { RareTable } from "./rare-table.ts";
import type { Store } from "./store.ts";

/** Messages of one batch, and UTF-16 units of what they say; one of the largest size always fits alone. */
const MESSAGES_PER_BATCH = 40;
const TEXT_PER_BATCH = 200_000;
/** Messages of which a batch says that they are gone. */
const GONE_PER_BATCH = 1_000;

/** Live messages with a sequence from `first` to `last`: there are no others. `change` is what asked for it, if a change did. */
export type IndexBatch = {
  header: Header;
  revision: number;
  first: number;
  last: number;
  messages: Message[];
  change: number | null;
};

export class Unindexed {
  readonly #store: Store;
  readonly #changed: RareTable;
  readonly #messages: Messages;
  /** Whether messages wait to be indexed again; undefined while nobody has looked. */
  #hasChanged: boolean | undefined;

  constructor(store: Store, messages: Messages) {
    this.#store = store;
    this.#changed = new RareTable(store, "reindex");
    this.#messages = messages;
  }

  /** D1 has confirmed a batch. Whoever calls this writes the note in the same breath. */
  note({ header, changes }: Batch): void {
    const { found } = this.#store;
    if (!found) return;
    for (const change of changes) for (const [first, last] of rangesOf(change)) this.#add(first, last);
    const owner = JSON.stringify([
      header.deleted_at !== null,
      header.erased_at !== null,
      header.entity_type,
      header.entity_id,
    ]);
    const isSame = owner === found.indexed_as;
    this.#store.noteLater({
      recorded: Math.max(header.revision, found.recorded),
      ...(isSame ? {} : { indexed_as: owner, indexed: 0 }),
    });
  }

  /** Also where the message is new to the index: a batch that has it as it was may be on its way. */
  #add(first: number, last: number): void {
    this.#hasChanged = true;
    this.#changed.insert({ first, last });
  }

  /** Whether the index has everything that D1 has. */
  get isEmpty(): boolean {
    const { found } = this.#store;
    if (!found) return true;
    return found.indexed >= found.handed_over && !this.#waits();
  }

  #waits(): boolean {
    return (this.#hasChanged ??= this.#changed.one("SELECT 1 FROM reindex LIMIT 1") !== null);
  }

  /** What was read before may not hold any more. */
  forget(): void {
    this.#hasChanged = undefined;
  }

  /** When (ms) the oldest message was written that is new to the index, or what it lacks was changed; null when it has all. */
  get since(): number | null {
    if (this.isEmpty) return null;
    const { header } = this.#store;
    return (
      (header.indexed < header.handed_over && this.#messages.at(header.indexed + 1)?.created_at) || header.updated_at
    );
  }

  /** How the next stretch of messages is now: the ones that are new, and after them what was changed. */
  next(): IndexBatch | null {
    const { found: header } = this.#store;
    if (!header) return null;
    const isNew = header.indexed < header.handed_over;
    const row =
      isNew || !this.#waits() ? null : this.#changed.one("SELECT id, first, last FROM reindex ORDER BY id LIMIT 1");
    if (!isNew && !row) return null;
    const first = row ? Number(row["first"]) : header.indexed + 1;
    const end = row ? Number(row["last"]) : header.handed_over;
    const isGone = isGoneInD1(header);
    const last = Math.min(end, first + (isGone ? GONE_PER_BATCH : MESSAGES_PER_BATCH) - 1);
    const change = row && Number(row["id"]);
    const place = { header, revision: header.recorded, first, change };
    if (isGone) return { ...place, last, messages: [] };
    const messages = this.#messages.between(first, last);
    let size = 0;
    const tooMuch = messages.findIndex(({ content }, i) => (size += content.length) > TEXT_PER_BATCH && i > 0);
    const fitting = tooMuch < 0 ? messages : messages.slice(0, tooMuch);
    const upto = tooMuch < 0 ? last : (fitting.at(-1)?.sequence ?? last);
    return { ...place, last: upto, messages: fitting.filter(isFound) };
  }

  /** The index has taken this batch. */
  confirm({ header, first, last, change }: IndexBatch): void {
    const { found } = this.#store;
    if (!found) return;
    if (change !== null) {
      this.#changed.run("UPDATE reindex SET first = ? WHERE id = ? AND first = ?", last + 1, change, first);
      this.#changed.run("DELETE FROM reindex WHERE id = ? AND first > last", change);
      this.forget();
    } else if (found.indexed === first - 1 && found.indexed_as === header.indexed_as) {
      this.#store.setHeader({ indexed: last });
    }
  }
}

/** A delete that D1 has not confirmed may be undone without the index ever being told. */
function isGoneInD1({ indexed_as, deleted_at, erased_at }: Header): boolean {
  if (indexed_as === "") return deleted_at !== null || erased_at !== null;
  const [isDeleted, isErased] = JSON.parse(indexed_as) as [boolean, boolean];
  return isDeleted || isErased;
}

/** Whether a message can be found: it lives and says something. */
const isFound = ({ deleted_at, content }: { deleted_at: number | null; content: string }): boolean =>
  deleted_at === null && content !== "";

/** The sequences of messages that a change is about, both ends inclusive, as far as others do not say so. */
function rangesOf(change: Batch["changes"][number]): [first: number, last: number][] {
  if (change.op === "delete_messages") return [[change.after + 1, change.upto]];
  if (change.op === "restore_messages") return change.ranges;
  return change.op === "message" ? [[change.sequence, change.sequence]] : [];
}
