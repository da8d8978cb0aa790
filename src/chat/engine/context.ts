/**
 * What the model is shown: the agent's instructions, a summary of what is too old if there is one, then the latest live
 * messages. It is valid for the strictest provider after any history: the first message is the user's, roles alternate,
 * nothing is blank, and the last message is the user's. Cut to the agent's input budget on whole turns; the newest turn
 * always goes. Pure.
 */
import type { Summary } from "../journal/summary.ts";
import { type Message, saidIn } from "../message.ts";
import type { ModelMessage, ModelRequest } from "../ports.ts";
import { estimateTokens, MESSAGE_OVERHEAD } from "../usage.ts";

/** Estimated tokens of a request where the agent names no limit. */
export const MAX_INPUT_TOKENS = 32_000;

export type ContextSettings = {
  instructions: string;
  /** Estimated tokens of the tools' declarations, which every request has. */
  tools_tokens: number;
  /** Estimated tokens that a request may have; null: MAX_INPUT_TOKENS. */
  max_input_tokens: number | null;
};

/** `shown` is oldest first; `first` is the sequence of the oldest message that fitted, shown or not; `tokens` of what is shown. */
export type Context = { request: ModelRequest; shown: Message[]; first: number | null; tokens: number };

const SUMMARY_HEADING = "What was said earlier in this conversation, summarised:";

/** Estimated tokens of one message within a request. */
export const messageTokens = (message: Message): number => estimateTokens(saidIn(message)) + MESSAGE_OVERHEAD;

const shownAs = (message: Message): ModelMessage => ({ role: message.role, content: saidIn(message) });

/** `newestFirst` has messages that may be shown, and is read as far as they fit: `limit` messages at most. */
export function buildContext(
  newestFirst: Iterable<Message>,
  limit: number,
  settings: ContextSettings,
  summary: Summary | null,
): Context {
  const instructions = [settings.instructions, summary && `${SUMMARY_HEADING}\n${summary.text}`]
    .filter((part) => part)
    .join("\n\n");
  const costOf = (messages: Message[]) => messages.reduce((sum, message) => sum + messageTokens(message), 0);
  const budget = settings.max_input_tokens ?? MAX_INPUT_TOKENS;
  let tokens = estimateTokens(instructions) + settings.tools_tokens;
  const fitting: Message[] = [];
  for (const turn of turnsOf(newestFirst, limit)) {
    const cost = costOf(turn);
    if (fitting.length > 0 && tokens + cost > budget) break;
    tokens += cost;
    fitting.push(...turn);
  }
  fitting.reverse();
  const first = fitting[0]?.sequence ?? null;
  const question = fitting.findIndex(({ role }) => role === "user");
  // What answers a question that is not shown is left out.
  tokens -= costOf(fitting.splice(0, question < 0 ? fitting.length : question));
  const questions = fitting.flatMap(({ role, content }) => (role === "user" ? [content] : []));
  const request = { instructions, messages: promptOf(fitting.map(shownAs)), questions };
  return { request, shown: fitting, first, tokens };
}

/** Messages in the form that every provider takes. Neighbours of one role are joined by an empty line. */
export function promptOf(messages: Pick<Message, "role" | "content">[]): ModelMessage[] {
  const prompt: ModelMessage[] = [];
  for (const { role, content } of messages) {
    const last = prompt.at(-1);
    if (last?.role === role) last.content += `\n\n${content}`;
    else if (last || role === "user") prompt.push({ role, content });
  }
  return prompt;
}

/** Neighbouring messages of the same turn together, newest first. */
function* turnsOf(newestFirst: Iterable<Message>, limit: number): Generator<Message[]> {
  let turn: Message[] = [];
  let count = 0;
  for (const message of newestFirst) {
    if (turn[0] && turn[0].turn_id !== message.turn_id) {
      yield turn;
      turn = [];
    }
    turn.push(message);
    if (++count === limit) break;
  }
  if (turn.length > 0) yield turn;
}
