/**
 * One conversation as this tab has it: sending, following, history. Knows no DOM and not who the visitor is. Once closed
 * it is silent, whatever still arrives.
 */
import { type Item, newKey, ownItem, type WireMessage } from "./chat-item.ts";
import { type Client } from "./client.ts";
import { RequestFailed } from "./request.ts";
import { keepDrafts, lostDrafts } from "./drafts.ts";
import { Follower } from "./follower.ts";
import { type Page, readPage } from "./history.ts";
import type { LabelName } from "./labels.ts";
import type { ServerEvent } from "./sse.ts";
import type { Store } from "./storage.ts";
import { type Missing, Timeline } from "./timeline.ts";

export type ThreadPorts = {
  client: Client;
  drafts: Store;
  /** The conversation's id; makes visitor and conversation where they are not there yet. */
  ensure: () => Promise<string>;
  /** The conversation is not there any more, or not for this visitor. */
  gone: () => void;
  changed: () => void;
  heard: (message: WireMessage) => void;
  failed: (failure: RequestFailed) => void;
};

/** Milliseconds; how long a question of another tab may stay unknown. */
const LOOK_UP_AFTER = 300;

export class Thread {
  readonly timeline = new Timeline();
  /** The conversation; null before there is one. */
  id: string | null = null;
  /** Where the history before the oldest message goes on; null when it has been read to its beginning. */
  older: string | null = null;
  loadingOlder = false;
  /** What the visitor should know of the connection. */
  notice: LabelName | null = null;
  readonly #ports: ThreadPorts;
  #follower: Follower | null = null;
  /** Events that arrive before the history does. */
  #early: ServerEvent[] | null = null;
  #isWatched = true;
  #isClosed = false;

  constructor(ports: ThreadPorts) {
    this.#ports = ports;
  }

  /** With a conversation that is there already. */
  begin(id: string | null): void {
    this.id = id;
  }

  /** Reads the latest messages and follows what comes after. Throws RequestFailed. */
  async load(): Promise<void> {
    if (this.id === null) return;
    this.#early = [];
    this.#follow();
    try {
      this.#take(await readPage(this.#ports.client, this.#path(), null), "after");
    } catch (error) {
      if (!(error instanceof RequestFailed) || error.status !== 404) throw error;
      this.#leave();
    }
    this.timeline.items.push(...lostDrafts(this.#ports.drafts, this.timeline.items));
    const early = this.#early;
    this.#early = null;
    for (const event of early) this.#hear(event);
  }

  /** Somebody looks. */
  watch(): void {
    this.#isWatched = true;
    this.#follower?.resume();
  }

  /** Nobody looks: the connection ends once nothing is being answered. */
  rest(): void {
    this.#isWatched = false;
    if (!this.timeline.running) this.#follower?.pause();
  }

  close(): void {
    this.#isClosed = true;
    this.#follower?.pause();
  }

  async send(content: string): Promise<void> {
    const item = ownItem(newKey(), content, "sending");
    this.timeline.items.push(item);
    keepDrafts(this.#ports.drafts, this.timeline.items);
    await this.#post(item);
  }

  /** Sends again what failed, under its old name, so that it is never there twice. */
  async retry(item: Item): Promise<void> {
    const isQuestion = ({ role, turn_id }: Item) => role === "user" && turn_id === item.turn_id;
    const question = item.role === "user" ? item : this.timeline.items.find(isQuestion);
    if (question) await this.#post(question);
  }

  async stop(): Promise<void> {
    const turn_id = this.timeline.running?.turn_id;
    await this.#attempt(() => this.#ports.client.json("POST", `${this.#path()}/chat/stop`, turn_id ? { turn_id } : {}));
  }

  async rate(item: Item, rating: Item["rating"]): Promise<void> {
    const before = item.rating;
    item.rating = rating;
    this.#changed();
    const done = await this.#attempt(() => this.#ports.client.json("PUT", `/message/${item.id}/feedback`, { rating }));
    if (!done) item.rating = before;
    this.#changed();
  }

  /** A rating that another tab gave. */
  rated(id: string, rating: Item["rating"]): void {
    for (const item of this.timeline.items) if (item.id === id) item.rating = rating;
    this.#changed();
  }

  /** False when it did not work: the next try is the visitor's. */
  async loadOlder(): Promise<boolean> {
    if (this.loadingOlder || this.older === null) return true;
    this.loadingOlder = true;
    this.#changed();
    const done = await this.#attempt(async () =>
      this.#take(await readPage(this.#ports.client, this.#path(), this.older), "before"),
    );
    this.loadingOlder = false;
    this.#changed();
    return done;
  }

  /** The device says that it has no connection. */
  offline(): void {
    this.notice = "offline";
    this.#changed();
  }

  /** It has one again: the stream begins anew where it was, and what could not be sent is sent now. */
  async online(): Promise<void> {
    this.notice = null;
    this.#follower?.pause();
    if (this.#isWatched) this.#follower?.resume();
    this.#changed();
    for (const item of this.timeline.items) if (item.problem === "offlineSend") await this.#post(item);
  }

  #take({ messages, pagination }: Page, where: "before" | "after"): void {
    this.timeline.add(messages.toReversed(), where);
    this.older = pagination.next_cursor;
  }

  async #post(item: Item): Promise<void> {
    Object.assign(item, { state: item.id ? "done" : "sending", problem: null });
    this.#changed();
    try {
      this.id ??= await this.#ports.ensure();
      this.#follow();
      const request = {
        body: { message: item.content, metadata: { client_id: item.key } },
        headers: { "idempotency-key": item.key },
      };
      let isAccepted = false;
      const asked = this.#ports.client.events("POST", `${this.#path()}/chat`, request, (event) => {
        isAccepted = true;
        this.#hear(event, item);
      });
      // Of an answer that broke off the follower hears the rest.
      await asked.catch((error: unknown) => {
        if (!isAccepted) throw error;
      });
      if (item.id === null) throw new RequestFailed("network");
    } catch (error) {
      const { code, status } = this.#fail(error);
      if (status === 404) this.#leave();
      const problem = code === "network" ? "offlineSend" : status === 429 ? "busy" : "failedSend";
      // What is known to have arrived has not failed, even if its answer got lost.
      if (item.id === null) Object.assign(item, { state: "failed", problem });
    }
    if (!this.#isClosed) keepDrafts(this.#ports.drafts, this.timeline.items);
    this.#changed();
  }

