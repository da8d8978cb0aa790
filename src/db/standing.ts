/**
 * Whether what a credential rests on still holds: its API key, its identity provider, its user or visitor. An answer is
 * believed for 30 seconds, so that a credential ends that soon everywhere after its key is revoked or its person is gone.
 */
import { and, eq, type SQL } from "drizzle-orm";
import type { SQLiteColumn, SQLiteTable } from "drizzle-orm/sqlite-core";
import { Lookups } from "../auth/cache.ts";
import type { Basis } from "../auth/principal.ts";
import { accept, type Checked, refuse, type Refusal } from "../auth/refusal.ts";
import type { Env } from "../env.ts";
import { companyDatabase, controlDatabase, type Database } from "./database.ts";
import { api_key, issuer, lead, user } from "./schema.ts";

/** Milliseconds. */
const FRESH = 30_000;
/** A person who was deleted may be brought back, and is good again within seconds. */
const BAD_IS_FRESH = 2_000;
/** Where the database does not answer, nothing can have been revoked either. */
const SPARE = 10 * 60_000;
const MAX_KNOWN = 5_000;

/** Why it is not good, if it is not; and from when on a visitor's tokens are (ms), if that is told. */
type Standing = { refusal: Refusal | null; tokens_ended_at: number | null };
const standings = new Lookups<Standing>({ spare: SPARE, max: MAX_KNOWN });

/** Something was revoked, deleted or brought back: this isolate knows at once, others within 30 s. */
export const forgetStandings = (): void => standings.clear();

/**
 * Whether a credential is still good at `now` (ms), to within `fresh` ms, and when the database said so (ms). Reads at most
 * three rows by their ids. Rejects when the database does not answer and never has. A stream that asks every 15 s with `fresh` 10 s ends within 25 s.
 */
export async function standingOf(env: Env, basis: Basis, now: number, fresh = FRESH): Promise<Checked<number>> {
  if (basis.expires_at !== null && basis.expires_at <= now) return refuse({ reason: "expired" });
  const { company_id, kind, entity_id, api_key_id, issuer_id, issued_at } = basis;
  const key = [company_id, kind, entity_id, api_key_id, issuer_id].join(" ");
  const freshness = ({ refusal }: Standing) => (refusal ? Math.min(fresh, BAD_IS_FRESH) : fresh);
  const { value, at } = await standings.get(key, now, freshness, () => read(env, basis));
  const { refusal, tokens_ended_at } = value;
  if (refusal) return refuse(refusal);
  return tokens_ended_at === null || (issued_at ?? 0) > tokens_ended_at
    ? accept(at)
    : refuse({ reason: "tokens_ended" });
}

async function read(env: Env, basis: Basis): Promise<Standing> {
  const { api_key_id, issuer_id, kind } = basis;
  const control = controlDatabase(env);
  const [key, provider, person] = await Promise.all([
    api_key_id === null ? null : keyRefusal(control, basis, api_key_id),
    issuer_id === null ? null : issuerRefusal(control, basis, issuer_id),
    kind === "api_key" ? GOOD : personStanding(await companyDatabase(env, basis.company_id), basis),
  ]);
  return { ...person, refusal: key ?? provider ?? person.refusal };
}

const GOOD: Standing = { refusal: null, tokens_ended_at: null };
const bad = (refusal: Refusal): Standing => ({ refusal, tokens_ended_at: null });

const own = (
  table: SQLiteTable & { id: SQLiteColumn; company_id: SQLiteColumn },
  company_id: string,
  id: string,
): SQL | undefined => and(eq(table.id, id), eq(table.company_id, company_id));

async function keyRefusal(db: Database, { company_id }: Basis, id: string): Promise<Refusal | null> {
  const row = await db
    .select({ revoked_at: api_key.revoked_at })
    .from(api_key)
    .where(own(api_key, company_id, id))
    .get();
  return row && row.revoked_at === null ? null : { reason: "key_revoked" };
}

async function issuerRefusal(db: Database, { company_id }: Basis, id: string): Promise<Refusal | null> {
  const row = await db
    .select({ verified_at: issuer.verified_at })
    .from(issuer)
    .where(own(issuer, company_id, id))
    .get();
  return row && row.verified_at !== null ? null : { reason: "issuer_removed" };
}

async function personStanding(db: Database, { company_id, entity_type, entity_id }: Basis): Promise<Standing> {
  if (entity_type === "user") {
    const row = await db
      .select({ deleted_at: user.deleted_at })
      .from(user)
      .where(own(user, company_id, entity_id))
      .get();
    if (!row) return bad({ reason: "unknown_entity" });
    return row.deleted_at === null ? GOOD : bad({ reason: "user_deleted" });
  }
  const { deleted_at, tokens_ended_at } = lead;
  const row = await db
    .select({ deleted_at, tokens_ended_at })
    .from(lead)
    .where(own(lead, company_id, entity_id))
    .get();
  if (!row) return bad({ reason: "unknown_entity" });
  return row.deleted_at === null
    ? { refusal: null, tokens_ended_at: row.tokens_ended_at }
    : bad({ reason: "lead_deleted" });
}
