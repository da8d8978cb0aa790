/**
 * A provider's client as a Model. An answer is whole or it is a ModelFailure: it ends because the upstream said that it
 * was finished, never because bytes merely stopped coming. On abort the iteration returns at once, without `finish`.
 */
import { uuidv7 } from "uuidv7";
import {
  isBlank,
  type Model,
  type ModelEvent,
  ModelFailure,
  type ModelMessage,
  type ModelRequest,
} from "../chat/ports.ts";
import { mostTokens } from "../chat/usage.ts";
import type { OutboundPolicy } from "../net/outbound.ts";
import type { Answering, CallOptions, Connect, Message } from "./connect.ts";
import { AnswerText } from "./answer-text.ts";
import { failureOf, isTooLong } from "./provider/failure.ts";
import { nextHalving, shortened } from "./shortened.ts";
import type { Callable, Tool } from "./http-tool.ts";
import { type Taken, takeStep } from "./step.ts";
import { callTools } from "./tool-calls.ts";

/** What an agent says about how its model is to answer; null leaves it to the provider. */
export type CallSettings = {
  temperature: number | null;
  max_output_tokens: number | null;
  stop?: string[] | undefined;
  tools?: Tool[] | undefined;
};

/** Calls of the model for one answer: in the last one it is told that it cannot call tools any more. */
const MAX_STEPS = 5;

export function languageModel(name: string, connect: Connect, settings: CallSettings, policy: OutboundPolicy): Model {
  return { name, stream: (request, signal) => answer(connect, request, settings, policy, signal) };
}

async function* answer(
  connect: Connect,
  request: ModelRequest,
  settings: CallSettings,
  policy: OutboundPolicy,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent, void> {
  const text = new AnswerText();
  const left = new AbortController();
  const aborted = new Promise<null>((resolve) => {
    signal.addEventListener("abort", () => resolve(null), { signal: left.signal });
  });
  const answering: Answering = {
    text,
    signal: AbortSignal.any([signal, left.signal]),
    unlessAborted: (result) => Promise.race([result, aborted]),
  };
  const tools = request.turn ? [...(settings.tools ?? []), ...(request.actions ?? [])] : [];
  const options = optionsOf(request, settings, tools);
  /** What was said since the user's message: by the model, and by the tools it called. */
  const since: Message[] = [];
  let acted = false;
  let halvings = 0;
  /** What an action wants said, where the model says nothing after it. */
  let otherwise: string | undefined;
  try {
    for (let step = 1; !signal.aborted; step++) {
      const last = step === MAX_STEPS;
      const choice = last && tools.length > 0 ? { toolChoice: "none" as const } : {};
      const most = await answering.unlessAborted(admitted(request, since));
      if (signal.aborted) return;
      const limit = most === null ? {} : { maxOutputTokens: most };
      const take = (now: ModelRequest) => {
        const messages = [...now.messages.map(messageOf), ...since];
        const asked = { ...options, instructions: isBlank(now.instructions) ? "" : now.instructions, messages };
        return takeStep(connect, { ...asked, ...choice, ...limit }, policy, answering);
      };
      let taken: Taken | null | undefined;
      while (taken === undefined) {
        const now = request.current?.() ?? request;
        try {
          taken = yield* take(shortened(now, halvings));
        } catch (error) {
          const next = text.silent && isTooLong(error) ? nextHalving(now, halvings) : null;
          if (next === null) throw error;
          halvings = next;
        }
      }
      if (!taken) return;
      const { content, usage } = taken;
      const isFinal = content === null || last;
      if (isFinal && text.silent && otherwise !== undefined) yield { type: "text", text: text.add(otherwise) };
      if (isFinal && !text.started)
        throw new ModelFailure("error", last ? "no answer after all steps" : "the answer is empty");
      if (isFinal || !request.turn) return yield { type: "finish", usage };
      const calls = content.calls.map((call) => ({ ...call, call_id: uuidv7() }));
      acted = true;
      yield { type: "step", usage };
      const results = yield* callTools(tools, calls, request.turn, policy, answering);
      if (!results) return;
      otherwise = results.findLast((result) => result.otherwise !== undefined)?.otherwise ?? otherwise;
      since.push(...content.messages(results));
      text.pause();
    }
  } catch (error) {
    if (!signal.aborted) throw failureOf(error, text.started || acted);
  } finally {
    left.abort();
  }
}

/** Most output tokens of the next call, once there is room for it; null where nothing but the agent limits it. */
const admitted = async (request: ModelRequest, since: Message[]): Promise<number | null> =>
  request.admit ? request.admit(since.length === 0 ? 0 : mostTokens(JSON.stringify(since))) : null;

const messageOf = ({ role, content }: ModelMessage): Message =>
  role === "user" ? { role, text: content } : { role, said: [{ type: "text", text: content }] };

const optionsOf = (
  { output_schema }: ModelRequest,
  settings: CallSettings,
  tools: Callable[],
): Omit<CallOptions, "instructions" | "messages"> => ({
  ...(settings.temperature === null ? {} : { temperature: settings.temperature }),
  ...(settings.max_output_tokens === null ? {} : { maxOutputTokens: settings.max_output_tokens }),
  ...(settings.stop?.length ? { stop: settings.stop } : {}),
  ...(tools.length > 0 ? { tools } : {}),
  ...(output_schema ? { schema: output_schema } : {}),
});
