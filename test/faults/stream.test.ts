/** Readers that leave, come back, dawdle or are many: each has read the stored reply, byte for byte, in the end. */
import { describe, expect, it, vi } from "vitest";
import { complete, type Step } from "../upstream/client.ts";
import { isDelta, isStatus, type StreamEvent, textOf } from "./client.ts";
import { useSite } from "./site.ts";
import { verify } from "./verify.ts";

const shared = useSite();

/** Every kind of character that can be cut: two, three and four bytes, joined ones, and what JSON and SSE escape. */
const TEXT =
  'é€\u{1f469}\u200d\u{1f469}\u200d\u{1f467} \u{1d11e}\u0301\n\ndata: x\r\nid: 9\u2028\u2029\u0085\u0000"\\ \ufefffin';

/** A model's answer whose bytes are cut into packets of `size`, whatever character that hits. */
function packets(model: string, texts: string[], size: number): Step[] {
  const chunk = (choice: object) =>
    `data: ${JSON.stringify({ id: "c", model, choices: [{ index: 0, ...choice }] })}\n\n`;
  const spoken = texts.map((content) => chunk({ delta: { content }, finish_reason: null })).join("");
  const bytes = Buffer.from(`${spoken}${chunk({ delta: {}, finish_reason: "stop" })}data: [DONE]\n\n`);
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => ({
    bytes_base64: bytes.subarray(n * size, (n + 1) * size).toString("base64"),
  }));
}

describe("characters cut in two", () => {
  it.concurrent.for([1, 2, 3, 7])("by packets of %i bytes arrive whole", async (size) => {
    const { client, up } = shared.site;
    const model = `cut-${size}`;
    await up.script(model, packets(model, Array.from(TEXT), size));
    const id = await client.conversation(await client.agent(model));
    const stream = await client.stream(id, "question");
    await stream.rest();
    const [, reply] = await verify(shared.site, id);
    expect(stream.text()).toBe(TEXT);
    expect(reply?.content).toBe(TEXT);
  });

  it("by the model itself, in halves of a surrogate pair, arrive whole", async () => {
    const { client, up } = shared.site;
    const halves = TEXT.split("");
    const spoken = halves.flatMap((text) => [{ raw: chunkOf(text) }, { wait_ms: 45 }]);
    await up.script("halves", [...spoken, { finish: "stop" }, { done: true }]);
    const id = await client.conversation(await client.agent("halves"));
    const stream = await client.stream(id, "question");
    await stream.rest();
    expect(stream.text()).toBe(TEXT);
    expect(stream.seen.filter(isDelta).length).toBeGreaterThan(5);
    expect((await verify(shared.site, id))[1]?.content).toBe(TEXT);
  });
});

/** One piece of an answer, its lone surrogates spelled as JSON escapes. */
const chunkOf = (content: string) =>
  `data: ${JSON.stringify({ id: "c", model: "halves", choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`;

