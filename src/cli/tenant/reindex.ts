/**
 * Makes the search index anew from the databases, some messages at a time, while the service goes on: what an object has
 * written meanwhile is newer and stays. What the databases do not have is taken out. Cut off, it can be run again.
 */
import { and, asc, eq, gt, inArray } from "drizzle-orm";
import { type Database, openDatabase } from "../../db/database.ts";
import { conversation, message } from "../../db/schema.ts";
import { eraseFromIndex, writeIndex } from "../../db/search/write.ts";

/** Conversations of one page, and those of them that are read at the same time; messages of one batch. */
const CONVERSATIONS = 200;
const AT_ONCE = 8;
const MESSAGES = 40;

/** Returns how many conversations there are. `report` is called with that number after every page. */
export async function reindex(
  homes: D1Database[],
  search: D1Database,
  report: (count: number) => void,
): Promise<number> {
  const databases = homes.map((d1) => openDatabase(d1));
  let count = 0;
  for (const db of databases) {
    for (let after = ""; ;) {
      const ids = await db
        .select({ id: conversation.id })
        .from(conversation)
        .where(gt(conversation.id, after))
        .orderBy(asc(conversation.id))
        .limit(CONVERSATIONS);
      for (let i = 0; i < ids.length; i += AT_ONCE) {
        await Promise.all(ids.slice(i, i + AT_ONCE).map(({ id }) => indexConversation(db, search, id)));
      }
      count += ids.length;
      report(count);
      after = ids.at(-1)?.id ?? after;
      if (ids.length < CONVERSATIONS) break;
    }
  }
  await removeUnknown(databases, search);
  return count;
}

/** Each piece is read together with the revision that it is of. */
async function indexConversation(db: Database, search: D1Database, id: string): Promise<void> {
  for (let after = 0; ;) {
    const [[header], rows] = await db.batch([
      db.select().from(conversation).where(eq(conversation.id, id)),
      db
        .select()
        .from(message)
        .where(and(eq(message.conversation_id, id), gt(message.sequence, after)))
        .orderBy(asc(message.sequence))
        .limit(MESSAGES),
    ]);
    if (!header) return;
    const isGone = header.deleted_at !== null || header.erased_at !== null;
    const messages = isGone ? [] : rows.filter((row) => row.deleted_at === null && row.content !== "");
    const isLast = isGone || rows.length < MESSAGES;
    const last = isLast ? Number.MAX_SAFE_INTEGER : (rows.at(-1)?.sequence ?? after);
    const isNewest = await writeIndex(search, { header, revision: header.revision, first: after + 1, last, messages })
      .then(() => true)
      .catch((error: unknown) => {
        if (!String(error).includes("has a newer state")) throw error;
        return false;
      });
    if (isLast || !isNewest) return;
    after = last;
  }
}

async function removeUnknown(databases: Database[], search: D1Database): Promise<void> {
  for (let after = ""; ;) {
    const { results } = await search
      .prepare("SELECT id, company_id FROM conversation WHERE id > ? AND erased = 0 ORDER BY id LIMIT ?")
      .bind(after, CONVERSATIONS / 4)
      .all<{ id: string; company_id: string }>();
    const ids = results.map(({ id }) => id);
    const known = new Set<string>();
    for (const db of databases) {
      const rows = await db.select({ id: conversation.id }).from(conversation).where(inArray(conversation.id, ids));
      for (const { id } of rows) known.add(id);
    }
    for (const { id, company_id } of results) if (!known.has(id)) await eraseFromIndex(search, company_id, [id]);
    after = ids.at(-1) ?? after;
    if (ids.length < CONVERSATIONS / 4) return;
  }
}
