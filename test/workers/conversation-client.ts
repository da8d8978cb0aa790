/** What tests do with conversations over HTTP: create, chat, read back, read streams event by event. */
import { env } from "cloudflare:workers";
import { call, type Answer, type Company, type HeaderMap, send } from "./company.ts";

export type Caller = Pick<Company, "agent_id" | "user">;

/** The wire form of what lists and answers contain. */
export type WireMessage = Record<string, any> & { id: string; sequence: number; role: string; content: string };
export type StreamEvent = { id: string; event: string; data: any };

export async function createConversation(company: Caller, body: object = {}, headers: HeaderMap = company.user) {
  const answer = await call("POST", "/v1/conversation", { headers, body: { agent_id: company.agent_id, ...body } });
  if (answer.status !== 201) throw new Error(`create: ${answer.status} ${JSON.stringify(answer.body)}`);
  const { conversation } = answer.body;
  // Lists go by time and id, and ids of one millisecond are in any order.
  if (Date.now() <= Date.parse(conversation.created_at)) await scheduler.wait(1);
  return conversation as Record<string, any> & { id: string };
}

export const chat = (
  company: Pick<Company, "user">,
  id: string,
  message: string,
  more: object = {},
  headers: HeaderMap = {},
): Promise<Answer> =>
  call("POST", `/v1/conversation/${id}/chat`, { headers: { ...company.user, ...headers }, body: { message, ...more } });

/** Every live message, over as many pages as it takes. */
export async function history(company: Pick<Company, "user">, id: string): Promise<WireMessage[]> {
  const all: WireMessage[] = [];
  let path = `/v1/conversation/${id}/messages?per_page=100`;
  for (;;) {
    const { status, body } = await call("GET", path, { headers: company.user });
    if (status !== 200) throw new Error(`history: ${status} ${JSON.stringify(body)}`);
    all.push(...body.messages);
    if (body.pagination.next_cursor === null) return all;
    path = `/v1/conversation/${id}/messages?per_page=100&cursor=${body.pagination.next_cursor}`;
  }
}

/** Waits until D1 has everything of a conversation: lists and figures follow a turn within a second. */
export const settle = (company: Pick<Company, "company_id">, id: string) =>
  env.CONVERSATION.getByName(id).settle(company.company_id);

/** A turn as a stream, once its response has begun. */
export async function streamChat(company: Pick<Company, "user">, id: string, message: string, headers: HeaderMap = {}) {
  const response = await send("POST", `/v1/conversation/${id}/chat`, {
    headers: { ...company.user, accept: "text/event-stream", ...headers },
    body: { message },
  });
  if (response.status !== 200) throw new Error(`stream: ${response.status} ${await response.text()}`);
  return streamOf(response);
}

/** Reads a response's events one by one. */
export function streamOf(response: Response) {
  const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  async function next(): Promise<StreamEvent> {
    for (;;) {
      const end = buffer.indexOf("\n\n");
      if (end >= 0) {
        const [event] = parseEvents(buffer.slice(0, end + 2));
        buffer = buffer.slice(end + 2);
        if (event) return event;
      }
      const { done, value } = await reader.read();
      if (done) throw new Error("the stream has ended");
      buffer += value;
    }
  }
  return {
    next,
    async until(name: string): Promise<StreamEvent> {
      for (;;) {
        const event = await next();
        if (event.event === name) return event;
      }
    },
    /** Everything that is left, to the end of the stream. */
    async rest(): Promise<StreamEvent[]> {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return parseEvents(buffer);
        buffer += value;
      }
    },
    cancel: () => reader.cancel(),
  };
}

/** Strictly: every block has an id, an event and a data line, in this order, and nothing else. */
export function parseEvents(text: string): StreamEvent[] {
  const blocks = text.split("\n\n");
  if (blocks.pop() !== "") throw new Error("the stream ends inside an event");
  return blocks.map((block) => {
    const match = /^id: (.+)\nevent: (.+)\ndata: (.+)$/.exec(block);
    if (!match) throw new Error(`not an event: ${JSON.stringify(block)}`);
    return { id: match[1] ?? "", event: match[2] ?? "", data: JSON.parse(match[3] ?? "") };
  });
}
