/**
 * Workers AI through the Worker's own binding: no HTTP of ours, no key. It takes OpenAI's requests, and answers in that form
 * or in its own, which ChatChunks reads as well.
 */
import type { CallOptions, Connect, StreamPart } from "../connect.ts";
import { isObject } from "../json-schema.ts";
import type { Source } from "../../net/source.ts";
import { USUAL } from "./dialect.ts";
import { ProviderFailure } from "./failure.ts";
import { requestOf } from "./openai-request.ts";
import { ChatChunks } from "./openai-chunks.ts";
import { parsed } from "./parts.ts";
import { DONE, eventsIn, type ServerEvent } from "./sse.ts";

/** The part of the binding that is used. */
type Binding = { run(model: string, input: Record<string, unknown>, options: AiOptions): Promise<unknown> };

/** Codes of the binding's errors that mean "not now": out of capacity, quota used up for now. */
const BUSY = /\b(3036|3040|429)\b/;

/** Throws ModelFailure where the binding is missing, as it is locally. */
export function workersAi(modelId: string, ai: Ai | undefined): Connect {
  if (!ai) throw new ProviderFailure("error", "Workers AI is not bound", "address");
  const binding = ai as unknown as Binding;
  return (_, options) => run(binding, modelId, options);
}

async function run(binding: Binding, modelId: string, options: CallOptions): Promise<Source<StreamPart>> {
  const settings: AiOptions = options.signal ? { signal: options.signal } : {};
  const request = requestOf(options, { ...USUAL, stream_options: false, no_text: "" });
  const answer = await binding.run(modelId, JSON.parse(JSON.stringify(request)), settings).catch((error: unknown) => {
    const busy = BUSY.test(String(error));
    throw new ProviderFailure(busy ? "unavailable" : "error", "Workers AI refused", busy ? "busy" : "request");
  });
  if (answer instanceof ReadableStream) return partsOf(answer as ReadableStream<Uint8Array>);
  if (!isObject(answer)) throw new ProviderFailure("error", "Workers AI did not answer", "protocol");
  return parsed(
    once([
      { name: "", data: answer },
      { name: "", data: DONE },
    ]),
    new ChatChunks(),
  );
}

/** The binding's events as the parts that a provider's client would give. */
export const partsOf = (events: ReadableStream<Uint8Array>): Source<StreamPart> =>
  parsed(eventsIn(events.getReader()), new ChatChunks());

/** A model that does not stream says all at once. */
function once(events: ServerEvent[]): Source<ServerEvent[]> {
  const reads = [events];
  return {
    async read() {
      const value = reads.shift();
      return value ? { done: false, value } : { done: true, value: undefined };
    },
    cancel: async () => undefined,
  };
}
