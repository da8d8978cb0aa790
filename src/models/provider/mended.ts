/**
 * Between an upstream and a client of the AI SDK: those read events strictly by the letter, so they are given mended ones.
 * Errors are recognised here, and every byte that arrives is a sign of life, also where the client has nothing to say.
 */
import type { CallOptions, LanguageModelV4, StreamPart } from "../connect.ts";
import type { JsonObject } from "../../json.ts";
import { type Source, streamOf } from "../../net/source.ts";
import { ALIVE } from "./parts.ts";
import { errorIn, UpstreamError } from "./report.ts";
import { DONE, eventsIn, type ServerEvent } from "./sse.ts";
import { ConnectionLost, type Upstream } from "./upstream.ts";

/** A protocol's events as they are meant. */
export type Mending = {
  /** What one event means, in events that are whole; nothing where it means nothing. */
  read(event: JsonObject): JsonObject[];
  /** `[DONE]`, which these protocols do not have and their gateways add. */
  done(): void;
  /** Nothing more will come. */
  end(): JsonObject[];
  /** The answer is whole, whatever becomes of its connection. */
  readonly isWhole: boolean;
};

/** In these protocols a schema of the answer is more trouble than help: the instructions name it, too. */
export const withoutSchema = ({ responseFormat: _, ...options }: CallOptions): CallOptions => options;

/** One call of a client that `make` makes with a fetch of its own. */
export function mendedCall(
  make: (fetch: typeof globalThis.fetch) => LanguageModelV4,
  mending: Mending,
  upstream: Upstream,
  options: CallOptions,
): Source<StreamPart> {
  const call = new MendedCall(mending);
  const client = make(async (input, init) => {
    const bytes = await upstream.open(input as RequestInfo, init as RequestInit);
    const body = streamOf(call.mended(eventsIn(bytes)));
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  // It waits for a first event: signs of life have to be told before that.
  return call.parts(opened(client.doStream(options)));
}

/** The parts of a stream that is still being opened. */
function opened(opening: ReturnType<LanguageModelV4["doStream"]>): Source<StreamPart> {
  const reader = Promise.resolve(opening).then(({ stream }) => stream.getReader());
  reader.catch(() => undefined);
  return {
    read: async () => (await reader).read(),
    cancel: async (reason) => (await reader).cancel(reason),
  };
}

class MendedCall {
  readonly #mending: Mending;
  #failure: { error: unknown } | null = null;
  /** Resolves with the next sign of life. */
  #sign = Promise.withResolvers<typeof ALIVE>();

  constructor(mending: Mending) {
    this.#mending = mending;
  }

  /** The events of `source` as bytes again. Where they fail they end: a stream that errs loses what it has not passed on. */
  mended(source: Source<ServerEvent[]>): Source<Uint8Array> {
    const encoder = new TextEncoder();
    let ended = false;
    const read = async (): Promise<ReadableStreamReadResult<Uint8Array>> => {
      if (ended || this.#failure) return { done: true, value: undefined };
      const meant: JsonObject[] = [];
      try {
        const { done, value } = await source.read();
        ended = done;
        if (done) meant.push(...this.#mending.end());
        else for (const event of value) meant.push(...this.#meaningOf(event));
      } catch (error) {
        ended = error instanceof ConnectionLost && this.#mending.isWhole;
        if (ended) meant.push(...this.#mending.end());
        else this.#failure = { error };
      }
      this.#sign.resolve(ALIVE);
      const text = meant.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
      return text === "" ? read() : { done: false, value: encoder.encode(text) };
    };
    return { read, cancel: (reason) => source.cancel(reason) };
  }

  /** What the client makes of them, ALIVE where something arrived but nothing has come of it so far, and the failure. */
  parts(client: Source<StreamPart>): Source<StreamPart> {
    let next: ReturnType<typeof client.read> | null = null;
    const read = async (): Promise<ReadableStreamReadResult<StreamPart>> => {
      if (!next) {
        next = client.read();
        next.catch(() => undefined);
      }
      const first = await Promise.race([next, this.#sign.promise]);
      this.#sign = Promise.withResolvers();
      if (first === ALIVE) return { done: false, value: ALIVE };
      next = null;
      const { done, value } = first as Awaited<ReturnType<typeof client.read>>;
      const isEnd = done || value.type === "finish";
      if (isEnd && this.#failure) return { done: false, value: { type: "error", error: this.#failure.error } };
      return done ? { done, value: undefined } : { done, value };
    };
    return { read, cancel: (reason) => client.cancel(reason) };
  }

  #meaningOf({ name, data }: ServerEvent): JsonObject[] {
    if (data === DONE) {
      this.#mending.done();
      return [];
    }
    const error = errorIn(name, data);
    if (error !== undefined) throw new UpstreamError(null, error);
    return this.#mending.read(name === "" ? data : { type: name, ...data });
  }
}
