/** One request to the API, with the token in the header and never in an address. Failures have one shape. */

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
