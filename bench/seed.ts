/** Companies of known sizes, generated inside the database: what lists and histories are measured on. */
import { mintToken } from "../src/auth/token.ts";
import type { Config } from "../src/config.ts";
import { insertCompany } from "../src/db/company.ts";
import { openDatabase } from "../src/db/database.ts";
import * as schema from "../src/db/schema.ts";

/** Rows of one statement while seeding. */
const STEP = 20_000;
/** Milliseconds: when the oldest row of the generated past was made. */
const EPOCH = Date.UTC(2026, 0, 1);

export type Tenant = {
  company_id: string;
  agent_id: string;
  user_id: string;
  headers: { authorization: string };
};

/** The nth id of a kind, in the form and order of a UUIDv7. */
const seededId = (kind: number, n: number) =>
  `019b${hex(kind, 4)}-${hex(Math.floor(n / 4096), 4)}-7${hex(n % 4096, 3)}-8000-${hex(0, 12)}`;
const hex = (n: number, digits: number) => n.toString(16).padStart(digits, "0");
/** The same in SQL, for n = i. */
const idSql = (kind: number) => `printf('019b${hex(kind, 4)}-%04x-7%03x-8000-000000000000', i / 4096, i % 4096)`;

/** A company with one user and one agent that the model server answers for. */
export async function seedTenant(d1: D1Database, config: Config, kind: number): Promise<Tenant> {
  const db = openDatabase(d1);
  const [company_id, user_id, agent_id] = [seededId(kind, 1), seededId(kind, 2), seededId(kind, 3)];
  const common = { company_id, created_at: EPOCH, updated_at: EPOCH };
  const texts = { knowledge: [], allowed_origins: [], settings: { auto_title: false }, metadata: {} };
  const agent = { id: agent_id, name: "Zero", model: "openai-compatible/zero", ...texts, ...common };
  const key = { id: seededId(kind, 4), company_id, user_id, name: "key", key: `ak_benchmark-${kind}`, secret_hash: "" };
  await db.batch([
    ...insertCompany(db, {
      company: { id: company_id, name: `Company ${kind}`, created_at: EPOCH },
      owner: { id: user_id, company_id, subject: user_id, name: "Owner", role: "admin", created_at: EPOCH },
      keys: [{ ...key, scopes: ["read"], created_at: EPOCH }],
    }),
    db.insert(schema.agent).values(agent),
  ]);
  const claims = { company_id, entity_type: "user", entity_id: user_id, role: "admin" } as const;
  const token = await mintToken(config, claims, "access", 3600);
  return { company_id, agent_id, user_id, headers: { authorization: `Bearer ${token}` } };
}

/** Gives the company `count` conversations, a second apart. */
export async function seedConversations(d1: D1Database, tenant: Tenant, kind: number, count: number): Promise<void> {
  for (let from = 0; from < count; from += STEP) {
    await d1
      .prepare(
        `WITH RECURSIVE n (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
         INSERT INTO conversation (id, company_id, agent_id, entity_type, entity_id, title, metadata, max_context_length,
           message_count, last_message_at, activity_at, created_at, updated_at)
         SELECT ${idSql(kind)}, ?3, ?4, 'user', ?5, 'Conversation ' || i, '{"n":' || i || '}', 20,
           2, ?6 + i * 1000, ?6 + i * 1000, ?6 + i * 1000, ?6 + i * 1000 FROM n`,
      )
      .bind(from, Math.min(count, from + STEP), tenant.company_id, tenant.agent_id, tenant.user_id, EPOCH)
      .run();
  }
}

/** One more conversation, of `count` messages; its id. */
export async function seedHistory(d1: D1Database, tenant: Tenant, kind: number, count: number): Promise<string> {
  const id = seededId(kind, 0);
  const { company_id, agent_id, user_id } = tenant;
  const last = EPOCH + count * 1000;
  await d1.batch([
    d1
      .prepare(
        `INSERT INTO conversation (id, company_id, agent_id, entity_type, entity_id, title, metadata, max_context_length,
           message_count, last_message_at, activity_at, created_at, updated_at)
         VALUES (?1, ?2, ?3, 'user', ?4, 'Long', '{}', 20, ?5, ?6, ?6, ?7, ?6)`,
      )
      .bind(id, company_id, agent_id, user_id, count, last, EPOCH),
    d1
      .prepare(
        `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         INSERT INTO message (id, company_id, conversation_id, agent_id, turn_id, sequence, role, content, status,
           model_used, processing_time, input_tokens, output_tokens, usage_source, metadata, created_at)
         SELECT ${idSql(kind + 0x1000)}, ?2, ?3, ?4, ${idSql(kind + 0x2000)
           .replaceAll("i /", "(i + 1) / 2 /")
           .replaceAll("i %", "(i + 1) / 2 %")},
           i, iif(i % 2, 'user', 'assistant'), 'Message ' || i || ' says what a message of this length would say.',
           'complete', iif(i % 2, NULL, 'openai-compatible/zero'), iif(i % 2, NULL, 0.8), iif(i % 2, NULL, 20),
           iif(i % 2, NULL, 12), iif(i % 2, NULL, 'measured'), '{}', ?5 + i * 1000 FROM n`,
      )
      .bind(count, company_id, id, agent_id, EPOCH),
  ]);
  return id;
}
