/**
 * Typed client of the Conversations API: every operation of its OpenAPI document through openapi-fetch (`GET`, `POST` …), and
 * what a document cannot say: attempts that never do a thing twice, turns that go on where a connection broke, whole lists.
 */
import createFetchClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./api.js";
import { eventsOf, type TurnEvent } from "./events.js";
import { type Item, type ListPath, type ListQuery, listItems } from "./pages.js";
import { retrying } from "./retry.js";

export type { components, paths } from "./api.js";
export { type Message, type Problem, RequestFailed, type TurnEvent } from "./events.js";

export type ClientOptions = {
  /** Of the API, with its version: `https://api.example.com/v1`. */
  baseUrl: string;
  /** A token, of a user or a lead; or an API key, for servers only. */
  credentials: { token: string } | { apiKey: string; apiSecret: string };
  /** Requests at most for one call; 3 unless said otherwise. */
  attempts?: number;
  fetch?: typeof fetch;
};

type ChatRequest = components["schemas"]["ChatRequest"];
type Ends = { signal?: AbortSignal };

export interface ConversationsClient extends Client<paths> {
  /** Sends a message and yields the events of its turn; the last one is its `chat_response`. */
  chat(conversation_id: string, body: ChatRequest | string, ends?: Ends): AsyncGenerator<TurnEvent, void>;
  /** Follows a conversation, from after the event `lastEventId` or from now on, until the caller leaves. */
  follow(conversation_id: string, from?: Ends & { lastEventId?: string }): AsyncGenerator<TurnEvent, void>;
  /** Every item of a list, read page by page as they are wanted. */
  items<P extends ListPath>(path: P, params?: ListQuery<P>): AsyncGenerator<Item<P>, void>;
}

export function createClient(options: ClientOptions): ConversationsClient {
  const { credentials, attempts = 3 } = options;
  const baseUrl = options.baseUrl.replace(/\/$/, "");
  const headers: Record<string, string> =
    "token" in credentials
      ? { authorization: `Bearer ${credentials.token}` }
      : { "x-api-key": credentials.apiKey, "x-api-secret": credentials.apiSecret };
  // Looked up at each call, so that a page may replace it.
  const send = retrying({ attempts, fetch: options.fetch ?? ((...request) => fetch(...request)) });
  const client = createFetchClient<paths>({ baseUrl, headers, fetch: send });

  const stream = (path: string, own: Record<string, string>, init: RequestInit) =>
    send(new Request(baseUrl + path, { ...init, headers: { ...headers, accept: "text/event-stream", ...own } }));
  const followed = (id: string, turn: string, lastEventId: string | undefined, signal: AbortSignal) => {
    const resume: Record<string, string> = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
    return stream(`/conversation/${encodeURIComponent(id)}/messages/stream${turn}`, resume, { signal });
  };

  return Object.assign(client, {
    chat(id: string, message: ChatRequest | string, { signal = new AbortController().signal }: Ends = {}) {
      const body = JSON.stringify(typeof message === "string" ? { message } : message);
      const first = { "content-type": "application/json", "idempotency-key": crypto.randomUUID() };
      const path = `/conversation/${encodeURIComponent(id)}/chat`;
      return eventsOf(
        // Without any event, the same key joins the turn.
        (last) =>
          last
            ? followed(id, `?turn_id=${last.turn_id}`, last.id, signal)
            : stream(path, first, { method: "POST", body, signal }),
        signal,
        (event) => event.type === "chat_response",
      );
    },
    follow(id: string, from: Ends & { lastEventId?: string } = {}) {
      const signal = from.signal ?? new AbortController().signal;
      return eventsOf(
        (last) => followed(id, "", last?.id ?? from.lastEventId, signal),
        signal,
        () => false,
      );
    },
    items<P extends ListPath>(path: P, params?: ListQuery<P>) {
      return listItems(client, path, params);
    },
  });
}
