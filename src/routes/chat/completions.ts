/**
 * Chat completions for clients of OpenAI's API: `model` is the id of an agent, and every completion is a turn of a stored
 * conversation. A retry, with an Idempotency-Key or with the client's own count of attempts, is the same turn.
 */
import * as z from "zod";
import type { Caller } from "../../auth/principal.ts";
import type { AgentCard } from "../../db/agent.ts";
import type { ChatRequest } from "../../chat/rpc.ts";
import { attemptKey, takeOver } from "../../db/attempt.ts";
import { createConversation } from "../../db/conversation.ts";
import type { Database } from "../../db/database.ts";
import type { ImportedMessage } from "../../db/imported-message.ts";
import type { JsonObject } from "../../json.ts";
import { type Api } from "../../http/api.ts";
import type { AppContext } from "../../http/context.ts";
import { isId, messageText } from "../../http/fields.ts";
import { hashOf, idempotencyHeader, idempotencyKey } from "../../http/idempotency.ts";
import { invalid, Problem } from "../../problem/problem.ts";
import { TURN_PROBLEMS } from "./chat.ts";
import { events } from "./event-stream.ts";
import {
  type CompletionBody,
  completionBody,
  completionSchema,
  ignoredMembers,
  messagesOf,
  outputSchemaOf,
} from "./completion-schema.ts";
import { beginWith } from "../conversation/conversation.ts";
import { ask, askChat, linksOf } from "../conversation/object.ts";

/** A completion request as a turn. `history` is what a new conversation starts with. */
type CompletionInput = {
  agent_id: string;
  conversation_id: string | null;
  history: ImportedMessage[];
  message: string;
  metadata: JsonObject;
};

/** The conversation of the turn, and the turn's idempotency key in it. */
type Target = { conversation_id: string; key: string | null };

/** The key of the first turn of a new conversation. It contains a space, which a client's own key never does. */
const FIRST_TURN = "first turn";

const UNKNOWN_AGENT = "`model` must be the id of an agent that this credential can see.";
const UNKNOWN_CONVERSATION = "`conversation` must be the id of a conversation that this credential can see.";

export function completionRoutes(api: Api): void {
  api.route(
    {
      method: "post",
      path: "/chat/completions",
      summary: "Complete a chat, as clients of OpenAI's API ask for it",
      description: `For code that exists: give such a client this API's address as its base URL, and as its API key either
\`<key>:<secret>\` of an API key (both halves with a colon between them) or a token. Every completion is a turn of a
conversation that is stored here; \`conversation.id\` of the answer, also in \`X-Conversation-Id\`, sent as \`conversation\`
goes on with it. Members that only tune a model are not looked at, and named in \`X-Left-Aside\`. A request that is sent
again with the same Idempotency-Key, or counted as a further attempt in \`X-Stainless-Retry-Count\`, has no further effect.`,
      tag: "Turns",
      audience: "everyone",
      scope: "write",
      limit: "lead",
      dialect: "openai",
      headers: () => idempotencyHeader().extend({ "x-stainless-retry-count": z.string().optional() }),
      body: completionBody,
      problems: ["malformed_request", "not_found", ...TURN_PROBLEMS],
      responses: () => ({
        200: {
          description: "The reply; with `stream`, chunks of it that end with `[DONE]`.",
          headers: {
            "X-Conversation-Id": { $ref: "#/components/headers/X-Conversation-Id" } as never,
            "X-Left-Aside": { $ref: "#/components/headers/X-Left-Aside" } as never,
          },
          content: {
            "application/json": { schema: completionSchema() },
            "text/event-stream": { schema: z.string() },
          },
        },
      }),
    },
    async ({ c, db, caller, body }) => {
      const input = inputOf(caller, body);
      const schema = outputSchemaOf(body);
      const attempt = attemptOf(c);
      const { conversation_id, key } =
        input.conversation_id === null
          ? await newTarget(c, db, caller, input, attempt)
          : await existingTarget(c, caller, input.agent_id, input.conversation_id);
      const request: ChatRequest = {
        content: input.message,
        metadata: JSON.stringify(input.metadata),
        idempotency_key: key,
        output_schema: schema && JSON.stringify(schema),
        body_hash: await hashOf([input.message, input.metadata, ...(schema ? [schema] : [])]),
        on_busy: "enqueue",
        resent: attempt !== null && attempt > 0,
      };
      return answer(c, caller, conversation_id, request, body);
    },
  );
}

