/** What the next turn would send, without its text: token estimates, and what is left out and why. */
import { buildContext, type Context, MAX_INPUT_TOKENS, messageTokens } from "../engine/context.ts";
import type { TurnAgent } from "../engine/turn-agent.ts";
import type { Journal } from "../journal/journal.ts";
import { summaryOf } from "../journal/summary.ts";
import { type Message, saidIn } from "../message.ts";
import { isBlank } from "../ports.ts";
import { estimateTokens } from "../usage.ts";

/** The context as it stands, before a new message. */
export function nextContext(journal: Journal, agent: TurnAgent): Context {
  const { next_sequence, max_context_length } = journal.header;
  const newestFirst = journal.messages.shownBefore(next_sequence - 1);
  return buildContext(newestFirst, max_context_length, agent, agent.summarize ? summaryOf(journal) : null);
}

export type LeftOut = {
  reason: "max_context_length" | "input_budget" | "no_question" | "deleted" | "failed" | "empty";
  messages: number;
  first_sequence: number;
  last_sequence: number;
};

export function contextReport(journal: Journal, agent: TurnAgent) {
  const { header } = journal;
  const context = nextContext(journal, agent);
  const summary = agent.summarize ? summaryOf(journal) : null;
  return {
    conversation_id: header.id,
    max_context_length: header.max_context_length,
    max_input_tokens: agent.max_input_tokens ?? MAX_INPUT_TOKENS,
    instructions_tokens: estimateTokens(agent.instructions),
    tools_tokens: agent.tools_tokens,
    summary: summary && { upto_sequence: summary.upto, tokens: estimateTokens(summary.text), text: summary.text },
    total_tokens: context.tokens,
    messages: context.shown.map((message) => ({
      message_id: message.id,
      turn_id: message.turn_id,
      sequence: message.sequence,
      role: message.role,
      tokens: messageTokens(message),
    })),
    left_out: leftOut(journal, context),
  };
}

/** Messages before the window are counted from its blocks; those in it are looked at one by one. */
function leftOut(journal: Journal, context: Context): LeftOut[] {
  const { max_context_length, next_sequence } = journal.header;
  const found = new Map<LeftOut["reason"], LeftOut>();
  let window_start = next_sequence;
  let count = 0;
  for (const message of journal.messages.history.newestFirst({ first: 1, last: next_sequence - 1 })) {
    const reason = reasonOf(message, context);
    if (reason !== "failed" && reason !== "empty" && count++ === max_context_length) break;
    window_start = message.sequence;
    if (!reason) continue;
    const { messages, last_sequence } = found.get(reason) ?? { messages: 0, last_sequence: window_start };
    found.set(reason, { reason, messages: messages + 1, first_sequence: window_start, last_sequence });
  }
  const deleted = journal.store.one(
    `SELECT 'deleted' AS reason, count(*) AS messages, min(sequence) AS first_sequence, max(sequence) AS last_sequence
     FROM message WHERE sequence >= ? AND deleted_at IS NOT NULL`,
    window_start,
  ) as unknown as LeftOut;
  const live = journal.messages.history.count({ first: 1, last: window_start - 1 });
  const before = { first_sequence: 1, last_sequence: window_start - 1 };
  const older: LeftOut[] = [
    { reason: "max_context_length", messages: live, ...before },
    { reason: "deleted", messages: window_start - 1 - live, ...before },
  ];
  const inWindow = [...found.values(), deleted].toSorted((a, b) => a.first_sequence - b.first_sequence);
  return [...older, ...inWindow].filter(({ messages }) => messages > 0);
}

/** Why a live message of the window is not shown, or null when it is. */
function reasonOf(message: Message, { shown, first }: Context): LeftOut["reason"] | null {
  const { status, sequence } = message;
  if (status === "failed") return "failed";
  if (isBlank(saidIn(message))) return "empty";
  if (shown[0] && sequence >= shown[0].sequence) return null;
  return first !== null && sequence >= first ? "no_question" : "input_budget";
}
