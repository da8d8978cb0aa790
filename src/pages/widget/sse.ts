/** Reads server-sent events (WHATWG HTML, "Server-sent events"): EventSource cannot send a Bearer token. */
import type { Author, WireMessage } from "./chat-item.ts";

/** What the events carry; which members there are depends on the event. */
export type EventData = {
  turn_id: string;
  message_id?: string;
  status?: string;
  text?: string;
  message?: WireMessage | null;
  author?: Author | null;
  entity_type?: string;
  name?: string;
  /** Of a call of a tool. */
  state?: string;
};

/** `id` is "" for an event that cannot be asked for again. */
export type ServerEvent = { id: string; event: string; data: EventData };

/** Takes the text of a stream piece by piece, and calls `take` with each whole event. */
export class EventReader {
  readonly #take: (event: ServerEvent) => void;
  #rest = "";

  constructor(take: (event: ServerEvent) => void) {
    this.#take = take;
  }

  add(text: string): void {
    const blocks = (this.#rest + text).replaceAll("\r\n", "\n").split("\n\n");
    this.#rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const lines = block.split("\n");
      const field = (name: string) =>
        lines.findLast((line) => line.startsWith(`${name}:`))?.replace(/^\w+: ?/, "") ?? "";
      const data = field("data");
      if (data !== "") this.#take({ id: field("id"), event: field("event"), data: JSON.parse(data) });
    }
  }
}
