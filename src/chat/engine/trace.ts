/**
 * A turn as a tracer hears of it, in the words of OpenTelemetry's conventions for generative AI: `invoke_agent`, and within it
 * `chat` for each call of a model and `execute_tool` for each call of a tool. Names, counts and times; never content.
 */
import type { Ending } from "../journal/journal.ts";
import { type FailureKind, type ModelEvent, ModelFailure, type ModelUsage } from "../ports.ts";

export type Attributes = Record<string, string | number | boolean | undefined>;
export type Span = { set: (attributes: Attributes) => void; end: () => void };

export type Tracer = {
  /** A span within the present one, until its `end`. */
  span: (name: string, attributes: Attributes) => Span;
  /** Runs `work` within a span of its own, which ends when that has settled. */
  within: <T>(name: string, attributes: Attributes, work: (span: Span) => Promise<T>) => Promise<T>;
};

export type TracedTurn = { conversation_id: string; agent_id: string; turn_id: string };

const PREFIX = "gen_ai";
const operation = (name: string) => ({ [`${PREFIX}.operation.name`]: name });
const of = ({ conversation_id }: Pick<TracedTurn, "conversation_id">) => ({
  [`${PREFIX}.conversation.id`]: conversation_id,
});
const tokens = (usage: Pick<ModelUsage, "input_tokens" | "output_tokens"> | null): Attributes => ({
  [`${PREFIX}.usage.input_tokens`]: usage?.input_tokens ?? undefined,
  [`${PREFIX}.usage.output_tokens`]: usage?.output_tokens ?? undefined,
});

/** Answers a turn within its span. */
export function tracedAnswer<A extends { ending: Omit<Ending, "last_event" | "answered"> }>(
  tracer: Tracer | undefined,
  turn: TracedTurn,
  work: () => Promise<A>,
): Promise<A> {
  if (!tracer) return work();
  const attributes = { ...operation("invoke_agent"), ...of(turn), [`${PREFIX}.agent.id`]: turn.agent_id };
  return tracer.within("invoke_agent", { ...attributes, "turn.id": turn.turn_id }, async (span) => {
    const answer = await work();
    const { status, error, usage, model_used } = answer.ending;
    span.set({
      ...tokens(usage),
      "turn.status": status,
      [`${PREFIX}.response.model`]: model_used ?? undefined,
      "error.type": error?.code,
    });
    return answer;
  });
}

/** The events of one attempt, as they are, with its spans. `model` is `provider/name`. */
export async function* traced(
  events: AsyncIterable<ModelEvent>,
  tracer: Tracer | undefined,
  conversation_id: string,
  model: string,
): AsyncGenerator<ModelEvent, void> {
  if (!tracer) return yield* events;
  const spans = new CallSpans(tracer, { conversation_id }, model);
  try {
    for await (const event of events) {
      spans.hear(event);
      yield event;
    }
  } catch (error) {
    spans.end(error instanceof ModelFailure ? error.kind : "error");
    throw error;
  } finally {
    spans.end("stopped");
  }
}

/** The spans of one attempt: what the model is asked, and what it has called in between. */
class CallSpans {
  readonly #tracer: Tracer;
  readonly #attributes: Attributes;
  readonly #name: string;
  readonly #conversation: { conversation_id: string };
  readonly #tools = new Map<string, Span>();
  #call: Span | null = null;

  /** `model` is `provider/name`. */
  constructor(tracer: Tracer, conversation: { conversation_id: string }, model: string) {
    this.#tracer = tracer;
    this.#conversation = conversation;
    const [provider = "", ...name] = model.split("/");
    this.#name = `chat ${name.join("/")}`;
    this.#attributes = {
      ...operation("chat"),
      ...of(conversation),
      [`${PREFIX}.provider.name`]: provider,
      [`${PREFIX}.request.model`]: name.join("/"),
    };
    this.#begin();
  }

  hear(event: ModelEvent): void {
    if (event.type === "step") this.#end(event.usage, "tool_calls");
    else if (event.type === "finish") this.#end(event.usage, "stop");
    else if (event.type === "tool_call") this.#tools.set(event.call_id, this.#tool(event));
    else if (event.type === "tool_result") {
      const span = this.#tools.get(event.call_id);
      this.#tools.delete(event.call_id);
      if (event.failed) span?.set({ "error.type": "tool_failed" });
      span?.end();
      if (this.#tools.size === 0) this.#begin();
    }
  }

  /** Ends what is still open: the model failed, or nobody wants the rest. */
  end(why: FailureKind | "stopped"): void {
    for (const span of [...this.#tools.values(), ...(this.#call ? [this.#call] : [])]) {
      span.set({ "error.type": why });
      span.end();
    }
    this.#tools.clear();
    this.#call = null;
  }

  #begin(): void {
    this.#call = this.#tracer.span(this.#name, this.#attributes);
  }

  #end(usage: ModelUsage | null, reason: string): void {
    this.#call?.set({ ...tokens(usage), [`${PREFIX}.response.finish_reasons`]: reason });
    this.#call?.end();
    this.#call = null;
  }

  #tool({ name, call_id }: { name: string; call_id: string }): Span {
    return this.#tracer.span(`execute_tool ${name}`, {
      ...operation("execute_tool"),
      ...of(this.#conversation),
      [`${PREFIX}.tool.name`]: name,
      [`${PREFIX}.tool.call.id`]: call_id,
      [`${PREFIX}.tool.type`]: "function",
    });
  }
}
