/** What takes its time: turns that nobody watches, and signs of life. */
import { describe, expect, it } from "vitest";
import { isStatus } from "./client.ts";
import { useSite } from "./site.ts";
import { eventually, verify } from "./verify.ts";

const shared = useSite();

describe.concurrent("a minute", () => {
  it("with nobody there is enough for a slow turn to complete", async () => {
    const { client, up } = shared.site;
    const pieces = Array.from({ length: 30 }, (_, n) => `${n} `);
    await up.script("minute", [...pieces.flatMap((text) => [{ text }, { wait_ms: 2_000 }]), { finish: "stop" }]);
    const id = await client.conversation(await client.agent("minute"));
    const leave = new AbortController();
    const start = performance.now();
    const stream = await client.stream(id, "question", { signal: leave.signal });
    await stream.until(isStatus("in_progress"));
    leave.abort();
    await eventually(
      "the turn is over",
      () => shared.site.files.journal(id, "SELECT 1 FROM turn WHERE ended_at > 0")[0],
      90_000,
    );
    expect(performance.now() - start).toBeGreaterThan(59_000);
    const [, reply] = await verify(shared.site, id);
    expect(reply).toMatchObject({ status: "complete", content: pieces.join("") });
  });

  it("of silence has a heartbeat every 15 seconds, while a model thinks and while nothing happens", async () => {
    const { client, up } = shared.site;
    await up.script("silent", [{ gate: "silent" }, { text: "at last" }, { finish: "stop" }]);
    const agent = await client.agent("silent", { first_token_timeout_ms: 100_000 });
    const idle = await client.follow(await client.conversation(agent));
    const id = await client.conversation(agent);
    const thinking = await client.stream(id, "question");
    await thinking.until(isStatus("in_progress"));
    expect((await idle.next())?.event).toBe("heartbeat");
    let before = performance.now();
    for (let n = 0; n < 2; n++) {
      const beats = await Promise.all([idle.next(), thinking.next()]);
      expect(beats.map((beat) => [beat?.event, beat?.data])).toEqual([
        ["heartbeat", {}],
        ["heartbeat", {}],
      ]);
      // Every 15 seconds, on a machine that has much else to do.
      expect(performance.now() - before).toBeLessThan(20_000);
      before = performance.now();
    }
    await idle.cancel();
    await up.openGate("silent");
    expect((await thinking.rest()).at(-1)?.data).toMatchObject({
      status: "completed",
      message: { content: "at last" },
    });
  });
});
