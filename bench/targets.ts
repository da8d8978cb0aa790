/** How each of the four is asked for the same thing: a new conversation, and one turn in it. */
import type { Send } from "./load.ts";
import type { Load } from "./processes.ts";
import type { Tenant } from "./seed.ts";
import type { Served } from "./served.ts";

export const TARGETS = ["model", "durable", "promise", "service"] as const;
export type TargetName = (typeof TARGETS)[number];

export class Targets {
  readonly #served: Served;
  readonly #load: Load;
  readonly #tenant: Tenant;

  constructor(served: Served, load: Load, tenant: Tenant) {
    this.#served = served;
    this.#load = load;
    this.#tenant = tenant;
  }

  /** Where turns of a new conversation are sent. The model alone keeps none. */
  async conversation(name: TargetName): Promise<string> {
    const base = this.#served.url(name);
    if (name === "model") return base;
    const root = name === "service" ? `${base}/v1/conversation` : `${base}/conversation`;
    const body = JSON.stringify({ agent_id: this.#tenant.agent_id });
    const made = await this.#load.json<{ conversation: { id: string } }>({ ...this.#post(name), url: root, body });
    return `${root}/${made.conversation.id}/chat`;
  }

  /** The nth turn of a conversation, answered as JSON. Every message is another one: none is taken for a repeat. */
  turn(name: TargetName, url: string, n: number): Send {
    return {
      ...this.#post(name),
      url,
      body: JSON.stringify({ message: `When are you open? I have asked ${n} times.` }),
    };
  }

  /** The same as a stream, timed to its first piece of text. */
  streamed(name: TargetName, url: string, n: number): Send {
    const { headers, ...turn } = this.turn(name, url, n);
    const until = name === "service" ? "event: chat_delta" : '"text"';
    return { ...turn, headers: { ...headers, accept: "text/event-stream" }, until };
  }

  #post(name: TargetName): { method: "POST"; headers: Record<string, string> } {
    return { method: "POST", headers: name === "service" ? { ...this.#tenant.headers } : {} };
  }
}

/** The targets in the order of round `r`: nobody always goes first. */
export const inOrderOf = (r: number): TargetName[] =>
  TARGETS.map((_, i) => TARGETS[(i + r) % TARGETS.length] ?? "model");
