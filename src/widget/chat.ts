/**
 * The visitor's conversation: sending, following, history, in step with other tabs. Knows no DOM; `changed` is called
 * after every change, `told` with what a page may want to hear of.
 */
import { type Item, newKey, type WireMessage } from "./chat-item.ts";
import { type Client, RequestFailed } from "./client.ts";
import { keepDrafts, lostDrafts } from "./drafts.ts";
import { Follower } from "./follower.ts";
import type { LabelName } from "./labels.ts";
import type { Options } from "./options.ts";
import type { Session, TokenSource } from "./session.ts";
import { readEvents, type ServerEvent } from "./sse.ts";
import type { Store } from "./storage.ts";
import { type Missing, Timeline } from "./timeline.ts";

export type Agent = {
  name: string;
  description: string;
  greeting: string;
  lead_form: "none" | "optional" | "required";
  status: string;
};
export type Phase = "new" | "loading" | "form" | "ready" | "unavailable";
export type ChatEvents = {
  message: { role: string; content: string; id: string | null };
  registered: object;
  error: { code: string };
};
type Named = { id: string };
type Page = { messages: WireMessage[]; pagination: { next_cursor: string | null } };
type Told = <N extends keyof ChatEvents>(name: N, detail: ChatEvents[N]) => void;

const PAGE = 30;
/** Milliseconds: heartbeats come every 15 s; how long a question of another tab may stay unknown. */
const SILENCE = 40_000;
const LOOK_UP_AFTER = 300;

export class Chat {
  phase: Phase = "new";
  agent: Agent | null = null;
  timeline = new Timeline();
  /** Where the history before the oldest message goes on; null when it has been read to its beginning. */
  older: string | null = null;
  loadingOlder = false;
  /** What the visitor should know of the connection. */
  notice: LabelName | null = null;
  readonly #options: Options;
  readonly #client: Client;
  readonly #session: Session;
  readonly #drafts: Store;
  readonly #changed: () => void;
  readonly #told: Told;
  #follower: Follower | null = null;
  /** Events that arrive before the history does. */
  #early: ServerEvent[] | null = null;
  #starting: Promise<void> | null = null;

  constructor(parts: {
    options: Options;
    client: Client;
    session: Session;
    drafts: Store;
    changed: () => void;
    told: Told;
  }) {
    this.#options = parts.options;
    this.#client = parts.client;
    this.#session = parts.session;
    this.#drafts = parts.drafts;
    this.#changed = parts.changed;
    this.#told = parts.told;
  }

