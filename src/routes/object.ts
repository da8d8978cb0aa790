/** How routes reach a conversation's object. */
import type { ConversationRpc } from "../chat/rpc.ts";
import type { Outcome } from "../chat/outcome.ts";
import type { Database } from "../db/database.ts";
import { conversationIdsOfLead } from "../db/lead.ts";
import { noteWritten } from "../http/bookmark.ts";
import { type AppContext, originOf, prefixOf } from "../http/context.ts";
import { isId } from "../http/fields.ts";
import { notFound, Problem } from "../problem/problem.ts";

/** The stub of a conversation's object. What cannot be an id is not found, without waking anything. */
export function conversationObject(c: AppContext, id: string): DurableObjectStub<ConversationRpc> {
  if (!isId(id)) throw notFound();
  return watched(c, c.env.CONVERSATION.getByName(id));
}

/**
 * Calls that break off because the object moved, was updated or has too much to do become a 503: all can be repeated.
 * What an answer says of the object's writes is noted for the client; of a stream, which is still to write, nothing is known.
 */
function watched<T extends object>(c: AppContext, stub: T): T {
  return new Proxy(stub, {
    get:
      (target, method) =>
      async (...args: unknown[]) => {
        try {
          const result = await (target as Record<PropertyKey, Method>)[method]?.(...args);
          if (result?.ok && result.bookmark !== undefined) noteWritten(c, result.bookmark);
          return result;
        } catch (error) {
          // What the object's own code threw is marked as remote; everything else is the platform's.
          if (error instanceof Error && !("remote" in error)) throw lost();
          throw error;
        }
      },
  });
}

type Method = (...args: unknown[]) => Promise<Outcome<unknown>>;

const lost = () =>
  new Problem("store_unavailable", "The conversation was interrupted. Send the same request again.", {
    retry_after: 1,
  });

export const linksOf = (c: AppContext) => ({ origin: originOf(c), base: `${originOf(c)}${prefixOf(c)}` });

/** JSON that the object has serialised already. */
export const jsonText = (c: AppContext, body: string, status: 200 | 201 = 200): Response =>
  c.body(body, status, { "content-type": "application/json" });

/** Conversations of a lead that are worked on at the same time. */
const AT_ONCE = 10;

/** Does `work` on every conversation of a lead, deleted ones too. Returns how many there were. */
export async function forEachConversation(
  db: Database,
  company_id: string,
  lead_id: string,
  work: (id: string) => Promise<void>,
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
