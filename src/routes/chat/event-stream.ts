/** Answers that are server-sent events: when a client wants them, and their headers. */
import { accepts } from "hono/accepts";
import type { Caller } from "../../auth/principal.ts";
import type { AppContext } from "../../http/context.ts";
import { requestDatabase } from "../../http/database.ts";
import { visibleConversation } from "../conversation/conversation.ts";

const EVENTS = "text/event-stream";
const JSON_TYPE = "application/json";

/** Whether the Accept header names events, and likes them as much as JSON at least (RFC 9110, 12.5.1). */
export const wantsEvents = (c: AppContext): boolean =>
  accepts(c, {
    header: "Accept",
    supports: [EVENTS, JSON_TYPE],
    default: JSON_TYPE,
    match: (list) => {
      const quality = (...names: string[]) =>
        names.map((name) => list.find(({ type }) => type.toLowerCase() === name)?.q).find((q) => q !== undefined) ?? 0;
      const asJson = quality(JSON_TYPE, "application/*", "*/*");
      return quality(EVENTS) > 0 && quality(EVENTS) >= asJson ? EVENTS : JSON_TYPE;
    },
  }) === EVENTS;

/** A stream of events. Its headers tell proxies not to buffer or transform it. */
export const events = (stream: ReadableStream | null, headers: Record<string, string> = {}): Response =>
  new Response(stream, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
      ...headers,
    },
  });

/** HEAD opens no stream: D1 says whether the caller may see the conversation. */
export async function headOfStream(c: AppContext, caller: Caller, conversation_id: string): Promise<Response> {
  await visibleConversation(await requestDatabase(c, caller.company_id), caller, conversation_id);
  return events(null);
}

/** Of an answer that was given before. */
export const REPLAYED = { "idempotent-replayed": "true" };
