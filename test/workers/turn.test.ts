/** Turns over HTTP: the answer's shape, order, exactly once, streams, stop, failures. */
import { env } from "cloudflare:workers";
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { Journal } from "../../src/chat/journal/journal.ts";
import { call, type Company, makeCompany, makeLead, send } from "./company.ts";
import { chat, createConversation, history, parseEvents, streamChat, streamOf, settle } from "./conversation-client.ts";

const CHAT_MEMBERS = [
  "conversation_id",
  "turn_id",
  "message_id",
  "role",
  "content",
  "model_used",
  "processing_time",
  "usage",
  "reply",
  "messages",
  "stream_url",
];

async function setUp(): Promise<{ company: Company; id: string }> {
  const company = await makeCompany();
  return { company, id: (await createConversation(company)).id };
}

describe("the answer", () => {
  it("has the members clients rely on, and both messages can be read back", async () => {
    const { company, id } = await setUp();
    const { status, body } = await chat(company, id, "hello world", { metadata: { page: "/pricing" } });
    expect(status).toBe(200);
    expect(Object.keys(body).toSorted()).toEqual(CHAT_MEMBERS.toSorted());
    expect(body).toMatchObject({ conversation_id: id, role: "assistant", content: "echo: hello world" });
    expect(body.model_used).toBe("builtin/echo");
    expect(body.usage).toMatchObject({ source: "estimated" });
    expect(body.usage.input_tokens).toBeGreaterThan(0);
    expect(body.stream_url).toBe(`http://api.test/v1/conversation/${id}/messages/stream?turn_id=${body.turn_id}`);
    const messages = await history(company, id);
    expect(messages).toEqual(body.messages);
    expect(messages.at(-1)).toEqual(body.reply);
    expect(messages.map((m) => [m.sequence, m.role, m.content])).toEqual([
      [1, "user", "hello world"],
      [2, "assistant", "echo: hello world"],
    ]);
    expect(messages[0]).toMatchObject({ id: body.message_id, turn_id: body.turn_id, metadata: { page: "/pricing" } });
    const { conversation } = (await call("GET", `/v1/conversation/${id}`, { headers: company.read_only })).body;
    expect(conversation).toMatchObject({ message_count: 2, last_message_at: messages[1]?.created_at });
  });

  it("has the last max_context_length messages, however few of them the model could be shown", async () => {
    const company = await makeCompany();
    const body = { name: "Forgetful", model: "builtin/echo", max_input_tokens: 256 };
    const { agent } = (await call("POST", "/v1/agent", { headers: company.admin, body })).body;
    for (const max_context_length of [1, 2, 5, 20]) {
      const { id } = await createConversation(company, { agent_id: agent.id, max_context_length });
      for (let n = 0; n < 4; n++) {
        const answer = await chat(company, id, `${n} ${"x".repeat(600)}`, {}, { "idempotency-key": String(n) });
        const all = await history(company, id);
        expect(answer.body.messages).toEqual(all.slice(-max_context_length));
        const again = await chat(company, id, `${n} ${"x".repeat(600)}`, {}, { "idempotency-key": String(n) });
        expect(again.body).toEqual(answer.body);
      }
    }
  });

  it.each([
    "a\u0000b",
    " leading and trailing \n",
    "a\r\n",
    "emoji 👩‍👩‍👧 and ̈ marks",
    "\u2028x\uFEFF",
    "x".repeat(32_000),
  ])("stores %j byte for byte", async (text) => {
    const { company, id } = await setUp();
    expect((await chat(company, id, text)).status).toBe(200);
    expect((await history(company, id))[0]?.content).toBe(text);
  });

  it("is served under /api/v1 too, with links that stay there", async () => {
    const { company, id } = await setUp();
    const path = `/api/v1/conversation/${id}/chat`;
    const { body } = await call("POST", path, { headers: company.user, body: { message: "hi" } });
    expect(body.stream_url).toContain(`/api/v1/conversation/${id}/messages/stream`);
  });

  it("refuses what is not a message", async () => {
    const { company, id } = await setUp();
    for (const body of [
      {},
      { message: "" },
      { message: 5 },
      { message: "x".repeat(32_001) },
      { message: "\ud800" },
      { message: " \n\u00a0" },
    ]) {
      expect((await call("POST", `/v1/conversation/${id}/chat`, { headers: company.user, body })).status).toBe(422);
    }
    const extra = { message: "x", task_id: "y" };
    const refused = await call("POST", `/v1/conversation/${id}/chat`, { headers: company.user, body: extra });
    expect(refused.body.errors).toEqual([{ path: "/task_id", message: expect.any(String) }]);
    expect(await history(company, id)).toEqual([]);
  });

  it("refuses an inactive agent without storing anything", async () => {
    const { company, id } = await setUp();
    await env.DB.prepare("UPDATE agent SET status = 'inactive' WHERE id = ?").bind(company.agent_id).run();
    expect(await chat(company, id, "hi")).toMatchObject({ status: 409, body: { code: "agent_inactive" } });
    expect(await history(company, id)).toEqual([]);
  });
});

