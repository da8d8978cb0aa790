/**
 * The stream of a conversation: there while somebody looks, something is being answered, or people may write; and what the
 * visitor should know of it.
 */
import type { Client } from "./client.ts";
import { Follower } from "./follower.ts";
import type { LabelName } from "./labels.ts";
import type { ServerEvent } from "./sse.ts";

type ConnectionPorts = {
  client: Client;
  hear: (event: ServerEvent) => void;
  changed: () => void;
  /** The conversation is not there any more, or not for this visitor. */
  gone: () => void;
  /** Why it stays although nobody looks. */
  need: () => "answer" | "people" | null;
};

export class Connection {
  notice: LabelName | null = null;
  isWatched = true;
  readonly #ports: ConnectionPorts;
  #follower: Follower | null = null;
  #isAway = false;

  constructor(ports: ConnectionPorts) {
    this.#ports = ports;
  }

  /** Of the conversation at `path`; from now on, when there is none yet. */
  begin(path: string): void {
    if (this.#follower) return;
    this.#follower = new Follower({
      follow: (last, signal, hear) => {
        const headers: Record<string, string> = last === "" ? {} : { "last-event-id": last };
        return this.#ports.client.events("GET", `${path}/messages/stream`, { signal, headers }, hear);
      },
      hear: (event) => this.#ports.hear(event),
      connected: (isConnected) => this.#tell(isConnected ? null : navigator.onLine ? "reconnecting" : "offline"),
      gone: () => this.#ports.gone(),
    });
    this.#follower.resume();
  }

  end(): void {
    this.#follower?.pause();
    this.#follower = null;
    this.notice = null;
  }

  /** Somebody looks. */
  watch(): void {
    this.isWatched = true;
    this.#isAway = false;
    this.settle();
  }

  /** Nobody looks; when `isAway`, nobody could. */
  rest(isAway: boolean): void {
    this.isWatched = false;
    this.#isAway = isAway;
    this.settle();
  }

  settle(): void {
    const need = this.#ports.need();
    const isWanted = this.isWatched || need === "answer" || (need === "people" && !this.#isAway);
    if (isWanted) this.#follower?.resume();
    else this.#follower?.pause();
  }

  /** The device says that it has no connection. */
  offline(): void {
    this.#tell("offline");
  }

  /** It has one again: the stream begins anew where it was. */
  online(): void {
    this.#follower?.pause();
    this.settle();
    this.#tell(null);
  }

  #tell(notice: LabelName | null): void {
    this.notice = notice;
    this.#ports.changed();
  }
}
