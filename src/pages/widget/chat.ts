/**
 * What the widget is about to do: find out about the agent, ask who the visitor is, show their conversation. Knows no DOM;
 * `changed` is called after every change, `told` with what a page may want to hear of.
 */
import { itemOf } from "./chat-item.ts";
import type { Client } from "./client.ts";
import { RequestFailed, send } from "./request.ts";
import type { Options } from "./options.ts";
import type { Session, TokenSource } from "./session.ts";
import type { Store } from "./storage.ts";
import { Thread } from "./thread.ts";

export type Agent = { name: string; greeting: string; lead_form: "none" | "optional" | "required"; status: string };
export type Phase = "new" | "loading" | "form" | "ready" | "unavailable";
export type ChatEvents = {
  /** `author` is the name of a person who wrote it for the company. */
  message: { role: string; content: string; id: string | null; author: string | null };
  registered: object;
  error: { code: string };
};

type Named = { id: string };

export type ChatPorts = {
  options: Options;
  client: Client;
  session: Session;
  drafts: Store;
  changed: () => void;
  missed: (count: number) => void;
  told: <N extends keyof ChatEvents>(name: N, detail: ChatEvents[N]) => void;
};

export class Chat {
  phase: Phase = "new";
  agent: Agent | null = null;
  thread: Thread;
  readonly #ports: ChatPorts;
  #ensuring: Promise<string> | null = null;

  constructor(ports: ChatPorts) {
    this.#ports = ports;
    this.thread = this.#newThread();
  }

  /** Gets everything that is needed to show the panel; a second call tries again what failed. */
  async start(): Promise<void> {
    if (this.phase !== "new" && this.phase !== "unavailable") return this.thread.watch();
    const thread = this.#renew();
    this.#set("loading");
    try {
      await this.#findAgent();
      const isKnown = this.#ports.session.exists;
      if (isKnown) await this.#findConversation(thread);
      if (thread !== this.thread) return;
      const asks = this.agent?.lead_form !== "none";
      this.#set(isKnown || !asks ? "ready" : "form");
    } catch (error) {
      if (thread !== this.thread) return;
      this.#fail(error);
      this.#set("unavailable");
    }
  }

  /** The visitor does not look; when `isAway`, they could not. */
  rest(isAway = false): void {
    this.thread.connection.rest(isAway);
  }

  /** The visitor has looked, and goes on with something else. */
  leave(): void {
    this.thread.connection.rest(false);
    void this.thread.findHandler();
  }

  /** The visitor told who they are (an empty object: would rather not). Throws RequestFailed. */
  async register(fields: object): Promise<void> {
    await this.#ports.session.register(fields);
    this.#ports.told("registered", {});
    this.thread.begin(this.#ports.session.conversation_id);
    await this.thread.load();
    this.#set("ready");
  }

  /** Another person, or the same one by another name: everything is read anew. */
  async identify(source: TokenSource | null): Promise<void> {
    await this.#ports.session.identify(source);
    await this.#restart();
  }

  /** Another tab wrote to the storage that both share. */
  async sessionChanged(): Promise<void> {
    const { session } = this.#ports;
    session.reload();
    if (!session.isIdentified && session.conversation_id !== this.thread.id) await this.#restart();
  }

  async #restart(): Promise<void> {
    const wasShown = this.phase !== "new";
    this.phase = "new";
    this.#renew();
    if (wasShown) await this.start();
  }

  #renew(): Thread {
    this.thread.close();
    this.thread = this.#newThread();
    return this.thread;
  }

  async #findAgent(): Promise<void> {
    const { api, agent_id } = this.#ports.options;
    const response = await send(`${api}/v1/agent/${encodeURIComponent(agent_id)}`, "GET", null);
    this.agent = response.json<{ agent: Agent }>().agent;
    if (this.agent.status !== "active") throw new RequestFailed("agent_inactive");
  }

  /** An identified visitor goes on with the latest conversation, on whatever device that was. */
  async #findConversation(thread: Thread): Promise<void> {
    const { session, client, options } = this.#ports;
    if (session.isIdentified && session.conversation_id === null) {
      const path = `/conversation/entity?agent_id=${encodeURIComponent(options.agent_id)}&per_page=1`;
      const { conversations } = await client.json<{ conversations: Named[] }>("GET", path);
      session.setConversation(conversations[0]?.id ?? null);
    }
    if (thread !== this.thread) return;
    thread.begin(session.conversation_id);
    await thread.load();
  }

  /** A lead and a conversation, made when the first message needs them; two messages at once make one. */
  #ensure(): Promise<string> {
    this.#ensuring ??= this.#makeConversation().finally(() => {
      this.#ensuring = null;
    });
    return this.#ensuring;
  }

  async #makeConversation(): Promise<string> {
    const { session, client, options } = this.#ports;
    if (!session.exists && (await session.ensure())) this.#ports.told("registered", {});
    if (session.conversation_id === null) {
      const body = { agent_id: options.agent_id };
      const { conversation } = await client.json<{ conversation: Named }>("POST", "/conversation", body);
      session.setConversation(conversation.id);
    }
    return session.conversation_id ?? "";
  }

  #newThread(): Thread {
    const { client, drafts, session, changed, missed, told } = this.#ports;
    const thread: Thread = new Thread({
      client,
      drafts,
      missed,
      changed: () => {
        session.setAwaiting(thread.handling.isHuman);
        changed();
      },
      ensure: () => this.#ensure(),
      gone: () => {
        session.setConversation(null);
        changed();
      },
      heard: (message) => {
        const { role, content, id, author } = itemOf(message);
        told("message", { role, content, id, author });
      },
      failed: ({ code }) => told("error", { code }),
    });
    return thread;
  }

  #fail(error: unknown): void {
    this.#ports.told("error", { code: error instanceof RequestFailed ? error.code : "network" });
  }

  #set(phase: Phase): void {
    this.phase = phase;
    this.#ports.changed();
  }
}