describe("a reader who leaves", () => {
  it("after any event of a running turn and resumes there misses nothing and reads nothing twice", async () => {
    const { client, up } = shared.site;
    const pieces = Array.from({ length: 6 }, (_, n) => `${n}\u{1f9e9}€ `);
    const steps = pieces.flatMap((text, n) => [{ text }, { gate: `piece-${n}` }]);
    await up.script("leave", [...steps, { finish: "stop" }, { done: true }]);
    const id = await client.conversation(await client.agent("leave"));
    const stream = await client.stream(id, "question");
    const read: StreamEvent[] = [];
    let resumed = stream;
    for (const n of pieces.keys()) {
      await up.waitAtGate(`piece-${n}`);
      // Leaves after every single event there is so far, and comes back for the next.
      while (textOf(read).length < pieces.slice(0, n + 1).join("").length) {
        const event = await resumed.until(({ event: name }) => name !== "heartbeat");
        read.push(event);
        await resumed.cancel();
        resumed = await client.follow(id, { last_event_id: event.id });
      }
      await up.openGate(`piece-${n}`);
    }
    while (read.at(-1)?.event !== "chat_response") {
      read.push(await resumed.until(({ event: name }) => name !== "heartbeat"));
    }
    await resumed.cancel();
    const [, reply] = await verify(shared.site, id);
    expect(textOf(read)).toBe(reply?.content);
    const whole = await client.follow(id, { turn_id: reply?.turn_id ?? "" });
    expect(await whole.rest()).toEqual(read);
    expect(await up.requests("leave")).toMatchObject([{ state: "answered" }]);
  });

  it("after any event of an ended turn gets exactly the rest", async () => {
    const { client, up } = shared.site;
    const pieces = Array.from({ length: 8 }, (_, n) => [{ text: `${n}€ ` }, { wait_ms: 45 }]).flat();
    await up.script("ended", [...pieces, { finish: "stop" }, { done: true }]);
    const id = await client.conversation(await client.agent("ended"));
    const stream = await client.stream(id, "question");
    const events = await stream.rest();
    const { turn_id } = events[0]?.data;
    for (const [n, { id: last_event_id }] of events.entries()) {
      const rest = await client.follow(id, { turn_id, last_event_id });
      expect(await rest.rest()).toEqual(events.slice(n + 1));
    }
  });

  it("at the first heartbeat and resumes from there has missed nothing, though turns run and wait", async () => {
    const { client, up } = shared.site;
    await up.script("early", [{ text: "half " }, { gate: "early" }, ...complete(["whole"])], complete(["next"]));
    const id = await client.conversation(await client.agent("early"));
    const running = await client.stream(id, "one");
    await running.until(isDelta);
    const waiting = await client.stream(id, "two");
    await waiting.until(isStatus("queued"));
    const left = await client.follow(id);
    const beat = await left.next();
    expect(beat?.event).toBe("heartbeat");
    await left.cancel();
    await up.openGate("early");
    await waiting.rest();
    const resumed = await client.follow(id, { last_event_id: beat?.id ?? "" });
    const ends = ({ event, data }: StreamEvent) => event === "chat_response" && data.message.content === "next";
    await resumed.until(ends);
    expect(resumed.text()).toBe("half wholenext");
    await resumed.cancel();
  });

  it("and comes back after an earlier turn was run again reads that, and no other turn twice", async () => {
    const { client, up } = shared.site;
    const half = [{ text: "half " }, { gate: "again" }, ...complete(["whole"])];
    await up.script("again", [{ status: 500 }], complete(["two"]), complete(["three"]), half, complete(["four"]));
    const id = await client.conversation(await client.agent("again"));
    expect((await client.chat(id, "one", { key: "k" })).status).toBe(502);
    expect((await client.chat(id, "two")).status).toBe(200);
    const third = await client.stream(id, "three");
    await third.rest();
    const again = client.chat(id, "one", { key: "k" });
    await up.waitAtGate("again");

    const isEnd =
      (content: string) =>
      ({ event, data }: StreamEvent) =>
        event === "chat_response" && data.message.content === content;
    const afterThree = await client.follow(id, { last_event_id: third.seen.at(-1)?.id ?? "" });
    const middle = await afterThree.until(isDelta);
    const fromMiddle = await client.follow(id, { last_event_id: middle.id });
    await up.openGate("again");
    expect(await again).toMatchObject({ status: 200, body: { content: "half whole" } });
    const fourth = client.chat(id, "four");
    for (const [reader, text] of [
      [afterThree, "half wholefour"],
      [fromMiddle, "wholefour"],
    ] as const) {
      await reader.until(isEnd("four"));
      expect(reader.text()).toBe(text);
      await reader.cancel();
    }
    expect((await fourth).status).toBe(200);
    const late = await client.follow(id, { last_event_id: third.seen.at(-1)?.id ?? "" });
    await late.until(isEnd("four"));
    expect(late.text()).toBe("half wholefour");
    await late.cancel();
  });

  it("before the first token does not stop the turn, nor does the last of many", async () => {
    const { client, up } = shared.site;
    await up.script("alone", [
      { gate: "alone" },
      { text: "still " },
      { gate: "alone-2" },
      { text: "here" },
      { finish: "stop" },
    ]);
    const id = await client.conversation(await client.agent("alone"));
    const leave = new AbortController();
    const stream = await client.stream(id, "question", { signal: leave.signal });
    await stream.until(isStatus("in_progress"));
    await up.waitAtGate("alone");
    leave.abort();
    await up.openGate("alone");
    await up.waitAtGate("alone-2");
    await up.openGate("alone-2");
    expect((await verify(shared.site, id))[1]).toMatchObject({ status: "complete", content: "still here" });
  });

  it("as a JSON request does not stop the turn either, and gets its answer by asking again", async () => {
    const { client, up } = shared.site;
    await up.script("json", [{ gate: "json" }, { text: "kept" }, { finish: "stop" }]);
    const id = await client.conversation(await client.agent("json"));
    const leave = new AbortController();
    const gone = client.chat(id, "question", { key: "k", signal: leave.signal }).catch(() => "gone");
    await up.waitAtGate("json");
    leave.abort();
    expect(await gone).toBe("gone");
    const again = client.chat(id, "question", { key: "k" });
    await up.openGate("json");
    expect(await again).toMatchObject({ status: 200, body: { content: "kept" } });
    expect(await up.requests("json")).toMatchObject([{ state: "answered" }]);
  });
});

describe("many readers", () => {
  it("who left without a word make room at once, and those who stay do not", async () => {
    const { client, up } = shared.site;
    await up.script("room", [{ text: "there" }, { finish: "stop" }, { done: true }]);
    const id = await client.conversation(await client.agent("room"));
    for (let n = 0; n < 8; n++) await (await client.follow(id)).cancel();
    // A busy machine may need more than one look; on their own they would be noticed after half a minute.
    const follow = () => vi.waitUntil(() => client.follow(id).catch(() => null), { timeout: 10_000 });
    const readers = await Promise.all(Array.from({ length: 8 }, follow));
    await expect(client.follow(id)).rejects.toThrow("429");
    await client.chat(id, "question");
    const isEnd = ({ event }: StreamEvent) => event === "chat_response";
    for (const reader of readers) {
      await reader.until(isEnd);
      expect(textOf(reader.seen)).toBe("there");
      await reader.cancel();
    }
  });

  it("see the same events, and one who does not read holds up nobody", async () => {
    const { client, up } = shared.site;
    const big = "0123456789abcdef".repeat(2_048);
    const pieces = Array.from({ length: 24 }, () => [{ text: big }, { wait_ms: 5 }]).flat();
    await up.script("many", [...pieces, { finish: "stop" }, { done: true }]);
    const id = await client.conversation(await client.agent("many"));
    const dawdler = await client.follow(id);
    const readers = await Promise.all(Array.from({ length: 7 }, () => client.follow(id)));
    const answer = await client.chat(id, "question");
    expect(answer.body.content).toBe(big.repeat(24));
    const isEnd = ({ event }: StreamEvent) => event === "chat_response";
    await Promise.all(readers.map((reader) => reader.until(isEnd)));
    for (const { seen } of readers) expect(textOf(seen)).toBe(answer.body.content);
    await dawdler.until(isEnd);
    expect(dawdler.seen.filter(({ event }) => event !== "heartbeat")).toEqual(
      readers[0]?.seen.filter(({ event }) => event !== "heartbeat"),
    );
    for (const reader of [dawdler, ...readers]) await reader.cancel();
  });
});
