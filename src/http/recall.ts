/**
 * Credentials while the database is away. One that this isolate does not know goes on where the object of the conversation
 * remembers that it was admitted, within a day; one that ended before the database went away goes on nowhere, as the company's
 * standby knows. What neither vouches for is answered 503, as before.
 */
import { TtlCache } from "../auth/cache.ts";
import { namesOf, type Principal } from "../auth/principal.ts";
import { conversationIdIn, isConversationId } from "../chat/id.ts";
import { within } from "../chat/within.ts";
import { isTransient } from "../db/database.ts";
import { Problem } from "../problem/problem.ts";
import type { AppContext } from "./context.ts";
import { shownBy } from "./credential.ts";

/** Milliseconds after which the database was away when a credential was last checked: it is asked every 30 seconds. */
const STALE = 60_000;
/** Milliseconds for which what was remembered is believed without asking again. */
const TTL = 30_000;

/** Milliseconds that an object has to say what it knows. */
const PATIENCE = 2_000;

const recalled = new TtlCache<Principal>(TTL);
const standing = new TtlCache<boolean>(TTL);

/**
 * The principal that `error` kept from being found, as the conversation in the path remembers it. Throws `error` where the
 * database is not the cause, or nobody remembers.
 */
export async function recall(c: AppContext, error: unknown, keyAsBearer: boolean): Promise<Principal> {
  const conversation_id = isTransient(error) ? conversationOf(c) : null;
  const shown = conversation_id === null ? null : await shownBy(c, keyAsBearer);
  if (conversation_id === null || shown === null) throw error;
  const now = Date.now();
  const known = recalled.get(shown, now);
  if (known && (known.expires_at ?? Infinity) > now) return known;
  const remembering = c.env.CONVERSATION.getByName(conversation_id).recall(shown);
  const principal = await within(remembering, PATIENCE).catch(() => null);
  if (!principal || (await hasEnded(c, principal).catch(() => true))) throw error;
  const about = { company_id: principal.company_id, conversation_id, request_id: c.get("request_id") };
  const age_seconds = (now - principal.checked_at) / 1000;
  console.warn(JSON.stringify({ event: "credential_recalled", ...about, age_seconds }));
  recalled.set(shown, principal, now);
  return principal;
}

/** The same principal. One that the database was last asked about a while ago must not have ended since: else 503. */
export async function stillGood(c: AppContext, principal: Principal): Promise<Principal> {
  const now = Date.now();
  if (now - principal.checked_at < STALE) return principal;
  const key = [principal.company_id, principal.checked_at, ...namesOf(principal)].join(" ");
  let isGood = standing.get(key, now);
  if (isGood === undefined) {
    isGood = !(await hasEnded(c, principal).catch(() => false));
    standing.set(key, isGood, now);
  }
  if (isGood) return principal;
  throw new Problem("store_unavailable", "The credential cannot be checked now.", { retry_after: 5 });
}

const hasEnded = ({ env }: AppContext, principal: Principal): Promise<boolean> =>
  within(env.STANDBY.getByName(principal.company_id).hasEnded(namesOf(principal), principal.checked_at), PATIENCE);

/** The conversation that the path is about: it is the `id` in it, or of a message or turn with that id. */
function conversationOf(c: AppContext): string | null {
  const id = c.req.param("id") ?? "";
  return isConversationId(id) ? id : conversationIdIn(id);
}
