/** Plays a script as the answer to one request, in the form of OpenAI's chat completions. */
import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { countTokens, type Step, type ToolCallStep } from "./script.ts";
import type { SeenRequest, UpstreamState } from "./state.ts";

/** Resolves once the answer is over, however it ended; `gone` aborts when the client went away. */
export async function play(
  steps: Step[],
  request: SeenRequest,
  response: ServerResponse,
  state: UpstreamState,
  gone: AbortSignal,
): Promise<void> {
  const answer = request.body?.stream === false ? new WholeAnswer(request, response) : new Stream(request, response);
  for (const step of steps) {
    if (gone.aborted) return;
    if ("wait_ms" in step) await delay(step.wait_ms, undefined, { signal: gone }).catch(() => undefined);
    else if ("hang" in step) await state.until(() => false, gone);
    else if ("gate" in step) await waitAt(step.gate, state, gone);
    else if ("reset" in step) {
      request.state = "reset";
      response.socket?.resetAndDestroy();
      return;
    } else if ("status" in step) {
      const text = typeof step.body === "string" ? step.body : JSON.stringify(step.body ?? {});
      response.writeHead(step.status, { "content-type": "application/json", ...step.headers }).end(text);
      return;
    } else await answer.add(step);
  }
  answer.end();
}

async function waitAt(name: string, state: UpstreamState, gone: AbortSignal): Promise<void> {
  const gate = state.gate(name);
  gate.waiting++;
  state.changed();
  await state.until(() => gate.open, gone);
  gate.waiting--;
  state.changed();
}

type Spoken = Exclude<
  Step,
  { wait_ms: number } | { hang: true } | { gate: string } | { reset: true } | { status: number }
>;

/** Server-sent events; every step is written and flushed by itself. */
class Stream {
  readonly #request: SeenRequest;
  readonly #response: ServerResponse;
  #role: { role?: "assistant" } = { role: "assistant" };
  #calls = 0;

  constructor(request: SeenRequest, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
  }

  async add(step: Spoken): Promise<void> {
    if ("tool_call" in step && step.tool_call.split) await this.#splitCall(step.tool_call);
    else await this.#write(this.#bytes(step));
  }

  end(): void {
    this.#start();
    this.#response.end();
  }

  #bytes(step: Spoken): string | Buffer {
    if ("raw" in step) return step.raw;
    if ("bytes_base64" in step) return Buffer.from(step.bytes_base64, "base64");
    if ("comment" in step) return `: ${step.comment}\n\n`;
    if ("done" in step) return "data: [DONE]\n\n";
    if ("error" in step) return event({ error: step.error });
    if ("usage" in step) return this.#chunk({ choices: [], usage: step.usage });
    if ("finish" in step) return this.#choice({}, step.finish);
    if ("text" in step) return this.#choice({ content: step.text });
    if ("reasoning" in step) return this.#choice({ reasoning_content: step.reasoning });
    return this.#choice({ tool_calls: [{ index: this.#calls, ...toolCall(step.tool_call, this.#calls++) }] });
  }

  /** The call itself, and then its arguments bit by bit, as real models write them. */
  async #splitCall(call: ToolCallStep): Promise<void> {
    const index = this.#calls++;
    const whole = toolCall(call, index);
    await this.#write(
      this.#choice({ tool_calls: [{ index, ...whole, function: { ...whole.function, arguments: "" } }] }),
    );
    for (const bit of whole.function.arguments) {
      await this.#write(this.#choice({ tool_calls: [{ index, function: { arguments: bit } }] }));
    }
  }

  #choice(delta: Record<string, unknown>, finish_reason: string | null = null): string {
    const role = this.#role;
    this.#role = {};
    return this.#chunk({ choices: [{ index: 0, delta: { ...role, ...delta }, finish_reason }] });
  }

  #chunk(members: Record<string, unknown>): string {
    const { id, model } = this.#request;
    return event({ id: `chatcmpl-${id}`, object: "chat.completion.chunk", created: 1_700_000_000, model, ...members });
  }

  #start(): void {
    if (this.#response.headersSent) return;
    this.#response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  }

  /** Resolves when the bytes are out, so that the next step travels by itself. */
  async #write(bytes: string | Buffer): Promise<void> {
    this.#start();
    await new Promise<void>((resolve) => this.#response.write(bytes, () => setImmediate(resolve)));
  }
}

/** The same script for a request that does not want a stream: one JSON document at the end. */
class WholeAnswer {
  readonly #request: SeenRequest;
  readonly #response: ServerResponse;
  #text = "";
  #calls: unknown[] = [];
  #finish = "stop";
  #usage: Record<string, unknown> | null = null;
  #error: Record<string, unknown> | null = null;

  constructor(request: SeenRequest, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
  }

  async add(step: Spoken): Promise<void> {
    if ("text" in step) this.#text += step.text;
    else if ("finish" in step) this.#finish = step.finish;
    else if ("usage" in step) this.#usage = step.usage;
    else if ("error" in step) this.#error = step.error;
    else if ("tool_call" in step) this.#calls.push(toolCall(step.tool_call, this.#calls.length));
  }

  end(): void {
    const { id, model, body } = this.#request;
    const calls = this.#calls.length > 0 ? { tool_calls: this.#calls } : {};
    const answer = {
      id: `chatcmpl-${id}`,
      object: "chat.completion",
      created: 1_700_000_000,
      model,
      choices: [
        { index: 0, message: { role: "assistant", content: this.#text, ...calls }, finish_reason: this.#finish },
      ],
      usage: this.#usage ?? usageOf(body, this.#text),
    };
    this.#response
      .writeHead(this.#error ? 500 : 200, { "content-type": "application/json" })
      .end(JSON.stringify(this.#error ? { error: this.#error } : answer));
  }
}

const event = (data: unknown) => `data: ${JSON.stringify(data)}\n\n`;

const toolCall = (call: ToolCallStep, index: number) => ({
  id: call.id ?? `call_${index}`,
  type: "function",
  function: {
    name: call.name,
    arguments: typeof call.arguments === "string" ? call.arguments : JSON.stringify(call.arguments),
  },
});

/**
 * What the upstream does when nobody told it: `reply to: <last user message>`, word by word, counted; as a tool, it
 * answers with the arguments it was given.
 */
export function defaultSteps({ model, body }: SeenRequest): Step[] {
  if (model.startsWith("tools/")) return [{ status: 200, body: { echo: body?.arguments ?? null } }];
  const last = messagesOf(body).findLast(({ role }) => role === "user");
  const reply = `reply to: ${last?.text ?? ""}`;
  const pieces = reply.match(/\S+\s*/g) ?? [];
  const usage = body?.stream_options?.include_usage ? [{ usage: usageOf(body, reply) }] : [];
  return [...pieces.map((text) => ({ text })), { finish: "stop" }, ...usage, { done: true }];
}

function usageOf(body: any, reply: string) {
  const prompt_tokens = messagesOf(body).reduce((sum, { text }) => sum + countTokens(text), 0);
  const completion_tokens = countTokens(reply);
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}

function messagesOf(body: any): { role: string; text: string }[] {
  const messages: any[] = Array.isArray(body?.messages) ? body.messages : [];
  return messages.map(({ role, content }) => ({
    role,
    text: typeof content === "string" ? content : (content ?? []).map((part: any) => part.text ?? "").join(""),
  }));
}
