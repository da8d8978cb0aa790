/** Leads: visitors of a company's website. A delete sets deleted_at; an erasure also clears everything personal, for good. */
import { and, eq, gt, isNotNull, isNull, lt, or, type SQL, sql } from "drizzle-orm";
import type { Rows, Slice } from "./page.ts";
import { insertAuditIf } from "./audit.ts";
import type { AuditRow } from "../chat/audit.ts";
import { auditedInsert, auditedUpdate } from "./audited.ts";
import type { Database } from "./database.ts";
import { clearLead } from "./erasure-stores.ts";
import { contains, foldedLead } from "./folded.ts";
import { newestFirst } from "./newest-first.ts";
import { forgetStandings } from "./standing.ts";
import { conversation, lead } from "./schema.ts";
import { refsOf, totalQuery } from "./tally.ts";

export type LeadRow = typeof lead.$inferSelect;
export type NewLead = typeof lead.$inferInsert;
export type LeadFields = Partial<
  Omit<NewLead, "id" | "company_id" | "external_id" | "created_at" | "deleted_at" | "erased_at">
>;

export type LeadFilter = {
  agent_id?: string | undefined;
  /** Part of a name or of the e-mail address, any case. */
  search?: string | undefined;
  /** Milliseconds, both exclusive. */
  created_after?: number | undefined;
  created_before?: number | undefined;
};

const own = (company_id: string, id: string) => and(eq(lead.id, id), eq(lead.company_id, company_id));
const live = (company_id: string, id: string) => and(own(company_id, id), isNull(lead.deleted_at));

export const insertLead = (db: Database, row: NewLead, audit: AuditRow): Promise<LeadRow> =>
  auditedInsert(db, lead, { ...row, ...foldedLead(row) }, audit);

/** A live lead of the company. */
export const findLead = (db: Database, company_id: string, id: string): Promise<LeadRow | undefined> =>
  db.select().from(lead).where(live(company_id, id)).get();

/** A lead of the company, deleted, erased or neither. */
export const findAnyLead = (db: Database, company_id: string, id: string): Promise<LeadRow | undefined> =>
  db.select().from(lead).where(own(company_id, id)).get();

/** Live leads, newest first. */
export function listLeads(db: Database, company_id: string, filter: LeadFilter, slice: Slice): Promise<Rows<LeadRow>> {
  const { agent_id, search, created_after, created_before } = filter;
  const where = and(
    eq(lead.company_id, company_id),
    isNull(lead.deleted_at),
    agent_id === undefined ? undefined : eq(lead.agent_id, agent_id),
    search === undefined
      ? undefined
      : or(
          contains(lead.first_name, lead.first_name_folded, search),
          contains(lead.last_name, lead.last_name_folded, search),
          contains(lead.email, lead.email_folded, search),
        ),
    created_after === undefined ? undefined : gt(lead.created_at, created_after),
    created_before === undefined ? undefined : lt(lead.created_at, created_before),
  );
  const isFiltered = search !== undefined || created_after !== undefined || created_before !== undefined;
  const total = isFiltered ? undefined : totalQuery(db, company_id, "lead", refsOf("lead", agent_id), ["active"]);
  return newestFirst(db, lead, where, slice, total);
}

/** Changes the given fields. Undefined when there is no such live lead. */
export const updateLead = (db: Database, company_id: string, id: string, fields: LeadFields, audit: AuditRow) =>
  auditedUpdate(db, lead, live(company_id, id), { ...fields, ...foldedLead(fields), updated_at: audit.at }, audit);

/** Sets deleted_at; a repeat changes nothing. Returns the row, or undefined when the company has no such lead. */
export async function deleteLead(db: Database, company_id: string, id: string, audit: AuditRow) {
  const mark = { deleted_at: audit.at, deleted_by: audit.actor_id };
  const marked = await auditedUpdate(db, lead, live(company_id, id), mark, audit);
  forgetStandings();
  return marked ?? findAnyLead(db, company_id, id);
}

/** Clears deleted_at. Undefined when there is no such lead that is deleted and not erased. */
export async function restoreLead(db: Database, company_id: string, id: string, audit: AuditRow) {
  const deleted = and(own(company_id, id), isNotNull(lead.deleted_at), isNull(lead.erased_at));
  const restored = await auditedUpdate(db, lead, deleted, { ...UNMARKED, updated_at: audit.at }, audit);
  forgetStandings();
  return restored;
}

const UNMARKED = { deleted_at: null, deleted_by: null };

/** Milliseconds: a client that lost the answer to a refresh may repeat it for this long. */
const REFRESH_GRACE = 60_000;

/** The outcome of a refresh: the id of the next refresh token, or the lead whose old refresh token was used again. */
export type Refresh = { lead: LeadRow; refresh_id: string } | { reused: LeadRow } | null;

/**
 * Replaces the refresh token `used` by `next` (both are the `jti`). A repeat within a minute returns the same next one; any
 * other old token counts as stolen. Null when there is no such live lead, or its tokens were revoked.
 */