describe("order", () => {
  it("gives 8 writers × 25 turns gap-free, strictly alternating sequences", async () => {
    const { company, id } = await setUp();
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let n = 0; n < 25; n++) {
        const { status, body } = await chat(company, id, `w${writer} n${n}`);
        expect(status).toBe(200);
        expect(body.content).toBe(`echo: w${writer} n${n}`);
      }
    });
    await Promise.all(writers);
    const messages = await history(company, id);
    expect(messages.map((m) => m.sequence)).toEqual(Array.from({ length: 400 }, (_, i) => i + 1));
    for (let i = 0; i < 400; i += 2) {
      expect([messages[i]?.role, messages[i + 1]?.role]).toEqual(["user", "assistant"]);
      expect(messages[i + 1]?.content).toBe(`echo: ${messages[i]?.content}`);
      expect(messages[i + 1]?.turn_id).toBe(messages[i]?.turn_id);
    }
  });

  it("is told word by word by builtin/echo", async () => {
    const { company, id } = await setUp();
    const stream = await streamChat(company, id, "one two  three");
    const deltas = (await stream.rest()).filter(({ event }) => event === "chat_delta").map(({ data }) => data.text);
    expect(deltas).toEqual(["echo: ", "one ", "two  ", "three"]);
  });

  it.each([
    ["text/event-stream", "text/event-stream"],
    ["application/json, text/event-stream", "text/event-stream"],
    ["text/event-stream;q=0, application/json", "application/json"],
    ["text/event-stream;q=0.1, application/json", "application/json"],
    ["TEXT/Event-Stream; q=0.5, */*;q=0.1", "text/event-stream"],
    ["*/*", "application/json"],
    ["text/event-stream;q=0.1, */*;q=0.9", "application/json"],
    ["text/event-stream;q=0.1, application/*", "application/json"],
    ["text/event-stream, */*", "text/event-stream"],
    ["text/event-stream;q=0.5, application/json;q=0.1, */*", "text/event-stream"],
  ])("answers Accept: %s with %s", async (accept, type) => {
    const { company, id } = await setUp();
    const headers = { ...company.user, accept };
    const answer = await call("POST", `/v1/conversation/${id}/chat`, { headers, body: { message: "hello" } });
    expect([answer.status, answer.headers.get("content-type")?.split(";")[0]]).toEqual([200, type]);
  });

  it("lets 16 turns wait, refuses the 17th with 429 and a second one with on_busy reject", async () => {
    const { company, id } = await setUp();
    const running = await streamChat(company, id, "/sleep 10000 slow");
    await running.until("chat_delta");
    const waiting = [];
    for (let n = 0; n < 16; n++) waiting.push(await streamChat(company, id, `wait ${n}`));
    for (const [n, stream] of waiting.entries()) {
      expect((await stream.until("chat_status")).data).toMatchObject({ status: "queued", position: n + 1 });
    }
    const refused = await chat(company, id, "one too many");
    expect(refused).toMatchObject({ status: 429, body: { code: "turn_queue_full" } });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(refused.headers.get("ratelimit-policy")).toBe('"turns";q=16');
    expect(refused.headers.get("ratelimit")).toBe('"turns";r=0;t=5');
    const rejected = await chat(company, id, "now or never", { on_busy: "reject" });
    expect(rejected).toMatchObject({ status: 409, body: { code: "turn_in_progress" } });
    await call("POST", `/v1/conversation/${id}/chat/stop`, { headers: company.user });
    for (const stream of waiting) await stream.rest();
    const messages = await history(company, id);
    expect(messages.filter((m) => m.role === "user").map((m) => m.content)).toEqual([
      "/sleep 10000 slow",
      ...Array.from({ length: 16 }, (_, n) => `wait ${n}`),
    ]);
  });

  it("stops the running turn for one that interrupts, and keeps what was said", async () => {
    const { company, id } = await setUp();
    const running = await streamChat(company, id, "/sleep 10000 slow");
    await running.until("chat_delta");
    const { body } = await chat(company, id, "me first", { on_busy: "interrupt" });
    expect(body.content).toBe("echo: me first");
    const events = await running.rest();
    expect(events.at(-1)?.data).toMatchObject({ status: "stopped", message: { status: "stopped", content: "echo: " } });
    expect((await history(company, id)).map((m) => m.status)).toEqual(["complete", "stopped", "complete", "complete"]);
  });
});

