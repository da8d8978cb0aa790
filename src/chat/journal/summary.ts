/** What models have written of messages, beside replies: the rolling summary of what no longer fits the window, and notes. */
import type { Journal } from "./journal.ts";
import { RareTable } from "./rare-table.ts";

/** What was said up to and including a sequence, in the model's words. */
export type Summary = { upto: number; text: string };

const summaries = (journal: Journal) => new RareTable(journal.store, "summary");

export function summaryOf(journal: Journal): Summary | null {
  const row = summaries(journal).one("SELECT upto, text FROM summary");
  return row && { upto: Number(row["upto"]), text: String(row["text"]) };
}

export function keepSummary(journal: Journal, { upto, text }: Summary): void {
  forgetSummary(journal, 0);
  summaries(journal).insert({ upto, text });
}

/** Forgets a summary that covers a message from `sequence` on. */
export function forgetSummary(journal: Journal, sequence: number): void {
  summaries(journal).run("DELETE FROM summary WHERE upto >= ?", sequence);
}

/** Forgets the notes of messages from `sequence` on. */
export function forgetNotes(journal: Journal, sequence: number): void {
  new RareTable(journal.store, "note").run("DELETE FROM note WHERE upto >= ?", sequence);
}
