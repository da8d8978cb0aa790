/**
 * The messages of one conversation in order, out of history and of events that may come twice, by two streams or late:
 * every event counts once, every message stands once. No DOM, no network.
 */
import { type Item, itemOf, keyOf, type WireMessage } from "./chat-item.ts";
import type { EventData, ServerEvent } from "./sse.ts";

/** What the widget must find out: a user's message that another tab sent. */
export type Missing = { message_id: string; turn_id: string };

export class Timeline {
  items: Item[] = [];
  /** Last event seen of each turn, by its number. */
  readonly #seen = new Map<number, number>();

  /** The turn that is being answered now, if one is. */
  get running(): Item | null {
    return this.items.find((item) => item.state === "streaming") ?? null;
  }

  /** Messages of the API, oldest first, before or after those that are there. */
  add(messages: WireMessage[], where: "before" | "after"): void {
    const fresh: Item[] = [];
    for (const message of messages) {
      const known = this.#find(message);
      if (known) Object.assign(known, itemOf(message), { key: known.key });
      else fresh.push(itemOf(message));
    }
    this.items = where === "before" ? [...fresh, ...this.items] : [...this.items, ...fresh];
  }

  /** A message of a turn, in its place: a question stands before its answer. */
  put(message: WireMessage): Item {
    const item = itemOf(message);
    const known = this.#find(message);
    if (known) {
      Object.assign(known, item, { key: known.key });
      this.#join(item.turn_id);
      return known;
    }
    const answer = message.role === "user" ? this.items.findIndex((other) => other.turn_id === message.turn_id) : -1;
    const later = this.items.findIndex(({ sequence }) => (sequence ?? 0) > (item.sequence ?? Infinity));
    const place = [answer, later, this.items.length].find((index) => index >= 0);
    this.items.splice(place ?? 0, 0, item);
    return item;
  }

  remove(item: Item): void {
    this.items = this.items.filter((other) => other !== item);
  }

  /** Whether an event has not been taken yet. */
  isNew({ id, event, data: { message } }: ServerEvent): boolean {
    if (event === "chat_message") return message ? !this.#find(message) : false;
    const [turn = 0, n = 0] = id.split("-").map(Number);
    return n > (this.#seen.get(turn) ?? 0);
  }

  /** Takes an event; one that was seen already changes nothing. `sent` is the item whose own request it answers. */
  apply(event: ServerEvent, sent?: Item): Missing | null {
    const { id, event: name, data } = event;
    if (name === "heartbeat" || name === "chat_typing") return null;
    // A message stands once by its id, whatever the number of its event is.
    if (name === "chat_message") {
      if (data.message) this.put(data.message);
      return null;
    }
    const [turn = 0, n = 0] = id.split("-").map(Number);
    if (sent && data.message_id) {
      Object.assign(sent, { id: data.message_id, turn_id: data.turn_id, state: "done", problem: null });
      this.#join(data.turn_id);
    }
    if (!this.isNew(event)) return null;
    this.#seen.set(turn, n);
    if (name === "chat_status") return this.#status(data);
    if (name === "chat_delta") this.#reply(data.turn_id).content += data.text ?? "";
    if (name === "chat_response") this.#response(data);
    return null;
  }

  #status({ turn_id, message_id = "", status }: EventData): Missing | null {
    const question = this.items.find((item) => item.id === message_id);
    if (status === "in_progress") {
      if (question) Object.assign(question, { state: "done", problem: null });
      Object.assign(this.#reply(turn_id), { content: "", state: "streaming", problem: null, at: Date.now() });
      return question ? null : { message_id, turn_id };
    }
    // Taken, and nobody answers it yet.
    if (status === "completed" && !question && !this.items.some((item) => item.turn_id === turn_id)) {
      return { message_id, turn_id };
    }
    return null;
  }

  #response(data: EventData): void {
    const reply = this.items.find((item) => isReply(item, data.turn_id));
    if (data.message) this.put(data.message);
    else if (reply) this.remove(reply);
    if (data.message || data.status !== "stopped") return;
    const question = this.items.find((item) => item.turn_id === data.turn_id);
    if (question) Object.assign(question, { state: "failed", problem: "failedSend" });
  }

  /** The answer of a turn, made when its first event arrives. */
  #reply(turn_id: string): Item {
    const known = this.items.find((item) => isReply(item, turn_id));
    if (known) return known;
    const blank = {
      id: null,
      sequence: null,
      content: "",
      state: "streaming",
      problem: null,
      rating: null,
      author: null,
    } as const;
    const reply: Item = { key: `reply-${turn_id}`, role: "assistant", turn_id, at: Date.now(), ...blank };
    const question = this.items.findIndex((item) => item.turn_id === turn_id);
    this.items.splice(question < 0 ? this.items.length : question + 1, 0, reply);
    return reply;
  }

  /** An answer whose first event came before it was known what it answers goes to its place. */
  #join(turn_id: string | null): void {
    const question = this.items.findIndex((item) => item.role === "user" && item.turn_id === turn_id);
    const answer = this.items.findIndex((item) => isReply(item, turn_id));
    if (question < 0 || answer < 0 || answer === question + 1) return;
    const [moved] = this.items.splice(answer, 1);
    if (moved) this.items.splice(answer < question ? question : question + 1, 0, moved);
  }

  #find(message: WireMessage): Item | undefined {
    const key = keyOf(message);
    const mayReply = message.role === "assistant" && itemOf(message).author === null;
    return this.items.find(
      (item) => item.id === message.id || item.key === key || (mayReply && isReply(item, message.turn_id)),
    );
  }
}

/** The agent's answer of a turn. What people write answers no turn. */
const isReply = ({ role, author, turn_id }: Item, turn: string | null): boolean =>
  role === "assistant" && author === null && turn_id === turn;
