/** D1 refusing for a while: what was answered stays, what could not be is answered later, and nothing is written twice. */
import { describe, expect, inject, it } from "vitest";
import { complete } from "../upstream/client.ts";
import type { Answer, Stream } from "./client.ts";
import { Faults, type Moment } from "./faults.ts";
import { openSite, type Site } from "./site.ts";
import { eventually, settled, verify } from "./verify.ts";

function expectUnavailable(answer: Answer): void {
  expect(answer).toMatchObject({ status: 503, body: { code: "store_unavailable" } });
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
}

/** A conversation with one turn, so that its object is awake and knows its agent. */
async function begun({ client, up }: Site): Promise<string> {
  const id = await client.conversation(await client.agent("m"));
  await up.script("m", complete(["first"]));
  expect((await client.chat(id, "one")).status).toBe(200);
  return id;
}

describe.concurrent("a locked database", () => {
  it("is not waited for by turns, which are readable at once and arrive when it is back", async ({
    onTestFinished,
  }) => {
    const site = await openSite(onTestFinished);
    const { client, up, files } = site;
    const id = await begun(site);
    const acknowledged = await client.history(id);
    const unlock = files.lockRecord();
    for (const message of ["two", "three"]) {
      const answer = await client.chat(id, message, { key: message });
      expect(answer.status).toBe(200);
      const again = await client.chat(id, message, { key: message });
      expect(again.headers.get("idempotent-replayed")).toBe("true");
      expect(again.body.turn_id).toBe(answer.body.turn_id);
      const { reply } = answer.body;
      expect((await client.call("GET", `/v1/message/${reply.id}`)).body.message).toEqual(reply);
    }
    const history = await client.history(id);
    expect(history.slice(0, 2)).toEqual(acknowledged);
    expect(history).toHaveLength(6);
    unlock();
    expect(await verify(site, id)).toEqual(history);
    expect(await up.requests("m")).toHaveLength(3);
  });

  it("does not hold up streams, nor the queue; the alarm brings the rows", async ({ onTestFinished }) => {
    const site = await openSite(onTestFinished);
    const { client, up, files } = site;
    const id = await begun(site);
    const reply = complete(["zwei ", "\u{1f469}\u200d\u{1f680}"]);
    await up.script("m", [{ gate: "two" }, ...reply], reply);
    const unlock = files.lockRecord();
    const streams: Stream[] = [];
    for (const message of ["two", "three", "four"]) streams.push(await client.stream(id, message));
    await up.waitAtGate("two");
    await up.openGate("two");
    for (const stream of streams) {
      const end = (await stream.rest()).at(-1);
      expect(end).toMatchObject({ event: "chat_response", data: { status: "completed" } });
      expect(end?.data.message.content).toBe(stream.text());
    }
    unlock();
    await settled(site, id);
    const history = await verify(site, id);
    expect(history.map(({ content }) => content).filter((_, n) => n % 2 === 0)).toEqual([
      "one",
      "two",
      "three",
      "four",
    ]);
    for (const [n, stream] of streams.entries()) {
      expect(stream.seen.at(-1)?.data.message).toEqual(history[2 * n + 3]);
    }
  });

  it("answers 503 where nothing can be known yet, and has then done nothing", async ({ onTestFinished }) => {
    const site = await openSite(onTestFinished);
    const { client, up, files } = site;
    const agent = await client.agent("m");
    const id = await client.conversation(agent);
    const unlock = files.lockRecord();
    expectUnavailable(await client.chat(id, "one", { key: "k" }));
    expectUnavailable(await client.call("GET", `/v1/conversation/${id}/messages`));
    expectUnavailable(await client.call("GET", `/v1/conversation/${id}`));
    expectUnavailable(await client.call("GET", `/v1/conversation/${id}/messages/stream`));
    expectUnavailable(await client.call("DELETE", `/v1/conversation/${id}`));
    expectUnavailable(await client.call("POST", "/v1/conversation", { agent_id: agent }));
    const unknown = { authorization: "", "x-api-key": `ak_${"a".repeat(24)}`, "x-api-secret": `as_${"b".repeat(43)}` };
    expectUnavailable(await client.call("GET", "/v1/conversation", undefined, unknown));
    unlock();
    expect((await client.call("GET", "/v1/conversation", undefined, unknown)).status).toBe(401);
    expect(await up.requests("m")).toEqual([]);
    expect(await client.chat(id, "one", { key: "k" })).toMatchObject({
      status: 200,
      body: { content: "reply to: one" },
    });
    expect(await verify(site, id)).toHaveLength(2);
    expect(site.logs.join("\n")).not.toContain("Failed query");
  });

  it("answers 503 before anything is stored to a credential that cannot be known", async ({ onTestFinished }) => {
    const site = await openSite(onTestFinished);
    const { client, up, files } = site;
    const id = await begun(site);
    await site.kill();
    await site.start();
    const unlock = files.lockRecord();
    // Nobody remembers the key that asks; who was here before goes on (see credential.test.ts).
    const { api_key, api_secret } = inject("prepared").key;
    const headers = { authorization: "", "x-api-key": api_key, "x-api-secret": api_secret, "idempotency-key": "k" };
    const chat = () => client.call("POST", `/v1/conversation/${id}/chat`, { message: "two" }, headers);
    expectUnavailable(await chat());
    unlock();
    expect(await chat()).toMatchObject({ status: 200 });
    expect(await verify(site, id)).toHaveLength(4);
    expect(await up.requests("m")).toHaveLength(2);
  });
});

