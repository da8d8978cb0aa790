/** `kill -9` of workerd at every step of a turn: whatever was acknowledged is there afterwards, once, and goes on. */
import { describe, expect, it } from "vitest";
import { complete } from "../upstream/client.ts";
import { isDelta, isStatus } from "./client.ts";
import { Faults } from "./faults.ts";
import { openSite } from "./site.ts";
import { answeredBy, eventually, settled, verify } from "./verify.ts";

const shape = (messages: { sequence: number; role: string; status: string; content: string }[]) =>
  messages.map(({ sequence, role, status, content }) => [sequence, role, status, content]);

/** What fetch says of a connection that broke. */
const broken = (request: Promise<unknown>) =>
  request.then(
    () => false,
    () => true,
  );

describe.concurrent("kill -9", () => {
  it("before the model's first token: a retry with the same key answers the same message", async ({
    onTestFinished,
  }) => {
    const site = await openSite(onTestFinished);
    const { client, up } = site;
    await up.script("m", [{ gate: "first" }], complete(["hello"]));
    const id = await client.conversation(await client.agent("m"));
    const lost = broken(client.chat(id, "question", { key: "k" }));
    await up.waitAtGate("first");
    const [before] = await eventually("the message is in the history", async () => {
      const messages = await client.history(id);
      return messages.length > 0 && messages;
    });
    await site.kill();
    expect(await lost).toBe(true);
    await site.start();
    const retried = await client.chat(id, "question", { key: "k" });
    expect(retried).toMatchObject({ status: 200, body: { content: "hello", message_id: before?.id } });
    const again = await client.chat(id, "question", { key: "k" });
    expect(again.body).toEqual(retried.body);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    const history = await verify(site, id);
    expect(history[0]).toEqual(before);
    expect(shape(history)).toEqual([
      [1, "user", "complete", "question"],
      [2, "assistant", "complete", "hello"],
    ]);
    expect((await up.requests("m")).map(({ state }) => state)).toEqual(["aborted", "answered"]);
  });

  it("in mid-answer: a reader resumes to the stored end, then a retry answers anew", async ({ onTestFinished }) => {
    const site = await openSite(onTestFinished);
    const { client, up } = site;
    const half = ["héllo ", "w\u00f6rld \u{1f469}\u200d\u{1f469} ", "and "].map((text) => ({ text }));
    await up.script("m", [...half, { gate: "middle" }], complete(["all of it"]));
    const id = await client.conversation(await client.agent("m"));
    const stream = await client.stream(id, "question", { key: "k" });
    await stream.until(isDelta);
    await up.waitAtGate("middle");
    const { turn_id } = stream.seen[0]?.data;
    await eventually("the client has read all three", async () => {
      if (stream.text().endsWith("and ")) return true;
      await stream.next();
      return false;
    });
    await site.kill();
    await stream.untilBroken();
    await site.start();

    const resumed = await client.follow(id, { turn_id, last_event_id: stream.seen.at(-1)?.id ?? "" });
    const end = (await resumed.rest()).at(-1);
    expect(end).toMatchObject({ event: "chat_response", data: { status: "failed", error: { code: "model_error" } } });
    const [, failed] = await verify(site, id);
    expect(failed).toMatchObject({ sequence: 2, status: "failed", content: stream.text() + resumed.text() });

    const retried = await client.chat(id, "question", { key: "k" });
    expect(retried).toMatchObject({ status: 200, body: { turn_id, content: "all of it", reply: { sequence: 2 } } });
    expect(await verify(site, id)).toHaveLength(2);
    expect(await answeredBy(site, "m")).toBe(1);
  });

  it("at any moment of a stream: what a client has read is what the stored reply begins with", async ({
    onTestFinished,
  }) => {
    const site = await openSite(onTestFinished);
    const { client, up } = site;
    const drip = Array.from({ length: 2_000 }, (_, n) => [{ text: `${n} ` }, { wait_ms: 1 }]).flat();
    await up.script("m", drip);
    const agent = await client.agent("m");
    for (const deltas of [1, 2, 3, 5]) {
      const id = await client.conversation(agent);
      const stream = await client.stream(id, "count");
      for (let n = 0; n < deltas; n++) await stream.until(isDelta);
      await site.kill();
      await stream.untilBroken();
      await site.start();
      const { turn_id } = stream.seen[0]?.data;
      const resumed = await client.follow(id, { turn_id, last_event_id: stream.seen.at(-1)?.id ?? "" });
      await resumed.rest();
      const [, reply] = await verify(site, id);
      expect(reply?.status).toBe("failed");
      expect(reply?.content).toBe(stream.text() + resumed.text());
    }
  });

  it("in mid-answer, and nobody comes back: the alarm ends the turn and tells D1", async ({ onTestFinished }) => {
    const site = await openSite(onTestFinished);
    const { client, up, files } = site;
    await up.script("m", [{ text: "some of it" }, { gate: "middle" }]);
    const id = await client.conversation(await client.agent("m"));
    const stream = await client.stream(id, "question");
    await stream.until(isDelta);
    await site.kill();
    await site.start();
    await settled(site, id);
    const rows = files.record("SELECT sequence, status, content FROM message WHERE conversation_id = ? ORDER BY 1", id);
    expect(rows).toEqual([
      { sequence: 1, status: "complete", content: "question" },
      { sequence: 2, status: "failed", content: "some of it" },
    ]);
    await verify(site, id);
    expect(await up.requests("m")).toHaveLength(1);
  });

  it.for(["before", "after"] as const)(
    "between the reply and D1, %s the commit: a retry gets the stored reply, and the model is not asked again",
    async (moment, { onTestFinished }) => {
      const faults = new Faults();
      const site = await openSite(onTestFinished, faults);
      const { client, up } = site;
      await up.script("m", [{ gate: "answer" }, ...complete(["the answer"])]);
      const id = await client.conversation(await client.agent("m"));
      const answered = client.chat(id, "question", { key: "k" });
      await up.waitAtGate("answer");
      await eventually("the message is in the history", async () => (await client.history(id)).length > 0);
      faults.set(moment, "hold");
      await up.openGate("answer");
      await faults.held();
      // D1 is not waited for.
      expect(await answered).toMatchObject({ status: 200, body: { content: "the answer" } });
      await site.kill();
      faults.set(moment, "pass");
      await site.start();
      const retried = await client.chat(id, "question", { key: "k" });
      expect(retried).toMatchObject({ status: 200, body: { content: "the answer" } });
      expect(retried.headers.get("idempotent-replayed")).toBe("true");
      expect(await verify(site, id)).toHaveLength(2);
      expect(await up.requests("m")).toHaveLength(1);
    },
  );

  it("between the reply and D1, and nobody comes back: the alarm brings the rows", async ({ onTestFinished }) => {
    const site = await openSite(onTestFinished);
    const { client, up, files } = site;
    const id = await client.conversation(await client.agent("m"));
    await client.chat(id, "warm");
    await up.script("m", complete(["the answer"]));
    const unlock = files.lockRecord();
    expect(await client.chat(id, "question", { key: "k" })).toMatchObject({ status: 200 });
    await site.kill();
    unlock();
    await site.start();
    await settled(site, id);
    const rows = files.record("SELECT content FROM message WHERE conversation_id = ? ORDER BY sequence", id);
    expect(rows.map((row) => row["content"])).toEqual(["warm", "reply to: warm", "question", "the answer"]);
    const retried = await client.chat(id, "question", { key: "k" });
    expect(retried).toMatchObject({ status: 200, body: { content: "the answer" } });
    await verify(site, id);
    expect(await up.requests("m")).toHaveLength(2);
  });

  it.for(["before", "after"] as const)(
    "during the alarm, %s the commit: the next alarm finishes what it began, once",
    async (moment, { onTestFinished }) => {
      const faults = new Faults();
      const site = await openSite(onTestFinished, faults);
      const { client, files } = site;
      const id = await client.conversation(await client.agent("m"));
      const { body } = await client.chat(id, "hello");
      faults.set("before", "fail");
      const refused = await client.call("DELETE", `/v1/message/${body.reply.id}`);
      expect(refused).toMatchObject({ status: 503, body: { code: "store_unavailable" } });
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
      faults.set("before", "pass");
      faults.set(moment, "hold");
      // Nobody asks for anything: what comes now is the alarm's.
      await faults.held();
      await site.kill();
      faults.set(moment, "pass");
      await site.start();
      await settled(site, id);
      const audit = files.record("SELECT action FROM audit_event WHERE target_id = ?", body.reply.id);
      expect(audit).toEqual([{ action: "message.delete" }]);
      expect(shape(await verify(site, id))).toEqual([[1, "user", "complete", "hello"]]);
    },
  );

  it("while turns wait: they go on by themselves in their order, and each can be asked for by its key", async ({
    onTestFinished,
  }) => {
    const site = await openSite(onTestFinished);
    const { client, up } = site;
    await up.script("m", [{ text: "cut " }, { gate: "first" }], complete(["ok"]));
    const id = await client.conversation(await client.agent("m"));
    const first = await client.stream(id, "one", { key: "k1" });
    await first.until(isDelta);
    for (const [key, message] of Object.entries({ k2: "two", k3: "three", k4: "four" })) {
      await (await client.stream(id, message, { key })).until(isStatus("queued"));
    }
    await site.kill();
    await site.start();
    // Nobody asks for anything: the alarm wakes the object.
    await settled(site, id);
    expect(shape(await verify(site, id))).toEqual([
      [1, "user", "complete", "one"],
      [2, "assistant", "failed", "cut "],
      [3, "user", "complete", "two"],
      [4, "assistant", "complete", "ok"],
      [5, "user", "complete", "three"],
      [6, "assistant", "complete", "ok"],
      [7, "user", "complete", "four"],
      [8, "assistant", "complete", "ok"],
    ]);
    expect(await up.requests("m")).toHaveLength(4);
    const third = await client.chat(id, "three", { key: "k3" });
    expect(third).toMatchObject({ status: 200, body: { reply: { sequence: 6 } } });
    expect(third.headers.get("idempotent-replayed")).toBe("true");
    expect((await client.chat(id, "one", { key: "k1" })).body).toMatchObject({ content: "ok", reply: { sequence: 2 } });
    expect(await verify(site, id)).toHaveLength(8);
    expect(await up.requests("m")).toHaveLength(5);
  });
});
