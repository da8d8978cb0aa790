/**
 * Read replicas (D1 Sessions). Every answer says in `X-D1-Bookmark` how far the caller's company's database had got; a
 * client that sends it back with a GET may be answered by a replica that is at least as far; all else is the primary's. What
 * is not a bookmark that this service gave out for that database is no bookmark: also then the primary answers.
 */
import { type Database, homeOf, openDatabase } from "../db/database.ts";
import type { Bookmark } from "../chat/outcome.ts";
import type { AppContext } from "./context.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";

const HEADER = "x-d1-bookmark";
/** Given out where something was written and nobody knows how far that was: the next read goes to the primary. */
const PRIMARY = "first-primary";
/** Keeps these apart from everything else that is signed with the same secrets. */
const PURPOSE = "d1-bookmark";

/** The database of a company, for this request: as fresh as the client asks, and its own writes always included. */
export async function requestDatabase(c: AppContext, company_id: string): Promise<Database> {
  const { name, d1 } = await homeOf(c.env, company_id);
  const { seen } = c.var;
  if (seen.session?.database !== name) {
    const session = d1.withSession((await sentBookmark(c, name)) ?? PRIMARY);
    seen.session = { database: name, session, db: openDatabase(session) };
  }
  return seen.session.db;
}

/** Notes what an object's answer says of its writes. */
export function noteWritten(c: AppContext, written: Bookmark | null): void {
  c.var.seen.written = written;
}

/** Tells the client how far its company's database had got when this answer was made. */
export async function answerBookmark(c: AppContext): Promise<void> {
  const { session, written } = c.var.seen;
  if (written === null) return c.header(HEADER, PRIMARY);
  const at = session?.session.getBookmark() ?? null;
  const read = session && at !== null ? { database: session.database, at } : null;
  const latest = latestOf(read, written ?? null);
  if (latest)
    c.header(HEADER, await encodeCursor(c.var.config, PURPOSE, { key: [latest.database, latest.at], page: 0 }));
}

/** Bookmarks of one database sort as text, the later one behind. */
function latestOf(read: Bookmark | null, written: Bookmark | null): Bookmark | null {
  if (!read || !written) return read ?? written;
  return read.database === written.database && read.at > written.at ? read : written;
}

async function sentBookmark(c: AppContext, database: string): Promise<string | null> {
  const sent = c.req.header(HEADER);
  // What a write is decided on is read where it is written.
  if (sent === undefined || sent === PRIMARY || c.req.method !== "GET") return null;
  try {
    const { key } = await decodeCursor(c.var.config, PURPOSE, sent);
    return key[0] === database ? String(key[1]) : null;
  } catch {
    return null;
  }
}
