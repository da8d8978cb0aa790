/** One request, sent many times: one turn, one question to the model, one answer for all. */
import { describe, expect, it } from "vitest";
import { complete } from "../upstream/client.ts";
import { isDelta } from "./client.ts";
import { openSite, useSite } from "./site.ts";
import { verify } from "./verify.ts";

const shared = useSite();

describe.concurrent("20 requests at once", () => {
  const twenty = <T>(work: (n: number) => Promise<T>) => Promise.all(Array.from({ length: 20 }, (_, n) => work(n)));

  it.for([
    { name: "one key", model: "one-key", how: { key: "k" } },
    { name: "one body and no key", model: "one-body", how: {} },
  ])("with $name get one turn and 20 equal answers", async ({ model, how }) => {
    const { client, up } = shared.site;
    await up.script(model, [{ gate: model }, ...complete(["the one ", "answer"])]);
    const id = await client.conversation(await client.agent(model));
    const answers = twenty(() => client.chat(id, "question", how));
    await up.waitAtGate(model);
    await up.openGate(model);
    const [first, ...others] = await answers;
    expect(first).toMatchObject({ status: 200, body: { content: "the one answer" } });
    for (const other of others) expect(other.body).toEqual(first?.body);
    expect(await up.requests(model)).toHaveLength(1);
    expect(await verify(shared.site, id)).toHaveLength(2);
  });

  it("with one key, some of them streams, tell the same events", async () => {
    const { client, up } = shared.site;
    await up.script("streams", [{ text: "one " }, { gate: "streams" }, ...complete(["two"])]);
    const id = await client.conversation(await client.agent("streams"));
    const json = client.chat(id, "question", { key: "k" });
    const streams = await twenty(() => client.stream(id, "question", { key: "k" }));
    await Promise.all(streams.map((stream) => stream.until(isDelta)));
    await up.openGate("streams");
    await Promise.all(streams.map((stream) => stream.rest()));
    for (const { seen } of streams) expect(seen).toEqual(streams[0]?.seen);
    expect(streams[0]?.seen.at(-1)?.data.message).toEqual((await json).body.reply);
    expect(await up.requests("streams")).toHaveLength(1);
  });

  it("with one key share a failure, and the next ones share its repair", async () => {
    const { client, up } = shared.site;
    await up.script("repair", [{ gate: "repair" }, { status: 500 }], complete(["repaired"]));
    const id = await client.conversation(await client.agent("repair"));
    const failing = twenty(() => client.chat(id, "question", { key: "k" }));
    await up.waitAtGate("repair");
    await up.openGate("repair");
    const failed = await failing;
    for (const { status, body } of failed) expect([status, body.code]).toEqual([502, "model_error"]);
    const answers = await twenty(() => client.chat(id, "question", { key: "k" }));
    for (const { status, body } of answers) expect([status, body]).toEqual([200, answers[0]?.body]);
    expect(answers[0]?.body.message_id).toBe(failed[0]?.body.message_id);
    expect(await up.requests("repair")).toHaveLength(2);
    expect(await verify(shared.site, id)).toHaveLength(2);
  });

  it("with 20 keys are 20 turns in order of arrival, as far as the queue goes", async () => {
    const { client, up } = shared.site;
    await up.script("queue", [{ gate: "queue" }, ...complete(["ok"])]);
    const id = await client.conversation(await client.agent("queue"));
    const answers = twenty((n) => client.chat(id, `question ${n}`, { key: `k${n}` }));
    await up.waitAtGate("queue");
    await up.openGate("queue");
    const statuses = (await answers).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(17);
    expect(statuses.filter((status) => status === 429)).toHaveLength(3);
    expect(await up.requests("queue")).toHaveLength(17);
    expect(await verify(shared.site, id)).toHaveLength(34);
  });
});

describe("after a restart", () => {
  it("a key is still known; the same message without one is a new turn", async ({ onTestFinished }) => {
    const site = await openSite(onTestFinished);
    const { client, up } = site;
    const id = await client.conversation(await client.agent("m"));
    const first = await client.chat(id, "again", { key: "k" });
    await site.kill();
    await site.start();
    const replayed = await client.chat(id, "again", { key: "k" });
    expect(replayed.body).toEqual(first.body);
    expect(replayed.headers.get("idempotent-replayed")).toBe("true");
    await site.kill();
    await site.start();
    const second = await client.chat(id, "again");
    expect(second.status).toBe(200);
    expect(second.body.turn_id).not.toBe(first.body.turn_id);
    expect(await up.requests("m")).toHaveLength(2);
    expect(await verify(site, id)).toHaveLength(4);
  });
});
