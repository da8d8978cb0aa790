/**
 * Requests to the API of this origin. The credential goes into headers and never into an address; a failure is one error
 * with the problem document (RFC 9457) that came with it.
 */
import { RequestFailed } from "../widget/request.ts";
import { EventReader, type ServerEvent } from "../widget/sse.ts";

export type Credential = { api_key: string; api_secret: string } | { token: string };

export type FieldError = { path: string; message: string };

/** `code` is "network" and `status` 0 when no answer came. */
export class Refused extends RequestFailed {
  readonly detail: string;
  readonly errors: FieldError[];
  constructor(code: string, status: number, detail: string, errors: FieldError[] = []) {
    super(code, status);
    this.message = detail;
    this.detail = detail;
    this.errors = errors;
  }
}

export type Query = Record<string, string | number | undefined>;
type Options = { body?: unknown; signal?: AbortSignal; headers?: Record<string, string> };

/** Milliseconds without a byte after which a stream counts as broken: heartbeats come every 15 seconds. */
const SILENCE = 40_000;

export class Api {
  readonly #credential: Credential | null;
  readonly #onUnauthorized: () => void;

  /** Without a credential only what is public can be asked for. `onUnauthorized` is called when it is not good any more. */
  constructor(credential: Credential | null, onUnauthorized: () => void = () => {}) {
    this.#credential = credential;
    this.#onUnauthorized = onUnauthorized;
  }

  get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
    return this.send<T>("GET", path + searchOf(query), { signal });
  }

  /** The parsed answer; undefined where there is none (204). */
  async send<T>(method: string, path: string, options: Options = {}): Promise<T> {
    const response = await this.open(method, path, options);
    return (response.status === 204 ? undefined : await bodyOf(response)) as T;
  }

  /** The answer as a file; `filename` as the service names it. */
  async download(method: string, path: string, body?: unknown): Promise<{ blob: Blob; filename: string | null }> {
    const response = await this.open(method, path, { body });
    const disposition = response.headers.get("content-disposition") ?? "";
    return { blob: await response.blob(), filename: /filename="([^"]+)"/.exec(disposition)?.[1] ?? null };
  }

  /** A good answer, whose body is still to be read. Throws Refused. */
  async open(method: string, path: string, { body, signal, headers }: Options = {}): Promise<Response> {
    const sent = {
      ...headersOf(this.#credential),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    };
    const content = body === undefined ? null : JSON.stringify(body);
    let response: Response;
    try {
      response = await fetch(`/v1${path}`, { method, headers: sent, body: content, signal: signal ?? null });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Refused("network", 0, "No connection");
    }
    if (response.ok) return response;
    if (response.status === 401) this.#onUnauthorized();
    throw await refusalOf(response);
  }

  /** Hears a stream of events to its end. Rejects when it breaks off. */
  async follow(path: string, options: Options, hear: (event: ServerEvent) => void): Promise<void> {
    const silent = new AbortController();
    const signal = AbortSignal.any([silent.signal, ...(options.signal ? [options.signal] : [])]);
    const headers = { accept: "text/event-stream", ...options.headers };
    const method = options.body === undefined ? "GET" : "POST";
    const response = await this.open(method, path, { ...options, headers, signal });
    const reader = new EventReader(hear);
    let timer = setTimeout(() => silent.abort(), SILENCE);
    try {
      const body = (response.body ?? new ReadableStream<BufferSource>())
        .pipeThrough(new TextDecoderStream())
        .getReader();
      for (let piece = await body.read(); !piece.done; piece = await body.read()) {
        clearTimeout(timer);
        timer = setTimeout(() => silent.abort(), SILENCE);
        reader.add(piece.value);
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

function headersOf(credential: Credential | null): Record<string, string> {
  if (!credential) return {};
  return "token" in credential
    ? { authorization: `Bearer ${credential.token}` }
    : { "x-api-key": credential.api_key, "x-api-secret": credential.api_secret };
}

function searchOf(query: Query): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [[name, String(value)]],
  );
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs).toString()}`;
}

async function refusalOf(response: Response): Promise<Refused> {
  const problem = (await response.json().catch(() => ({}))) as {
    code?: string;
    detail?: string;
    errors?: FieldError[];
  };
  const { code = "internal_error", detail, errors } = problem;
  return new Refused(code, response.status, detail ?? response.statusText, errors);
}

async function bodyOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    throw new Refused("network", 0, "The answer broke off");
  }
}
