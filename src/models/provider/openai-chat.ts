/**
 * A client of OpenAI's chat completions as everybody's servers speak them. It is our own, as those of the other protocols
 * are: every turn passes through one, and a client that checks every piece of an answer takes as long as all the rest of a
 * turn, and fails at what real servers write.
 */
import type { Connect } from "../connect.ts";
import { sleep } from "../sleep.ts";
import { askedAgain } from "./asked-again.ts";
import { type Dialect, dialects, otherwise } from "./dialect.ts";
import { ChatChunks } from "./openai-chunks.ts";
import { requestOf } from "./openai-request.ts";
import { parsed } from "./parts.ts";
import type { UpstreamError } from "./report.ts";

/** `url` is the provider's base address, without a slash at its end; `usual` is how it is asked as long as nothing is known. */
export function openaiChat(model: string, url: string, headers: Record<string, string>, usual: Dialect): Connect {
  return (upstream, options) =>
    askedAgain({
      manners: dialects,
      key: `${url} ${model}`,
      usual,
      open: async (dialect) => {
        const body = { model, ...requestOf(options, dialect) };
        return parsed(await upstream.post(`${url}/chat/completions`, headers, body, options.signal), new ChatChunks());
      },
      otherwise: async (dialect, error, tried) =>
        (await hasLoaded(error, options.signal))
          ? dialect
          : otherwise(dialect, error, requestOf(options, dialect), tried),
    });
}

/** Milliseconds between two looks at a server that says that it loads its model; how long in all is the watchdog's. */
const LOADING = 1_000;

/** Waits where an error says that the model is being loaded. Resolves with whether it is worth asking again. */
async function hasLoaded(error: UpstreamError, signal = new AbortController().signal): Promise<boolean> {
  if (error.status !== 503 || !error.mentions(/\bloading\b/i)) return false;
  await sleep(LOADING, signal);
  return !signal.aborted;
}
