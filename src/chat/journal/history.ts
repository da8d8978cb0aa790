/**
 * Pages of a conversation's live messages. A page reads its own rows, one row a block of 256 before it, and at most one block
 * more, wherever it is and whatever was deleted.
 */
import type { Message, Role } from "../message.ts";
import type { HistoryPage, HistoryQuery } from "../rpc.ts";
import { type Blocks, blockOf, rangeOf } from "./blocks.ts";
import type { Recent } from "./recent.ts";
import { toMessage } from "./schema.ts";
import type { Store } from "./store.ts";

/** UTF-16 units of content after which a page is cut: as JSON, in two bytes each, it is less than a call may carry (32 MiB). */
const MAX_TEXT = 1024 * 1024;

/** Sequences from `first` to `last`, both inclusive. */
type Range = { first: number; last: number };

export class History {
  readonly #store: Store;
  readonly #blocks: Blocks;
  readonly #recent: Recent;

  constructor(store: Store, blocks: Blocks, recent: Recent) {
    this.#store = store;
    this.#blocks = blocks;
    this.#recent = recent;
  }

  /** One message more than `limit` says where there are more. */
  page({ order, role, after_sequence, before_sequence, cursor, offset, limit }: HistoryQuery): HistoryPage {
    const { next_sequence, message_count } = this.#store.header;
    const first = (after_sequence ?? 0) + 1;
    const last = Math.min(next_sequence - 1, (before_sequence ?? next_sequence) - 1);
    const isWhole = role === undefined && first === 1 && last === next_sequence - 1;
    const total = isWhole ? message_count : this.count({ first, last }, role);
    const range = {
      first: cursor !== null && order === "asc" ? Math.max(first, cursor + 1) : first,
      last: cursor !== null && order === "desc" ? Math.min(last, cursor - 1) : last,
    };
    return { ...this.#read(range, order, role, offset, limit), total };
  }

  /** Live messages of a range. */
  count({ first, last }: Range, role?: Role): number {
    let count = 0;
    for (const part of parts({ first, last }, "asc")) count += this.#countPart(part, role);
    return count;
  }

  /** Live messages of a range from its newest on, until the caller stops. */
  *newestFirst({ first, last }: Range): Generator<Message> {
    const recent = this.#recent;
    if (recent.first === null) return yield* this.#remembered({ first, last });
    yield* recent.newestFirst(first, last);
    yield* this.#stored({ first, last: Math.min(last, recent.first - 1) });
  }

  /** The same from the tables; what was read down to where the caller stopped is at hand for the next one. */
  *#remembered(range: Range): Generator<Message> {
    const { version } = this.#recent;
    const read: Message[] = [];
    try {
      for (const message of this.#stored(range)) {
        read.push(message);
        yield message;
      }
    } finally {
      const isWhole = version === this.#recent.version && range.last === this.#store.header.next_sequence - 1;
      if (isWhole && this.#recent.first === null) this.#recent.fill(read);
    }
  }

  *#stored(range: Range): Generator<Message> {
    for (const part of parts(range, "desc")) {
      if (this.#countIfKnown(part) === 0) continue;
      for (const row of this.#select(part, "desc", undefined, -1, 0)) yield toMessage(row);
    }
  }

  #read(
    range: Range,
    order: "asc" | "desc",
    role: Role | undefined,
    offset: number,
    limit: number,
  ): Omit<HistoryPage, "total"> {
    const messages: Message[] = [];
    let skip = offset;
    let text = 0;
    for (const part of parts(range, order)) {
      if (messages.length === limit) break;
      const count = skip > 0 ? this.#countPart(part, role) : this.#countIfKnown(part, role);
      if (count !== null && count <= skip) {
        skip -= count;
        continue;
      }
      for (const row of this.#select(part, order, role, limit - messages.length, skip)) {
        const message = toMessage(row);
        messages.push(message);
        text += message.content.length;
        if (text > MAX_TEXT && messages.length < limit) return { messages, isCut: true };
      }
      skip = 0;
    }
    return { messages, isCut: false };
  }

  #countPart(part: Range, role?: Role): number {
    const known = this.#countIfKnown(part, role);
    if (known !== null) return known;
    const { first, last } = part;
    const query = `SELECT count(*) AS live FROM message WHERE sequence BETWEEN ? AND ? AND deleted_at IS NULL ${ofRole(role)}`;
    return Number(this.#store.one(query, first, last, ...(role ? [role] : []))?.["live"]);
  }

  /** What the blocks say of a part, or null when it is not a whole, full block. */
  #countIfKnown({ first, last }: Range, role?: Role): number | null {
    const block = blockOf(first);
    const [from, to] = rangeOf(block);
    return first === from && last === to ? this.#blocks.live(block, role) : null;
  }

  #select({ first, last }: Range, order: "asc" | "desc", role: Role | undefined, limit: number, offset: number) {
    return this.#store.each(
      `SELECT * FROM message WHERE sequence BETWEEN ? AND ? AND deleted_at IS NULL ${ofRole(role)}
       ORDER BY sequence ${order} LIMIT ? OFFSET ?`,
      ...[first, last, ...(role ? [role] : []), limit, offset],
    );
  }
}

const ofRole = (role: Role | undefined) => (role ? "AND role = ?" : "");

/** A range, cut where blocks meet. */
function* parts({ first, last }: Range, order: "asc" | "desc"): Generator<Range> {
  if (first > last) return;
  const [low, high] = [blockOf(first), blockOf(last)];
  for (let n = 0; n <= high - low; n++) {
    const [from, to] = rangeOf(order === "asc" ? low + n : high - n);
    yield { first: Math.max(first, from), last: Math.min(last, to) };
  }
}
