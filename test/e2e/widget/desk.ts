/**
 * A service with people at a desk: a small server that speaks the contract as far as one visitor's widget uses it, with
 * refresh tokens that are good once. What people do is a call of the test.
 */
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { paths } from "../../../src/cli/tool/project.ts";

type Message = { id: string; sequence: number; role: string; content: string; [member: string]: unknown };
type Reply = { status: number; body: unknown };

export class Desk {
  url = "";
  messages: Message[] = [];
  /** As `GET /conversation/:id` has it. */
  handling: Record<string, unknown> = {
    handled_by: "agent",
    handler: null,
    waiting_since: null,
    unread: { lead: 0, staff: 0 },
  };
  /** Answers `/chat` as JSON, although a stream is asked for. */
  answersWhole = false;
  /** Seconds. */
  expires_in = 3600;
  /** Method and path of each request, `POST /read 3` with what was read. */
  seen: string[] = [];
  /** What the next refreshes wait for. */
  gate: Promise<void> = Promise.resolve();
  /** Refreshes with a token that was not good any more. */
  reused = 0;
  readonly #events: string[] = [];
  readonly #readers = new Set<ServerResponse>();
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  #turn = 0;
  #refresh = 0;

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    this.url = `http://127.0.0.1:${address.port}`;
    return this;
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  get readers(): number {
    return this.#readers.size;
  }

  takeOver(name: string): void {
    this.handling = { ...this.handling, handled_by: "staff", handler: { entity_id: "u1", name }, waiting_since: null };
  }
  giveBack(): void {
    this.handling = { ...this.handling, handled_by: "agent", handler: null };
  }

  /** Somebody at the desk writes. */
  says(name: string, content: string): void {
    const author = { type: "staff", entity_id: "u1", name };
    const message = this.#store("assistant", content, { author, turn_id: `staff-${this.#turn + 1}` });
    this.#tell(`${++this.#turn}-1`, "chat_message", { message });
  }
  writes(name: string): void {
    this.#send(`event: chat_typing\ndata: ${JSON.stringify({ author: { type: "staff", entity_id: "u1", name } })}\n\n`);
  }
  breakOff(): void {
    for (const reader of this.#readers) reader.destroy();
  }

  #store(role: string, content: string, more: object): Message {
    const sequence = this.messages.length + 1;
    const message = {
      id: `m${sequence}`,
      sequence,
      role,
      content,
      status: "complete",
      metadata: {},
      feedback: null,
      created_at: new Date().toISOString(),
      ...more,
    };
    this.messages.push(message);
    return message;
  }

  #tell(id: string, event: string, data: object): string {
    const text = `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    this.#events.push(text);
    this.#send(text);
    return text;
  }
  #send(text: string): void {
    for (const reader of this.#readers) reader.write(text);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "", this.url);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : {};
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("access-control-allow-headers", "*, authorization");
    response.setHeader("access-control-allow-methods", "*");
    if (request.method === "OPTIONS") return void response.writeHead(204).end();
    if (pathname === "/widget.js") {
      const script = readFileSync(join(paths.assets, "widget.js"));
      return void response.writeHead(200, { "content-type": "text/javascript" }).end(script);
    }
    const path = pathname.replace("/v1/conversation/c1", "").replace("/v1", "");
    this.seen.push(`${request.method} ${path}${path === "/read" ? ` ${body.sequence}` : ""}`);
    if (path === "/messages/stream") return this.#follow(request, response);
    if (path === "/chat") return this.#chat(body, response);
    const { status, body: answer } = await this.#reply(`${request.method} ${path}`, body);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
  }

  async #reply(route: string, body: { refresh_token?: string }): Promise<Reply> {
    const ok = (answer: unknown): Reply => ({ status: 200, body: answer });
    if (route.startsWith("GET /agent/")) {
      return ok({ agent: { id: "a1", name: "Fern", greeting: "", lead_form: "none", status: "active" } });
    }
    if (route === "POST /lead/register")
      return { status: 201, body: { ...this.#tokens(), conversation: { id: "c1" } } };
    if (route === "POST /lead/refresh") {
      const isGood = body.refresh_token === `refresh-${this.#refresh}`;
      if (!isGood) this.reused++;
      const answer = isGood ? ok(this.#tokens()) : { status: 401, body: { code: "unauthorized" } };
      if (isGood) await this.gate;
      return answer;
    }
    if (route === "GET ") return ok({ conversation: { id: "c1", ...this.handling } });
    if (route === "GET /messages") {
      return ok({ messages: this.messages.toReversed(), pagination: { next_cursor: null } });
    }
    const message = this.messages.find(({ id }) => route === `GET /message/${id}`);
    if (message) return ok({ message });
    if (route === "POST /read") return ok({ conversation: { id: "c1" } });
    return { status: 404, body: { code: "not_found" } };
  }

  #tokens() {
    this.#refresh++;
    const { expires_in } = this;
    return { access_token: `access-${this.#refresh}`, refresh_token: `refresh-${this.#refresh}`, expires_in };
  }

  #follow(request: IncomingMessage, response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`event: heartbeat\ndata: {}\n\n`);
    const last = request.headers["last-event-id"];
    const from = this.#events.findIndex((text) => text.startsWith(`id: ${String(last)}\n`));
    if (last !== undefined) for (const text of this.#events.slice(from + 1)) response.write(text);
    this.#readers.add(response);
    response.on("close", () => this.#readers.delete(response));
  }

  /** One turn: the agent's "echo: …", or nothing while people have the conversation. */
  #chat(body: { message: string; metadata: object }, response: ServerResponse): void {
    const turn_id = `t${++this.#turn}`;
    const { id: message_id } = this.#store("user", body.message, { turn_id, metadata: body.metadata });
    const isHuman = this.handling["handled_by"] === "staff";
    if (this.answersWhole) {
      const answer = {
        conversation_id: "c1",
        turn_id,
        message_id,
        role: "assistant",
        content: "",
        status: "handled_by_staff",
        reply: null,
        messages: [],
      };
      return void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    const own = { conversation_id: "c1", turn_id, message_id };
    const events: [string, object][] = isHuman
      ? [["chat_status", { ...own, status: "completed" }]]
      : [
          ["chat_status", { ...own, status: "in_progress" }],
          ["chat_delta", { turn_id, text: `echo: ${body.message}` }],
          [
            "chat_response",
            {
              conversation_id: "c1",
              turn_id,
              status: "completed",
              message: this.#store("assistant", `echo: ${body.message}`, { turn_id }),
            },
          ],
        ];
    for (const [n, [event, data]] of events.entries())
      response.write(this.#tell(`${this.#turn}-${n + 1}`, event, data));
    response.end();
  }
}