describe("exactly once", () => {
  it("answers a repeated key with the stored answer, and another body with 422", async () => {
    const { company, id } = await setUp();
    const headers = { "idempotency-key": '"k-1"' };
    const first = await chat(company, id, "once", {}, headers);
    const again = await chat(company, id, "once", {}, { "idempotency-key": "k-1" });
    expect(again.body).toEqual(first.body);
    expect(first.headers.get("idempotent-replayed")).toBeNull();
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    const other = await chat(company, id, "twice", {}, headers);
    expect(other).toMatchObject({ status: 422, body: { code: "idempotency_mismatch" } });
    expect(await history(company, id)).toHaveLength(2);
  });

  it("gives 20 parallel requests with one key one turn and equal answers, also after an eviction", async () => {
    const { company, id } = await setUp();
    const once = () => chat(company, id, "/sleep 50 together", {}, { "idempotency-key": "same" });
    const answers = await Promise.all(Array.from({ length: 20 }, once));
    for (const answer of answers) expect(answer.body).toEqual(answers[0]?.body);
    await evictDurableObject(env.CONVERSATION.getByName(id));
    expect((await once()).body).toEqual(answers[0]?.body);
    expect(await history(company, id)).toHaveLength(2);
  });

  it("lets an identical body join the turn that runs, but not one that has ended", async () => {
    const { company, id } = await setUp();
    const [a, b] = await Promise.all([chat(company, id, "/sleep 50 same"), chat(company, id, "/sleep 50 same")]);
    expect(a.body.turn_id).toBe(b.body.turn_id);
    expect((await chat(company, id, "/sleep 50 same")).body.turn_id).not.toBe(a.body.turn_id);
  });

  it("keeps keys of different principals apart", async () => {
    const { company, id } = await setUp();
    const lead = await makeLead(company);
    const mine = await createConversation(company, {}, lead.headers);
    const key = { "idempotency-key": "shared" };
    const staff = await chat(company, mine.id, "from staff", {}, key);
    const visitor = await call("POST", `/v1/conversation/${mine.id}/chat`, {
      headers: { ...lead.headers, ...key },
      body: { message: "from visitor" },
    });
    expect([staff.status, visitor.status]).toEqual([200, 200]);
    expect((await history(company, id)).length).toBe(0);
    expect((await history(company, mine.id)).length).toBe(4);
  });

  it.each(["", "with space", "\u00fc", "x".repeat(256)])("refuses the key %j", async (key) => {
    const { company, id } = await setUp();
    const refused = await chat(company, id, "hi", {}, { "idempotency-key": key });
    expect(refused.status).toBe(400);
  });
});

