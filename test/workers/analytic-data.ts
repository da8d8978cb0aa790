/** Rows at chosen times, written to D1 as they would be had somebody talked then. */
import { env } from "cloudflare:workers";
import { uuidv7 } from "uuidv7";
import { companyDatabase } from "../../src/db/database.ts";
import { agent, conversation, lead, message } from "../../src/db/schema.ts";
import type { Company } from "./company.ts";

export const DAY = 86_400_000;

/** Milliseconds of an RFC 3339 time. */
export const at = (time: string): number => Date.parse(time);

type Owner = Pick<Company, "company_id" | "agent_id" | "user_id">;

/** D1 takes a hundred parameters a statement, so rows go in by some at a time. */
async function insertAll<T>(rows: T[], insert: (row: T) => unknown): Promise<void> {
  const db = await companyDatabase(env, "");
  for (let i = 0; i < rows.length; i += 500) {
    await db.batch(rows.slice(i, i + 500).map(insert) as unknown as Parameters<typeof db.batch>[0]);
  }
}

export type NewTurn = {
  /** When it ended. */
  at: number;
  conversation_id?: string;
  agent_id?: string;
  status?: "complete" | "failed" | "stopped";
  /** Processing time. */
  seconds?: number | null;
  model?: string | null;
  usage?: [input: number, output: number, source: "measured" | "estimated"];
  /** Which of its messages are deleted. */
  deleted?: ("user" | "assistant")[];
};

/** Turns, each a message and its reply. Turns of one conversation are to come in order. */
export async function insertTurns(company: Owner, turns: NewTurn[]): Promise<void> {
  const next = new Map<string, number>();
  const rows = turns.flatMap((turn) => {
    const conversation_id = turn.conversation_id ?? uuidv7();
    const sequence = next.get(conversation_id) ?? 1;
    next.set(conversation_id, sequence + 2);
    const common = {
      company_id: company.company_id,
      conversation_id,
      agent_id: turn.agent_id ?? company.agent_id,
      turn_id: uuidv7(),
      metadata: {},
    };
    const [input_tokens = null, output_tokens = null, usage_source = null] = turn.usage ?? [];
    const gone = (role: "user" | "assistant") => (turn.deleted?.includes(role) ? { deleted_at: turn.at + 1 } : {});
    const asked = { id: uuidv7(), role: "user", content: "secret question", status: "complete" } as const;
    const reply = { id: uuidv7(), role: "assistant", content: "secret answer" } as const;
    return [
      { ...common, ...asked, ...gone("user"), sequence, created_at: turn.at - 1000 },
      {
        ...common,
        ...reply,
        ...gone("assistant"),
        sequence: sequence + 1,
        status: turn.status ?? "complete",
        model_used: turn.model === undefined ? "builtin/echo" : turn.model,
        processing_time: turn.seconds === undefined ? 1 : turn.seconds,
        input_tokens,
        output_tokens,
        usage_source,
        created_at: turn.at,
      },
    ];
  });
  const db = await companyDatabase(env, company.company_id);
  await insertAll(rows, (row) => db.insert(message).values(row));
}

type NewConversation = Partial<typeof conversation.$inferInsert> & { created_at: number };

/** Conversations of the company's user with its first agent; their ids. */
export async function insertConversations(company: Owner, made: NewConversation[]): Promise<string[]> {
  const rows = made.map((fields) => ({
    id: uuidv7(),
    company_id: company.company_id,
    agent_id: company.agent_id,
    entity_type: "user" as const,
    entity_id: company.user_id,
    title: "Some title",
    metadata: {},
    max_context_length: 20,
    activity_at: fields.created_at,
    updated_at: fields.created_at,
    ...fields,
  }));
  const db = await companyDatabase(env, company.company_id);
  await insertAll(rows, (row) => db.insert(conversation).values(row));
  return rows.map((row) => row.id);
}

export async function insertLeads(
  company: Owner,
  made: (Partial<typeof lead.$inferInsert> & { created_at: number })[],
): Promise<void> {
  const { company_id, agent_id } = company;
  const db = await companyDatabase(env, company_id);
  const rows = made.map((fields) => ({ id: uuidv7(), company_id, agent_id, updated_at: fields.created_at, ...fields }));
  await insertAll(rows, (row) => db.insert(lead).values(row));
}

export async function insertAgent(company: Owner, fields: Partial<typeof agent.$inferInsert> = {}): Promise<string> {
  const id = uuidv7();
  const now = Date.now();
  const db = await companyDatabase(env, company.company_id);
  const required = { knowledge: [], allowed_origins: [], settings: {}, metadata: {}, created_at: now, updated_at: now };
  await db
    .insert(agent)
    .values({ id, company_id: company.company_id, name: "Another", model: "builtin/echo", ...required, ...fields });
  return id;
}
