/** Reads server-sent events (WHATWG HTML, "Server-sent events") from a fetch: EventSource cannot send a Bearer token. */
import type { WireMessage } from "./chat-item.ts";

/** What the events carry; which members there are depends on the event. */
export type EventData = {
  turn_id: string;
  message_id?: string;
  status?: string;
  text?: string;
  message?: WireMessage | null;
};

export type ServerEvent = { id: string; event: string; data: EventData };

/** Calls `take` with each event until the stream ends. Rejects when it breaks off, or is silent for `silence` ms. */
export async function readEvents(
  response: Response,
  silence: number,
  take: (event: ServerEvent) => void,
): Promise<void> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const timer = setTimeout(() => void reader.cancel().catch(() => {}), silence);
    const { done, value } = await reader.read().finally(() => clearTimeout(timer));
    if (done) return;
    const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: ?(.*)/s, 2))) as Record<
        string,
        string
      >;
      if (fields["data"])
        take({ id: fields["id"] ?? "", event: fields["event"] ?? "", data: JSON.parse(fields["data"]) });
    }
  }
}
