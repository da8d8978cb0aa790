/** Budgets over crashes and while D1 is away: what was reserved stays so, and the ledger goes on from its own storage. */
import { describe, expect, it } from "vitest";
import { mostInput } from "../../src/chat/usage.ts";
import { complete } from "../upstream/client.ts";
import { openSite, type Site } from "./site.ts";

const OUTPUT = 100;
/** What a call reserves that begins a conversation with "Hi". */
const ROOM = mostInput({ instructions: "", messages: [{ role: "user", content: "Hi" }] }) + OUTPUT;
const USAGE = { prompt_tokens: 20, completion_tokens: 30 };

/** A budget for so many calls at a time, and as many conversations as are wanted. */
async function budgeted({ client }: Site, calls: number, conversations: number) {
  const body = { applies_to: "company", period: "month", tokens: calls * ROOM };
  const made = await client.call("POST", "/v1/budget", body);
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  const agent = await client.agent("m", { max_output_tokens: OUTPUT });
  const ids = await Promise.all(Array.from({ length: conversations }, () => client.conversation(agent)));
  const look = async () => (await client.call("GET", `/v1/budget/${made.body.budget.id}`)).body.budget;
  return { ids, look };
}

describe.concurrent("a budget", () => {
  it("still holds what was reserved after kill -9, and counts what was settled", async ({ onTestFinished }) => {
    const site = await openSite(onTestFinished);
    const { client, up } = site;
    const { ids, look } = await budgeted(site, 3, 5);
    const [first = "", second = "", third = "", fourth = "", fifth = ""] = ids;
    await up.script(
      "m",
      complete(["hello"], USAGE),
      [{ gate: "killed" }],
      [{ gate: "killed" }],
      complete(["again"], USAGE),
    );
    expect((await client.chat(first, "Hi")).status).toBe(200);
    const lost = [second, third].map((id) => client.chat(id, "Hi").catch(() => null));
    await up.waitAtGate("killed", 2);
    await site.kill();
    await Promise.all(lost);
    await site.start();
    expect(await look()).toMatchObject({ used: 50, reserved: 2 * ROOM });
    // There is room for less than one more.
    expect(await client.chat(fourth, "Hi")).toMatchObject({ status: 429, body: { code: "budget_exhausted" } });
    expect(await client.history(fourth)).toEqual([]);
    expect((await client.call("DELETE", `/v1/budget/${(await look()).id}`)).status).toBe(200);
    expect((await client.chat(fifth, "Hi")).status).toBe(200);
  });

  it("holds while D1 is away, also for objects that wake up cold, and nobody waits long", async ({
    onTestFinished,
  }) => {
    const site = await openSite(onTestFinished);
    const { client, up, files } = site;
    const { ids, look } = await budgeted(site, 3, 2);
    await up.script("m", complete(["hello"], USAGE));
    const [first = "", second = ""] = ids;
    for (const id of ids) expect((await client.chat(id, "Hi")).status).toBe(200);
    const unlock = files.lockRecord();
    expect((await client.chat(first, "Hi")).status).toBe(200);
    await site.kill();
    await site.start();
    expect((await client.chat(second, "Hi")).status).toBe(200);
    expect(await client.chat(second, "Hi again, and this is more than there is room for")).toMatchObject({
      status: 429,
      body: { code: "budget_exhausted" },
    });
    unlock();
    expect(await look()).toMatchObject({ used: 200, reserved: 0 });
    expect(await up.requests("m")).toHaveLength(4);
  });
});