  /** Gets everything that is needed to show the panel; a second call tries again what failed. */
  async start(): Promise<void> {
    if (this.phase !== "new" && this.phase !== "unavailable") return this.#follower?.resume();
    this.#set({ phase: "loading" });
    try {
      const response = await fetch(`${this.#options.api}/v1/agent/${encodeURIComponent(this.#options.agent_id)}`, {
        credentials: "omit",
        referrerPolicy: "no-referrer",
      });
      if (!response.ok) throw new RequestFailed("not_found", response.status);
      this.agent = (await response.json()).agent as Agent;
      if (this.agent.status !== "active") throw new RequestFailed("agent_inactive");
      if (this.#session.exists) await this.#load();
      else this.#set({ phase: this.agent.lead_form === "none" ? "ready" : "form" });
    } catch (error) {
      this.#fail(error);
      this.#set({ phase: "unavailable" });
    }
  }

  /** Nobody looks: the connection ends once nothing is being answered. */
  rest(): void {
    if (!this.timeline.running) this.#follower?.pause();
  }

  /** The visitor told who they are (an empty object: would rather not). Throws RequestFailed. */
  async register(fields: object): Promise<void> {
    await this.#session.register(fields);
    this.#told("registered", {});
    this.#set({ phase: "ready" });
    this.#follow();
  }

  /** Another person, or the same one by another name: everything is read anew. */
  async identify(source: TokenSource | null): Promise<void> {
    await this.#session.identify(source);
    await this.restart();
  }

  /** Forgets what is shown and reads it anew for whoever the session speaks of. */
  async restart(): Promise<void> {
    this.#follower?.stop();
    this.#follower = null;
    this.timeline = new Timeline();
    this.older = null;
    const wasShown = this.phase !== "new";
    this.phase = "new";
    if (wasShown) await this.start();
  }

  /** Another tab wrote to the storage that both share. */
  async sessionChanged(): Promise<void> {
    if (this.#session.reload()) await this.restart();
  }

  async send(content: string): Promise<void> {
    const item: Item = {
      ...{ key: newKey(), role: "user", id: null, turn_id: null, content, state: "sending", problem: null },
      ...{ rating: null, at: Date.now() },
    };
    this.timeline.items.push(item);
    keepDrafts(this.#drafts, this.timeline.items);
    await this.#post(item);
  }

  /** Sends again what failed, under its old name, so that it is never there twice. */
  async retry(item: Item): Promise<void> {
    const question =
      item.role === "user"
        ? item
        : this.timeline.items.find((other) => other.role === "user" && other.turn_id === item.turn_id);
    if (question) await this.#post(question);
  }

  async stop(): Promise<void> {
    const turn_id = this.timeline.running?.turn_id;
    await this.#attempt(() => this.#client.json("POST", `${this.#path()}/chat/stop`, turn_id ? { turn_id } : {}));
  }

  async rate(item: Item, rating: "up" | "down" | null): Promise<void> {
    const before = item.rating;
    item.rating = rating;
    this.#changed();
    const done = await this.#attempt(() => this.#client.json("PUT", `/message/${item.id}/feedback`, { rating }));
    if (!done) item.rating = before;
    this.#changed();
  }

  async loadOlder(): Promise<void> {
    if (this.loadingOlder || this.older === null) return;
    this.#set({ loadingOlder: true });
    await this.#attempt(async () => this.#take(await this.#page(this.older), "before"));
    this.#set({ loadingOlder: false });
  }

  /** A rating that another tab gave. */
  rated(id: string, rating: Item["rating"]): void {
    const item = this.timeline.items.find((other) => other.id === id);
    if (item) item.rating = rating;
    this.#changed();
  }

  /** What could not be sent for want of a connection is sent now. */
  async online(): Promise<void> {
    this.#follower?.retryNow();
    for (const item of this.timeline.items) if (item.problem === "offlineSend") await this.#post(item);
  }

  async #load(): Promise<void> {
    if (this.#session.isIdentified && this.#session.conversation_id === null) {
      const query = `agent_id=${encodeURIComponent(this.#options.agent_id)}&per_page=1`;
      const { conversations } = await this.#client.json<{ conversations: Named[] }>(
        "GET",
        `/conversation/entity?${query}`,
      );
      this.#session.setConversation(conversations[0]?.id ?? null);
    }
    if (this.#session.conversation_id !== null) {
      this.#early ??= [];
      this.#follow();
      try {
        this.#take(await this.#page(null), "after");
      } catch (error) {
        if (!(error instanceof RequestFailed) || error.status !== 404) throw error;
        this.#leave();
      }
      this.timeline.items.push(...lostDrafts(this.#drafts, this.timeline.items));
      const early = this.#early;
      this.#early = null;
      for (const event of early) this.#hear(event);
    }
    this.#set({ phase: "ready" });
  }

  async #page(cursor: string | null): Promise<Page> {
    const after = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    return this.#client.json("GET", `${this.#path()}/messages?order=desc&per_page=${PAGE}${after}`);
  }

  #take({ messages, pagination }: Page, where: "before" | "after"): void {
    this.timeline.add(messages.toReversed(), where);
    this.older = pagination.next_cursor;
  }

  async #post(item: Item): Promise<void> {
    Object.assign(item, { state: item.id ? "done" : "sending", problem: null });
    this.#changed();
    try {
      await this.#ensureConversation();
      const response = await this.#client.events("POST", `${this.#path()}/chat`, {
        body: { message: item.content, metadata: { client_id: item.key } },
        headers: { "idempotency-key": item.key },
      });
      await readEvents(response, SILENCE, (event) => this.#hear(event, item)).catch(() => {});
      // Taken, but broken off: the follower hears the rest.
      if (item.id === null) throw new RequestFailed("network");
    } catch (error) {
      this.#failed(item, error);
    }
    keepDrafts(this.#drafts, this.timeline.items);
    this.#changed();
  }

