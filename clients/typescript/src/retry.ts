/** One logical call over several requests: each repeats what the first one sent, with the same Idempotency-Key. */

export type RetryOptions = {
  /** Requests at most, the first included. */
  attempts: number;
  fetch: typeof fetch;
};

/** POSTs that the service carries out once for each Idempotency-Key. */
export const KEYED = ["/conversation", "/conversation/{id}/chat", "/conversation/{id}/reply", "/chat/completions"];
const keyed = KEYED.map((path) => new RegExp(`${path.replace("{id}", "[^/]+")}$`));

/** Refused or failed for now: too many requests, a model or a store that does not answer. */
const FOR_NOW = new Set([429, 502, 503, 504]);
/** Milliseconds: the first pause without Retry-After, and the longest. */
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 60_000;

/** A fetch that tries again what can be repeated without doing it twice. What the last attempt brought is the result. */
export function retrying({ attempts, fetch: send }: RetryOptions): (request: Request) => Promise<Response> {
  return async (request) => {
    const headers = new Headers(request.headers);
    const isKeyed = request.method === "POST" && keyed.some((path) => path.test(new URL(request.url).pathname));
    if (isKeyed && !headers.has("idempotency-key")) headers.set("idempotency-key", crypto.randomUUID());
    const body = request.body === null ? undefined : await request.arrayBuffer();
    const { method, signal, url } = request;
    const repeatable = isKeyed || method !== "POST";
    for (let attempt = 1; ; attempt++) {
      const isLast = attempt >= attempts || !repeatable;
      const response = await send(new Request(url, { method, headers, body, signal })).catch((error: unknown) => {
        if (isLast || signal.aborted) throw error;
        return null;
      });
      if (response && (isLast || !FOR_NOW.has(response.status))) return response;
      await response?.body?.cancel();
      await pause(pauseOf(response, attempt), signal);
    }
  };
}

/** Milliseconds until the next attempt. */
function pauseOf(response: Response | null, attempt: number): number {
  const seconds = Number(response?.headers.get("retry-after") ?? Number.NaN);
  const wanted = Number.isFinite(seconds) ? seconds * 1000 : FIRST_PAUSE * 2 ** (attempt - 1) * (0.5 + Math.random());
  return Math.min(wanted, LONGEST_PAUSE);
}

export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
