/** The messages of a conversation that are loaded, in order, and what is missing between them. Pure. */
import type { Message } from "../types.ts";

/** Live messages without a gap of the loading: from the first of them on all are here. */
export type History = { messages: Message[]; hasEarlier: boolean };

/** A message, one that is deleted, or numbers of which only that they are deleted is known. */
export type Item =
  | { kind: "message"; message: Message }
  | { kind: "deleted"; message: Message }
  | { kind: "gap"; from: number; to: number };

/** Messages put in their places; one from before the first that is loaded waits until it is asked for. */
export function put(history: History, messages: Message[]): History {
  const byId = new Map(history.messages.map((message) => [message.id, message]));
  const first = history.hasEarlier ? (history.messages[0]?.sequence ?? 0) : 0;
  for (const message of messages) if (message.sequence >= first) byId.set(message.id, message);
  return { ...history, messages: [...byId.values()].toSorted((a, b) => a.sequence - b.sequence) };
}

/** Older messages above what is loaded. */
export const putEarlier = (history: History, messages: Message[], hasEarlier: boolean): History => ({
  messages: put({ ...history, hasEarlier: false }, messages).messages,
  hasEarlier,
});

/** What stands in the transcript. Sequences are never reused, so a number that is missing is a message that is deleted. */
export function itemsOf({ messages, hasEarlier }: History, deleted: Message[]): Item[] {
  const first = hasEarlier ? (messages[0]?.sequence ?? Infinity) : 1;
  const live = new Set(messages.map(({ id }) => id));
  const gone = deleted.filter(({ id, sequence }) => sequence >= first && !live.has(id));
  const known: Item[] = [
    ...messages.map((message): Item => ({ kind: "message", message })),
    ...gone.map((message): Item => ({ kind: "deleted", message })),
  ];
  known.sort((a, b) => sequenceOf(a) - sequenceOf(b));
  const items: Item[] = [];
  let next = first === Infinity ? 1 : first;
  for (const item of known) {
    const sequence = sequenceOf(item);
    if (sequence > next) items.push({ kind: "gap", from: next, to: sequence - 1 });
    items.push(item);
    next = sequence + 1;
  }
  return items;
}

export const sequenceOf = (item: Item): number => (item.kind === "gap" ? item.from : item.message.sequence);
