/**
 * Erasures: whom one is about is marked first, so that nothing new of theirs begins; then every conversation is erased by its
 * object, some at a time; then all of them are looked at again until there is nothing left to find. Cut off anywhere, the next
 * run goes on. What ends one is a signed receipt.
 */
import { base64url } from "jose";
import { uuidv7 } from "uuidv7";
import type { Caller } from "../auth/principal.ts";
import { sign } from "../auth/signing-key.ts";
import { systemAuditRow } from "../chat/audit.ts";
import type { Outcome } from "../chat/outcome.ts";
import type { Config } from "../config.ts";
import { eraseKeysOfUser } from "../db/api-key.ts";
import { causeOf, controlDatabase, type Database } from "../db/database.ts";
import {
  advanceErasure,
  dropErasure,
  type ErasureKind,
  type ErasureRow,
  findErasure,
  finishErasure,
  lastDone,
  type NewErasure,
} from "../db/erasure.ts";
import { clearConversations, nextConversations, nextWorkedIn } from "../db/erasure-stores.ts";
import { eraseFromIndex } from "../db/search/write.ts";
import type { Env } from "../env.ts";
import type { Budget } from "./budget.ts";

/** Conversations that are looked at together, and those of them that are erased at the same time. */
const LOOKED_AT = 100;
const AT_ONCE = 10;

/** Milliseconds after an erasure for which a repeat need not ask the objects again that it has emptied. */
const RECENT = 86_400_000;

/** Milliseconds for which the platform can restore a database to what it was (D1 Time Travel, objects alike), at most. */
const TIME_TRAVEL = 30 * 86_400_000;

/** The row of a new erasure. */
export async function newErasure(
  company_id: string,
  kind: ErasureKind,
  target_id: string,
  requested_by: string,
): Promise<NewErasure> {
  const subject_hash = await hashOf(kind, target_id);
  return {
    id: uuidv7(),
    company_id,
    kind,
    target_id,
    subject_hash,
    requested_by,
    began_at: Date.now(),
    pass: kind === "user" ? 0 : 1,
    stores: rowsOf(kind),
  };
}

/** The target's own row is cleared in the batch that begins the erasure. */
const rowsOf = (kind: ErasureKind): Record<string, number> => (kind === "conversation" ? {} : { [kind]: 1 });

/** `<salt>.<SHA-256>`, base64url: of the salt's text, the kind and the id with a colon between each two. */
async function hashOf(kind: ErasureKind, target_id: string): Promise<string> {
  const salt = base64url.encode(crypto.getRandomValues(new Uint8Array(16)));
  const text = new TextEncoder().encode(`${salt}:${kind}:${target_id}`);
  return `${salt}.${base64url.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", text)))}`;
}

export type Site = { env: Env; config: Config; db: Database };

/**
 * Goes on with an erasure as far as the budget reaches. The row as it is then. Throws when D1 cannot be reached. With
 * `unannounced`, one that finds nothing to do leaves no row, and the answer is the receipt that there is already.
 */
export async function goOn(
  site: Site,
  caller: Caller,
  row: ErasureRow,
  budget: Budget,
  { unannounced = false } = {},
): Promise<ErasureRow> {
  if (!budget.spend(1)) return row;
  const earlier = await lastDone(site.db, row);
  const emptied = earlier && row.began_at - (earlier.done_at ?? 0) < RECENT ? earlier.began_at : row.began_at;
  let failed = false;
  let at = row;
  while (at.status === "running") {
    if (at.kind === "user" && at.pass === 0) {
      at = await eraseStaff(site, caller, at, budget);
      if (at.pass === 0) return at;
      continue;
    }
    if (!budget.spend(4)) return at;
    const looked = await nextConversations(site.db, at, LOOKED_AT);
    // The first time what is erased as well, for something may have been written to it since.
    const since = at.pass === 1 ? emptied : 0;
    const isDue = ({ erased_at }: { erased_at: number | null }) => erased_at === null || erased_at < since;
    const due = looked.filter(isDue).slice(0, AT_ONCE);
    const page = due.length < AT_ONCE ? looked : looked.slice(0, looked.findIndex((one) => one === due.at(-1)) + 1);
    if (!budget.spend(due.length)) return at;
    const done = await Promise.all(due.map(({ id }) => askOne(site.env, id, (object) => object.erase(caller))));
    failed ||= done.includes(false);
    const ids = page.map(({ id }) => id);
    const { changed, messages } = await clearConversations(site.db, at.company_id, ids);
    const left = new Set(due.flatMap(({ id }, i) => (done[i] ? [] : [id])));
    const { SEARCH: search } = site.env;
    if (search)
      await eraseFromIndex(
        search,
        at.company_id,
        ids.filter((id) => !left.has(id)),
      );
    const stores = { ...at.stores };
    const add = (store: string, n: number) => void (stores[store] = (stores[store] ?? 0) + n);
    add("conversation", page.length);
    add("message", messages);
    add("conversation_object", page.length);
    if (search) add("search_index", messages);
    const found = at.found || changed > 0 || page.some(({ erased_at }) => erased_at === null);
    if (page.length < looked.length || looked.length === LOOKED_AT) {
      const cursor = ids.at(-1) ?? at.cursor;
      at = (await advanceErasure(site.db, at, { ...at, cursor, found, stores })) ?? at;
    } else if (found || failed) {
      // What could not be reached now is left to the next run: without that this would go round and round.
      const next = { pass: at.pass + 1, cursor: "", found: false, stores: keptOf(at.stores) };
      at = (await advanceErasure(site.db, at, next)) ?? at;
      if (failed) return at;
    } else if (unannounced && at.pass === 1 && earlier) {
      await dropErasure(site.db, at);
      return earlier;
    } else {
      at = await finish(site, at, { ...keptOf(at.stores), ...stores });
    }
  }
  return at;
}

