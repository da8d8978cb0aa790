/** The inbox in the order of the service: newest activity first. Pure. */
import type { Conversation } from "../types.ts";

/** Rows from the newest on without a gap, and where the next older ones are; null when there are none. */
export type Rows = { rows: Conversation[]; cursor: string | null; total: number };

const activityOf = ({ last_message_at, created_at }: Conversation): string => last_message_at ?? created_at;

/** Negative when `a` stands above `b`. */
const order = (a: Conversation, b: Conversation): number =>
  activityOf(b).localeCompare(activityOf(a)) || b.id.localeCompare(a.id);

/**
 * The newest page put over what was known. A row that the page would show and does not is gone; when the page has nothing
 * in common with what was known there may be a gap, and the list begins anew.
 */
export function putHead(known: Rows | undefined, head: Rows): Rows {
  const oldest = head.rows.at(-1);
  if (!known || head.cursor === null || !oldest) return head;
  const ids = new Set(head.rows.map(({ id }) => id));
  if (!known.rows.some(({ id }) => ids.has(id))) return head;
  const older = known.rows.filter((row) => !ids.has(row.id) && order(row, oldest) > 0);
  return older.length === 0 ? head : { rows: [...head.rows, ...older], cursor: known.cursor, total: head.total };
}

/** An older page below what is known. */
export function putOlder(known: Rows, page: Rows): Rows {
  const ids = new Set(known.rows.map(({ id }) => id));
  const rows = [...known.rows, ...page.rows.filter(({ id }) => !ids.has(id))];
  return { rows, cursor: page.cursor, total: page.total };
}

/** One row as it is now, in its place. */
export const putRow = (known: Rows, row: Conversation): Rows =>
  known.rows.some(({ id }) => id === row.id)
    ? { ...known, rows: known.rows.map((other) => (other.id === row.id ? row : other)).toSorted(order) }
    : known;
