/** `kill -9` at random, while writers with keys go on until they are answered: in the end everything is there, once. */
import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { openSite } from "./site.ts";
import { verify } from "./verify.ts";
import { chance } from "../../bench/scaling/queue.ts";

const WRITERS = 4;
const TURNS = 12;
const KILLS = 5;
const SEED = Date.now() % 2 ** 31;

it(`${WRITERS} writers survive ${KILLS} kills (seed ${SEED})`, async ({ onTestFinished }) => {
  const next = chance(SEED);
  const site = await openSite(onTestFinished);
  const { client, up } = site;
  const id = await client.conversation(await client.agent("m"));
  const unexpected: unknown[] = [];
  const told = new Map<string, { turn_id: string; content: string }>();
  let up_again = Promise.resolve();

  const write = async (text: string) => {
    for (;;) {
      await up_again;
      const answer = await client.chat(id, text, { key: text.replaceAll(" ", "-") }).catch(() => null);
      if (answer?.status === 200) {
        const { turn_id, content } = answer.body;
        told.set(text, { turn_id, content });
        return;
      }
      // Only what a crash explains: no answer at all, or a turn that it broke off.
      if (answer && !["model_error", "store_unavailable"].includes(answer.body.code)) unexpected.push(answer.body);
      if (unexpected.length > 0) return;
    }
  };
  const writing = Array.from({ length: WRITERS }, async (_, writer) => {
    for (let n = 0; n < TURNS; n++) await write(`writer ${writer} turn ${n}`);
  });
  for (let kill = 1; kill <= KILLS; kill++) {
    await up.waitForRequest("m", Math.floor((kill * WRITERS * TURNS) / (KILLS + 1)));
    // Not what the test waits for: any moment will do, and this makes it any moment.
    await pause(next() * 30);
    const restarted = Promise.withResolvers<void>();
    up_again = restarted.promise;
    await site.kill();
    await site.start();
    restarted.resolve();
  }
  await Promise.all(writing);

  expect(unexpected).toEqual([]);
  const history = await verify(site, id);
  expect(history).toHaveLength(2 * WRITERS * TURNS);
  for (const [text, { turn_id, content }] of told) {
    // After what a kill left unanswered.
    expect(content.startsWith("reply to: ") && content.endsWith(text)).toBe(true);
    expect(history.filter((message) => message.content === text)).toMatchObject([{ turn_id }]);
    expect(history.filter((message) => message.content === content)).toMatchObject([{ turn_id, status: "complete" }]);
  }
  // Each message once, and once more for the one that each kill may have hit.
  expect((await up.requests("m")).length).toBeLessThanOrEqual(WRITERS * TURNS + KILLS);
});