export async function rotateRefresh(
  db: Database,
  company_id: string,
  id: string,
  used: { jti: string; issued_at: number },
  next: string,
  now: number,
): Promise<Refresh> {
  const ended = or(isNull(lead.tokens_ended_at), lt(lead.tokens_ended_at, used.issued_at));
  const isCurrent = or(isNull(lead.refresh_id), eq(lead.refresh_id, used.jti));
  const rotated: LeadRow | undefined = await db
    .update(lead)
    .set({ refresh_id: next, refresh_previous_id: used.jti, refreshed_at: now })
    .where(and(live(company_id, id), ended, isCurrent))
    .returning()
    .get();
  if (rotated) return { lead: rotated, refresh_id: next };
  const row = await findLead(db, company_id, id);
  if (!row || row.refresh_id === null || (row.tokens_ended_at ?? 0) >= used.issued_at) return null;
  const isRepeat = row.refresh_previous_id === used.jti && now - (row.refreshed_at ?? 0) < REFRESH_GRACE;
  return isRepeat ? { lead: row, refresh_id: row.refresh_id } : { reused: row };
}

/** Revokes every token that the lead has now. */
export async function endTokens(db: Database, { company_id, id }: LeadRow, audit: AuditRow): Promise<void> {
  await auditedUpdate(db, lead, own(company_id, id), { tokens_ended_at: audit.at }, audit);
  forgetStandings();
}

/** Puts a hold on a lead, deleted or not, or takes it away. Undefined when there is no such unerased one. */
export const holdLead = (db: Database, company_id: string, id: string, hold: LeadRow["hold"], audit: AuditRow) =>
  auditedUpdate(db, lead, unerased(company_id, id), { hold }, audit);

const unerased = (company_id: string, id: string) => and(own(company_id, id), isNull(lead.erased_at));

/**
 * What marks a lead as erased and clears its row, wherever `condition` holds, with the audit row of the first time. Goes into
 * the batch that makes the condition true.
 */
export function markErasedLead(db: Database, { company_id, id }: LeadRow, condition: SQL, audit: AuditRow) {
  const is = and(unerased(company_id, id), condition);
  const mark = {
    erased_at: audit.at,
    deleted_at: sql`coalesce(${lead.deleted_at}, ${audit.at})`,
    deleted_by: sql`coalesce(${lead.deleted_by}, ${audit.actor_id})`,
    updated_at: audit.at,
  };
  return [
    insertAuditIf(db, audit, sql`exists (select 1 from ${lead} where ${is})`),
    db.update(lead).set(mark).where(is),
    ...clearLead(db, company_id, id, condition),
  ] as const;
}

/** The columns that describe a person, and their consent. */
const DETAILS = [
  "first_name",
  "last_name",
  "email",
  "first_name_folded",
  "last_name_folded",
  "email_folded",
  "phone",
  "source",
  "consent_data_processing_at",
  "consent_marketing_at",
] as const;

/**
 * Merges two rows of one person: details that `into` lacks are copied from `from`, and `from` is erased. A repeat changes
 * nothing. The row of `into`, or undefined when that is not live any more: then nothing is changed, nor while `from` is held.
 */
export async function mergeLead(
  db: Database,
  from: LeadRow,
  into: LeadRow,
  audit: AuditRow,
): Promise<LeadRow | undefined> {
  if (from.erased_at !== null) return into;
  const target = live(into.company_id, into.id);
  const isHeld = and(own(from.company_id, from.id), isNotNull(lead.hold));
  const mayGo = sql`exists (select 1 from ${lead} where ${target}) and not exists (select 1 from ${lead} where ${isHeld})`;
  const is = and(unerased(from.company_id, from.id), mayGo);
  const details = Object.fromEntries(DETAILS.map((name) => [name, sql`coalesce(${lead[name]}, ${from[name]})`]));
  const results = await db.batch([
    db
      .update(lead)
      .set({ ...details, updated_at: audit.at })
      .where(and(target, sql`exists (select 1 from ${lead} where ${is})`)),
    ...markErasedLead(db, from, mayGo, audit),
    db.select().from(lead).where(target),
  ]);
  const rows = results.at(-1) as LeadRow[];
  forgetStandings();
  return rows[0];
}

/** Ids of a lead's conversations, deleted ones too, in ascending order from behind `after` ("" to begin with). */
export async function conversationIdsOfLead(
  db: Database,
  company_id: string,
  lead_id: string,
  after: string,
  limit: number,
): Promise<string[]> {
  const { id, entity_type, entity_id } = conversation;
  const mine = and(eq(conversation.company_id, company_id), eq(entity_type, "lead"), eq(entity_id, lead_id));
  const rows = await db
    .select({ id })
    .from(conversation)
    .where(and(mine, gt(id, after)))
    .orderBy(id)
    .limit(limit);
  return rows.map((row) => row.id);
}
