/** Events of turns as an async iterator. A connection that ends early is made again where the reader stands. */
import { EventSourceParserStream } from "eventsource-parser/stream";
import type { components } from "./api.js";
import { pause } from "./retry.js";

export type Message = components["schemas"]["Message"];
export type Problem = components["schemas"]["Problem"];

/** `id` is good for Last-Event-ID. */
export type TurnEvent = { id: string; turn_id: string } & (
  | {
      type: "chat_status";
      conversation_id: string;
      message_id: string;
      status: "queued" | "in_progress" | "completed" | "failed" | "stopped";
      position?: number;
    }
  | { type: "chat_delta"; text: string }
  | {
      type: "chat_tool";
      call_id: string;
      name: string;
      state: "called" | "done" | "failed";
      input?: unknown;
      output?: unknown;
      duration_ms?: number;
    }
  | {
      type: "chat_response";
      conversation_id: string;
      status: "completed" | "failed" | "stopped";
      message: Message | null;
      error?: Problem;
    }
);

/** What the service answered instead of a stream. */
export class RequestFailed extends Error {
  override name = "RequestFailed";
  readonly status: number;
  readonly problem: Problem | null;

  constructor(status: number, problem: Problem | null) {
    super(problem?.detail ?? problem?.title ?? `The service answered with status ${status}.`);
    this.status = status;
    this.problem = problem;
  }
}

/** Makes a connection: the first one (`null`), or one that goes on behind `last`. */
export type Connect = (last: { id: string; turn_id: string } | null) => Promise<Response>;

/** Connections in a row that bring nothing. */
const FRUITLESS = 5;
const PAUSE = 250;

/** Yields every event once, until `isEnd`; without one, until the caller leaves. Throws RequestFailed when refused. */
export async function* eventsOf(
  connect: Connect,
  signal: AbortSignal,
  isEnd: (event: TurnEvent) => boolean,
): AsyncGenerator<TurnEvent, void> {
  let last: { id: string; turn_id: string } | null = null;
  for (let fruitless = 0; ;) {
    try {
      const response = await connect(last);
      if (!response.ok || !response.body) throw await refusal(response);
      for await (const event of parse(response.body)) {
        fruitless = 0;
        last = event;
        yield event;
        if (isEnd(event)) return;
      }
    } catch (error) {
      if (signal.aborted || error instanceof RequestFailed || fruitless >= FRUITLESS) throw error;
    }
    if (fruitless >= FRUITLESS) throw new Error("the connection ended without an event, several times in a row");
    await pause(PAUSE * 2 ** fruitless++, signal);
  }
}

async function* parse(body: ReadableStream<Uint8Array>): AsyncGenerator<TurnEvent, void> {
  const text = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>);
  const reader = text.pipeThrough(new EventSourceParserStream()).getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const { id = "", event: type, data } = next.value;
      if (type !== "heartbeat") yield { id, type, ...(JSON.parse(data) as object) } as TurnEvent;
    }
  } finally {
    // Also where the caller leaves: a reader less for the service.
    await reader.cancel().catch(() => undefined);
  }
}

async function refusal(response: Response): Promise<RequestFailed> {
  const problem = (await response.json().catch(() => null)) as Problem | null;
  return new RequestFailed(response.status, problem);
}
