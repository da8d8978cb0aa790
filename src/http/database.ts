/**
 * The database of a request, and read replicas (D1 Sessions). Every response has a bookmark of the company's database in
 * `X-D1-Bookmark`. A GET that sends it back may be answered by a replica that is at least as recent; everything else, also
 * a bookmark that is not ours or belongs to another database, goes to the primary.
 */
import { type Database, homeOf, openDatabase } from "../db/database.ts";
import type { Bookmark } from "../chat/outcome.ts";
import type { AppContext } from "./context.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";

const HEADER = "x-d1-bookmark";
/** Sent where something was written and its bookmark is not known: the next read goes to the primary. */
const PRIMARY = "first-primary";
/** Distinguishes bookmarks from other values that are signed with the same secrets. */
const PURPOSE = "d1-bookmark";

/** The database of a company for this request: at least as recent as the bookmark it sent, and with its own writes. */
export async function requestDatabase(c: AppContext, company_id: string): Promise<Database> {
  const { name, d1 } = await homeOf(c.env, company_id);
  const state = c.var.database;
  if (state.session?.database !== name) {
    const session = d1.withSession((await requestBookmark(c, name)) ?? PRIMARY);
    state.session = { database: name, session, db: openDatabase(session) };
  }
  return state.session.db;
}

/** Records the bookmark that a conversation's object returned; null where it is not known. */
export function setObjectBookmark(c: AppContext, bookmark: Bookmark | null): void {
  c.var.database.objectBookmark = bookmark;
}

/** Sets the bookmark header of the response. */
export async function setBookmarkHeader(c: AppContext): Promise<void> {
  const { session, objectBookmark } = c.var.database;
  if (objectBookmark === null) return c.header(HEADER, PRIMARY);
  const at = session?.session.getBookmark() ?? null;
  const own = session && at !== null ? { database: session.database, at } : null;
  const latest = latestOf(own, objectBookmark ?? null);
  if (latest)
    c.header(HEADER, await encodeCursor(c.var.config, PURPOSE, { key: [latest.database, latest.at], page: 0 }));
}

/** Bookmarks of one database sort as text. Of two databases, the object's counts. */
function latestOf(own: Bookmark | null, object: Bookmark | null): Bookmark | null {
  if (!own || !object) return own ?? object;
  return own.database === object.database && own.at > object.at ? own : object;
}

/** The bookmark that the client sent for this database; null where there is none, or the request is no GET. */
async function requestBookmark(c: AppContext, database: string): Promise<string | null> {
  const header = c.req.header(HEADER);
  // A write decides by what it reads, so it reads from the primary.
  if (header === undefined || header === PRIMARY || c.req.method !== "GET") return null;
  try {
    const { key } = await decodeCursor(c.var.config, PURPOSE, header);
    return key[0] === database ? String(key[1]) : null;
  } catch {
    return null;
  }
}
