/**
 * A rolling summary of what no longer fits the window, made by the agent's own model after a turn, off the path of its
 * answer. Whatever edits the conversation meanwhile makes it worthless: it is made anew from what is left.
 */
import type { Journal } from "../journal/journal.ts";
import { keepSummary, type Summary, summaryOf } from "../journal/summary.ts";
import { type Message, saidIn } from "../message.ts";
import { ModelFailure, type ModelRequest, type ModelUsage } from "../ports.ts";
import { inputOf, mostInput, type Usage, UsageTally } from "../usage.ts";
import { promptOf } from "./context.ts";
import { type Ledger, reserve } from "./reservation.ts";
import type { TurnAgent } from "./turn-agent.ts";
import { watched } from "./watchdog.ts";

/** Messages and UTF-16 code units that one call summarises at most; what is left follows with the next call. */
const MESSAGES = 200;
const LENGTH = 60_000;
/** Milliseconds that one summary may take. */
const PATIENCE = 60_000;

const INSTRUCTIONS =
  "Summarise this conversation for the assistant who will continue it. Keep names, numbers, decisions, promises and open questions. Use at most 300 words. Write only the summary.";

export type SummaryPorts = { journal: Journal; ledger?: Ledger; clock: () => number; log: (event: object) => void };

/**
 * Summarises what lies before the window, once some of it is not covered yet. It reaches to the middle of the window, so
 * that half a window of messages comes before the next call of the model.
 */
export async function summarise(ports: SummaryPorts, agent: TurnAgent, window: Message[]): Promise<void> {
  const start = window[0]?.sequence ?? 0;
  const middle = window[Math.floor((window.length - 1) / 2)]?.sequence ?? 0;
  const { journal } = ports;
  const upto = summaryOf(journal)?.upto ?? 0;
  if (journal.messages.shownBetween(upto, start, 1).length === 0) return;
  for (let more = true; more;) more = await step(ports, agent, middle);
}

async function step({ journal, ledger, clock, log }: SummaryPorts, agent: TurnAgent, before: number): Promise<boolean> {
  const began = journal.found;
  /** No edit since then: what is summarised is what is there. It is not deleted, and no person has it. */
  const isWanted = () => {
    const { found } = journal;
    return found?.edits === began?.edits && found?.deleted_at === null && found.handled_by === "agent";
  };
  if (!began || !isWanted()) return false;
  const former = summaryOf(journal);
  const messages = uncovered(journal, former?.upto ?? 0, before);
  const last = messages.at(-1);
  if (!last) return false;
  const { id: conversation_id } = began;
  try {
    const { text, usage } = await ask(agent, former, messages, clock, ledger, isWanted);
    log({ event: "summary", conversation_id, upto: last.sequence, ...usage });
    if (text.trim() === "" || !isWanted()) return false;
    journal.transaction(() => keepSummary(journal, { upto: last.sequence, text }));
    return true;
  } catch (error) {
    const reason = error instanceof ModelFailure ? error.message : String(error);
    log({ event: "summary_failed", conversation_id, reason });
    return false;
  }
}

function uncovered(journal: Journal, after: number, before: number): Message[] {
  let length = 0;
  const messages = journal.messages.shownBetween(after, before, MESSAGES);
  const end = messages.findIndex((message) => (length += message.content.length) > LENGTH);
  return end === -1 ? messages : messages.slice(0, Math.max(1, end));
}

async function ask(
  agent: TurnAgent,
  former: Summary | null,
  messages: Message[],
  clock: () => number,
  ledger: Ledger | undefined,
  isWanted: () => boolean,
): Promise<{ text: string; usage: Usage | null }> {
  const transcript = messages.map((message) => `${message.role}: ${saidIn(message)}`).join("\n\n");
  const content = former ? `Summary so far:\n${former.text}\n\nWhat followed:\n${transcript}` : transcript;
  const call = new AbortController();
  const request: ModelRequest = { instructions: INSTRUCTIONS, messages: promptOf([{ role: "user", content }]) };
  const [link] = agent.links;
  const { timeouts } = link;
  const model = link.open();
  const room = await reserve(ledger, agent, link, mostInput(request), clock());
  if (!isWanted()) {
    room?.release();
    return { text: "", usage: null };
  }
  if (room) request.admit = async () => room.output;
  const stream = model.stream(request, call.signal);
  const tally = new UsageTally();
  let text = "";
  let measured: ModelUsage | null = null;
  const events = watched(stream, timeouts, clock() + PATIENCE, clock, call.signal, () => call.abort());
  try {
    for await (const event of events) {
      if (event.type === "retract") text = "";
      else if (event.type === "text") text += event.text;
      else if (event.type === "finish") measured = event.usage;
    }
  } finally {
    room?.settle(tally.end(measured, request, text) ?? inputOf(request));
  }
  return { text: text.toWellFormed(), usage: tally.total };
}
