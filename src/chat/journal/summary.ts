/** What models have written of messages, beside replies: the rolling summary of what no longer fits the window, and notes. */
import type { Journal } from "./journal.ts";

/** What was said up to and including a sequence, in the model's words. */
export type Summary = { upto: number; text: string };

export function summaryOf(journal: Journal): Summary | null {
  const row = journal.store.one("SELECT upto, text FROM summary");
  return row && { upto: Number(row["upto"]), text: String(row["text"]) };
}

export function keepSummary(journal: Journal, { upto, text }: Summary): void {
  forgetSummary(journal, 0);
  journal.store.run("INSERT INTO summary (upto, text) VALUES (?, ?)", upto, text);
}

/** Forgets a summary that covers a message from `sequence` on. */
export function forgetSummary(journal: Journal, sequence: number): void {
  journal.store.run("DELETE FROM summary WHERE upto >= ?", sequence);
}

/** Forgets the notes of messages from `sequence` on. */
export function forgetNotes(journal: Journal, sequence: number): void {
  journal.store.run("DELETE FROM note WHERE upto >= ?", sequence);
}
