/** What D1 is told of a conversation: applied twice it is applied once, and what comes late undoes nothing. */
import { abortAllDurableObjects, runInDurableObject } from "cloudflare:test";
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

it("an alarm is set before D1 is told, should the object die meanwhile", async ({ onTestFinished }) => {
  const company = await makeCompany();
  const { id } = await createConversation(company);
  const { reply } = (await chat(company, id, "one")).body;
  await settle(company, id);
  const stub = env.CONVERSATION.getByName(id);
  const done: string[] = [];
  const note = <T extends object>(prototype: T, name: keyof T, what: string) => {
    const former = prototype[name] as (...values: unknown[]) => unknown;
    prototype[name] = function (this: T, ...values: unknown[]) {
      // What only reads D1 has no session of its own.
      if (Object.getPrototypeOf(this) === prototype) done.push(what);
      return former.apply(this, values);
    } as never;
    onTestFinished(() => {
      prototype[name] = former as never;
    });
  };
  note(Object.getPrototypeOf(env.DB.withSession()) as D1DatabaseSession, "batch", "D1");
  await runInDurableObject(stub, (_, { storage }) =>
    note(Object.getPrototypeOf(storage) as DurableObjectStorage, "setAlarm", "alarm"),
  );
  const one = `/v1/conversation/${id}`;
  for (const [method, path, body] of [
    ["DELETE", `/v1/message/${reply.id}`, undefined],
    ["PATCH", one, { title: "named" }],
    ["POST", `${one}/take-over`, {}],
    ["POST", `${one}/chat`, { message: "for a person" }],
  ] as const) {
    await abortAllDurableObjects();
    done.length = 0;
    expect((await call(method, path, { headers: company.user, body })).status).toBe(200);
    await settle(company, id);
    expect([path, done[0], done.includes("D1")]).toEqual([path, "alarm", true]);
  }
});
