/** One conversation goes for good: an erasure of its own, for admins. */
import type { Caller } from "../../auth/principal.ts";
import { conversationView } from "../../chat/conversation.ts";
import { newErasure } from "../../compliance/erasure.ts";
import { findConversation } from "../../db/conversation.ts";
import { beginErasure } from "../../db/erasure.ts";
import type { AppContext } from "../../http/context.ts";
import { requestDatabase } from "../../http/database.ts";
import { notFound } from "../../problem/problem.ts";
import { answerErasure } from "../erasure.ts";

/** Live, deleted and erased ones alike: repeating it looks again. */
export async function purgeConversation(c: AppContext, caller: Caller, id: string): Promise<Response> {
  const { company_id } = caller;
  const db = await requestDatabase(c, company_id);
  const before = await findConversation(db, company_id, id);
  if (!before) throw notFound();
  const row = await newErasure(company_id, "conversation", id, caller.entity_id);
  // Its object is the one that marks it, in order with everything else that is done there.
  const begun = await beginErasure(db, row, []);
  return answerErasure(c, db, caller, begun, async () => ({
    conversation: conversationView((await findConversation(db, company_id, id)) ?? before, caller),
  }));
}
