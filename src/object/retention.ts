/** Retention and erasure as a conversation's object carries them out: in its journal first, then in D1. */
import type { Caller } from "../auth/principal.ts";
import type { Expiry } from "../chat/rpc.ts";
import type { Env } from "../env.ts";
import { systemAuditRow } from "../chat/audit.ts";
import { eraseConversation as emptyConversation } from "../chat/journal/erasure.ts";
import { findConversation } from "../db/conversation.ts";
import { causeOf, companyDatabase } from "../db/database.ts";
import { closeConversation, mayGo, removeConversation } from "../db/retention.ts";
import { eraseFromIndex } from "../db/search/write.ts";
import { type ConversationCore, log } from "./conversation-core.ts";
import { type Outcome, ok, storeUnavailable } from "../chat/outcome.ts";
import { closeForGood, isExpired, purgeMessages } from "../chat/journal/retention.ts";

type Place = { company_id: string; id: string };

/**
 * Erases the content here and in D1, whatever runs. Once D1 has it nothing stays in the object: its database goes as a whole,
 * with every byte that was ever freed in it. Of an object that is empty D1 alone is asked.
 */
export async function eraseConversation(
  core: ConversationCore,
  env: Env,
  caller: Caller,
  id: string,
): Promise<Outcome<string>> {
  if (!core.journal.found && (await isErasedInD1(env, caller.company_id, id).catch(() => false))) return ok("{}");
  const erased = await core.edit(caller, emptyConversation, { reach: "erased", stop: () => "all" });
  if (!erased.ok) return erased;
  await core.inOrder(async () => {
    const { found, outbox } = core.journal;
    if (found && found.erased_at !== null && outbox.isEmpty) await core.clear();
  });
  return erased;
}

async function isErasedInD1(env: Env, company_id: string, id: string): Promise<boolean> {
  const row = await findConversation(await companyDatabase(env, company_id), company_id, id);
  return row !== undefined && row.erased_at !== null;
}

/** Nothing stays of a conversation that has expired. False when it has not, or is held, or a turn runs in it. */
export async function purgeConversation(
  core: ConversationCore,
  env: Env,
  place: Place,
  expiry: Expiry,
): Promise<Outcome<boolean>> {
  const { company_id, id } = place;
  const now = core.now();
  try {
    const db = await companyDatabase(env, company_id);
    // Whoever holds a visitor tells no object of it.
    if (!(await mayGo(db, place))) return ok(false);
    const header = core.journal.found;
    if (!core.engine.isIdle) return ok(false);
    if (header && (header.company_id !== company_id || header.hold || !isExpired(header, expiry))) return ok(false);
    if (header) closeForGood(core.journal, now);
    if (!(await core.settled())) return storeUnavailable();
    if (!(await closeConversation(db, place, expiry, now))) return ok(false);
    if (env.SEARCH) await eraseFromIndex(env.SEARCH, company_id, [id]);
    await core.clear();
    const entry = { action: "conversation.purge", target_type: "conversation", target_id: id };
    await removeConversation(db, place, systemAuditRow(company_id, "retention", entry, now));
    return ok(true);
  } catch (error) {
    log({ event: "retention_failed", conversation_id: id, error: causeOf(error) });
    return storeUnavailable();
  }
}

/** Those of the messages `ids` that were deleted before `before` (ms) say nothing any more. How many. */
export async function purgeMessagesOf(
  core: ConversationCore,
  env: Env,
  place: Place,
  ids: string[],
  before: number,
): Promise<Outcome<number>> {
  const { company_id, id } = place;
  const staff: Caller = {
    ...{ kind: "user", company_id, entity_type: "user", entity_id: "", api_key_id: null, issuer_id: null },
    ...{ issued_at: null, expires_at: null, may_read: true, request_id: "" },
  };
  const entered = await core.enter(staff, "erased");
  if (!entered.ok) return entered;
  const free = await companyDatabase(env, company_id)
    .then((db) => mayGo(db, place))
    .catch(() => null);
  if (free === null) return storeUnavailable();
  if (!free || core.journal.header.hold) return ok(0);
  const now = core.now();
  const purged = purgeMessages(core.journal, ids, { before, now }, (count) => {
    const entry = { action: "message.purge", target_type: "conversation", target_id: id, details: { purged: count } };
    return systemAuditRow(company_id, "retention", entry, now);
  });
  return (await core.settled()) ? ok(purged) : storeUnavailable();
}
