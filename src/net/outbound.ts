/** Requests to addresses that customers gave us: https and public only, no redirects followed, answers bounded. */

export type OutboundPolicy = {
  /** Local running: http and loopback are fine. */
  allowLoopback: boolean;
};

/** We did not want what was asked for or answered: says nothing about whether the other side can be reached. */
export class OutboundRefusal extends TypeError {
  /** Of the answer that is not wanted; null where nothing was asked. */
  readonly status: number | null;
  constructor(message: string, status: number | null = null) {
    super(message);
    this.status = status;
  }
}

/** Why `url` must not be requested, or null when it may be. Hosts that only resolve to private addresses are the platform's to stop (global_fetch_strictly_public). */
export function refusalOf(url: string, policy: OutboundPolicy): string | null {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return "is not an absolute URL";
  }
  if (parsed.username || parsed.password) return "must not contain credentials";
  const host = parsed.hostname.replace(/\.$/, "").toLowerCase();
  if (policy.allowLoopback && isLoopback(host)) {
    return parsed.protocol === "http:" || parsed.protocol === "https:" ? null : "must be http or https";
  }
  if (parsed.protocol !== "https:") return "must be https";
  if (isIpAddress(host)) return "must name a host, not an IP address";
  if (
    !host.includes(".") ||
    /\.(local|localhost|localdomain|internal|intranet|lan|home|corp|private|arpa|test|invalid)$/.test(host)
  ) {
    return "must name a public host";
  }
  return null;
}

export const isLoopback = (host: string) =>
  host === "localhost" || /^127(\.\d{1,3}){3}$/.test(host) || host === "[::1]";
/** The URL parser has already brought decimal, octal and hexadecimal IPv4 forms to dotted decimal. */
const isIpAddress = (host: string) => host.startsWith("[") || /^\d{1,3}(\.\d{1,3}){3}$/.test(host);

/** Requests what the policy allows and follows no redirect. Whoever reads the answer says how long it may be. */
export async function outbound(
  policy: OutboundPolicy,
  input: RequestInfo | URL,
  init?: RequestInit,
): Promise<Response> {
  const refusal = refusalOf(input instanceof Request ? input.url : String(input), policy);
  if (refusal) throw new OutboundRefusal(`outbound address ${refusal}`);
  const response = await fetch(new Request(input as RequestInfo, init), { redirect: "manual" });
  const { status } = response;
  if (status < 300 || status >= 400) return response;
  await response.body?.cancel();
  throw new OutboundRefusal("outbound request was redirected", status);
}

export const tooLarge = () => new OutboundRefusal("outbound answer is too large");

/** The same as a fetch that stops after `maxBytes` of answer. */
export function outboundFetch(policy: OutboundPolicy, maxBytes: number): typeof fetch {
  return async (input, init) => {
    const response = await outbound(policy, input as RequestInfo, init as RequestInit);
    return response.body ? new Response(response.body.pipeThrough(limit(maxBytes)), response) : response;
  };
}

function limit(maxBytes: number): TransformStream<Uint8Array, Uint8Array> {
  let size = 0;
  return new TransformStream({
    transform(chunk, controller) {
      size += chunk.byteLength;
      if (size > maxBytes) controller.error(tooLarge());
      else controller.enqueue(chunk);
    },
  });
}
