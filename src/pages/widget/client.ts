/** Requests to the API as the visitor. */
import { type Request, RequestFailed, send } from "./request.ts";
import type { Session } from "./session.ts";
import { EventReader, type ServerEvent } from "./sse.ts";

type Answer = Awaited<ReturnType<typeof send>>;

/** Milliseconds; heartbeats come every 15 s. */
const SILENCE = 40_000;

export class Client {
  readonly #base: string;
  readonly #session: Session;

  constructor(api: string, session: Session) {
    this.#base = `${api}/v1`;
    this.#session = session;
  }

  /** As the visitor. A token that is not good any more is renewed once. */
  async ask(method: string, path: string, request: Request = {}): Promise<Answer> {
    const token = await this.#session.token();
    try {
      return await send(this.#base + path, method, token, request);
    } catch (error) {
      if (!(error instanceof RequestFailed) || error.status !== 401) throw error;
      return send(this.#base + path, method, await this.#session.renew(token), request);
    }
  }

  async json<T>(method: string, path: string, body?: unknown): Promise<T> {
    return (await this.ask(method, path, body === undefined ? {} : { body })).json<T>();
  }

  /** Calls `take` with each event until the stream has ended; an answer that is no stream is there at the end. */
  events(method: string, path: string, request: Request, take: (event: ServerEvent) => void): Promise<Answer> {
    const reader = new EventReader(take);
    const headers = { accept: "text/event-stream", ...request.headers };
    return this.ask(method, path, { silence: SILENCE, ...request, headers, hear: (text) => reader.add(text) });
  }
}
