/** Turns: send a message and get the reply as JSON or as a stream of events; follow, resume and stop a turn. */
import { accepts } from "hono/accepts";
import * as z from "zod";
import type { Caller } from "../../auth/principal.ts";
import type { ChatRequest } from "../../chat/rpc.ts";
import { parseEventId } from "../../chat/turn.ts";
import { type Api } from "../../http/api.ts";
import { json } from "../../http/operation.ts";
import { requestDatabase } from "../../http/database.ts";
import { type AppContext, linkTo } from "../../http/context.ts";
import { id, messageText, pathId } from "../../http/fields.ts";
import { hashOf, idempotencyKey } from "../../http/idempotency.ts";
import { prefersAsync, turnHeaders } from "../../http/prefer.ts";
import { isConversationId } from "../../chat/id.ts";
import { invalid } from "../../problem/problem.ts";
import { visibleConversation } from "../conversation/conversation.ts";
import { ask, askChat, jsonText, linksOf } from "../conversation/object.ts";
import { presentReader } from "./presence.ts";
import { answerSchema, chatBody, eventStream, followQuery, isUiBody, receiptSchema, stopBody } from "./schema.ts";
import { lastUserText, type UiBody } from "./ui-message.ts";

const tag = "Turns";

/** The problems that a turn can end with, on every route that starts one. */
export const TURN_PROBLEMS = [
  "agent_inactive",
  "turn_stopped",
  "message_deleted",
  "idempotency_mismatch",
  "turn_queue_full",
  "budget_exhausted",
  "budget_unpriced",
  "model_error",
  "output_invalid",
  "model_unavailable",
  "store_unavailable",
  "model_timeout",
] as const;

const EVENTS = "text/event-stream";
const JSON_TYPE = "application/json";

/** Whether the Accept header names events, and likes them as much as JSON at least (RFC 9110, 12.5.1). */
const wantsEvents = (c: AppContext): boolean =>
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
async function headOfStream(c: AppContext, caller: Caller, conversation_id: string): Promise<Response> {
  await visibleConversation(await requestDatabase(c, caller.company_id), caller, conversation_id);
  return events(null);
}

const uiEvents = (stream: ReadableStream, replayed = false): Response =>
  events(stream, { "x-vercel-ai-ui-message-stream": "v1", ...(replayed ? REPLAYED : {}) });

const REPLAYED = { "idempotent-replayed": "true" };

/** A turn, or a new reply to an earlier message, for the AI SDK. A message with the same id and text is the same turn. */
async function uiChat(c: AppContext, caller: Caller, conversation_id: string, body: UiBody): Promise<Response> {
  const links = linksOf(c);
  const last = lastUserText(body);
  const body_hash = await hashOf([last?.text, {}]);
  const own = last?.id ? `ui:${await hashOf([last.id, body_hash])}` : null;
  if (body.trigger === "regenerate-message") {
    const messages = [body.messageId, last?.id].flatMap((id) => id ?? []);
    const wanted = { messages, key: own, or_last: !body.messageId };
    const once = { idempotency_key: idempotencyKey(c), body_hash: await hashOf([body.messageId ?? null, body_hash]) };
    const { stream, replayed } = await ask(c, caller, conversation_id, (object) =>
      object.regenerate(caller, wanted, once, links),
    );
    return uiEvents(stream, replayed);
  }
  const content = messageText().safeParse(last?.text ?? "");
  if (!content.success)
    throw invalid({ path: "/messages", message: "must end in a user's text of 1–32,000 characters" });
  const idempotency_key = idempotencyKey(c) ?? own;
  const request: ChatRequest = {
    content: content.data,
    metadata: "{}",
    output_schema: null,
    idempotency_key,
    body_hash,
    on_busy: "enqueue",
  };
  const { stream, replayed } = await ask(c, caller, conversation_id, (object) =>
    object.chatStream(caller, request, links, "ui"),
  );
  return uiEvents(stream, replayed);
}

/** The turn goes on by itself; the client asks for it at `Location`. */
async function later(c: AppContext, caller: Caller, conversation_id: string, request: ChatRequest): Promise<Response> {
  const { turn_id, body, replayed } = await ask(c, caller, conversation_id, (object) =>
    object.chatLater(caller, request),
  );
  return c.body(body, 202, {
    "content-type": "application/json",
    "preference-applied": "respond-async",
    location: linkTo(c, `/turn/${turn_id}`),
    ...(replayed ? REPLAYED : {}),
  });
}

