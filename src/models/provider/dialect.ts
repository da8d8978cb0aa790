/** Where servers of OpenAI's protocol differ in what they take. One that refuses a member is asked without it. */
import { withoutRefused } from "./asked-again.ts";
import { NO_INSTRUCTIONS } from "./instructions.ts";
import { Remembered } from "./remembered.ts";
import type { UpstreamError } from "./report.ts";

export type Dialect = {
  /** Asks for token counts with the stream. */
  stream_options: boolean;
  limit: "max_tokens" | "max_completion_tokens";
  /** Tokens of an answer that may be asked for, at most. */
  most: number;
  temperature: boolean;
  /** Texts at which it is to end. */
  stop: boolean;
  /** Says in the last call that no tool is to be called any more. */
  tool_choice: boolean;
  /** Takes the schema of an answer. */
  response_format: boolean;
  /** Instructions are a message of their own, not the beginning of the user's first. */
  system: boolean;
  /** Thoughts go back with the calls that they led to: only to those who insist on it. */
  thoughts: boolean;
  /** What stands in place of a text where a message only calls tools: OpenAI's null, or "" for those who want a text. */
  no_text: null | "";
};

export const USUAL: Dialect = {
  stream_options: true,
  limit: "max_tokens",
  most: Infinity,
  temperature: true,
  stop: true,
  tool_choice: true,
  response_format: true,
  system: true,
  thoughts: false,
  no_text: null,
};

const LIMIT = /max_(completion_)?tokens/;

/** By address and name of the model. */
export const dialects = new Remembered<Dialect>();

/**
 * How to ask after `error` was the answer to the request `sent` in `dialect`, the `tried`th in a row; null when nothing else
 * is worth a try.
 */
export function otherwise(
  dialect: Dialect,
  error: UpstreamError,
  sent: Record<string, unknown>,
  tried: number,
): Dialect | null {
  const most = mostIn(error);
  // Some say it with a word of their context, which is not what is too long then.
  if (most < Number(sent[dialect.limit])) return { ...dialect, most };
  if (!error.isRefusal) return null;
  const has = (member: string) => sent[member] !== undefined;
  const otherLimit = { limit: dialect.limit === "max_tokens" ? "max_completion_tokens" : "max_tokens" } as const;
  const other = withoutRefused(dialect, error, [
    { said: /stream_options|include_usage/, sent: has("stream_options"), instead: { stream_options: false } },
    { said: LIMIT, sent: has(dialect.limit), instead: otherLimit },
    { said: /temperature/, sent: has("temperature"), instead: { temperature: false } },
    { said: /\bstop\b/, sent: has("stop"), instead: { stop: false } },
    { said: /tool_choice/, sent: has("tool_choice"), instead: { tool_choice: false } },
    { said: /response_format|json_schema/, sent: has("response_format"), instead: { response_format: false } },
    { said: NO_INSTRUCTIONS, sent: dialect.system, instead: { system: false } },
    { said: /\bcontent\b/, sent: hasNull(sent), instead: { no_text: "" } },
    { said: /reasoning_content/, sent: true, instead: { thoughts: !dialect.thoughts } },
  ]);
  if (other) return other;
  // It does not say what it minds: then without all that is refused most often, and at last with the limit's other name.
  if (tried === 1 && (has("stream_options") || has("response_format") || hasNull(sent))) {
    return { ...dialect, ...otherLimit, stream_options: false, response_format: false, no_text: "" };
  }
  return has(dialect.limit) ? { ...dialect, ...otherLimit } : null;
}

/** As in "at most 16384 completion tokens", "less than or equal to `8192`", "range is [1, 8192]", "64000 > 32000". */
const MOST = /(?:at most|less than or equal to|<=|\[\d+,|\d >)\W{0,4}(\d{2,7})(?!\d| -)/i;

/** The most tokens of an answer that a refusal names; NaN where it names none. */
const mostIn = (error: UpstreamError): number =>
  [400, 422].includes(error.status ?? 0) && error.mentions(LIMIT) ? error.numberIn(MOST) : NaN;

/** Whether a message was sent without a text. */
const hasNull = ({ messages }: Record<string, unknown>) =>
  Array.isArray(messages) && messages.some((message) => message.content === null);
