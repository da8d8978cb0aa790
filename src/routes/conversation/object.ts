/** How routes reach a conversation's object. */
import type { Caller } from "../../auth/principal.ts";
import { conversationIdIn, isConversationId } from "../../chat/id.ts";
import type { Outcome } from "../../chat/outcome.ts";
import type { Answer, ConversationRpc, HistoryQuery, HistoryText } from "../../chat/rpc.ts";
import { findConversation } from "../../db/conversation.ts";
import type { Database } from "../../db/database.ts";
import { conversationIdsOfLead } from "../../db/lead.ts";
import { findMessage } from "../../db/message.ts";
import { requestDatabase, setObjectBookmark } from "../../http/database.ts";
import { locationHint } from "../../http/location.ts";
import { type AppContext, originOf, prefixOf } from "../../http/context.ts";
import { notFound, Problem, unwrap } from "../../problem/problem.ts";

type Stub = DurableObjectStub<ConversationRpc>;

/**
 * Calls the object of a conversation and returns what it answers, or throws the problem. A call that breaks off because the
 * object moved, was updated or has too much to do is a 503: every call can be repeated. What the answer says of the object's
 * writes is noted for the client.
 */
export async function ask<T>(
  c: AppContext,
  caller: Caller,
  conversation_id: string,
  call: (object: Stub) => Promise<Outcome<T>>,
): Promise<T> {
  if (!isConversationId(conversation_id)) await findUnmarked(c, caller, conversation_id);
  const near = locationHint(c.req.raw.cf);
  const object = c.env.CONVERSATION.getByName(conversation_id, near ? { locationHint: near } : {});
  const outcome = await call(object).catch((error: unknown) => {
    // What the object's own code threw is marked as remote; everything else is the platform's.
    throw error instanceof Error && !("remote" in error) ? interrupted() : error;
  });
  if (outcome.ok && outcome.bookmark !== undefined) setObjectBookmark(c, conversation_id, outcome.bookmark);
  return unwrap(outcome);
}

/** A turn's answer. The object hears of it when the client goes away before there is one. */
export async function askChat(
  c: AppContext,
  caller: Caller,
  conversation_id: string,
  ...request: Parameters<ConversationRpc["chat"]> extends [Caller, string, ...infer Rest] ? Rest : never
): Promise<Answer> {
  const { signal } = c.req.raw;
  const client = crypto.randomUUID();
  const leave = () => {
    const left = c.env.CONVERSATION.getByName(conversation_id).left(client);
    c.executionCtx.waitUntil(left.catch(() => undefined));
  };
  signal.addEventListener("abort", leave, { once: true });
  try {
    return await ask(c, caller, conversation_id, (object) => object.chat(caller, client, ...request));
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

/** Asks for what D1 can answer as well, where the object cannot be reached: it lacks no delete, only what came last. */
export async function askOr<T>(
  c: AppContext,
  caller: Caller,
  conversation_id: string,
  call: (object: Stub) => Promise<Outcome<T>>,
  otherwise: (db: Database) => Promise<T>,
): Promise<T> {
  try {
    return await ask(c, caller, conversation_id, call);
  } catch (error) {
    if (!(error instanceof Problem) || error.details.code !== "store_unavailable") throw error;
    return otherwise(await requestDatabase(c, caller.company_id));
  }
}

/** A page of a conversation's messages, in as many calls as its text needs. */
export async function wholePage(object: Stub, caller: Caller, query: HistoryQuery): Promise<Outcome<HistoryText>> {
  const page = await object.history(caller, query);
  if (!page.ok || !page.value.isCut) return page;
  const { messages, sequences, total } = page.value;
  const behind = { cursor: sequences.at(-1) ?? null, offset: 0, limit: query.limit - sequences.length };
  const rest = await wholePage(object, caller, { ...query, ...behind });
  if (!rest.ok) return rest;
  const value = {
    messages: [...messages, ...rest.value.messages],
    sequences: [...sequences, ...rest.value.sequences],
    ...{ total, isCut: false },
  };
  return { ...rest, value };
}

/** Ids that were found in the table, or not: `until` in milliseconds. */
const unmarked = new Map<string, { found: boolean; until: number }>();
const MAX_KNOWN = 10_000;
const FOUND_FOR = 600_000;
const MISSING_FOR = 5_000;

/** An id without the mark of this service may be an old one: only one that is in the table wakes an object. */
async function findUnmarked(c: AppContext, { company_id }: Caller, id: string): Promise<void> {
  const key = `${company_id} ${id}`;
  const now = Date.now();
  let known = unmarked.get(key);
  if (!known || known.until <= now) {
    const found = (await findConversation(await requestDatabase(c, company_id), company_id, id)) !== undefined;
    known = { found, until: now + (found ? FOUND_FOR : MISSING_FOR) };
    if (unmarked.size >= MAX_KNOWN) unmarked.clear();
    unmarked.set(key, known);
  }
  if (!known.found) throw notFound();
}

/** The conversation of a message or turn: its id says which, or else the table. 404 for what neither knows. */
export async function conversationOfMessage(
  c: AppContext,
  { company_id }: Caller,
  message_id: string,
): Promise<string> {
  const led = conversationIdIn(message_id);
  if (led !== null) return led;
  const found = await findMessage(await requestDatabase(c, company_id), company_id, message_id);
  if (!found) throw notFound();
  return found.message.conversation_id;
}

const interrupted = () =>
  new Problem("store_unavailable", "The conversation was interrupted. Send the same request again.", {
    retry_after: 1,
  });

export const linksOf = (c: AppContext) => ({ origin: originOf(c), base: `${originOf(c)}${prefixOf(c)}` });

/** JSON that the object has serialised already. */
export const jsonText = (c: AppContext, body: string, status: 200 | 201 = 200): Response =>
  c.body(body, status, { "content-type": "application/json" });

/** Conversations that are processed at the same time. */
const AT_ONCE = 10;

/** Calls `work` for every conversation of a lead, deleted ones too. Returns their number. */
export async function forEachConversation(
  db: Database,
  company_id: string,
  lead_id: string,
  work: (id: string) => Promise<unknown>,
): Promise<number> {
  let after = "";
  let count = 0;
  for (;;) {
    const ids = await conversationIdsOfLead(db, company_id, lead_id, after, AT_ONCE);
    await Promise.all(ids.map(work));
    count += ids.length;
    const last = ids.at(-1);
    if (last === undefined || ids.length < AT_ONCE) return count;
    after = last;
  }
}
