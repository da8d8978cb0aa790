/**
 * What the model is shown: the agent's instructions, a summary of what is too old if there is one, then the window,
 * oldest first. Cut to the agent's input budget on whole turns; the newest turn always goes. Pure.
 */
import type { Summary } from "../journal/summary.ts";
import type { Message } from "../message.ts";
import type { ModelRequest } from "../ports.ts";
import { estimateTokens, MESSAGE_OVERHEAD } from "../usage.ts";

export type ContextSettings = {
  instructions: string;
  /** Estimated tokens of the tools' declarations, which every request has. */
  tools_tokens: number;
  /** Estimated tokens that a request may have; null: no limit but the window's. */
  max_input_tokens: number | null;
};

export type Context = { request: ModelRequest; shown: Message[]; trimmed: Message[]; tokens: number };

const SUMMARY_HEADING = "What was said earlier in this conversation, summarised:";

/** Estimated tokens of one message within a request. */
export const messageTokens = (message: Message): number => estimateTokens(message.content) + MESSAGE_OVERHEAD;

/** `window` is oldest first. */
export function buildContext(window: Message[], settings: ContextSettings, summary: Summary | null): Context {
  const instructions = [settings.instructions, summary && `${SUMMARY_HEADING}\n${summary.text}`]
    .filter((part) => part)
    .join("\n\n");
  const turns = turnsOf(window);
  let tokens = estimateTokens(instructions) + settings.tools_tokens;
  let first = turns.length;
  while (first > 0) {
    const cost = (turns[first - 1] ?? []).reduce((sum, message) => sum + messageTokens(message), 0);
    const fits = settings.max_input_tokens === null || tokens + cost <= settings.max_input_tokens;
    if (!fits && first < turns.length) break;
    tokens += cost;
    first--;
  }
  const shown = turns.slice(first).flat();
  const messages = shown.map(({ role, content }) => ({ role, content }));
  return { request: { instructions, messages }, shown, trimmed: turns.slice(0, first).flat(), tokens };
}

/** Neighbouring messages of the same turn, together. */
function turnsOf(window: Message[]): Message[][] {
  const turns: Message[][] = [];
  for (const message of window) {
    const last = turns.at(-1);
    if (last?.[0]?.turn_id === message.turn_id) last.push(message);
    else turns.push([message]);
  }
  return turns;
}
