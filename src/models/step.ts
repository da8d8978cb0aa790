/** One call of a provider's client: its text as it comes, and at its end what it wants done, if anything. */
import { type ModelEvent, ModelFailure, type ModelUsage } from "../chat/ports.ts";
import type { OutboundPolicy } from "../net/outbound.ts";
import type { Answering, CallOptions, Connect, Counts, StreamPart } from "./connect.ts";
import type { Source } from "../net/source.ts";
import { endingProblem, saysCalls } from "./provider/ending.ts";
import { StepContent } from "./step-content.ts";
import { Upstream } from "./provider/upstream.ts";

/** How a step ended; `content` is null when it called no tool. */
export type Taken = { content: StepContent | null; usage: ModelUsage | null };

/** Returns null when it was aborted. Throws when the step did not come to its proper end. */
export async function* takeStep(
  connect: Connect,
  options: CallOptions,
  policy: OutboundPolicy,
  { text, signal, unlessAborted }: Answering,
): AsyncGenerator<ModelEvent, Taken | null> {
  const upstream = new Upstream(policy);
  const content = options.tools ? new StepContent() : null;
  let parts: Source<StreamPart> | null = null;
  try {
    parts = await unlessAborted(connect(upstream, { ...options, signal }));
    while (parts && !signal.aborted) {
      const next = await unlessAborted(parts.read());
      if (next === null || signal.aborted) return null;
      if (next.done) throw new ModelFailure("error", "the answer broke off");
      const part = next.value;
      if (part.type === "error") throw part.error;
      content?.take(part);
      if (part.type === "finish") {
        const rest = text.end();
        if (rest !== "") yield { type: "text", text: rest };
        const called = content !== null && content.calls.length > 0;
        const problem = problemOf(part.word, called);
        if (problem !== null) throw new ModelFailure("error", problem);
        return { content: called ? content : null, usage: usageOf(part.counts) };
      }
      if (part.type === "retract") {
        text.forget();
        yield { type: "retract" };
      }
      const said = part.type === "text" ? text.add(part.text) : "";
      if (said !== "" || isSign(part)) yield { type: "text", text: said };
    }
    return null;
  } finally {
    parts?.cancel().catch(() => undefined);
  }
}

/** Thoughts, pieces of a call and keep-alive comments are not passed on, but they show that the model is at work. */
const isSign = ({ type }: StreamPart) => type === "alive" || type === "thought";

/** Why a step that ended with this word is none, or null when it is one. */
function problemOf(word: string | undefined, called: boolean): string | null {
  const problem = endingProblem(word);
  if (problem !== null || word === undefined) return problem;
  return saysCalls(word) && !called ? "the model called a tool that it was not given" : null;
}

/** Tokens of one call beyond which a number is no count. */
const MAX_COUNT = 1_000_000_000;

/** Providers fill in 0 where they did not count. Neither side of an answer has no tokens, so 0 is never a count; of the cache it is. */
function usageOf({ input, cached, output }: Counts): ModelUsage | null {
  const isCount = (n: number | undefined, least: number): n is number =>
    n !== undefined && Number.isSafeInteger(n) && n >= least && n <= MAX_COUNT;
  const input_tokens = isCount(input, 1) ? input : null;
  const output_tokens = isCount(output, 1) ? output : null;
  if (input_tokens === null && output_tokens === null) return null;
  return {
    input_tokens,
    ...(input_tokens !== null && isCount(cached, 0) ? { cached_input_tokens: Math.min(cached, input_tokens) } : {}),
    output_tokens,
  };
}
