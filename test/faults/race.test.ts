/** Deletes, retries and stops that meet a turn at an unlucky moment: never a text that was deleted, never a turn without an end. */
import { describe, expect, it } from "vitest";
import { complete } from "../upstream/client.ts";
import { isDelta, isStatus } from "./client.ts";
import { Faults } from "./faults.ts";
import { openSite, useSite } from "./site.ts";
import { verify } from "./verify.ts";

const shared = useSite();
const contents = (messages: { content: string }[]) => messages.map(({ content }) => content);

/** A conversation whose first turn, "one", has said "half " and waits at the gate `model`; "two" waits behind it. */
async function busy(model: string) {
  const { client, up } = shared.site;
  await up.script(model, [{ text: "half " }, { gate: model }], complete(["answer"]));
  const id = await client.conversation(await client.agent(model));
  const first = await client.stream(id, "one");
  await first.until(isDelta);
  const second = await client.stream(id, "two");
  await second.until(isStatus("queued"));
  const { turn_id, message_id } = first.seen[0]?.data;
  return { id, first, second, turn_id: String(turn_id), message_id: String(message_id) };
}

describe.concurrent("a delete", () => {
  it("of everything leaves the turn that waits alone", async () => {
    const { client, up } = shared.site;
    const { id, first, second } = await busy("delete-all");
    const deleted = await client.call("DELETE", `/v1/conversation/${id}/messages`);
    expect(deleted).toMatchObject({ status: 200, body: { deleted: 2 } });
    expect((await first.rest()).at(-1)?.data).toMatchObject({ status: "stopped" });
    expect((await second.rest()).at(-1)?.data).toMatchObject({ status: "completed" });
    expect(contents(await verify(shared.site, id))).toEqual(["two", "answer"]);
    expect(contents((await up.requests("delete-all"))[1]?.body.messages)).toEqual(["two"]);
  });

  it("of the message being answered keeps it from the turn that waits", async () => {
    const { client, up } = shared.site;
    const { id, second, message_id } = await busy("delete-one");
    await client.history(id);
    expect((await client.call("DELETE", `/v1/message/${message_id}`)).status).toBe(200);
    expect((await second.rest()).at(-1)?.data).toMatchObject({ status: "completed" });
    expect(contents(await verify(shared.site, id))).toEqual(["half ", "two", "answer"]);
    // A reply without its question is none for a provider.
    expect(contents((await up.requests("delete-one"))[1]?.body.messages)).toEqual(["two"]);
  });

  it("of a failed reply that is being written anew stops that, and a restore brings back what it had said", async () => {
    const { client, up } = shared.site;
    await up.script("anew", [{ status: 500 }], [{ text: "anew " }, { gate: "anew" }]);
    const id = await client.conversation(await client.agent("anew"));
    expect((await client.chat(id, "one", { key: "k" })).status).toBe(502);
    const [, failed] = await client.history(id);
    const stream = await client.stream(id, "one", { key: "k" });
    await stream.until(isDelta);
    expect((await client.call("DELETE", `/v1/message/${failed?.id}`)).status).toBe(200);
    expect((await stream.rest()).at(-1)?.data).toMatchObject({ status: "stopped" });
    expect(contents(await verify(shared.site, id))).toEqual(["one"]);
    const path = `/v1/conversation/${id}/messages/stream?turn_id=${failed?.turn_id}`;
    expect(await (await client.send("GET", path)).text()).not.toContain("anew");
    expect((await client.call("PATCH", `/v1/message/${failed?.id}/restore`)).status).toBe(200);
    const [, restored] = await verify(shared.site, id);
    expect(restored).toMatchObject({ id: failed?.id, content: "anew ", status: "stopped" });
    const replay = await client.follow(id, { turn_id: failed?.turn_id ?? "" });
    await replay.rest();
    expect(replay.text()).toBe("anew ");
  });

  it("of a message whose turn waits to be run again ends that turn", async () => {
    const { client, up } = shared.site;
    await up.script("rerun", [{ status: 500 }], [{ text: "half " }, { gate: "rerun" }], complete(["answer"]));
    const id = await client.conversation(await client.agent("rerun"));
    const failed = await client.chat(id, "one", { key: "k" });
    const running = await client.stream(id, "two");
    await running.until(isDelta);
    const waiting = await client.stream(id, "one", { key: "k" });
    await waiting.until(isStatus("queued"));
    expect((await client.call("DELETE", `/v1/message/${failed.body.message_id}`)).status).toBe(200);
    await client.stop(id);
    const end = (await waiting.rest()).at(-1);
    expect(end).toMatchObject({ event: "chat_response", data: { status: "stopped", error: { code: "turn_stopped" } } });
    expect(contents(await verify(shared.site, id))).not.toContain("one");
    expect(await up.requests("rerun")).toHaveLength(2);
    const ids = (await (await client.follow(id, { turn_id: failed.body.turn_id })).rest()).map((event) => event.id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("of a message that failed lets the same words be sent again", async () => {
    const { client, up } = shared.site;
    await up.script("words", [{ status: 500 }], complete(["answer"]));
    const id = await client.conversation(await client.agent("words"));
    const failed = await client.chat(id, "one");
    expect((await client.call("DELETE", `/v1/message/${failed.body.message_id}`)).status).toBe(200);
    const sent = await client.chat(id, "one");
    expect(sent).toMatchObject({ status: 200, body: { content: "answer" } });
    expect(sent.body.turn_id).not.toBe(failed.body.turn_id);
    await verify(shared.site, id);
  });

  it("of the conversation ends what runs, what waits and who reads", async () => {
    const { client, up } = shared.site;
    const { id, first, second } = await busy("delete-conversation");
    const follower = await client.follow(id);
    await follower.until(isDelta);
    expect((await client.call("DELETE", `/v1/conversation/${id}`)).status).toBe(200);
    expect((await first.rest()).at(-1)?.data).toMatchObject({ status: "stopped", message: { content: "half " } });
    expect((await second.rest()).at(-1)?.data).toMatchObject({ status: "stopped", message: null });
    expect((await follower.rest()).at(-1)?.event).toBe("chat_response");
    expect((await client.chat(id, "three")).status).toBe(404);
    expect((await client.call("PATCH", `/v1/conversation/${id}/restore`)).status).toBe(200);
    expect(contents(await verify(shared.site, id))).toEqual(["one", "half "]);
    expect(await up.requests("delete-conversation")).toHaveLength(1);
  });
});

describe("a retry", () => {
  it("of a turn whose failure D1 has not heard of yet repairs it", async ({ onTestFinished }) => {
    const faults = new Faults();
    const site = await openSite(onTestFinished, faults);
    const { client, up } = site;
    await up.script("m", [{ gate: "m" }, { status: 500 }], complete(["answer"]));
    const id = await client.conversation(await client.agent("m"));
    const first = client.chat(id, "one", { key: "k" });
    await up.waitAtGate("m");
    faults.set("before", "hold");
    await up.openGate("m");
    await faults.held();
    expect((await first).status).toBe(502);
    expect(await up.requests("m")).toHaveLength(1);
    const repaired = await client.stream(id, "one", { key: "k" });
    expect((await repaired.rest()).at(-1)?.data).toMatchObject({ status: "completed" });
    faults.set("before", "pass");
    expect(contents(await verify(site, id))).toEqual(["one", "answer"]);
  });

  it("of a turn that was stopped in mid-answer gets what it had said", async () => {
    const { client, up } = shared.site;
    await up.script("stopped", [{ text: "half " }, { gate: "stopped" }]);
    const id = await client.conversation(await client.agent("stopped"));
    const stream = await client.stream(id, "one", { key: "k" });
    await stream.until(isDelta);
    expect((await client.stop(id)).status).toBe(200);
    await up.waitForAbort("stopped");
    const retried = await client.chat(id, "one", { key: "k" });
    expect(retried).toMatchObject({ status: 200, body: { content: "half ", reply: { status: "stopped" } } });
    expect(await up.requests("stopped")).toHaveLength(1);
    expect(await verify(shared.site, id)).toHaveLength(2);
  });
});
