/** The rolling summary of what no longer fits the window, as the journal keeps it. */
import type { Journal } from "./journal.ts";

/** What was said up to and including a sequence, in the model's words. */
export type Summary = { upto: number; text: string };

/** What is kept, or null. */
export function summaryOf(journal: Journal): Summary | null {
  const row = journal.rows("SELECT upto, text FROM summary")[0];
  return row ? { upto: Number(row["upto"]), text: String(row["text"]) } : null;
}

/** Forgets a summary that covers a message from `sequence` on. */
export function forgetSummary(journal: Journal, sequence: number): void {
  journal.run("DELETE FROM summary WHERE upto >= ?", sequence);
}
