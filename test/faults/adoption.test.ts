/**
 * An object takes over a conversation that D1 has from before, however long: some messages at a time, in bounded memory, and
 * whoever is cut off goes on where it stopped. `FULL=1` does it with 100,000 messages.
 */
import { expect, it } from "vitest";
import { openSite } from "./site.ts";
import { eventually } from "./verify.ts";

const [MESSAGES, LENGTH] = process.env["FULL"] ? [100_000, 2_500] : [8_000, 1_000];
const KILLS = 3;
/** Bytes by which the process may grow: its garbage, and the pages of two databases. In full there are 250 MB of text. */
const GROWTH = 180e6;

it(
  `takes ${MESSAGES} messages over, killed ${KILLS} times on the way`,
  { timeout: 600_000 },
  async ({ onTestFinished }) => {
    const site = await openSite(onTestFinished);
    const { client, files, up } = site;
    const agent_id = await client.agent("m");
    const id = await client.conversation(agent_id);
    const old = Date.parse("2026-01-01T00:00:00Z");
    files.change(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
     INSERT INTO message (id, company_id, conversation_id, agent_id, turn_id, sequence, role, content, status, metadata, created_at)
     SELECT printf('00000000-0000-7000-8000-%012x', i), c.company_id, c.id, c.agent_id,
       printf('00000000-0000-7000-9000-%012x', (i + 1) / 2), i, iif(i % 2, 'user', 'assistant'),
       substr(printf('%d of ', i) || hex(zeroblob(${LENGTH / 2})), 1, ${LENGTH}), 'complete', '{}', ?3 + i
     FROM n, conversation AS c WHERE c.id = ?1`,
      ...[id, MESSAGES, old],
    );
    files.change(
      "UPDATE conversation SET message_count = ?2, last_message_at = ?3, activity_at = ?3, updated_at = ?3 WHERE id = ?1",
      ...[id, MESSAGES, old + MESSAGES],
    );
    const here = () => {
      try {
        return Number(files.journal(id, "SELECT count(*) AS n FROM message")[0]?.["n"]);
      } catch {
        return 0;
      }
    };
    const look = () => client.call("GET", `/v1/conversation/${id}/messages?per_page=1&order=desc`);

    for (let kill = 0; kill < KILLS; kill++) {
      const before = here();
      const request = look().catch(() => null);
      const some = before + Math.floor(MESSAGES / (KILLS + 2));
      await eventually(`${some} messages are there`, () => here() >= some, 300_000);
      await site.kill();
      await request;
      // What was there has stayed, whole pieces of it, and there is more to come.
      const rows = here();
      expect(rows).toBeGreaterThanOrEqual(some);
      expect(rows).toBeLessThan(MESSAGES);
      expect(rows % 250).toBe(0);
      await site.start();
    }

    const memory = site.memory();
    let most = memory;
    const watch = setInterval(() => (most = Math.max(most, site.memory())), 20);
    const began = performance.now();
    const last = await look();
    const took = performance.now() - began;
    clearInterval(watch);
    expect(last).toMatchObject({
      status: 200,
      body: { messages: [{ sequence: MESSAGES }], pagination: { total: MESSAGES } },
    });
    expect(most - memory).toBeLessThan(GROWTH);

    const turn = performance.now();
    const answer = await client.chat(id, "and now?");
    const turnTook = performance.now() - turn;
    expect(answer).toMatchObject({ status: 200, body: { content: "reply to: and now?" } });
    // As many as the model may see, the reply among them.
    expect(answer.body.messages.map(({ sequence }: { sequence: number }) => sequence)).toEqual(
      Array.from({ length: 20 }, (_, n) => MESSAGES - 17 + n),
    );
    const [asked] = await up.requests("m");
    const shown = (asked?.body.messages as { content: string }[]).map(({ content }) => content.split(" of ")[0]);
    expect(shown.at(-1)).toBe("and now?");
    expect(shown.slice(-3, -1)).toEqual([String(MESSAGES - 1), String(MESSAGES)]);
    for (const first of [1, 251, MESSAGES / 2, MESSAGES - 10]) {
      const path = `/v1/conversation/${id}/messages?per_page=5&after_sequence=${first - 1}`;
      const { messages } = (await client.call("GET", path)).body;
      expect(messages.map(({ sequence }: { sequence: number }) => sequence)).toEqual(
        Array.from({ length: 5 }, (_, n) => first + n),
      );
      expect(messages[0].content.startsWith(`${first} of `)).toBe(true);
    }
    await eventually(
      "D1 has the turn",
      () => files.record("SELECT 1 FROM message WHERE conversation_id = ? AND sequence = ?", id, MESSAGES + 2).length,
    );
    const counts = files.journal(
      id,
      "SELECT count(*) AS n, count(DISTINCT id) AS ids, max(sequence) AS last FROM message",
    );
    expect(counts).toEqual([{ n: MESSAGES + 2, ids: MESSAGES + 2, last: MESSAGES + 2 }]);
    if (process.env["FULL"]) {
      console.warn({
        messages: MESSAGES,
        rest_took_ms: took,
        turn_took_ms: turnTook,
        memory_grew_mb: (most - memory) / 1e6,
      });
    }
  },
);
