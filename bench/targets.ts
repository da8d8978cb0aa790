/** How each of them is asked for the same thing: a new conversation, and one turn in it. */
import type { Send } from "./load.ts";
import type { Load } from "./processes.ts";
import type { Tenant } from "./seed.ts";
import type { Served } from "./served.ts";

/** Beside each other with a database that is near, and with one that is far away. */
export const NEAR = ["model", "durable", "promise", "service"] as const;
export const FAR_AWAY = ["durable-far", "far"] as const;
export type TargetName = (typeof NEAR)[number] | (typeof FAR_AWAY)[number];

const isService = (name: TargetName) => name === "service" || name === "far";

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
    const root = isService(name) ? `${base}/v1/conversation` : `${base}/conversation`;
    const made = await this.#load.json<{ conversation: { id: string } }>(this.creation(name));
    return `${root}/${made.conversation.id}/chat`;
  }

  /** A new conversation. */
  creation(name: TargetName): Send {
    const url = `${this.#served.url(name)}${isService(name) ? "/v1" : ""}/conversation`;
    return { ...this.#post(name), url, body: JSON.stringify({ agent_id: this.#tenant.agent_id }) };
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
    const until = isService(name) ? "event: chat_delta" : '"text"';
    return { ...turn, headers: { ...headers, accept: "text/event-stream" }, until };
  }

  #post(name: TargetName): { method: "POST"; headers: Record<string, string> } {
    return { method: "POST", headers: isService(name) ? { ...this.#tenant.headers } : {} };
  }
}

/** The targets in the order of round `r`: nobody always goes first. */
export const inOrderOf = <T>(targets: readonly T[], r: number): T[] =>
  targets.map((_, i) => targets[(i + r) % targets.length] as T);