/**
 * What a user has as one of the staff: keys, and their name where they have answered somebody else. The pass is 0 until all
 * of that is gone; then come their own conversations.
 */
async function eraseStaff(site: Site, caller: Caller, row: ErasureRow, budget: Budget): Promise<ErasureRow> {
  let at = row;
  if (at.stores["api_key"] === undefined) {
    if (!budget.spend(KEYS)) return at;
    const api_key = await eraseKeysOfUser(controlDatabase(site.env), at, systemAudit(at));
    at = (await advanceErasure(site.db, at, { ...at, stores: { ...at.stores, api_key } })) ?? at;
  }
  while (at.status === "running" && at.pass === 0) {
    if (!budget.spend(2)) return at;
    const { ids, next } = await nextWorkedIn(site.db, at, 2 * AT_ONCE);
    if (!budget.spend(ids.length)) return at;
    const done = await Promise.all(
      ids.map((id) => askOne(site.env, id, (object) => object.forgetName(caller, at.target_id))),
    );
    if (done.includes(false)) return at;
    const named_in = (at.stores["named_in"] ?? 0) + ids.length;
    const to = next === null ? { pass: 1, cursor: "" } : { pass: 0, cursor: next };
    at = (await advanceErasure(site.db, at, { ...at, ...to, stores: { ...at.stores, named_in } })) ?? at;
  }
  return at;
}

/** Counts of the walk begin anew with every pass; those of the target's own row stay. */
const WALKED = new Set(["conversation", "message", "conversation_object", "search_index"]);
const keptOf = (stores: Record<string, number>) =>
  Object.fromEntries(Object.entries(stores).filter(([store]) => !WALKED.has(store)));

/** Calls that the keys of a user may take. */
const KEYS = 10;

const systemAudit = (at: ErasureRow) => (target_id: string) =>
  systemAuditRow(at.company_id, "erasure", { action: "api_key.revoke", target_type: "api_key", target_id }, Date.now());

/** Whether the object of a conversation did it. One that is not there has nothing to do. */
async function askOne(env: Env, id: string, ask: (object: Stub) => Promise<Outcome<string>>): Promise<boolean> {
  try {
    const answer = await ask(env.CONVERSATION.getByName(id));
    if (answer.ok || answer.error.code === "not_found") return true;
    console.error(JSON.stringify({ event: "erase_failed", conversation_id: id, reason: answer.error.code }));
  } catch (error) {
    console.error(JSON.stringify({ event: "erase_failed", conversation_id: id, reason: causeOf(error) }));
  }
  return false;
}

type Stub = ReturnType<Env["CONVERSATION"]["getByName"]>;

async function finish({ config, db }: Site, at: ErasureRow, stores: Record<string, number>): Promise<ErasureRow> {
  const done_at = Date.now();
  // One that a trigger began, of what reached the database late, has no hash yet.
  const subject_hash = at.subject_hash || (await hashOf(at.kind, at.target_id));
  const ended = { ...at, subject_hash, stores, done_at, status: "done" as const };
  const receipt = await sign(config, "erasure-receipt+jwt", erasureView(ended));
  const entry = { action: "erasure.done", target_type: "erasure", target_id: at.id, details: stores };
  const audit = systemAuditRow(at.company_id, "erasure", entry, done_at);
  const isDone = await finishErasure(db, at, { subject_hash, done_at, stores, receipt }, audit);
  return isDone ? { ...ended, receipt } : ((await findErasure(db, at.company_id, at.id)) ?? at);
}

/** An erasure as it is shown and, without the receipt, signed. */
export const erasureView = (row: ErasureRow) => ({
  id: row.id,
  kind: row.kind,
  status: row.status,
  subject_hash: row.subject_hash,
  requested_by: row.requested_by,
  began_at: new Date(row.began_at).toISOString(),
  done_at: row.done_at === null ? null : new Date(row.done_at).toISOString(),
  recoverable_until: row.done_at === null ? null : new Date(row.done_at + TIME_TRAVEL).toISOString(),
  stores: Object.entries(row.stores).map(([store, rows]) => ({ store, rows })),
});
