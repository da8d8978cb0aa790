/** What a test can make the upstream do. Plain data: it crosses HTTP. */

/** A call in one chunk, or with `split` its arguments one character a chunk. Arguments that are text are sent as they are. */
export type ToolCallStep = { id?: string; name: string; arguments: unknown; split?: boolean };

/** One thing the upstream does; a script is done one after another, and then the answer simply ends. */
export type Step =
  /** Said by the model: one chunk each. */
  | { text: string }
  | { reasoning: string }
  | { tool_call: ToolCallStep }
  /** How an answer ends; each is left out by some real server. */
  | { finish: string }
  | { usage: Record<string, unknown> }
  | { done: true }
  /** Written as they are: a keep-alive comment, an error object inside the stream, any text, any bytes. */
  | { comment: string }
  | { error: Record<string, unknown> }
  | { raw: string }
  | { bytes_base64: string }
  /** Waiting: for a time, until a gate is opened, or until the client goes away. */
  | { wait_ms: number }
  | { gate: string }
  | { hang: true }
  /** Instead of an answer: a status (as the first step), or a connection that is reset. */
  | { status: number; headers?: Record<string, string>; body?: unknown }
  | { reset: true };

/** One script for every request, or a list: one for each request in turn, the last for all that follow. */
export type Scripts = { steps: Step[] } | { scripts: { steps: Step[] }[] };

/** Tokens as the upstream counts them when a script does not say. */
export const countTokens = (text: string): number => text.split(/\s+/).filter((word) => word !== "").length;

/** An answer that wants tools called, with what it says before that. */
export const calling = (calls: ToolCallStep[], said: string[] = [], usage?: Record<string, unknown>): Step[] => [
  ...said.map((text) => ({ text })),
  ...calls.map((tool_call) => ({ tool_call })),
  { finish: "tool_calls" },
  ...(usage ? [{ usage }] : []),
  { done: true },
];

/** A complete, ordinary answer, one chunk a piece. */
export const complete = (pieces: string[], usage?: { prompt_tokens: number; completion_tokens: number }): Step[] => [
  ...pieces.map((text) => ({ text })),
  { finish: "stop" },
  ...(usage ? [{ usage: { ...usage, total_tokens: usage.prompt_tokens + usage.completion_tokens } }] : []),
  { done: true },
];
