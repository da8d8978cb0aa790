/** Between a fact and its delivery: whatever is killed there, the receiver gets each event at least once, in order. */
import { describe, expect, it } from "vitest";
import type { SeenRequest } from "../upstream/client.ts";
import { Faults, type Moment } from "./faults.ts";
import { openSite, type Site } from "./site.ts";
import { eventually, verify } from "./verify.ts";

const HOOK = "tools/hook";

/** A site whose company has a webhook, and a conversation with one turn of which every event has arrived. */
async function begun(onTestFinished: (end: () => Promise<void>) => void) {
  const faults = new Faults();
  const site = await openSite(onTestFinished, faults);
  const { client, up } = site;
  const made = await client.call("POST", "/v1/webhook", { url: up.toolUrl("hook") });
  expect(made.status).toBe(201);
  const id = await client.conversation(await client.agent("m"));
  expect((await client.chat(id, "one")).status).toBe(200);
  // By the sender too: it asks once more what is to become of a batch when D1 has it.
  await eventually("all of it is noted", () => delivered(site) === 4 && faults.seen.webhook_after >= 4);
  return { site, faults, id };
}

/** The requests, once so many have been answered. */
const arrived = ({ up }: Site, count: number) =>
  eventually(`${count} have arrived`, async () => {
    const requests = await up.requests(HOOK);
    return requests.filter(({ state }) => state === "answered").length >= count && requests;
  });

const delivered = ({ files }: Site) => files.record("SELECT 1 FROM webhook_delivery WHERE status = 'delivered'").length;

/** The server is killed and started again, and the conversation is looked at, which wakes its object. */
async function restart({ kill, start, client }: Site, id: string, between = () => {}): Promise<void> {
  await kill();
  between();
  await start();
  expect((await client.call("GET", `/v1/conversation/${id}`)).status).toBe(200);
}

/** Each event arrived, none before the one that it follows, and every attempt at one is the same event. */
function expectInOrder(requests: SeenRequest[], events: number): void {
  const sequences = requests.map(({ body }) => body.data.sequence as number);
  let newest = 0;
  for (const sequence of sequences) {
    expect(sequence, sequences.join()).toBeLessThanOrEqual(newest + 1);
    newest = Math.max(newest, sequence);
  }
  expect(newest).toBe(events);
  for (const same of Map.groupBy(requests, ({ headers }) => headers["webhook-id"]).values())
    for (const { body } of same) expect(body).toEqual(same[0]?.body);
}

const moments: Moment[] = ["before", "after"];

describe.concurrent("kill -9", () => {
  it.for(moments)("%s D1 has committed the fact: its events arrive", async (moment, { onTestFinished }) => {
    const { site, faults, id } = await begun(onTestFinished);
    faults.set(moment, "hold");
    const answer = await site.client.chat(id, "two");
    expect(answer.status).toBe(200);
    await faults.held();
    const kinds = site.files.record("SELECT type FROM webhook_event ORDER BY sequence").map(({ type }) => type);
    expect(kinds).toHaveLength(moment === "before" ? 4 : 7);
    await restart(site, id, () => faults.set(moment, "pass"));
    const requests = await arrived(site, 7);
    expectInOrder(requests, 7);
    expect(requests.slice(4).map(({ body }) => body.type)).toEqual([
      "message.created",
      "message.created",
      "turn.completed",
    ]);
    expect(requests.at(-1)?.body.data).toMatchObject({ turn_id: answer.body.turn_id, conversation_id: id });
    expect(await verify(site, id)).toHaveLength(4);
  });

  it("while a receiver is being told: it is told again", async ({ onTestFinished }) => {
    const { site, id } = await begun(onTestFinished);
    await site.up.script(HOOK, [{ gate: "hook" }, { status: 200 }]);
    await site.client.chat(id, "two");
    await site.up.waitAtGate("hook");
    await restart(site, id);
    await site.up.openGate("hook");
    await site.scheduled();
    const requests = (await arrived(site, 7)).filter(({ state }) => state === "answered");
    expectInOrder(requests, 7);
    const all = await site.up.requests(HOOK);
    expect(all.map(({ state }) => state)).toContain("aborted");
    expectInOrder(all, 7);
  });

  it.for(moments)(
    "%s it is noted that the receiver has an event: nothing is left out, at most that one comes twice",
    async (moment, { onTestFinished }) => {
      const { site, faults, id } = await begun(onTestFinished);
      faults.set(`webhook_${moment}`, "hold");
      await site.client.chat(id, "two");
      await arrived(site, 5);
      await faults.held();
      await site.kill();
      faults.set(`webhook_${moment}`, "pass");
      await site.start();
      await site.scheduled();
      const count = moment === "before" ? 8 : 7;
      const requests = await arrived(site, count);
      expect(requests).toHaveLength(count);
      expectInOrder(requests, 7);
    },
  );

  it("again and again, with several conversations under way: each has all of its events, in order", async ({
    onTestFinished,
  }) => {
    const { site, id: first } = await begun(onTestFinished);
    const { client, up } = site;
    const agent = await client.agent("m");
    const ids = [first, await client.conversation(agent), await client.conversation(agent)];
    for (let kill = 0; kill < 4; kill++) {
      const turns = ids.map((id) => client.chat(id, `turn ${kill}`, { key: `k${kill}` }).catch(() => null));
      await new Promise((resolve) => setTimeout(resolve, 40 * kill));
      await site.kill();
      await Promise.all(turns);
      await site.start();
      for (const id of ids) expect((await client.chat(id, `turn ${kill}`, { key: `k${kill}` })).status).toBe(200);
    }
    for (const id of ids) await verify(site, id);
    const events = site.files.record("SELECT conversation_id, max(sequence) AS n FROM webhook_event GROUP BY 1");
    const total = events.reduce((sum, { n }) => sum + Number(n), 0);
    await site.scheduled();
    await eventually("all of it is noted", () => delivered(site) === total, 30_000);
    const byConversation = Map.groupBy(await up.requests(HOOK), ({ body }) => String(body.data.conversation_id));
    for (const { conversation_id, n } of events) {
      expectInOrder(byConversation.get(String(conversation_id)) ?? [], Number(n));
    }
  });
});
