/**
 * The HTTP below a provider's client. An error answer is reduced to its status here, so that no upstream's words can
 * reach a message or a log, and a lost connection is told apart from everything else that can go wrong.
 */
import { outbound, type OutboundPolicy, OutboundRefusal, tooLarge } from "../../net/outbound.ts";
import { type Source, streamOf } from "../../net/source.ts";

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

/** Bytes at the end of a stream that are remembered. */
const TAIL = 64;
const latin1 = new TextDecoder("latin1");
/** A line of its own: inside an event's JSON there are no line ends. The second may still lack its own line end. */
const DONE_LINE = /[\r\n]data: ?\[DONE\]\s*[\r\n]$/;
const DONE = /[\r\n]data: ?\[DONE\]\s*$/;

/** Milliseconds that an upstream has to close a connection on which it has said everything. */
const LINGER = 100;

/** One request to an upstream. */
export class Upstream {
  readonly #policy: OutboundPolicy;
  /** The end of what was received; a line can begin where nothing has been yet. */
  #tail = "\n";

  constructor(policy: OutboundPolicy) {
    this.#policy = policy;
  }

  /** Whether what was received ends with the protocol's own "that was all" (OpenAI's `[DONE]`). */
  get saidDone(): boolean {
    return DONE.test(this.#tail);
  }

  /** The body of a successful answer. */
  async open(url: string, init: RequestInit): Promise<Source<Uint8Array>> {
    const { body } = await this.#request(url, init);
    if (!body) throw new TypeError("an answer without a body");
    return this.#watched(body.getReader());
  }

  /** The same for a client that brings its own idea of HTTP. */
  readonly fetch: typeof fetch = async (input, init) => {
    const response = await this.#request(input as RequestInfo, init as RequestInit);
    return new Response(response.body && streamOf(this.#watched(response.body.getReader())), response);
  };

  async #request(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const response = await outbound(this.#policy, input, init).catch((error: unknown) => {
      throw connectionError(error);
    });
    if (response.ok) return response;
    response.body?.cancel().catch(() => undefined);
    throw new UpstreamStatus(response.status);
  }

  /**
   * The same bytes, up to the chunk that says that it was all: some servers leave the connection open after it, while one
   * that ends properly can be used again. A failure to read becomes ConnectionLost.
   */
  #watched(reader: Source<Uint8Array>): Source<Uint8Array> {
    let size = 0;
    let complete = false;
    const read = async () => {
      if (complete) return lastRead(reader);
      const next = await reader.read().catch((error: unknown) => {
        throw connectionError(error);
      });
      if (next.done) return END;
      size += next.value.byteLength;
      if (size > MAX_RESPONSE) throw tooLarge();
      this.#tail = (this.#tail + latin1.decode(next.value.subarray(-TAIL))).slice(-TAIL);
      complete = DONE_LINE.test(this.#tail);
      return next;
    };
    return { read, cancel: (reason) => reader.cancel(reason) };
  }
}

const END = { done: true, value: undefined } as const;

const connectionError = (error: unknown) => (error instanceof OutboundRefusal ? error : new ConnectionLost());

/** Waits for the end of what has said everything, but not for long. However that end comes, it is one. */
async function lastRead(reader: Source<Uint8Array>): Promise<typeof END> {
  const timer = setTimeout(() => void reader.cancel().catch(() => undefined), LINGER);
  await reader.read().catch(() => undefined);
  clearTimeout(timer);
  return END;
}