describe("streams", () => {
  it("tells one turn from queued to response, with ids that count", async () => {
    const { company, id } = await setUp();
    const stream = await streamChat(company, id, "tell me a story");
    const events = await stream.rest();
    expect(events.map((e) => e.event).filter((name) => name !== "chat_delta")).toEqual([
      "chat_status",
      "chat_status",
      "chat_response",
    ]);
    expect(events.map((e) => e.id)).toEqual(events.map((_, i) => `1-${i + 1}`));
    const text = events.filter((e) => e.event === "chat_delta").map((e) => e.data.text);
    expect(text.join("")).toBe("echo: tell me a story");
    const [, reply] = await history(company, id);
    expect(events.at(-1)?.data.message).toEqual(reply);
    expect(events.at(-2)?.data).toMatchObject({ status: "completed", message_id: expect.any(String) });
  });

  it("replays a turn, and resumes exactly after any event of it, also after an eviction", async () => {
    const { company, id } = await setUp();
    const events = await (await streamChat(company, id, "one two three four five")).rest();
    await evictDurableObject(env.CONVERSATION.getByName(id));
    const path = `/v1/conversation/${id}/messages/stream?turn_id=${events[0]?.data.turn_id}`;
    for (let seen = 0; seen < events.length; seen++) {
      const headers: Record<string, string> = { ...company.user };
      if (seen > 0) headers["last-event-id"] = events[seen - 1]?.id ?? "";
      const replay = parseEvents((await call("GET", path, { headers })).body);
      expect(replay).toEqual(events.slice(seen));
    }
  });

  it("shows a second reader of the conversation the same events", async () => {
    const { company, id } = await setUp();
    const tab = await send("GET", `/v1/conversation/${id}/messages/stream`, { headers: company.user });
    const other = streamOf(tab);
    expect((await other.until("heartbeat")).id).toBe("0-0");
    const events = await (await streamChat(company, id, "to both")).rest();
    const seen = [];
    for (const _ of events) seen.push(await other.next());
    expect(seen).toEqual(events);
    await other.cancel();
  });

  it("resumes a conversation over several turns", async () => {
    const { company, id } = await setUp();
    const first = await (await streamChat(company, id, "first")).rest();
    const second = await (await streamChat(company, id, "second")).rest();
    const path = `/v1/conversation/${id}/messages/stream?last_event_id=${first[0]?.id}`;
    const tab = streamOf(await send("GET", path, { headers: company.user }));
    const expected = [...first.slice(1), ...second];
    expect((await tab.next()).event).toBe("heartbeat");
    for (const event of expected) expect(await tab.next()).toEqual(event);
    await tab.cancel();
  });

  it("follows from now on behind an id that is ahead of the conversation", async () => {
    const { company, id } = await setUp();
    const before = await streamChat(company, id, "before").then((stream) => stream.rest());
    const follow = async (last: string) =>
      streamOf(
        await send("GET", `/v1/conversation/${id}/messages/stream`, {
          headers: { ...company.user, "last-event-id": last },
        }),
      );
    const ahead = [await follow("99-1"), await follow("2-1"), await follow("4294967296-7")];
    for (const tab of ahead) expect(await tab.next()).toMatchObject({ id: before.at(-1)?.id, event: "heartbeat" });
    const first = await streamChat(company, id, "/sleep 10000 never");
    await first.until("chat_delta");
    ahead.push(await follow("2-500"));
    expect((await ahead.at(-1)?.next())?.event).toBe("heartbeat");
    await call("POST", `/v1/conversation/${id}/chat/stop`, { headers: company.user });
    for (const tab of ahead) {
      const last = await tab.until("chat_response");
      expect(last).toMatchObject({ data: { status: "stopped", message: { content: "echo: " } } });
      await tab.cancel();
    }
  });

  it("refuses an id that is not one of its own", async () => {
    const { company, id } = await setUp();
    const path = `/v1/conversation/${id}/messages/stream?last_event_id=abc`;
    expect((await call("GET", path, { headers: company.user })).status).toBe(422);
    const unknown = `/v1/conversation/${id}/messages/stream?turn_id=abc`;
    expect((await call("GET", unknown, { headers: company.user })).status).toBe(404);
  });
});

