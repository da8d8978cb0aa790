/**
 * People for whom somebody vouches: an identity provider or the company's own backend for users, the backend for visitors.
 * They are made on first sight and brought up to date afterwards; each leaves an audit row, and what is known writes nothing.
 */
import { and, eq, isNull, type SQL, sql } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import type { AuditRow } from "../chat/audit.ts";
import { insertAuditIf } from "./audit.ts";
import { auditedUpdate } from "./audited.ts";
import type { Database } from "./database.ts";
import { foldedLead } from "./folded.ts";
import type { LeadRow } from "./lead.ts";
import { lead, user } from "./schema.ts";
import { erasedSince, type UserRow } from "./user.ts";

/** A field that is undefined stays as it is. */
export type VouchedUser = {
  company_id: string;
  /** "" for the company's own backend. */
  issuer: string;
  /** How they are called there. */
  subject: string;
  name?: string | null | undefined;
  email?: string | null | undefined;
  role?: "member" | "admin" | undefined;
};

export type VouchedLead = {
  company_id: string;
  external_id: string;
  first_name?: string | undefined;
  email?: string | undefined;
};

/** The audit row of `action` on whoever has this id. */
type AuditOf = (action: string, id: string, details?: { changed: string[] }) => AuditRow;

/**
 * The row of the user; that of a deleted one is left as it is. A token of `issued_at` (ms) does not make anew whom it names
 * when they were erased since.
 */
export async function vouchForUser(
  db: Database,
  { issued_at, ...u }: VouchedUser & { issued_at: number },
  now: number,
  audit: AuditOf,
): Promise<UserRow> {
  const { company_id, issuer, subject, ...fields } = u;
  const is = and(eq(user.company_id, company_id), eq(user.issuer, issuer), eq(user.subject, subject));
  const find = () => db.select().from(user).where(is).get();
  const before = await find();
  if (before) {
    const changes = changesOf(before, fields);
    if (before.deleted_at !== null || changes.length === 0) return before;
    const record = audit("user.update", before.id, { changed: changes.map(([name]) => name) });
    const live = and(is, isNull(user.deleted_at));
    return (await auditedUpdate(db, user, live, Object.fromEntries(changes), record)) ?? before;
  }
  const gone = await erasedSince(db, u, issued_at, now);
  if (gone) return gone;
  const id = uuidv7();
  await db.batch([
    db
      .insert(user)
      .values({ ...u, id, created_at: now })
      .onConflictDoNothing(),
    insertAuditIf(db, audit("user.create", id), exists(user, id)),
  ]);
  return made(await find());
}

/** The row of the lead, which may be a deleted one. */
export async function vouchForLead(db: Database, l: VouchedLead, now: number, audit: AuditOf): Promise<LeadRow> {
  const { company_id, external_id, ...fields } = l;
  const is = and(eq(lead.company_id, company_id), eq(lead.external_id, external_id));
  const find = () => db.select().from(lead).where(is).get();
  const before = await find();
  if (before) {
    const changes = changesOf(before, fields);
    if (changes.length === 0) return before;
    const changed = Object.fromEntries(changes) as typeof fields;
    const set = { ...changed, ...foldedLead(changed), updated_at: now };
    const record = audit("lead.update", before.id, { changed: changes.map(([name]) => name) });
    return (await auditedUpdate(db, lead, and(is, isNull(lead.erased_at)), set, record)) ?? before;
  }
  const id = uuidv7();
  const row = { ...l, ...foldedLead(l), id, created_at: now, updated_at: now };
  await db.batch([
    db.insert(lead).values(row).onConflictDoNothing(),
    insertAuditIf(db, audit("lead.create", id), exists(lead, id)),
  ]);
  return made(await find());
}

const changesOf = (before: object, fields: object): [name: string, value: unknown][] =>
  Object.entries(fields).filter(
    ([name, value]) => value !== undefined && value !== (before as Record<string, unknown>)[name],
  );

/** Of two who come at the same time only one inserts, and only that one leaves an audit row. */
const exists = (table: typeof user | typeof lead, id: string): SQL =>
  sql`exists (select 1 from ${table} where ${eq(table.id, id)})`;

function made<T>(row: T | undefined): T {
  if (row === undefined) throw new Error("a person was neither made nor found");
  return row;
}
