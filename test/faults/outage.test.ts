/**
 * D1 refuses everything for a while, and objects die meanwhile: every turn is answered, everything is in D1 afterwards, once,
 * and D1 is not asked more often for it than the pauses allow. `FULL=1` does it for three minutes.
 */
import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { Faults } from "./faults.ts";
import { openSite } from "./site.ts";
import { eventually, verify } from "./verify.ts";

const SECONDS = process.env["FULL"] ? 180 : 12;
const CONVERSATIONS = 4;

it(`turns go on while D1 is away for ${SECONDS} seconds`, { timeout: 600_000 }, async ({ onTestFinished }) => {
  const faults = new Faults();
  const site = await openSite(onTestFinished, faults);
  const { client, files } = site;
  const agent = await client.agent("m");
  const ids: string[] = [];
  for (let n = 0; n < CONVERSATIONS; n++) {
    const id = await client.conversation(agent);
    expect((await client.chat(id, "before")).status).toBe(200);
    ids.push(id);
  }
  for (const id of ids) await verify(site, id);

  faults.set("before", "fail");
  const asked = faults.seen.before;
  const ends = performance.now() + SECONDS * 1_000;
  const turns = new Map(ids.map((id) => [id, 0]));
  let killed = false;
  for (let round = 0; performance.now() < ends; round++) {
    const answers = await Promise.all(ids.map((id) => client.chat(id, `${round}`, { key: `${round}` })));
    for (const [n, answer] of answers.entries()) {
      expect([answer.status, answer.body.content]).toEqual([200, `reply to: ${round}`]);
      turns.set(ids[n] ?? "", round + 1);
    }
    // Half-way everything dies, and the objects wake up cold.
    if (!killed && performance.now() > ends - SECONDS * 500) {
      killed = true;
      await site.kill();
      await site.start();
    }
    await pause(500);
  }
  expect(killed).toBe(true);
  const health = await client.call("GET", "/v1/health?probe=live");
  expect(health.body.outbox.conversations).toBe(CONVERSATIONS);
  expect(health.body.outbox.age_seconds).toBeGreaterThan(SECONDS - 1);
  // Three tries for what a turn leaves, and for every alarm.
  const rounds = turns.get(ids[0] ?? "") ?? 0;
  expect(faults.seen.before - asked).toBeLessThan(CONVERSATIONS * (rounds * 4 + SECONDS));
  for (const id of ids) {
    const inD1 = files.record("SELECT count(*) AS n FROM message WHERE conversation_id = ?", id);
    expect(inD1).toEqual([{ n: 2 }]);
  }

  faults.set("before", "pass");
  for (const id of ids) expect(await verify(site, id)).toHaveLength(2 * (rounds + 1));
  await eventually("nothing is behind", async () => {
    const { body } = await client.call("GET", "/v1/health");
    return body.outbox.conversations === 0;
  });
});
