/** What D1 is told of a conversation: applied twice it is applied once, and what comes late undoes nothing. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import type { Batch } from "../../src/chat/changes.ts";
import { Journal } from "../../src/chat/journal/journal.ts";
import { writeBatch } from "../../src/db/record.ts";
import { call, makeCompany } from "./company.ts";
import { chat, createConversation, history, settle } from "./conversation-client.ts";

it("a batch that lands after a newer one is refused, one that lands twice changes nothing", async () => {
  const company = await makeCompany();
  const { id } = await createConversation(company, { title: "first" });
  await chat(company, id, "one");
  await chat(company, id, "two");
  /** Everything there is, as one batch of this moment. */
  const batchOfNow = (): Promise<Batch> =>
    runInDurableObject(env.CONVERSATION.getByName(id), (_, { storage }) => {
      const journal = new Journal(storage);
      const header = { ...journal.header, ...journal.messages.unread() };
      const changes = [{ op: "header", audit: null } as const];
      return { header, messages: journal.messages.between(1, 1_000), changes, upto: 0, last_change: 0 };
    });
  const rows = async () => {
    const of = (table: string, column: string) =>
      env.DB.prepare(`SELECT * FROM ${table} WHERE ${column} = ? ORDER BY 1, 2`).bind(id).all();
    return [(await of("conversation", "id")).results, (await of("message", "conversation_id")).results];
  };
  const write = (batch: Batch) => writeBatch(env.DB.withSession("first-primary"), batch);

  await settle(company, id);
  const before = await batchOfNow();
  const [asked] = await history(company, id);
  const headers = company.user;
  for (const [method, path, body] of [
    ["DELETE", `/v1/message/${asked?.id}`],
    ["PATCH", `/v1/conversation/${id}`, { title: "second" }],
    ["DELETE", `/v1/conversation/${id}`],
  ] as const) {
    expect((await call(method, path, { headers, body })).status).toBe(200);
    const now = await rows();
    await expect(write(before)).rejects.toThrow("older revision");
    expect(await rows()).toEqual(now);
    const same = await batchOfNow();
    await write(same);
    await write(same);
    expect(await rows()).toEqual(now);
  }
  expect((await call("PATCH", `/v1/conversation/${id}/restore`, { headers })).status).toBe(200);
  await expect(write(before)).rejects.toThrow("older revision");
  const { messages } = (await call("GET", `/v1/conversation/${id}/messages`, { headers })).body;
  expect(messages.map(({ sequence }: { sequence: number }) => sequence)).toEqual([2, 3, 4]);
});
