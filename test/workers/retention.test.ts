/** The scheduled purge: what it takes, what it leaves, and that it can be cut off anywhere. */
import {
  createExecutionContext,
  createScheduledController,
  runInDurableObject,
  waitOnExecutionContext,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { uuidv7 } from "uuidv7";
import { describe, expect, it } from "vitest";
import { companyDatabase } from "../../src/db/database.ts";
import { readTally } from "../../src/db/tally.ts";
import worker from "../../src/index.ts";
import { purgeExpired } from "../../src/retention.ts";
import { call, type Company, makeCompany, makeLead } from "./company.ts";
import { chat, createConversation, history } from "./conversation-client.ts";

const DAY = 86_400_000;
const days = (n: number) => Date.now() + n * DAY;

/** The cron, as if it were `at` (ms), with RETENTION_DAYS as given. */
async function scheduled(at: number, RETENTION_DAYS?: string): Promise<void> {
  const context = createExecutionContext();
  const controller = createScheduledController({ scheduledTime: new Date(at), cron: "17 * * * *" });
  await worker.scheduled(controller, { ...env, ...(RETENTION_DAYS === undefined ? {} : { RETENTION_DAYS }) }, context);
  await waitOnExecutionContext(context);
}

const rows = async (query: string, ...values: unknown[]) =>
  (
    await env.DB.prepare(query)
      .bind(...values)
      .all()
  ).results;
const count = async (table: string, conversation_id: string) => {
  const column = table === "message" ? "conversation_id" : "id";
  return (await rows(`SELECT count(*) AS n FROM ${table} WHERE ${column} = ?`, conversation_id))[0]?.["n"];
};
const stub = (id: string) => env.CONVERSATION.getByName(id);

/** Every text in the object's own storage, and whether its alarm is set. */
const storageOf = (id: string) =>
  runInDurableObject(stub(id), async (_, { storage }) => {
    const tables = storage.sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
      )
      .toArray()
      .filter(({ name }) => !name.startsWith("sqlite_"));
    const content = tables.map(({ name }) => storage.sql.exec(`SELECT * FROM ${name}`).toArray());
    return { tables: tables.length, text: JSON.stringify(content), alarm: await storage.getAlarm() };
  });

const tallies = async ({ company_id, user_id, agent_id }: Company) => {
  const db = await companyDatabase(env, company_id);
  const [company, entity, agent, message] = await Promise.all([
    readTally(db, company_id, "company"),
    readTally(db, company_id, "entity", `user:${user_id}`),
    readTally(db, company_id, "agent", agent_id),
    readTally(db, company_id, "message"),
  ]);
  return { company, entity, agent, deleted_messages: message.deleted };
};

const state = (active: number, deleted: number) => ({ active, archived: 0, deleted });

const get = (company: Company, path: string) => call("GET", path, { headers: company.user });
const remove = (company: Company, path: string) => call("DELETE", path, { headers: company.user });
const restore = (company: Company, path: string, body?: object) => call("PATCH", path, { headers: company.user, body });
const actions = async (company: Company) =>
  (await rows("SELECT * FROM audit_event WHERE company_id = ? ORDER BY id", company.company_id)).map((row) => row);

/** A deleted conversation in which a secret was said. */
async function deletedConversation(company: Company, text = "the secret"): Promise<string> {
  const { id } = await createConversation(company, { title: "A secret title", metadata: { secret: "meta" } });
  await chat(company, id, text, { metadata: { secret: "meta" } });
  expect((await remove(company, `/v1/conversation/${id}`)).status).toBe(200);
  return id;
}

describe("a deleted conversation", () => {
  it("is purged once it has been deleted for longer than RETENTION_DAYS", async () => {
    const company = await makeCompany();
    const kept = await createConversation(company);
    await chat(company, kept.id, "stays");
    const id = await deletedConversation(company);
    expect(await tallies(company)).toMatchObject({ company: state(1, 1), entity: state(1, 1), agent: state(1, 1) });

    await scheduled(days(29), "30");
    expect([await count("conversation", id), await count("message", id)]).toEqual([1, 2]);
    await scheduled(days(31), "30");

    expect([await count("conversation", id), await count("message", id)]).toEqual([0, 0]);
    expect(await storageOf(id)).toEqual({ tables: 0, text: "[]", alarm: null });
    expect(await tallies(company)).toMatchObject({ company: state(1, 0), entity: state(1, 0), agent: state(1, 0) });
    expect((await history(company, kept.id)).length).toBe(2);
    expect((await get(company, "/v1/conversation/deleted")).body.conversations).toEqual([]);
    const audit = await actions(company);
    expect(audit.map((row) => row["action"])).toEqual(["conversation.delete", "conversation.purge"]);
    expect(audit[1]).toMatchObject({
      actor_type: "system",
      actor_id: "retention",
      api_key_id: null,
      request_id: null,
      target_type: "conversation",
      target_id: id,
    });
    expect(JSON.stringify(audit)).not.toContain("secret");
  });

  it("is kept for ever where RETENTION_DAYS is 0 or not set", async () => {
    const company = await makeCompany();
    const id = await deletedConversation(company);
    await scheduled(days(100_000));
    await scheduled(days(100_000), "0");
    expect([await count("conversation", id), await count("message", id)]).toEqual([1, 2]);
    expect((await restore(company, `/v1/conversation/${id}/restore`)).status).toBe(200);
    expect((await history(company, id)).map((m) => m.content)).toEqual(["the secret", "echo: the secret"]);
  });
});
