/** Token counts: as the provider measured them, or estimated from the text; never a made-up zero. */
import type { ModelRequest, ModelUsage } from "./ports.ts";

export type Usage = { input_tokens: number; output_tokens: number; source: "measured" | "estimated" };

/** Rough and monotone: about four bytes of UTF-8 a token, at least one for any text. */
export const estimateTokens = (text: string): number => Math.ceil(new TextEncoder().encode(text).length / 4);

/** What every message costs beyond its text: its role and the separators around it. */
export const MESSAGE_OVERHEAD = 4;

export const estimateRequest = (request: ModelRequest): number =>
  estimateTokens(request.instructions) +
  request.messages.reduce((sum, m) => sum + estimateTokens(m.content) + MESSAGE_OVERHEAD, 0);

/** Measured where the provider counted both sides, else estimated. */
export function usageOf(measured: ModelUsage | null, request: ModelRequest, reply: string): Usage {
  const { input_tokens = null, output_tokens = null } = measured ?? {};
  if (input_tokens !== null && output_tokens !== null) return { input_tokens, output_tokens, source: "measured" };
  return {
    input_tokens: input_tokens ?? estimateRequest(request),
    output_tokens: output_tokens ?? estimateTokens(reply),
    source: "estimated",
  };
}