  #failed(item: Item, error: unknown): void {
    if (item.id !== null && !(error instanceof RequestFailed)) return;
    const { code, status } = this.#fail(error);
    if (status === 404) this.#leave();
    const problem = code === "network" ? "offlineSend" : status === 429 ? "busy" : "failedSend";
    Object.assign(item, { state: "failed", problem });
  }

  /** The conversation is not there any more: the next message begins another one. */
  #leave(): void {
    this.#follower?.stop();
    this.#follower = null;
    this.#session.setConversation(null);
  }

  /** A lead and a conversation, made when the first message needs them; two messages at once make one. */
  #ensureConversation(): Promise<void> {
    this.#starting ??= this.#ensure().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  async #ensure(): Promise<void> {
    if (!this.#session.exists) {
      await this.#session.register({});
      this.#told("registered", {});
    }
    if (this.#session.conversation_id === null) {
      const body = { agent_id: this.#options.agent_id };
      const { conversation } = await this.#client.json<{ conversation: Named }>("POST", "/conversation", body);
      this.#session.setConversation(conversation.id);
    }
    this.#follow();
  }

  #follow(): void {
    if (this.#session.conversation_id === null || this.#follower) return;
    const path = `${this.#path()}/messages/stream`;
    const follower: Follower = new Follower({
      open: (last, signal) =>
        this.#client.events("GET", path, { signal, headers: last === "" ? {} : { "last-event-id": last } }),
      hear: (event) => {
        if (follower === this.#follower) this.#hear(event);
      },
      silence: SILENCE,
      connected: (isConnected) => {
        if (follower === this.#follower)
          this.#set({ notice: isConnected ? null : navigator.onLine ? "reconnecting" : "offline" });
      },
      gone: () => {
        if (follower !== this.#follower) return;
        this.#leave();
        this.#set({ notice: null });
        if (!this.#session.exists) void this.restart();
      },
    });
    this.#follower = follower;
    follower.resume();
  }

  #hear(event: ServerEvent, sent?: Item): void {
    if (this.#early && !sent) return void this.#early.push(event);
    const isNew = this.timeline.isNew(event);
    const missing = this.timeline.apply(event, sent);
    if (missing) void this.#lookUp(missing, 0);
    if (isNew && event.event === "chat_response" && event.data.message) {
      const { role, content, id } = event.data.message;
      this.#told("message", { role, content, id });
    }
    this.#changed();
  }

  /** The question that another tab asked. It is written a moment after its turn has begun. */
  async #lookUp({ message_id, turn_id }: Missing, tries: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, LOOK_UP_AFTER * 2 ** tries));
    if (this.timeline.items.some((item) => item.role === "user" && item.turn_id === turn_id)) return;
    const path = `/message/${message_id}`;
    const found = await this.#client.json<{ message: WireMessage }>("GET", path).catch(() => null);
    if (found) this.timeline.put(found.message);
    else if (tries < 4) await this.#lookUp({ message_id, turn_id }, tries + 1);
    this.#changed();
  }

  #path(): string {
    return `/conversation/${this.#session.conversation_id}`;
  }

  async #attempt(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  #fail(error: unknown): RequestFailed {
    const failure = error instanceof RequestFailed ? error : new RequestFailed("network");
    this.#told("error", { code: failure.code });
    return failure;
  }

  #set(changes: Partial<Pick<Chat, "phase" | "notice" | "loadingOlder">>): void {
    Object.assign(this, changes);
    this.#changed();
  }
}
