/**
 * Where servers of OpenAI's protocol differ in what they take. Each is asked in the usual way first; one that refuses a
 * member is asked without it, and that is remembered for the model as long as this process lives.
 */
import { Remembered } from "./remembered.ts";
import type { UpstreamError } from "./report.ts";

export type Dialect = {
  /** Asks for token counts with the stream. */
  stream_options: boolean;
  limit: "max_tokens" | "max_completion_tokens";
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
};

export const USUAL: Dialect = {
  stream_options: true,
  limit: "max_tokens",
  temperature: true,
  stop: true,
  tool_choice: true,
  response_format: true,
  system: true,
  thoughts: false,
};

/** By address and name of the model. */
export const dialects = new Remembered<Dialect>();

/** Times that one answer is asked for at most. */
const MAX_TRIES = 3;

/** A template that knows no instructions sometimes only sees two messages in a row that are not the model's. */
const SYSTEM =
  /system\W{0,3} (message )?role|role\W{0,3} \W?system|(system|developer) (instruction|message|prompt)s? (is|are) not|only user|must alternate/i;

type Refusable = { said: RegExp; applies: (dialect: Dialect) => boolean; without: (dialect: Dialect) => Dialect };

const otherLimit = (dialect: Dialect): Dialect => ({
  ...dialect,
  limit: dialect.limit === "max_tokens" ? "max_completion_tokens" : "max_tokens",
});
const noStreamOptions = (dialect: Dialect): Dialect => ({ ...dialect, stream_options: false });

/**
 * How to ask after `error` was the answer to the request `sent` in `dialect`, the `tries`th in a row; null when nothing else
 * is worth a try.
 */
export function otherwise(
  dialect: Dialect,
  error: UpstreamError,
  sent: Record<string, unknown>,
  tries: number,
): Dialect | null {
  if (tries === MAX_TRIES || (error.status !== 400 && error.status !== 422) || error.isTooLong) return null;
  const has = (member: string) => sent[member] !== undefined;
  const refusable: Refusable[] = [
    { said: /stream_options|include_usage/, applies: () => has("stream_options"), without: noStreamOptions },
    { said: /max_(completion_)?tokens/, applies: ({ limit }) => has(limit), without: otherLimit },
    { said: /temperature/, applies: () => has("temperature"), without: (d) => ({ ...d, temperature: false }) },
    { said: /\bstop\b/, applies: () => has("stop"), without: (d) => ({ ...d, stop: false }) },
    { said: /tool_choice/, applies: () => has("tool_choice"), without: (d) => ({ ...d, tool_choice: false }) },
    {
      said: /response_format|json_schema/,
      applies: () => has("response_format"),
      without: (d) => ({ ...d, response_format: false }),
    },
    {
      said: SYSTEM,
      applies: (d) => d.system,
      without: (d) => ({ ...d, system: false }),
    },
    { said: /reasoning_content/, applies: () => true, without: (d) => ({ ...d, thoughts: !d.thoughts }) },
  ];
  const refused = refusable.filter(({ said, applies }) => error.mentions(said) && applies(dialect));
  if (refused.length > 0) return refused.reduce((changed, { without }) => without(changed), dialect);
  // It does not say what it minds: then without both that are refused most often, and at last with the limit's other name.
  if (tries === 1 && (has("stream_options") || has("response_format"))) {
    return { ...noStreamOptions(otherLimit(dialect)), response_format: false };
  }
  return has(dialect.limit) ? otherLimit(dialect) : null;
}