function inputOf(caller: Caller, body: CompletionBody): CompletionInput {
  const messages = messagesOf(body);
  const last = messages.pop();
  const message = messageText().safeParse(last?.role === "user" ? last.content : "");
  if (!message.success)
    throw invalid({ path: "/messages", message: "must end in a user's text of 1–32,000 characters" });
  const { model: agent_id, conversation, user, metadata } = body;
  const conversation_id = (typeof conversation === "string" ? conversation : conversation?.id) ?? null;
  const history = conversation_id === null ? messages.filter(({ content }) => content !== "") : [];
  if (caller.entity_type === "lead" && history.length > 0) {
    throw invalid({ path: "/messages", message: "of a visitor is one message: go on with `conversation`" });
  }
  return {
    agent_id,
    conversation_id,
    history,
    message: message.data,
    metadata: { ...(user ? { user } : {}), ...metadata },
  };
}

/** The number of earlier attempts that the client counts; null where it counts none. */
function attemptOf(c: AppContext): number | null {
  const count = c.req.header("x-stainless-retry-count");
  return count !== undefined && /^\d{1,2}$/.test(count) ? Number(count) : null;
}

async function existingTarget(c: AppContext, caller: Caller, agent_id: string, id: string): Promise<Target> {
  if (!isId(id)) throw new Problem("not_found", UNKNOWN_CONVERSATION);
  const text = await ask(c, caller, id, (object) => object.read(caller)).catch((error: unknown) => {
    const isUnknown = error instanceof Problem && error.details.code === "not_found";
    throw isUnknown ? new Problem("not_found", UNKNOWN_CONVERSATION) : error;
  });
  const { conversation } = JSON.parse(text) as { conversation: { agent_id: string } };
  if (conversation.agent_id !== agent_id)
    throw invalid({ path: "/model", message: "is not the agent of this conversation" });
  return { conversation_id: id, key: idempotencyKey(c) };
}

/** A new conversation for this request, or the one that an earlier attempt created. */
async function newTarget(
  c: AppContext,
  db: Database,
  caller: Caller,
  { agent_id, conversation_id, history, message, metadata }: CompletionInput,
  attempt: number | null,
): Promise<Target> {
  const { company_id, entity_type, entity_id } = caller;
  const owner = { company_id, entity_type, entity_id };
  const key = idempotencyKey(c);
  const creation_hash = await hashOf({ agent_id, conversation_id, history, message, metadata });
  const now = Date.now();
  const begin = async ({ max_context_length }: AgentCard): Promise<Target | null> => {
    if (key === null && attempt !== null && attempt > 0) {
      const earlier = await takeOver(db, owner, creation_hash, attempt, history.length + 2, now);
      if (earlier) return { conversation_id: earlier.id, key: FIRST_TURN };
    }
    const retryKey = attempt === null ? null : attemptKey(creation_hash, attempt);
    const input = {
      ...owner,
      agent_id,
      metadata,
      max_context_length: Math.min(4000, Math.max(max_context_length, history.length + 1)),
      creation_key: key === null ? retryKey : `completion ${key}`,
      creation_hash,
    };
    const made = await createConversation(db, input, now, history);
    if (!made) return null;
    if (made.row.creation_hash !== creation_hash) throw new Problem("idempotency_mismatch");
    return { conversation_id: made.row.id, key: FIRST_TURN };
  };
  return beginWith(c, db, owner, agent_id, begin, UNKNOWN_AGENT);
}

async function answer(
  c: AppContext,
  caller: Caller,
  conversation_id: string,
  request: ChatRequest,
  body: CompletionBody,
): Promise<Response> {
  const links = linksOf(c);
  const ignored = ignoredMembers(body).slice(0, 20);
  const headersOf = (replayed: boolean) => ({
    "x-conversation-id": conversation_id,
    ...(ignored.length > 0 ? { "x-left-aside": ignored.join(", ") } : {}),
    ...(replayed ? { "idempotent-replayed": "true" } : {}),
  });
  if (body.stream) {
    const chunks = { include_usage: body.stream_options?.include_usage ?? false };
    const stream = await ask(c, caller, conversation_id, (object) => object.chatStream(caller, request, links, chunks));
    return events(stream.stream, headersOf(stream.replayed));
  }
  const whole = await askChat(c, caller, conversation_id, request, links, "completion");
  return c.body(whole.body, 200, { "content-type": "application/json", ...headersOf(whole.replayed) });
}
