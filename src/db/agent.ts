/** Agents. A delete only sets deleted_at. Every change is one batch with its audit row. */
import { and, asc, eq, gte, isNotNull, isNull, lt } from "drizzle-orm";
import { TtlCache } from "../auth/cache.ts";
import { contextLengthOf } from "../chat/agent.ts";
import type { Env } from "../env.ts";
import type { Rows, Slice } from "./page.ts";
import type { AuditRow } from "../chat/audit.ts";
import { auditedInsert, auditedUpdate } from "./audited.ts";
import { allHomes, type Database, homeOf, openDatabase } from "./database.ts";
import { contains, fold } from "./folded.ts";
import { newestFirst } from "./newest-first.ts";
import { agent } from "./schema.ts";
import { refsOf, totalQuery } from "./tally.ts";

export type AgentRow = typeof agent.$inferSelect;
export type NewAgent = typeof agent.$inferInsert;
/** What a client may write. */
export type AgentFields = Omit<
  NewAgent,
  "id" | "company_id" | "name_folded" | "created_at" | "updated_at" | "deleted_at" | "deleted_by"
>;

export type AgentFilter = { status?: AgentRow["status"] | undefined; search?: string | undefined };

/** The context of a tool's encrypted secret (see auth/encryption.ts): with another tool or address it cannot be decrypted. */
export const toolSecretContext = (company_id: string, agent_id: string, tool: { name: string; url: string }) =>
  `agent_tool:${company_id}:${agent_id}:${tool.name}:${tool.url}`;

const own = (company_id: string, id: string) => and(eq(agent.id, id), eq(agent.company_id, company_id));
const live = (company_id: string, id: string) => and(own(company_id, id), isNull(agent.deleted_at));

/** The model of one of the company's live agents that use this model provider. Reads the company's agents. */
export async function findModelOf(db: Database, company_id: string, provider: string): Promise<string | undefined> {
  const uses = and(gte(agent.model, `${provider}/`), lt(agent.model, `${provider}0`));
  const where = and(eq(agent.company_id, company_id), isNull(agent.deleted_at), uses);
  return (await db.select({ model: agent.model }).from(agent).where(where).limit(1).get())?.model;
}

/** A live agent of the company. */
export const findAgent = (db: Database, company_id: string, id: string): Promise<AgentRow | undefined> =>
  db.select().from(agent).where(live(company_id, id)).get();

/** What beginning a conversation asks of an agent. */
export type AgentCard = Pick<AgentRow, "id" | "status" | "allowed_origins"> & { max_context_length: number };

/** Active agents, believed for 15 seconds: the insert of a conversation looks again. */
const cards = new TtlCache<AgentCard>(15_000);

/** Call this when an agent changes: this isolate rereads it at once, others within 15 s. */
export const forgetAgents = (): void => cards.clear();

/** The card of a live agent of the company. One that is active may be 15 seconds old. */
export async function agentCard(db: Database, company_id: string, id: string): Promise<AgentCard | undefined> {
  const [key, now] = [`${company_id} ${id}`, Date.now()];
  const known = cards.get(key, now);
  if (known) return known;
  const row = await findAgent(db, company_id, id);
  if (!row) return undefined;
  const { status, allowed_origins, settings } = row;
  const card = { id, status, allowed_origins, max_context_length: contextLengthOf(settings) };
  if (status === "active") cards.set(key, card, now);
  return card;
}

/** Ids that were no live agent's a moment ago: asking for one again and again asks the databases once. */
const missing = new TtlCache<true>(5_000, 10_000);

/**
 * A live agent of any company, for visitors who know only its id. Queries every database, and takes the row only from the
 * one in which its company is now.
 */
export async function findPublicAgent(env: Env, id: string): Promise<AgentRow | undefined> {
  const now = Date.now();
  if (missing.get(id, now)) return undefined;
  const row = await readPublicAgent(env, id);
  if (!row) missing.set(id, true, now);
  return row;
}

async function readPublicAgent(env: Env, id: string): Promise<AgentRow | undefined> {
  const rows = allHomes(env).map(async ({ name, d1 }) => {
    const where = and(eq(agent.id, id), isNull(agent.deleted_at));
    const row = await openDatabase(d1).select().from(agent).where(where).get();
    return row && (await homeOf(env, row.company_id)).name === name ? row : undefined;
  });
  return (await Promise.all(rows)).find((row) => row !== undefined);
}

/** allowed_origins of a live agent of the company, or of every one that it has. */
export async function listAllowedOrigins(db: Database, company_id: string, id: string | null): Promise<string[][]> {
  const all = and(eq(agent.company_id, company_id), isNull(agent.deleted_at));
  const where = id === null ? all : live(company_id, id);
  const rows = await db.select({ allowed_origins: agent.allowed_origins }).from(agent).where(where).all();
  return rows.map((row) => row.allowed_origins);
}

/** The oldest active agent of all companies: the local demo page shows it. */
export const findFirstAgent = (db: Database): Promise<AgentRow | undefined> =>
  db
    .select()
    .from(agent)
    .where(and(eq(agent.status, "active"), isNull(agent.deleted_at)))
    .orderBy(asc(agent.id))
    .limit(1)
    .get();

/** An agent of the company, deleted or not. */
const findAny = (db: Database, company_id: string, id: string): Promise<AgentRow | undefined> =>
  db.select().from(agent).where(own(company_id, id)).get();

/** Live agents, newest first. */
export function listAgents(
  db: Database,
  company_id: string,
  filter: AgentFilter,
  slice: Slice,
): Promise<Rows<AgentRow>> {
  const where = and(
    eq(agent.company_id, company_id),
    isNull(agent.deleted_at),
    filter.status === undefined ? undefined : eq(agent.status, filter.status),
    filter.search === undefined ? undefined : contains(agent.name, agent.name_folded, filter.search),
  );
  const states = { active: "active", inactive: "archived" } as const;
  const tallies = filter.status === undefined ? Object.values(states) : [states[filter.status]];
  const total =
    filter.search === undefined ? totalQuery(db, company_id, "agents", refsOf("agents"), tallies) : undefined;
  return newestFirst(db, agent, where, slice, total);
}

export const insertAgent = (db: Database, row: NewAgent, audit: AuditRow): Promise<AgentRow> =>
  auditedInsert(db, agent, { ...row, name_folded: fold(row.name) }, audit);

/** Replaces what a client may write. Undefined when there is no such live agent. */
export const updateAgent = (db: Database, company_id: string, id: string, fields: AgentFields, audit: AuditRow) =>
  auditedUpdate(
    db,
    agent,
    live(company_id, id),
    { ...fields, name_folded: fold(fields.name), updated_at: audit.at },
    audit,
  );

/** Sets deleted_at; a repeat changes nothing. Returns the row, or undefined when the company has no such agent. */
export async function deleteAgent(db: Database, company_id: string, id: string, audit: AuditRow) {
  const mark = { deleted_at: audit.at, deleted_by: audit.actor_id };
  return (await auditedUpdate(db, agent, live(company_id, id), mark, audit)) ?? findAny(db, company_id, id);
}

/** Clears deleted_at; a repeat changes nothing. Returns the row, or undefined when the company has no such agent. */
export async function restoreAgent(db: Database, company_id: string, id: string, audit: AuditRow) {
  const deleted = and(own(company_id, id), isNotNull(agent.deleted_at));
  const unmark = { deleted_at: null, deleted_by: null };
  missing.clear();
  return (await auditedUpdate(db, agent, deleted, unmark, audit)) ?? findAny(db, company_id, id);
}