describe("stop", () => {
  it("keeps the text, and answers the waiting request with it", async () => {
    const { company, id } = await setUp();
    const key = { "idempotency-key": "stopped" };
    const stream = await streamChat(company, id, "/sleep 10000 never", key);
    const { turn_id } = (await stream.until("chat_delta")).data;
    const waiting = chat(company, id, "/sleep 10000 never", {}, key);
    const stopped = await call("POST", `/v1/conversation/${id}/chat/stop`, {
      headers: company.user,
      body: { turn_id },
    });
    expect(stopped).toMatchObject({ status: 200, body: { turn_id, status: "stopped" } });
    expect((await waiting).body).toMatchObject({ turn_id, content: "echo: ", reply: { status: "stopped" } });
    const again = await call("POST", `/v1/conversation/${id}/chat/stop`, { headers: company.user });
    expect(again).toMatchObject({ status: 409, body: { code: "no_turn_running" } });
  });

  it("takes a waiting turn back without a trace in the history", async () => {
    const { company, id } = await setUp();
    const running = await streamChat(company, id, "/sleep 10000 a");
    await running.until("chat_delta");
    const waiting = await streamChat(company, id, "b");
    const { turn_id } = (await waiting.until("chat_status")).data;
    await call("POST", `/v1/conversation/${id}/chat/stop`, { headers: company.user, body: { turn_id } });
    expect((await waiting.rest()).at(-1)?.data).toMatchObject({ status: "stopped", message: null });
    await call("POST", `/v1/conversation/${id}/chat/stop`, { headers: company.user });
    expect((await history(company, id)).map((m) => m.content)).toEqual(["/sleep 10000 a", "echo: "]);
  });

  it("ends a running turn, and its readers, when the conversation is deleted", async () => {
    const { company, id } = await setUp();
    const stream = await streamChat(company, id, "/sleep 10000 doomed");
    await stream.until("chat_delta");
    const tab = streamOf(await send("GET", `/v1/conversation/${id}/messages/stream`, { headers: company.user }));
    await tab.until("chat_delta");
    expect((await call("DELETE", `/v1/conversation/${id}`, { headers: company.user })).status).toBe(200);
    expect((await stream.rest()).at(-1)?.data).toMatchObject({ status: "stopped" });
    expect((await tab.rest()).at(-1)?.event).toBe("chat_response");
    expect((await chat(company, id, "hello?")).status).toBe(404);
  });
});

describe("a restart", () => {
  it("ends a turn that a crash left running as failed, keeps its text, and lets it be tried again", async () => {
    const { company, id } = await setUp();
    const key = { "idempotency-key": "crashed" };
    await chat(company, id, "to be crashed", {}, key);
    await settle(company, id);
    const object = env.CONVERSATION.getByName(id);
    await runInDurableObject(object, (_, state) => {
      const { sql } = state.storage;
      sql.exec("UPDATE turn SET status = 'running', reply_sequence = NULL, last_event = NULL, ended_at = NULL");
      sql.exec("DELETE FROM message WHERE sequence = 2");
      new Journal(state.storage).deltas.add(1, { n: 2, text: "echo: to", tool: null });
      sql.exec("UPDATE header SET next_sequence = 2, message_count = 1, handed_over = 1, open = '[1]'");
    });
    await env.DB.prepare("DELETE FROM message WHERE conversation_id = ? AND sequence = 2").bind(id).run();
    await evictDurableObject(object);
    const stream = await call(
      "GET",
      `/v1/conversation/${id}/messages/stream?last_event_id=1-1&turn_id=${(await history(company, id))[0]?.turn_id}`,
      { headers: company.user },
    );
    expect(parseEvents(stream.body).at(-1)?.data).toMatchObject({ status: "failed", error: { code: "model_error" } });
    expect((await history(company, id))[1]).toMatchObject({
      ...{ status: "failed", content: "echo: to" },
      // Nobody knows how long it took: the clock went on while nothing ran.
      processing_time: null,
    });
    const retried = await chat(company, id, "to be crashed", {}, key);
    expect(retried).toMatchObject({ status: 200, body: { content: "echo: to be crashed" } });
    expect((await history(company, id)).map((m) => [m.sequence, m.status])).toEqual([
      [1, "complete"],
      [2, "complete"],
    ]);
  });
});
