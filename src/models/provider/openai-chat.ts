/**
 * A client of OpenAI's chat completions as everybody's servers speak them. It is our own because every turn passes through
 * it: the AI SDK's client of this protocol makes its schemas anew for each call and checks every piece with them, which
 * took as long as all the rest of a turn, and fails at what real servers write.
 */
import type { Connect } from "../connect.ts";
import { sleep } from "../sleep.ts";
import { askedAgain } from "./asked-again.ts";
import { type Dialect, dialects, otherwise } from "./dialect.ts";
import { ChatChunks } from "./openai-chunks.ts";
import { parsed } from "./parts.ts";
import { UpstreamError } from "./report.ts";
import { requestOf } from "./openai-request.ts";
import { eventsIn } from "./sse.ts";

/** `url` is the provider's base address, without a slash at its end; `usual` is how it is asked as long as nothing is known. */
export function openaiChat(model: string, url: string, headers: Record<string, string>, usual: Dialect): Connect {
  const key = `${url} ${model}`;
  return async (upstream, options) => {
    let dialect = dialects.get(key) ?? usual;
    let tries = 1;
    const open = async () => {
      const bytes = await upstream.open(`${url}/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify({ model, ...requestOf(options, dialect) }),
        signal: options.abortSignal ?? null,
      });
      return parsed(eventsIn(bytes), new ChatChunks());
    };
    const changes = async (error: unknown) => {
      if (!(error instanceof UpstreamError)) return false;
      if (await hasLoaded(error, options.abortSignal)) return true;
      const other = otherwise(dialect, error, requestOf(options, dialect), tries);
      if (!other) return false;
      tries++;
      dialect = other;
      return true;
    };
    const accepted = () => {
      if (tries > 1) dialects.set(key, dialect);
    };
    return askedAgain(open, changes, accepted);
  };
}

/** Milliseconds between two looks at a server that says that it loads its model; how long in all is the watchdog's. */
const LOADING = 1_000;

/** Waits where an error says that the model is being loaded. Resolves with whether it is worth asking again. */
async function hasLoaded(error: UpstreamError, signal = new AbortController().signal): Promise<boolean> {
  if (error.status !== 503 || !error.mentions(/\bloading\b/i)) return false;
  await sleep(LOADING, signal);
  return !signal.aborted;
}
