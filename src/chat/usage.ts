/** Token counts: as the provider measured them, or estimated from the text; never a made-up zero. */
import type { ModelRequest, ModelUsage } from "./ports.ts";

/** `cached_input_tokens`: how many of the input tokens the provider had in its cache; null where it did not say. */
export type Usage = {
  input_tokens: number;
  cached_input_tokens: number | null;
  output_tokens: number;
  source: "measured" | "estimated";
};

const encoder = new TextEncoder();

/** Rough and monotone: about four bytes of UTF-8 a token, at least one for any text. */
export const estimateTokens = (text: string): number => Math.ceil(encoder.encode(text).length / 4);

/** What every message costs beyond its text: its role and the separators around it. */
export const MESSAGE_OVERHEAD = 4;

const estimateRequest = (request: ModelRequest): number =>
  estimateTokens(request.instructions) +
  request.messages.reduce((sum, m) => sum + estimateTokens(m.content) + MESSAGE_OVERHEAD, 0);

/** What a request took that was sent and of whose answer nothing is known. */
export const inputOf = (request: ModelRequest): Usage => ({
  input_tokens: estimateRequest(request),
  cached_input_tokens: null,
  output_tokens: 0,
  source: "estimated",
});

/**
 * More tokens than a tokenizer makes of a text: one for two bytes of ASCII, one for every other byte. For what is reserved
 * before a call, where an estimate would be too little for numbers, code and other scripts.
 */
export function mostTokens(text: string): number {
  const bytes = encoder.encode(text).length;
  let ascii = 0;
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) < 128) ascii++;
  return bytes - Math.floor(ascii / 2);
}

/** Around a schema stands what it is for. */
const SCHEMA_RULE = 64;

/** The same of a whole request. A schema goes with it twice: as a member, and in the instructions. */
export const mostInput = (request: ModelRequest): number =>
  mostTokens(request.instructions) +
  (request.output_schema ? 2 * mostTokens(JSON.stringify(request.output_schema)) + SCHEMA_RULE : 0) +
  request.messages.reduce((sum, m) => sum + mostTokens(m.content) + 2 * MESSAGE_OVERHEAD, 2 * MESSAGE_OVERHEAD);

/** Measured where the provider counted both sides, else estimated. */
function usageOf(measured: ModelUsage | null, request: ModelRequest, reply: string): Usage {
  const { input_tokens = null, cached_input_tokens = null, output_tokens = null } = measured ?? {};
  if (input_tokens !== null && output_tokens !== null)
    return { input_tokens, cached_input_tokens, output_tokens, source: "measured" };
  return {
    input_tokens: input_tokens ?? estimateRequest(request),
    cached_input_tokens: input_tokens === null ? null : cached_input_tokens,
    output_tokens: output_tokens ?? estimateTokens(reply),
    source: "estimated",
  };
}

/** What the calls of a model for one reply took together: each as it was measured, or else estimated. */
export class UsageTally {
  /** Calls that are over, oldest first. */
  readonly #calls: Usage[] = [];
  /** Estimated tokens by which the request has grown. */
  #grown = 0;

  /** The last call that is over, or null. */
  get last(): Usage | null {
    return this.#calls.at(-1) ?? null;
  }

  /** A call is over in which the model said `reply`, and another will follow. */
  add(measured: ModelUsage | null, request: ModelRequest, reply: string): void {
    this.#calls.push(this.#call(measured, request, reply));
    this.#grown += estimateTokens(reply);
  }

  /** In that call the model wrote this, too. */
  wrote(input: unknown): void {
    const tokens = estimateTokens(JSON.stringify(input));
    this.#grown += tokens;
    if (this.last?.source === "estimated") this.last.output_tokens += tokens;
  }

  /** The next call will show the model this as well. */
  shows(output: unknown): void {
    this.#grown += estimateTokens(JSON.stringify(output));
  }

  /** The last call, in which the model said `reply`, is over; null when it said and counted nothing. */
  end(measured: ModelUsage | null, request: ModelRequest, reply: string): Usage | null {
    if (reply === "" && !measured) return null;
    const call = this.#call(measured, request, reply);
    this.#calls.push(call);
    return call;
  }

  /** All of them together, or null where nothing was said or counted. */
  get total(): Usage | null {
    const [first, ...rest] = this.#calls;
    return first ? rest.reduce(sumOf, first) : null;
  }

  #call(measured: ModelUsage | null, request: ModelRequest, reply: string): Usage {
    const call = usageOf(measured, request, reply);
    if ((measured?.input_tokens ?? null) === null) call.input_tokens += this.#grown;
    return call;
  }
}

const sumOf = (a: Usage, b: Usage): Usage => ({
  input_tokens: a.input_tokens + b.input_tokens,
  cached_input_tokens:
    a.cached_input_tokens === null && b.cached_input_tokens === null
      ? null
      : (a.cached_input_tokens ?? 0) + (b.cached_input_tokens ?? 0),
  output_tokens: a.output_tokens + b.output_tokens,
  source: a.source === "measured" ? b.source : "estimated",
});
