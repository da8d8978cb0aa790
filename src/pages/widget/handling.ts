/**
 * Who answers a conversation: its agent, or people of the company, whose messages come at any time. And what the visitor has
 * seen of them. No DOM.
 */
import type { Client } from "./client.ts";
import type { ServerEvent } from "./sse.ts";

/** What a conversation of the API says of it. */
type Handled = {
  handled_by?: "agent" | "staff";
  handler?: { name: string | null } | null;
  waiting_since?: string | null;
  unread?: { lead: number };
};

/** Milliseconds for which somebody counts as writing after the last word of it. */
const WRITING_FOR = 6_000;

export class Handling {
  /** People answer, or are asked to. */
  isHuman = false;
  /** They are asked to; until one comes the agent goes on. */
  isWaiting = false;
  /** Who of them, "" while that is not known. */
  name = "";
  /** Somebody writes. */
  isWriting = false;
  readonly #client: Client;
  readonly #changed: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #seen = 0;

  constructor(client: Client, changed: () => void) {
    this.#client = client;
    this.#changed = changed;
  }

  /** Asks the API. Gives the number of messages that the visitor has not seen. */
  async load(path: string): Promise<number> {
    const { conversation } = await this.#client.json<{ conversation: Handled }>("GET", path);
    const { handled_by, handler, waiting_since, unread } = conversation;
    this.isWaiting = (waiting_since ?? null) !== null;
    this.isHuman = handled_by === "staff" || this.isWaiting;
    this.name = handler?.name ?? "";
    this.#changed();
    return unread?.lead ?? 0;
  }

  hear({ event, data }: ServerEvent): void {
    // Only an agent's answer is something that goes on for a while.
    if (event === "chat_status" && data.status === "in_progress") this.#set(this.isWaiting, "");
    // The model has asked for a person.
    if (event === "chat_tool" && data.name === "hand_over" && data.state === "done")
      this.#set((this.isWaiting = true), "");
    if (event === "chat_message" && data.message?.author?.type === "staff") {
      this.isWaiting = false;
      this.#set(true, data.message.author.name ?? "");
      this.#write(false);
    }
    if (event === "chat_typing" && (data.author?.type ?? data.entity_type) !== "lead") {
      this.#set(true, data.author?.name ?? data.name ?? this.name);
      this.#write(true);
    }
  }

  /** A message was taken, and no agent answers it. */
  answeredByNobody(): void {
    this.#set(true, this.name);
  }

  /** The visitor looks at the messages up to this one. */
  async see(path: string, sequence: number): Promise<void> {
    if (!this.isHuman || sequence <= this.#seen) return;
    this.#seen = sequence;
    await this.#client.json("POST", `${path}/read`, { sequence }).catch(() => {});
  }

  #set(isHuman: boolean, name: string): void {
    this.isHuman = isHuman;
    this.name = name;
  }

  #write(isWriting: boolean): void {
    this.isWriting = isWriting;
    clearTimeout(this.#timer);
    if (!isWriting) return;
    this.#timer = setTimeout(() => {
      this.isWriting = false;
      this.#changed();
    }, WRITING_FOR);
  }
}
