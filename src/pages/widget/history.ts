/** Earlier messages, a page at a time, newest first. */
import type { WireMessage } from "./chat-item.ts";
import type { Client } from "./client.ts";

export type Page = { messages: WireMessage[]; pagination: { next_cursor: string | null } };

const PER_PAGE = 30;

/** The page behind `cursor`, or the latest. `path` is the conversation's. Throws RequestFailed. */
export function readPage(client: Client, path: string, cursor: string | null): Promise<Page> {
  const after = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
  return client.json("GET", `${path}/messages?order=desc&per_page=${PER_PAGE}${after}`);
}
