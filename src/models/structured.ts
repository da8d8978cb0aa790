/**
 * A reply that has to fit a JSON Schema: nothing of it is passed on before it does. A model that has not managed is told
 * why, once; its second answer is the last.
 */
import {
  isBlank,
  type Model,
  type ModelEvent,
  ModelFailure,
  type ModelMessage,
  type ModelRequest,
} from "../chat/ports.ts";
import { MESSAGE_OVERHEAD, mostTokens } from "../chat/usage.ts";
import type { Json, JsonObject } from "../json.ts";
import { mismatch } from "./schema-check.ts";

/** The same model, which keeps to a request's `output_schema`. */
export const structured = (model: Model): Model => ({
  name: model.name,
  stream: (request, signal) =>
    request.output_schema ? fitting(model, request, request.output_schema, signal) : model.stream(request, signal),
});

async function* fitting(
  model: Model,
  request: ModelRequest,
  schema: JsonObject,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent, void> {
  const rule = `Answer with JSON alone, without any other text, that fits this JSON Schema:\n${JSON.stringify(schema)}`;
  const repair: ModelMessage[] = [];
  const shaped = (base: ModelRequest) => ({
    instructions: base.instructions === "" ? rule : `${base.instructions}\n\n${rule}`,
    messages: [...base.messages, ...repair],
  });
  const { current } = request;
  const { admit } = request;
  const longer = (grown: number) =>
    repair.reduce((sum, { content }) => sum + mostTokens(content) + 2 * MESSAGE_OVERHEAD, grown);
  const now = (): ModelRequest => ({
    ...request,
    ...shaped(current?.() ?? request),
    ...(admit ? { admit: (grown) => admit(longer(grown)) } : {}),
  });
  let asked: ModelRequest = { ...now(), ...(current ? { current: now } : {}) };
  for (let tries = 1; !signal.aborted; tries++) {
    const answer = yield* whole(model, asked, signal);
    if (!answer) return;
    const { text, finish } = answer;
    const json = jsonIn(text);
    const problem = json ? mismatch(schema, json.value) : { path: [], message: "It is not JSON." };
    if (json && !problem) {
      yield { type: "text", text: json.text };
      return yield finish;
    }
    if (tries === 2) {
      yield finish;
      throw begun(new ModelFailure("output", "the answer does not fit its schema"));
    }
    yield { type: "step", usage: finish.usage };
    const where = problem?.path.length ? ` At ${problem.path.join("/")}:` : "";
    const again = `That does not fit the JSON Schema.${where} ${problem?.message} Answer again, with the JSON alone.`;
    repair.push({ role: "assistant", content: isBlank(text) ? "(nothing)" : text }, { role: "user", content: again });
    const { turn: _, ...rest } = now();
    asked = { ...rest, ...(current ? { current: now } : {}) };
  }
}

type Finish = Extract<ModelEvent, { type: "finish" }>;

/** What a model says after its last call of a tool; null when it was stopped. */
async function* whole(
  model: Model,
  request: ModelRequest,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent, { text: string; finish: Finish } | null> {
  let text = "";
  try {
    for await (const event of model.stream(request, signal)) {
      if (event.type === "finish") return { text, finish: event };
      if (event.type === "text") {
        text += event.text;
        yield { type: "text", text: "" };
        continue;
      }
      text = "";
      if (event.type !== "retract") yield event;
    }
    return null;
  } catch (error) {
    throw text !== "" && error instanceof ModelFailure ? begun(error) : error;
  }
}

function begun(failure: ModelFailure): ModelFailure {
  failure.begun = true;
  return failure;
}

/** The JSON object that a text is, or that stands in it: between the marks of a code block, or other words. */
function jsonIn(text: string): { value: Json; text: string } | null {
  for (const candidate of [text, text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1)]) {
    try {
      return { value: JSON.parse(candidate) as Json, text: candidate.trim() };
    } catch {
      // Then the other may be it.
    }
  }
  return null;
}
