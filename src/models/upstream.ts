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
  // The end of what was received; a line can begin where nothing has been yet.
  let tail = "\n";
  return {
    fetch: async (input, init) => {
      const response = await outbound(input, init).catch((error: unknown) => {
        throw connectionError(error);
      });
      if (!response.ok) {
        response.body?.cancel().catch(() => undefined);
        throw new UpstreamStatus(response.status);
      }
      const isLast = (chunk: Uint8Array) => {
        tail = (tail + latin1.decode(chunk.subarray(-TAIL))).slice(-TAIL);
        return DONE_LINE.test(tail);
      };
      return new Response(response.body && watched(response.body, isLast), response);
    },
    saidDone: () => DONE.test(tail),
  };
}

/** Bytes at the end of a stream that are remembered. */
const TAIL = 64;
const latin1 = new TextDecoder("latin1");
/** A line of its own: inside an event's JSON there are no line ends. The second may still lack its own line end. */
const DONE_LINE = /[\r\n]data: ?\[DONE\]\s*[\r\n]$/;
const DONE = /[\r\n]data: ?\[DONE\]\s*$/;

const connectionError = (error: unknown) => (error instanceof OutboundRefusal ? error : new ConnectionLost());

/** Milliseconds that an upstream has to close a connection on which it has said everything. */
const LINGER = 100;

/**
 * The same bytes, up to the chunk that `isLast`: some servers leave the connection open after it, while one that ends
 * properly can be used again. A failure to read becomes ConnectionLost.
 */
function watched(body: ReadableStream<Uint8Array>, isLast: (chunk: Uint8Array) => boolean): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let complete = false;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = complete ? await lastRead(reader) : await reader.read();
          if (done || complete) return controller.close();
          complete = isLast(value);
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

/** Reads once more, but not for long: then the reader is cancelled, which ends the read. */
async function lastRead(reader: ReadableStreamDefaultReader<Uint8Array>) {
  const timer = setTimeout(() => void reader.cancel().catch(() => undefined), LINGER);
  try {
    return await reader.read();
  } finally {
    clearTimeout(timer);
  }
}
