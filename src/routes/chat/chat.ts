/** Turns: send a message and get the reply as JSON or as a stream of events; follow, replay and stop a turn. */
import * as z from "zod";
import type { Caller } from "../../auth/principal.ts";
import type { ChatRequest } from "../../chat/rpc.ts";
import { parseEventId } from "../../chat/turn.ts";
import { type Api } from "../../http/api.ts";
import { json } from "../../http/operation.ts";
import { type AppContext, linkTo } from "../../http/context.ts";
import { id, pathId } from "../../http/fields.ts";
import { hashOf, idempotencyKey } from "../../http/idempotency.ts";
import { prefersAsync, turnHeaders } from "../../http/prefer.ts";
import { isConversationId } from "../../chat/id.ts";
import { invalid } from "../../problem/problem.ts";
import { ask, askChat, jsonText, linksOf } from "../conversation/object.ts";
import { resumeRoutes, uiChat } from "./ai-sdk.ts";
import { events, headOfStream, REPLAYED, wantsEvents } from "./event-stream.ts";
import { presentReader } from "./presence.ts";
import { answerSchema, chatBody, eventStream, followQuery, isUiBody, receiptSchema, stopBody } from "./schema.ts";

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

  resumeRoutes(api);

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
