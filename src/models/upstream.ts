/**
 * The HTTP below a provider's client. An error answer is reduced to its status here, so that no upstream's words can
 * reach a message or a log, and a lost connection is told apart from everything else that can go wrong.
 */
import { type OutboundPolicy, OutboundRefusal, outboundFetch } from "../http/outbound.ts";

/** Bytes of a whole answer on the wire: a token of four bytes travels in some two hundred. */
const MAX_RESPONSE = 32 * 1024 * 1024;

/** The upstream answered, but with a status that is not a success. */
export class UpstreamStatus extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`HTTP ${status}`);
    this.status = status;
  }
}

/** No connection, or one that broke. */
export class ConnectionLost extends Error {}

/** One request to an upstream, seen from below. */
export type UpstreamCall = {
  fetch: typeof fetch;
  /** Whether what was received ends with the protocol's own "that was all" (OpenAI's `[DONE]`). */
  saidDone: () => boolean;
};

export function upstreamCall(policy: OutboundPolicy): UpstreamCall {
  const outbound = outboundFetch(policy, MAX_RESPONSE);
  let tail = "";
  return {
    fetch: async (input, init) => {
      const response = await outbound(input, init).catch((error: unknown) => {
        throw connectionError(error);
      });
      if (!response.ok) {
        response.body?.cancel().catch(() => undefined);
        throw new UpstreamStatus(response.status);
      }
      const body = response.body && watched(response.body, (chunk) => (tail = (tail + ending(chunk)).slice(-TAIL)));
      return new Response(body, response);
    },
    saidDone: () => /data: ?\[DONE\]\s*$/.test(tail),
  };
}

/** Bytes at the end of a stream that are remembered. */
const TAIL = 64;
const latin1 = new TextDecoder("latin1");
const ending = (chunk: Uint8Array) => latin1.decode(chunk.subarray(-TAIL));

const connectionError = (error: unknown) => (error instanceof OutboundRefusal ? error : new ConnectionLost());

/** The same bytes; `see` is shown every chunk, and a failure to read becomes ConnectionLost. */
function watched(body: ReadableStream<Uint8Array>, see: (chunk: Uint8Array) => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) return controller.close();
          see(value);
          controller.enqueue(value);
        } catch (error) {
          controller.error(connectionError(error));
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
