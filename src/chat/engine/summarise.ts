/**
 * A rolling summary of what no longer fits the window, made by the agent's own model after a turn, off the path of its
 * answer. A delete or restore of anything it covers drops it at once; it is made anew from what is left.
 */
import type { TurnAgent } from "./turn-agent.ts";
import { type Summary, summaryOf } from "../journal/summary.ts";
import { toMessage } from "../journal/schema.ts";
import type { Journal } from "../journal/journal.ts";
import type { Message } from "../message.ts";
import { ModelFailure } from "../ports.ts";
import { watched } from "./watchdog.ts";

/** Messages and UTF-16 code units that one call summarises at most; what is left follows with the next call. */
const MESSAGES = 200;
const LENGTH = 60_000;
/** Milliseconds that one summary may take. */
const PATIENCE = 60_000;

const INSTRUCTIONS =
  "Summarise this conversation for the assistant who will continue it. Keep names, numbers, decisions, promises and open questions. Use at most 300 words. Write only the summary.";

export type SummaryPorts = { journal: Journal; clock: () => number; log: (event: object) => void };

/** Summarises what lies before sequence `start` and is not covered yet. Resolves when nothing is left to do. */
export async function summarise(ports: SummaryPorts, agent: TurnAgent, start: number): Promise<void> {
  for (let more = true; more;) more = await step(ports, agent, start);
}

async function step({ journal, clock, log }: SummaryPorts, agent: TurnAgent, start: number): Promise<boolean> {
  const former = summaryOf(journal);
  const messages = uncovered(journal, former?.upto ?? 0, start);
  const last = messages.at(-1);
  if (!last) return false;
  const before = fingerprint(journal, last.sequence);
  try {
    const text = await ask(agent, former, messages, clock);
    if (text === "" || fingerprint(journal, last.sequence) !== before) return false;
    journal.transaction(() => {
      journal.run("DELETE FROM summary");
      journal.run("INSERT INTO summary (upto, text) VALUES (?, ?)", last.sequence, text);
    });
    return true;
  } catch (error) {
    log({ event: "summary_failed", reason: error instanceof ModelFailure ? error.message : String(error) });
    return false;
  }
}

/** Changes whenever a message up to `sequence` is deleted or restored, or the summary itself is. */
const fingerprint = (journal: Journal, sequence: number) =>
  JSON.stringify([
    journal.rows(
      "SELECT count(*) AS n, total(sequence) AS s FROM message WHERE sequence <= ? AND deleted_at IS NULL",
      sequence,
    ),
    summaryOf(journal)?.upto,
  ]);

function uncovered(journal: Journal, after: number, start: number): Message[] {
  const rows = journal.rows(
    `SELECT * FROM message WHERE deleted_at IS NULL AND status <> 'failed' AND content <> ''
     AND sequence > ? AND sequence < ? ORDER BY sequence LIMIT ?`,
    after,
    start,
    MESSAGES,
  );
  let length = 0;
  const messages = rows.map(toMessage);
  const fit = messages.filter((message) => (length += message.content.length) <= LENGTH);
  return fit.length > 0 ? fit : messages.slice(0, 1);
}

async function ask(
  agent: TurnAgent,
  former: Summary | null,
  messages: Message[],
  clock: () => number,
): Promise<string> {
  const transcript = messages.map(({ role, content }) => `${role}: ${content}`).join("\n\n");
  const content = former ? `Summary so far:\n${former.text}\n\nWhat followed:\n${transcript}` : transcript;
  const call = new AbortController();
  const request = { instructions: INSTRUCTIONS, messages: [{ role: "user" as const, content }] };
  const [{ open, timeouts }] = agent.links;
  const stream = open().stream(request, call.signal);
  let text = "";
  const events = watched(stream, timeouts, clock() + PATIENCE, clock, call.signal, () => call.abort());
  for await (const event of events) {
    if (event.type === "retract") text = "";
    if (event.type === "text") text += event.text;
  }
  return text.toWellFormed();
}
