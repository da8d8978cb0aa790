/**
 * The database of a request, and read replicas (D1 Sessions). Every response has a bookmark of the company's database in
 * `X-D1-Bookmark`. A GET that sends it back may be answered by a replica that is at least as recent; everything else, also
 * a bookmark that is not ours or belongs to another database, goes to the primary.
 *
 * D1 hears of turns a moment after they ended. The bookmark of such a response names the conversation; a request with any
 * method that sends it back has that conversation settled first.
 */
import { type Database, homeOf, openDatabase } from "../db/database.ts";
import type { Bookmark } from "../chat/outcome.ts";
import type { AppContext } from "./context.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";

const HEADER = "x-d1-bookmark";
/** The read goes to the primary. */
const PRIMARY = "first-primary";
/** Distinguishes bookmarks from other values that are signed with the same secrets. */
const PURPOSE = "d1-bookmark";

/** The database of a company for this request: at least as recent as the bookmark it sent, and with its own writes. */
export async function requestDatabase(c: AppContext, company_id: string): Promise<Database> {
  const { name, d1 } = await homeOf(c.env, company_id);
  const state = c.get("database");
  if (state.session?.database !== name) {
    const session = d1.withSession((await requestBookmark(c, company_id, name)) ?? PRIMARY);
    state.session = { database: name, session, db: openDatabase(session) };
  }
  return state.session.db;
}

/** Records the bookmark that a conversation's object returned; null where D1 may lack something of it. */
export function setObjectBookmark(c: AppContext, conversation_id: string, bookmark: Bookmark | null): void {
  if (bookmark) c.get("database").objectBookmark = bookmark;
  else c.get("database").unsettled = conversation_id;
}

/** Sets the bookmark header of the response, but of no 404: whether a database was read would tell what exists elsewhere. */
export async function setBookmarkHeader(c: AppContext): Promise<void> {
  if (c.res.status === 404) return;
  const { session, objectBookmark, unsettled } = c.get("database");
  const at = session?.session.getBookmark() ?? null;
  const own = session && at !== null ? { database: session.database, at } : null;
  const latest = latestOf(own, objectBookmark ?? null);
  if (!latest && unsettled === undefined) return;
  const key = [latest?.database ?? "", latest?.at ?? "", ...(unsettled === undefined ? [] : [unsettled])];
  c.res.headers.set(HEADER, await encodeCursor(c.get("config"), PURPOSE, { key, page: 0 }));
}

/** Bookmarks of one database sort as text. Of two databases, the object's counts. */
function latestOf(own: Bookmark | null, object: Bookmark | null): Bookmark | null {
  if (!own || !object) return own ?? object;
  return own.database === object.database && own.at > object.at ? own : object;
}

/** The bookmark that the client sent for this database, once the conversation it names is settled; null: the primary. */
async function requestBookmark(c: AppContext, company_id: string, database: string): Promise<string | null> {
  const header = c.req.header(HEADER);
  if (header === undefined || header === PRIMARY) return null;
  const key = await decodeCursor(c.get("config"), PURPOSE, header).then(
    (position) => position.key.map(String),
    () => null,
  );
  if (!key) return null;
  const [name, at, unsettled] = key;
  const settled = unsettled === undefined ? null : await settle(c, company_id, unsettled);
  // A write decides by what it reads, so it reads from the primary; so does a read of what could not be settled.
  if (c.req.method !== "GET" || (unsettled !== undefined && settled?.database !== database)) return null;
  const own = name === database && at ? { database, at } : null;
  return latestOf(own, settled)?.at ?? null;
}

/** An object that cannot be reached has no bookmark: the read goes to the primary. */
const settle = (c: AppContext, company_id: string, conversation_id: string): Promise<Bookmark | null> =>
  c.env.CONVERSATION.getByName(conversation_id)
    .settle(company_id)
    .catch(() => null);
