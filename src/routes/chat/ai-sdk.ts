/** Turns for the Vercel AI SDK: its body on the same route, answered by a UI message stream, and how that is resumed. */
import * as z from "zod";
import type { Caller } from "../../auth/principal.ts";
import type { ChatRequest } from "../../chat/rpc.ts";
import type { Api } from "../../http/api.ts";
import type { AppContext } from "../../http/context.ts";
import { messageText, pathId } from "../../http/fields.ts";
import { hashOf, idempotencyKey } from "../../http/idempotency.ts";
import { invalid } from "../../problem/problem.ts";
import { ask, linksOf } from "../conversation/object.ts";
import { events, headOfStream, REPLAYED } from "./event-stream.ts";
import { eventStream } from "./schema.ts";
import { lastUserText, type UiBody } from "./ui-message.ts";

const uiEvents = (stream: ReadableStream, replayed = false): Response =>
  events(stream, { "x-vercel-ai-ui-message-stream": "v1", ...(replayed ? REPLAYED : {}) });

/** A turn, or a new reply to an earlier message, for the AI SDK. A message with the same id and text is the same turn. */
export async function uiChat(c: AppContext, caller: Caller, conversation_id: string, body: UiBody): Promise<Response> {
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

export function resumeRoutes(api: Api): void {
  const resumable = {
    method: "get",
    tag: "Turns",
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
}
