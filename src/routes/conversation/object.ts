/** How routes reach a conversation's object. */
import type { ConversationRpc } from "../../chat/rpc.ts";
import type { Outcome } from "../../chat/outcome.ts";
import type { Database } from "../../db/database.ts";
import { conversationIdsOfLead } from "../../db/lead.ts";
import { setObjectBookmark } from "../../http/database.ts";
import { type AppContext, originOf, prefixOf } from "../../http/context.ts";
import { Problem, unwrap } from "../../problem/problem.ts";

/**
 * Calls the object of a conversation and returns what it answers, or throws the problem. A call that breaks off because the
 * object moved, was updated or has too much to do is a 503: every call can be repeated. What the answer says of the object's
 * writes is noted for the client; of a stream, which is still to write, nothing is known.
 */
export async function ask<T>(
  c: AppContext,
  conversation_id: string,
  call: (object: DurableObjectStub<ConversationRpc>) => Promise<Outcome<T>>,
): Promise<T> {
  const outcome = await call(c.env.CONVERSATION.getByName(conversation_id)).catch((error: unknown) => {
    // What the object's own code threw is marked as remote; everything else is the platform's.
    throw error instanceof Error && !("remote" in error) ? interrupted() : error;
  });
  if (outcome.ok && outcome.bookmark !== undefined) setObjectBookmark(c, outcome.bookmark);
  return unwrap(outcome);
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