  /** The conversation is not there any more: the next message begins another one. */
  #leave(): void {
    this.#follower?.pause();
    this.#follower = null;
    this.id = null;
    this.notice = null;
    if (!this.#isClosed) this.#ports.gone();
  }

  #follow(): void {
    if (this.#follower) return;
    const path = `${this.#path()}/messages/stream`;
    this.#follower = new Follower({
      follow: (last, signal, hear) => {
        const headers: Record<string, string> = last === "" ? {} : { "last-event-id": last };
        return this.#ports.client.events("GET", path, { signal, headers }, hear);
      },
      hear: (event) => this.#hear(event),
      connected: (isConnected) => {
        this.notice = isConnected ? null : navigator.onLine ? "reconnecting" : "offline";
        this.#changed();
      },
      gone: () => this.#leave(),
    });
    this.#follower.resume();
  }

  #hear(event: ServerEvent, sent?: Item): void {
    if (this.#isClosed) return;
    if (this.#early && !sent) return void this.#early.push(event);
    const isNew = this.timeline.isNew(event);
    const missing = this.timeline.apply(event, sent);
    if (missing) void this.#lookUp(missing, 0);
    if (isNew && event.data.message) this.#ports.heard(event.data.message);
    if (!this.#isWatched && event.event === "chat_response") this.rest();
    this.#changed();
  }

  /** The question that another tab asked. It is written a moment after its turn has begun. */
  async #lookUp({ message_id, turn_id }: Missing, tries: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, LOOK_UP_AFTER * 2 ** tries));
    if (this.timeline.items.some((item) => item.role === "user" && item.turn_id === turn_id)) return;
    const asked = this.#ports.client.json<{ message: WireMessage }>("GET", `/message/${message_id}`);
    const found = await asked.catch(() => null);
    if (found) this.timeline.put(found.message);
    else if (tries < 4) await this.#lookUp({ message_id, turn_id }, tries + 1);
    this.#changed();
  }

  #path(): string {
    return `/conversation/${this.id}`;
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
    if (!this.#isClosed) this.#ports.failed(failure);
    return failure;
  }

  #changed(): void {
    if (!this.#isClosed) this.#ports.changed();
  }
}
