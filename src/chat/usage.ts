/** Token counts: as the provider measured them, or estimated from the text; never a made-up zero. */
import type { ModelRequest, ModelUsage } from "./ports.ts";

export type Usage = { input_tokens: number; output_tokens: number; source: "measured" | "estimated" };

const encoder = new TextEncoder();

/** Rough and monotone: about four bytes of UTF-8 a token, at least one for any text. */
export const estimateTokens = (text: string): number => Math.ceil(encoder.encode(text).length / 4);

/** What every message costs beyond its text: its role and the separators around it. */
export const MESSAGE_OVERHEAD = 4;

const estimateRequest = (request: ModelRequest): number =>
  estimateTokens(request.instructions) +
  request.messages.reduce((sum, m) => sum + estimateTokens(m.content) + MESSAGE_OVERHEAD, 0);

/** Measured where the provider counted both sides, else estimated. */
function usageOf(measured: ModelUsage | null, request: ModelRequest, reply: string): Usage {
  const { input_tokens = null, output_tokens = null } = measured ?? {};
  if (input_tokens !== null && output_tokens !== null) return { input_tokens, output_tokens, source: "measured" };
  return {
    input_tokens: input_tokens ?? estimateRequest(request),
    output_tokens: output_tokens ?? estimateTokens(reply),
    source: "estimated",
  };
}

/** What the calls of a model for one reply took together: each as it was measured, or else estimated. */
export class UsageTally {
  #spent: Usage | null = null;
  /** Estimated tokens by which the request has grown. */
  #grown = 0;

  /** A call is over in which the model said `reply`, and another will follow. */
  add(measured: ModelUsage | null, request: ModelRequest, reply: string): void {
    this.#spent = this.#with(measured, request, reply);
    this.#grown += estimateTokens(reply);
  }

  /** In that call the model wrote this, too. */
  wrote(input: unknown): void {
    const tokens = estimateTokens(JSON.stringify(input));
    this.#grown += tokens;
    if (this.#spent?.source === "estimated") this.#spent.output_tokens += tokens;
  }

  /** The next call will show the model this as well. */
  shows(output: unknown): void {
    this.#grown += estimateTokens(JSON.stringify(output));
  }

  /** With the last call, in which the model said `reply`, if it said or counted anything; null when there was nothing. */
  total(measured: ModelUsage | null, request: ModelRequest, reply: string): Usage | null {
    return reply === "" && !measured ? this.#spent : this.#with(measured, request, reply);
  }

  #with(measured: ModelUsage | null, request: ModelRequest, reply: string): Usage {
    const call = usageOf(measured, request, reply);
    if ((measured?.input_tokens ?? null) === null) call.input_tokens += this.#grown;
    const before = this.#spent;
    if (!before) return call;
    return {
      input_tokens: before.input_tokens + call.input_tokens,
      output_tokens: before.output_tokens + call.output_tokens,
      source: before.source === "measured" ? call.source : "estimated",
    };
  }
}
