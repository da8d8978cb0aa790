/**
 * The HTTP below a provider's client. An error answer becomes an UpstreamError here, so that no upstream's words can reach
 * a message or a log, and a lost connection is told apart from everything else that can go wrong.
 */
import { outbound, type OutboundPolicy, OutboundRefusal, tooLarge } from "../../net/outbound.ts";
import type { Source } from "../../net/source.ts";
import { errorOf } from "./report.ts";
import { eventsIn, type ServerEvent } from "./sse.ts";

/** Bytes of a whole answer on the wire: a token of four bytes travels in some two hundred. */
const MAX_RESPONSE = 32 * 1024 * 1024;

/** No connection, or one that broke. */
export class ConnectionLost extends Error {}

/** One request to an upstream, as far as we allow it. */
export class Upstream {
  readonly #policy: OutboundPolicy;

  constructor(policy: OutboundPolicy) {
    this.#policy = policy;
  }

  /**
   * The events that answer `body`, sent as JSON: members that are undefined are left out. Throws UpstreamError,
   * ConnectionLost or OutboundRefusal; reads throw NotUnderstood, too.
   */
  async post(
    url: string,
    headers: Record<string, string>,
    body: object,
    signal: AbortSignal | null = null,
  ): Promise<Source<ServerEvent[]>> {
    const init = { method: "POST", headers: { "content-type": "application/json", ...headers }, signal };
    const response = await outbound(this.#policy, url, { ...init, body: JSON.stringify(body) }).catch(
      (error: unknown) => {
        throw connectionError(error);
      },
    );
    if (!response.ok) throw await errorOf(response);
    if (!response.body) throw new TypeError("an answer without a body");
    return eventsIn(bounded(response.body.getReader()));
  }
}

/** The same bytes, up to a limit. A failure to read becomes ConnectionLost. */
function bounded(reader: Source<Uint8Array>): Source<Uint8Array> {
  let size = 0;
  const read = async () => {
    const next = await reader.read().catch((error: unknown) => {
      throw connectionError(error);
    });
    size += next.value?.byteLength ?? 0;
    if (size > MAX_RESPONSE) throw tooLarge();
    return next;
  };
  return { read, cancel: (reason) => reader.cancel(reason) };
}

const connectionError = (error: unknown) => (error instanceof OutboundRefusal ? error : new ConnectionLost());
