/** How routes reach a conversation's object. */
import type { ConversationObject } from "../chat/conversation-object.ts";
import { type AppContext, originOf, prefixOf } from "../http/context.ts";
import { isId } from "../http/fields.ts";
import { notFound } from "../http/problem.ts";

/** The stub of a conversation's object. What cannot be an id is not found, without waking anything. */
export function conversationObject(c: AppContext, id: string): DurableObjectStub<ConversationObject> {
  if (!isId(id)) throw notFound();
  return c.env.CONVERSATION.getByName(id);
}

export const linksOf = (c: AppContext) => ({ origin: originOf(c), base: `${originOf(c)}${prefixOf(c)}` });

/** JSON that the object has serialised already. */
export const jsonText = (c: AppContext, body: string, status: 200 | 201 = 200): Response =>
  c.body(body, status, { "content-type": "application/json" });
