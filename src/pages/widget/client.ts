/** Requests to the API as the visitor. */
import { type Request, RequestFailed, send } from "./request.ts";
import type { Session } from "./session.ts";

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
