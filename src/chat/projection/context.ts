/** What the next turn would send, told without its text: token estimates, and what is left out and why. */
import type { TurnAgent } from "../engine/turn-agent.ts";
import { buildContext, type Context, messageTokens } from "../engine/context.ts";
import type { Header } from "../journal/schema.ts";
import type { Journal } from "../journal/journal.ts";
import { summaryOf } from "../journal/summary.ts";
import { estimateTokens } from "../usage.ts";

/** The context as it stands, before a new message. */
export function nextContext(journal: Journal, agent: TurnAgent): Context {
  const upto = (journal.header as Header).next_sequence - 1;
  return buildContext(journal.messages.window(upto), agent, agent.summarize ? summaryOf(journal) : null);
}

export type LeftOut = {
  reason: "max_context_length" | "input_budget" | "deleted" | "failed" | "empty";
  messages: number;
  first_sequence: number;
  last_sequence: number;
};

export function contextReport(journal: Journal, agent: TurnAgent) {
  const header = journal.header as Header;
  const { shown, trimmed, tokens } = nextContext(journal, agent);
  const window_start = (trimmed[0] ?? shown[0])?.sequence ?? header.next_sequence;
  const shown_start = shown[0]?.sequence ?? header.next_sequence;
  const summary = agent.summarize ? summaryOf(journal) : null;
  return {
    conversation_id: header.id,
    max_context_length: header.max_context_length,
    max_input_tokens: agent.max_input_tokens,
    instructions_tokens: estimateTokens(agent.instructions),
    tools_tokens: agent.tools_tokens,
    summary: summary && { upto_sequence: summary.upto, tokens: estimateTokens(summary.text), text: summary.text },
    total_tokens: tokens,
    messages: shown.map((message) => ({
      message_id: message.id,
      turn_id: message.turn_id,
      sequence: message.sequence,
      role: message.role,
      tokens: messageTokens(message),
    })),
    left_out: leftOut(journal, window_start, shown_start),
  };
}

function leftOut(journal: Journal, window_start: number, shown_start: number): LeftOut[] {
  return journal.rows(
    `SELECT CASE
       WHEN deleted_at IS NOT NULL THEN 'deleted' WHEN status = 'failed' THEN 'failed' WHEN content = '' THEN 'empty'
       WHEN sequence < ? THEN 'max_context_length' ELSE 'input_budget' END AS reason,
       count(*) AS messages, min(sequence) AS first_sequence, max(sequence) AS last_sequence
     FROM message WHERE deleted_at IS NOT NULL OR status = 'failed' OR content = '' OR sequence < ?
     GROUP BY reason ORDER BY first_sequence`,
    window_start,
    shown_start,
  ) as LeftOut[];
}
