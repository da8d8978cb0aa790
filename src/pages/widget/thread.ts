/**
 * One conversation as this tab has it: sending, following, history. Knows no DOM and not who the visitor is. Once closed
 * it is silent, whatever still arrives.
 */
import { type Item, newKey, ownItem, type WireMessage } from "./chat-item.ts";
import type { Client } from "./client.ts";
import { Connection } from "./connection.ts";
import { RequestFailed } from "./request.ts";
import { keepDrafts, lostDrafts } from "./drafts.ts";
import { Handling } from "./handling.ts";
import { type Page, readPage } from "./history.ts";
import { sendMessage } from "./send-message.ts";
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
  /** So many messages have come that the visitor has not seen. */
  missed: (count: number) => void;
};

/** Milliseconds; how long a question of another tab may stay unknown. */
const LOOK_UP_AFTER = 300;

export class Thread {
  readonly timeline = new Timeline();
  readonly handling: Handling;
  /** The conversation; null before there is one. */
  id: string | null = null;
  /** Where the history before the oldest message goes on; null when it has been read to its beginning. */
  older: string | null = null;
  loadingOlder = false;
  readonly connection: Connection;
  readonly #ports: ThreadPorts;
  /** Events that arrive before the history does. */
  #early: ServerEvent[] | null = null;
  /** Number of the latest message. */
  #latest = 0;
  #isClosed = false;

  constructor(ports: ThreadPorts) {
    this.#ports = ports;
    this.handling = new Handling(ports.client, () => this.#changed());
    this.connection = new Connection({
      client: ports.client,
      hear: (event) => this.#hear(event),
      changed: () => this.#changed(),
      gone: () => this.#leave(),
      need: () => (this.timeline.running ? "answer" : this.handling.isHuman ? "people" : null),
    });
  }

  /** With a conversation that is there already. */
  begin(id: string | null): void {
    this.id = id;
  }

  /** Reads the latest messages and follows what comes after. Throws RequestFailed. */
  async load(): Promise<void> {
    if (this.id === null) return;
    this.#early = [];
    this.connection.begin(this.#path());
    try {
      const handled = this.handling.load(this.#path()).catch(() => 0);
      this.#take(await readPage(this.#ports.client, this.#path(), null), "after");
      this.#ports.missed(await handled);
    } catch (error) {
      if (!(error instanceof RequestFailed) || error.status !== 404) throw error;
      this.#leave();
    }
    this.timeline.items.push(...lostDrafts(this.#ports.drafts, this.timeline.items));
    const early = this.#early;
    this.#early = null;
    for (const event of early) this.#hear(event);
    this.#see();
  }

  /** Somebody looks. */
  watch(): void {
    this.connection.watch();
    this.#see();
  }

  /** Finds out whether people are about to answer. */
  async findHandler(): Promise<void> {
    if (this.id !== null) await this.handling.load(this.#path()).catch(() => {});
    if (!this.#isClosed) this.connection.settle();
  }

  #see(): void {
    if (this.connection.isWatched && this.id !== null) void this.handling.see(this.#path(), this.#latest);
  }

  close(): void {
    this.#isClosed = true;
    this.connection.end();
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

  /** The device has a connection again: what could not be sent is sent now. */
  async online(): Promise<void> {
    this.connection.online();
    for (const item of this.timeline.items) if (item.problem === "offlineSend") await this.#post(item);
  }

  #take({ messages, pagination }: Page, where: "before" | "after"): void {
    this.timeline.add(messages.toReversed(), where);
    this.#latest = Math.max(this.#latest, ...messages.map(({ sequence = 0 }) => sequence));
    this.older = pagination.next_cursor;
  }

  async #post(item: Item): Promise<void> {
    Object.assign(item, { state: item.id ? "done" : "sending", problem: null });
    this.#changed();
    try {
      this.id ??= await this.#ports.ensure();
      this.connection.begin(this.#path());
      const hear = (event: ServerEvent) => this.#hear(event, item);
      if (await sendMessage(this.#ports.client, this.#path(), item, hear)) this.handling.answeredByNobody();
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
    this.connection.end();
    this.id = null;
    if (!this.#isClosed) this.#ports.gone();
  }

  #hear(event: ServerEvent, sent?: Item): void {
    if (this.#isClosed) return;
    if (this.#early && !sent) return void this.#early.push(event);
    const isNew = this.timeline.isNew(event);
    const missing = this.timeline.apply(event, sent);
    if (missing) void this.#lookUp(missing, 0);
    this.handling.hear(event);
    if (isNew && event.data.message) {
      this.#latest = Math.max(this.#latest, event.data.message.sequence ?? 0);
      this.#ports.heard(event.data.message);
      this.#see();
    }
    if (event.event === "chat_response") {
      // Whether somebody is still waited for, the answer does not say.
      if (this.handling.isWaiting) void this.findHandler();
      else if (!this.connection.isWatched) this.connection.settle();
    }
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
