/** What tests do over HTTP: one request, one conversation, one stream read event by event. */

export type Message = {
  id: string;
  turn_id: string;
  sequence: number;
  role: "user" | "assistant";
  content: string;
  status: "complete" | "failed" | "stopped";
};
export type Answer = { status: number; headers: Headers; body: any };
export type StreamEvent = { id: string; event: string; data: any };
export type Stream = ReturnType<typeof streamOf>;

type Sending = { key?: string; on_busy?: string; signal?: AbortSignal };

export type Client = ReturnType<typeof clientOf>;

/** `url` is asked for every request: a server that was started again is somewhere else. */
export function clientOf(url: () => string, token: string) {
  function send(method: string, path: string, body?: object, headers: object = {}, signal?: AbortSignal) {
    return fetch(url() + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  }

  async function call(
    method: string,
    path: string,
    body?: object,
    headers = {},
    signal?: AbortSignal,
  ): Promise<Answer> {
    const response = await send(method, path, body, headers, signal);
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
  }

  async function must(status: number, answer: Promise<Answer>): Promise<any> {
    const { status: actual, body } = await answer;
    if (actual !== status) throw new Error(`expected ${status}, got ${actual}: ${JSON.stringify(body)}`);
    return body;
  }

  const keyHeader = ({ key }: Sending) => (key === undefined ? {} : { "idempotency-key": key });
  const chatBody = (message: string, { on_busy }: Sending) => ({
    message,
    ...(on_busy === undefined ? {} : { on_busy }),
  });
  const chatPath = (id: string) => `/v1/conversation/${id}/chat`;

  return {
    send,
    call,

    /** The id of a new agent that asks `model` of the upstream, or a built-in one. */
    async agent(model: string, settings: object = {}): Promise<string> {
      const name = model.startsWith("builtin/") ? model : `openai-compatible/${model}`;
      return (await must(201, call("POST", "/v1/agent", { name: model, model: name, auto_title: false, ...settings })))
        .agent.id;
    },

    async conversation(agent_id: string): Promise<string> {
      return (await must(201, call("POST", "/v1/conversation", { agent_id }))).conversation.id;
    },

    chat: (id: string, message: string, how: Sending = {}): Promise<Answer> =>
      call("POST", chatPath(id), chatBody(message, how), keyHeader(how), how.signal),

    /** A turn as a stream, once its answer has begun. */
    async stream(id: string, message: string, how: Sending = {}): Promise<Stream> {
      const headers = { accept: "text/event-stream", ...keyHeader(how) };
      return streamOf(await send("POST", chatPath(id), chatBody(message, how), headers, how.signal));
    },

    /** The conversation's events, or with `turn_id` one turn's, after `last_event_id`. */
    async follow(id: string, from: { turn_id?: string; last_event_id?: string } = {}): Promise<Stream> {
      const query = new URLSearchParams(from).toString();
      return streamOf(await send("GET", `/v1/conversation/${id}/messages/stream?${query}`));
    },

    stop: (id: string, turn_id?: string): Promise<Answer> =>
      call("POST", `${chatPath(id)}/stop`, turn_id === undefined ? {} : { turn_id }),

    /** Every live message, over as many pages as it takes. */
    async history(id: string): Promise<Message[]> {
      const all: Message[] = [];
      for (let cursor = ""; ;) {
        const path = `/v1/conversation/${id}/messages?per_page=100${cursor}`;
        const { messages, pagination } = await must(200, call("GET", path));
        all.push(...messages);
        if (pagination.next_cursor === null) return all;
        cursor = `&cursor=${pagination.next_cursor}`;
      }
    },
  };
}

/** Reads a response's events one by one, and remembers them. Throws where the stream breaks off. */
function streamOf(response: Response) {
  if (response.status !== 200 || !response.body) throw new Error(`no stream: ${response.status}`);
  const reader = response.body.pipeThrough(new TextDecoderStream("utf-8", { fatal: true })).getReader();
  const seen: StreamEvent[] = [];
  let buffer = "";
  let over = false;

  /** The next event, or null at the end. */
  async function next(): Promise<StreamEvent | null> {
    for (;;) {
      const end = buffer.indexOf("\n\n");
      if (end >= 0) {
        const event = parse(buffer.slice(0, end));
        buffer = buffer.slice(end + 2);
        seen.push(event);
        return event;
      }
      const { done, value } = await reader.read();
      if (done && buffer !== "") throw new Error("the stream ends inside an event");
      if (done) over = true;
      if (over) return null;
      buffer += value;
    }
  }

  return {
    seen,
    next,
    /** What its deltas say so far. */
    text: () => textOf(seen),
    /** The first event from here on that is wanted. */
    async until(wanted: (event: StreamEvent) => boolean): Promise<StreamEvent> {
      for (;;) {
        const event = await next();
        if (!event) throw new Error("the stream ended before that");
        if (wanted(event)) return event;
      }
    },
    /** Everything to the end. */
    async rest(): Promise<StreamEvent[]> {
      const from = seen.length;
      while (await next());
      return seen.slice(from);
    },
    /** Everything up to where the connection broke. */
    async untilBroken(): Promise<void> {
      try {
        while (await next());
      } catch {
        return;
      }
      throw new Error("the stream ended properly");
    },
    cancel: () => reader.cancel(),
  };
}

export const textOf = (events: StreamEvent[]) =>
  events.flatMap((e) => (e.event === "chat_delta" ? [e.data.text as string] : [])).join("");

export const isDelta = (event: StreamEvent) => event.event === "chat_delta";
export const isStatus = (status: string) => (event: StreamEvent) =>
  event.event === "chat_status" && event.data.status === status;

/** No line may hold what any client takes for its end: `.` matches neither U+2028 nor U+2029. */
function parse(block: string): StreamEvent {
  const match = /^id: (\d+-\d+)\nevent: (.+)\ndata: (.+)$/.exec(block);
  if (!match || block.includes("\u0085")) throw new Error(`not an event: ${JSON.stringify(block)}`);
  return { id: match[1] ?? "", event: match[2] ?? "", data: JSON.parse(match[3] ?? "") };
}
