/** Requests to the API, with the visitor's token in the header and never in an address. Failures have one shape. */
import type { Session } from "./session.ts";

/** `code` is that of the problem document, or "network" when no answer came. */
export class RequestFailed extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, status = 0) {
    super(code);
    this.code = code;
    this.status = status;
  }
}

export type Request = {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
};

/** One request; `token` null sends none. Throws RequestFailed. */
export async function send(
  url: string,
  method: string,
  token: string | null,
  request: Request = {},
): Promise<Response> {
  const { body, headers, signal } = request;
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ?? null,
      credentials: "omit",
      referrerPolicy: "no-referrer",
    });
  } catch {
    throw new RequestFailed("network");
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new RequestFailed(String(problem.code ?? "internal_error"), response.status);
}

export class Client {
  readonly #base: string;
  readonly #session: Session;

  constructor(api: string, session: Session) {
    this.#base = `${api}/v1`;
    this.#session = session;
  }

  /** As the visitor. A token that is not good any more is renewed once. */
  async ask(method: string, path: string, request: Request = {}): Promise<Response> {
    const token = await this.#session.token();
    try {
      return await send(this.#base + path, method, token, request);
    } catch (error) {
      if (!(error instanceof RequestFailed) || error.status !== 401) throw error;
      return send(this.#base + path, method, await this.#session.renew(token), request);
    }
  }

  async json<T>(method: string, path: string, body?: unknown): Promise<T> {
    return (await this.ask(method, path, body === undefined ? {} : { body })).json() as Promise<T>;
  }

  /** Events of the visitor's own request. */
  events(method: string, path: string, request: Request = {}): Promise<Response> {
    return this.ask(method, path, { ...request, headers: { accept: "text/event-stream", ...request.headers } });
  }
}