export function chatRoutes(api: Api): void {
  api.route(
    {
      method: "post",
      path: "/conversation/{id}/chat",
      summary: "Send a message and get the agent's reply",
      description:
        "One turn. Turns of a conversation run one after another in order of arrival. With `Accept: text/event-stream` the answer is a stream of events, with `Prefer: respond-async` it is where to ask for the turn. A disconnect does not stop a turn.",
      tag,
      audience: "everyone",
      scope: "write",
      limit: "lead",
      params: pathId(),
      store: "none",
      headers: turnHeaders,
      body: chatBody,
      problems: [...TURN_PROBLEMS, "turn_in_progress", "conflict"],
      responses: () => ({
        200: {
          description: "The reply; both messages can be read back.",
          headers: {
            "X-Vercel-AI-UI-Message-Stream": { $ref: "#/components/headers/X-Vercel-AI-UI-Message-Stream" } as never,
          },
          content: { "application/json": { schema: answerSchema() }, ...eventStream().content },
        },
        202: {
          ...json("With `Prefer: respond-async`: the turn goes on by itself, at `Location`.", receiptSchema()),
          headers: { "Preference-Applied": { $ref: "#/components/headers/Preference-Applied" } as never },
        },
      }),
    },
    async ({ c, caller, params: { id }, body }) => {
      if (isUiBody(body)) return uiChat(c, caller, id, body);
      const sent = body.metadata ?? {};
      const request: ChatRequest = {
        content: body.message,
        metadata: JSON.stringify(sent),
        idempotency_key: idempotencyKey(c),
        // Left out where it is the default, so that a resent body is the same whether it names it or not.
        output_schema: body.output_schema ? JSON.stringify(body.output_schema) : null,
        body_hash: await hashOf([
          ...[body.message, sent, ...(body.on_busy === "enqueue" ? [] : [body.on_busy])],
          ...(body.output_schema ? [body.output_schema] : []),
        ]),
        on_busy: body.on_busy,
      };
      // The ids of a conversation from elsewhere do not lead to it, so nobody could ask for its turns.
      if (prefersAsync(c) && isConversationId(id)) return later(c, caller, id, request);
      const links = linksOf(c);
      if (wantsEvents(c)) {
        const { stream, replayed } = await ask(c, caller, id, (object) => object.chatStream(caller, request, links));
        return events(stream, replayed ? REPLAYED : {});
      }
      const answer = await askChat(c, caller, id, request, links);
      if (answer.replayed) c.header("idempotent-replayed", "true");
      return jsonText(c, answer.body);
    },
  );

  api.route(
    {
      method: "get",
      path: "/conversation/{id}/messages/stream",
      summary: "Follow a conversation, or replay one turn, as server-sent events",
      description:
        "Everything that happens from now on, for as long as the reader stays: turns of every client, messages of staff. With `Last-Event-ID` it goes on behind that event; with `turn_id` it replays one turn from its start and ends with it. The stream ends after 15 minutes, or with its credential: come back with the last id.",
      tag,
      audience: "everyone",
      scope: "read",
      params: pathId(),
      store: "none",
      query: followQuery,
      headers: () => z.object({ "last-event-id": z.string().optional() }),
      responses: () => ({ 200: eventStream() }),
    },
    async ({ c, caller, params, query }) => {
      const last_event_id = query.last_event_id || c.req.header("last-event-id") || undefined;
      if (last_event_id !== undefined && !parseEventId(last_event_id)) {
        throw invalid({ path: "/last_event_id", message: "is not the id of an event of this stream" });
      }
      const person = await presentReader(c, caller, query);
      if (c.req.method === "HEAD") return headOfStream(c, caller, params.id);
      const from = { last_event_id, turn_id: query.turn_id, person };
      const { stream } = await ask(c, caller, params.id, (object) => object.follow(caller, from, linksOf(c)));
      return events(stream);
    },
  );

  const resumable = {
    method: "get",
    tag,
    audience: "everyone",
    scope: "read",
    store: "none",
    responses: () => ({
      200: {
        ...eventStream(),
        headers: {
          "X-Vercel-AI-UI-Message-Stream": { $ref: "#/components/headers/X-Vercel-AI-UI-Message-Stream" } as never,
        },
      },
      204: { description: "No turn runs or waits." },
    }),
  } as const;
  const resume = async (c: AppContext, caller: Caller, conversation_id: string) => {
    if (c.req.method === "HEAD") return headOfStream(c, caller, conversation_id);
    const stream = await ask(c, caller, conversation_id, (object) => object.resume(caller, linksOf(c)));
    return stream ? uiEvents(stream) : c.body(null, 204);
  };
  api.route(
    {
      ...resumable,
      path: "/conversation/{id}/chat/stream",
      summary: "Resume the running turn as a UI message stream (AI SDK)",
      description: "What the turn has said so far, from its start, and then live. 204 when no turn runs.",
      params: pathId(),
    },
    ({ c, caller, params }) => resume(c, caller, params.id),
  );
  api.route(
    {
      ...resumable,
      path: "/conversation/{id}/chat/{chat_id}/stream",
      summary: "The same, at the address that the AI SDK asks by default",
      description: "`chat_id` is the client's own id of the chat and is not looked at.",
      params: () => pathId()().extend({ chat_id: z.string() }),
    },
    ({ c, caller, params }) => resume(c, caller, params.id),
  );

  api.route(
    {
      method: "post",
      path: "/conversation/{id}/chat/stop",
      summary: "Stop the running turn, keeping what it has said",
      description: "With `turn_id`, only if it is that turn; one that still waits is taken back.",
      tag,
      audience: "everyone",
      scope: "write",
      params: pathId(),
      store: "none",
      body: stopBody,
      bodyOptional: true,
      problems: ["no_turn_running"],
      responses: () => ({ 200: json("Stopped.", z.object({ turn_id: id(), status: z.literal("stopped") })) }),
    },
    async ({ c, caller, params, body }) => {
      const { turn_id } = await ask(c, caller, params.id, (object) => object.stop(caller, body?.turn_id));
      return c.json({ turn_id, status: "stopped" });
    },
  );
}