describe.concurrent("a database that fails", () => {
  const moments: Moment[] = ["before", "after"];

  it.for(moments)(
    "%s the commit: each change is written once, with one audit row",
    async (moment, { onTestFinished }) => {
      const faults = new Faults();
      const site = await openSite(onTestFinished, faults);
      const { client, files } = site;
      const id = await client.conversation(await client.agent("m"));
      const { reply, message_id } = (await client.chat(id, "one")).body;
      const steps: [string, string, object?][] = [
        ["DELETE", `/v1/message/${reply.id}`],
        ["PATCH", `/v1/message/${reply.id}/restore`],
        ["PATCH", `/v1/conversation/${id}`, { title: "Renamed", metadata: { a: 1 } }],
        ["DELETE", `/v1/conversation/${id}/messages`],
        ["PATCH", `/v1/conversation/${id}/message/restore-all`],
        ["DELETE", `/v1/message/${message_id}`],
        ["DELETE", `/v1/conversation/${id}`],
        ["PATCH", `/v1/conversation/${id}/restore`],
      ];
      for (const [method, path, body] of steps) {
        faults.set(moment, "fail");
        expectUnavailable(await client.call(method, path, body));
        faults.set(moment, "pass");
        expect(await client.call(method, path, body)).toMatchObject({ status: 200 });
      }
      expect(await verify(site, id)).toMatchObject([{ id: reply.id }]);
      const audit = files.record("SELECT action, target_id FROM audit_event WHERE target_type <> 'agent' ORDER BY id");
      const own = audit.filter(({ target_id }) => [id, reply.id, message_id].includes(String(target_id)));
      expect(own.map(({ action }) => action)).toEqual([
        "message.delete",
        "message.restore",
        "conversation.update",
        "message.delete_all",
        "message.restore_all",
        "message.delete",
        "conversation.delete",
        "conversation.restore",
      ]);
      const { conversation } = (await client.call("GET", `/v1/conversation/${id}`)).body;
      expect(conversation).toMatchObject({ title: "Renamed", metadata: { a: 1 }, message_count: 1 });
    },
  );

  it.for(moments)(
    "%s the commit, turn after turn: everything arrives once it recovers",
    async (moment, { onTestFinished }) => {
      const faults = new Faults();
      const site = await openSite(onTestFinished, faults);
      const { client, up } = site;
      const id = await begun(site);
      faults.set(moment, "fail");
      const keys = Array.from({ length: 5 }, (_, n) => `k${n}`);
      for (const key of keys) expect((await client.chat(id, key, { key })).status).toBe(200);
      faults.set(moment, "pass");
      await settled(site, id);
      for (const [n, key] of keys.entries()) {
        const answer = await client.chat(id, key, { key });
        expect(answer).toMatchObject({ status: 200, body: { reply: { sequence: 2 * n + 4 } } });
      }
      expect(await verify(site, id)).toHaveLength(12);
      expect(await up.requests("m")).toHaveLength(6);
    },
  );

  it("is behind by as much as an admin is told, also after a kill, until it has everything", async ({
    onTestFinished,
  }) => {
    const faults = new Faults();
    const site = await openSite(onTestFinished, faults);
    const { client } = site;
    const health = async (headers = {}) =>
      (await client.call("GET", "/v1/health?probe=live", undefined, headers)).body.outbox;
    const behind = (conversations: number) =>
      eventually(`${conversations} are behind`, async () => {
        const outbox = await health();
        return outbox.conversations === conversations && outbox;
      });
    const ids = [await begun(site), await begun(site)];
    for (const id of ids) await settled(site, id);
    expect(await health()).toEqual({ conversations: 0, oldest_at: null, age_seconds: null });
    faults.set("before", "fail");
    const { message_id } = (await client.chat(ids[0] ?? "", "two")).body;
    const { message } = (await client.call("GET", `/v1/message/${message_id}`)).body;
    await client.chat(ids[1] ?? "", "two");
    expect((await behind(2)).oldest_at).toBe(message.created_at);
    await site.kill();
    await site.start();
    const outbox = await behind(2);
    expect(outbox.oldest_at).toBe(message.created_at);
    expect(outbox.age_seconds).toBeGreaterThan(0);
    for (const authorization of ["", "Bearer nonsense"]) expect(await health({ authorization })).toBe(undefined);
    faults.set("before", "pass");
    await behind(0);
    for (const id of ids) expect(await verify(site, id)).toHaveLength(4);
  });

  it("to say anything holds up nobody for long, and nothing is lost or overtaken", async ({ onTestFinished }) => {
    const faults = new Faults();
    const site = await openSite(onTestFinished, faults);
    const { client, up } = site;
    const id = await begun(site);
    await up.script("m", complete(["second"]), complete(["third"]));
    const before = faults.seen.before;
    faults.set("before", "hold");
    const second = client.stream(id, "two", { key: "k2" });
    const third = client.chat(id, "three", { key: "k3" });
    expect((await (await second).rest()).at(-1)?.data).toMatchObject({ status: "completed" });
    expect(await third).toMatchObject({ status: 200, body: { content: "third" } });
    expectUnavailable(await client.call("DELETE", `/v1/conversation/${id}/messages`));
    expect(faults.seen.before).toBeGreaterThan(before);
    faults.set("before", "pass");
    await settled(site, id);
    expect(await verify(site, id)).toEqual([]);
    expect(await up.requests("m")).toHaveLength(3);
  });
});
