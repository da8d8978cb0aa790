/** A person takes a conversation over, answers in it, and gives it back; no model writes meanwhile. */
import { env } from "cloudflare:workers";
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { complete, type Step, upstream } from "../upstream/client.ts";
import { answerOf, call, type Company, type HeaderMap, makeCompany, makeLead, send } from "./company.ts";
import { chat, createConversation, history, parseEvents, settle, streamChat, streamOf } from "./conversation-client.ts";

const client = upstream(env.TEST_UPSTREAM);

/** A visitor's conversation with an agent on a model that follows `scripts`, or that echoes. */
async function setUp(...scripts: Step[][]) {
  const company = await makeCompany();
  const model = `handover-${company.company_id}`;
  let { agent_id } = company;
  if (scripts.length > 0) {
    const provider = { kind: "openai-compatible", base_url: client.baseUrl };
    await call("PUT", "/v1/model-provider/up", { headers: company.admin, body: provider });
    const agent = { name: "Helper", model: `up/${model}`, auto_title: false };
    const made = await call("POST", "/v1/agent", { headers: company.read_write, body: agent });
    agent_id = made.body.agent.id as string;
    await client.script(model, ...scripts);
  }
  const visitor = await makeLead({ ...company, agent_id });
  const lead = { user: visitor.headers, agent_id };
  const { id } = await createConversation(lead);
  return { company, lead, model, id };
}

const act = (company: Company, id: string, what: string, body?: object, headers: HeaderMap = {}) =>
  call("POST", `/v1/conversation/${id}/${what}`, { headers: { ...company.user, ...headers }, body });

const conversationOf = async (headers: HeaderMap, id: string) =>
  (await call("GET", `/v1/conversation/${id}`, { headers })).body.conversation;

describe("a take-over", () => {
  it("shows who has the conversation, in itself and in lists, until it is given back", async () => {
    const { company, lead, id } = await setUp();
    const handler = { entity_id: company.user_id, name: "Owner" };
    const held = { handled_by: "staff", handler, waiting_since: null };
    expect(await conversationOf(lead.user, id)).toMatchObject({ handled_by: "agent", handler: null });
    expect(await act(company, id, "take-over")).toMatchObject({ status: 200, body: { conversation: held } });
    expect((await act(company, id, "take-over")).status).toBe(200);
    expect(await conversationOf(lead.user, id)).toMatchObject(held);
    const list = await call("GET", "/v1/conversation", { headers: company.user });
    expect(list.body.conversations).toMatchObject([{ id, ...held }]);
    const back = await act(company, id, "give-back");
    expect(back).toMatchObject({ status: 200, body: { conversation: { handled_by: "agent", handler: null } } });
    expect((await act(company, id, "give-back")).status).toBe(200);
    const actions =
      "SELECT action FROM audit_event WHERE target_id = ? AND action LIKE 'conversation.%e_%' ORDER BY at, id";
    const { results } = await env.DB.prepare(actions).bind(id).all();
    expect(results.map(({ action }) => action)).toEqual(["conversation.take_over", "conversation.give_back"]);
    expect((await chat(lead, id, "hi")).body.content).toBe("echo: hi");
  });

  it("is the staff's alone", async () => {
    const { company, lead, id } = await setUp();
    for (const [what, body] of Object.entries({ "take-over": {}, "give-back": undefined, reply: { message: "x" } })) {
      const options = { headers: lead.user, ...(body ? { body } : {}) };
      expect((await call("POST", `/v1/conversation/${id}/${what}`, options)).status).toBe(403);
      const other = await makeCompany();
      expect((await act(other, id, what, body)).status).toBe(404);
    }
    expect((await act(company, id, "take-over", { return_after_seconds: 0 })).status).toBe(422);
    expect((await act(company, id, "reply", { message: "" })).status).toBe(422);
    expect(await history(lead, id)).toEqual([]);
  });

  it("in mid-stream ends the reply where it is: not one byte of the model afterwards", async () => {
    const gate = crypto.randomUUID();
    const { company, lead, model, id } = await setUp([{ text: "half " }, { gate }, ...complete(["more"])]);
    const running = await streamChat(lead, id, "one");
    expect((await running.until("chat_delta")).data.text).toBe("half ");
    const waiting = await streamChat(lead, id, "two");
    expect((await waiting.next()).data).toMatchObject({ status: "queued" });
    const later = chat(lead, id, "three");
    await client.waitAtGate(gate);
    expect((await act(company, id, "take-over")).status).toBe(200);
    await client.openGate(gate);
    const rest = await running.rest();
    expect(rest.map(({ event, data }) => [event, data.status])).toEqual([
      ["chat_status", "stopped"],
      ["chat_response", "stopped"],
    ]);
    const [end, ...nothing] = await waiting.rest();
    expect(nothing).toEqual([]);
    expect(end).toMatchObject({ event: "chat_status", data: { status: "completed", handled_by: "staff" } });
    expect(await later).toMatchObject({ status: 200, body: { status: "handled_by_staff", reply: null, content: "" } });
    await client.waitForAbort(model);
    const said = (await history(lead, id)).map(({ role, content }) => [role, content]);
    expect(said).toEqual([
      ["user", "one"],
      ["assistant", "half "],
      ["user", "two"],
      ["user", "three"],
    ]);
    expect(await client.requests(model)).toHaveLength(1);
  });
});

describe("while a person has it", () => {
  it("a message is stored once, and answered as one that a person will answer", async () => {
    const { company, lead, id } = await setUp();
    await act(company, id, "take-over");
    const key = { "idempotency-key": "k" };
    const first = await chat(lead, id, "hello?", {}, key);
    const held = { conversation_id: id, status: "handled_by_staff", reply: null, content: "" };
    expect(first).toMatchObject({ status: 200, body: { ...held, role: "assistant", usage: null } });
    expect(first.body.messages).toMatchObject([{ id: first.body.message_id, content: "hello?" }]);
    const again = await chat(lead, id, "hello?", {}, key);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(await chat(lead, id, "other", {}, key)).toMatchObject({ body: { code: "idempotency_mismatch" } });
    expect(await history(lead, id)).toHaveLength(1);
    await act(company, id, "give-back");
    expect((await chat(lead, id, "hello?", {}, key)).body).toEqual(first.body);
    expect((await chat(lead, id, "next")).body.content).toBe("echo: next");
  });

  it("every form of an answer says so and ends", async () => {
    const { company, lead, id } = await setUp();
    await act(company, id, "take-over");
    const events = await (await streamChat(lead, id, "a")).rest();
    expect(events.map(({ event, data }) => [event, data.status])).toEqual([["chat_status", "completed"]]);
    const message = { id: "m1", role: "user", parts: [{ type: "text", text: "b" }] };
    const ui = await call("POST", `/v1/conversation/${id}/chat`, {
      headers: lead.user,
      body: { id, messages: [message], trigger: "submit-message" },
    });
    const chunks = ui.body
      .split("\n\n")
      .filter(Boolean)
      .map((line: string) => line.slice("data: ".length));
    expect(chunks.at(-1)).toBe("[DONE]");
    const handler = { entity_id: company.user_id, name: "Owner" };
    expect(chunks.slice(0, -1).map((chunk: string) => JSON.parse(chunk))).toMatchObject([
      { type: "start" },
      { type: "data-handled-by", data: { handled_by: "staff", handler } },
      { type: "finish" },
    ]);
    const turn = `/v1/conversation/${id}/messages/stream?turn_id=${events[0]?.data.turn_id}`;
    const replay = await call("GET", turn, { headers: lead.user });
    expect(parseEvents(replay.body)).toEqual(events);
  });

  it("an answer is not made anew", async () => {
    const { company, lead, id } = await setUp();
    await chat(lead, id, "a");
    await act(company, id, "take-over");
    const messages = [{ id: "m1", role: "user", parts: [{ type: "text", text: "a" }] }];
    const body = { id, messages, trigger: "regenerate-message" };
    const refused = await call("POST", `/v1/conversation/${id}/chat`, { headers: lead.user, body });
    expect(refused).toMatchObject({ status: 409, body: { code: "conflict" } });
    expect(await history(lead, id)).toHaveLength(2);
  });
});

describe("a person's reply", () => {
  it("takes over, has its author, and reaches whoever follows, exactly once", async () => {
    const { company, lead, id } = await setUp();
    const path = `/v1/conversation/${id}/messages/stream`;
    const follower = streamOf(await send("GET", path, { headers: lead.user }));
    await follower.next();
    const key = { "idempotency-key": "reply" };
    const said = await act(company, id, "reply", { message: "I am Ann." }, key);
    const author = { type: "staff", entity_id: company.user_id, name: "Owner" };
    expect(said).toMatchObject({ status: 201, body: { message: { role: "assistant", content: "I am Ann.", author } } });
    expect((await act(company, id, "reply", { message: "I am Ann." }, key)).body).toEqual(said.body);
    expect((await act(company, id, "reply", { message: "Else" }, key)).body.code).toBe("idempotency_mismatch");
    const heard = await follower.next();
    expect(heard).toMatchObject({ event: "chat_message", data: { message: said.body.message } });
    await chat(lead, id, "Hello Ann");
    expect(await follower.next()).toMatchObject({ event: "chat_status", data: { status: "completed" } });
    await act(company, id, "reply", { message: "Bye" });
    const second = await follower.next();
    await follower.cancel();
    const headers = { ...lead.user, "last-event-id": heard.id };
    const resumed = streamOf(await send("GET", path, { headers }));
    await resumed.next();
    expect((await resumed.next()).event).toBe("chat_status");
    expect(await resumed.next()).toEqual(second);
    await resumed.cancel();
    expect(await conversationOf(lead.user, id)).toMatchObject({ handled_by: "staff", message_count: 3 });
    const path_of = `/v1/message/${said.body.message.id}`;
    expect((await call("GET", path_of, { headers: lead.user })).body.message).toEqual(said.body.message);
    await settle(company, id);
    const row = await env.DB.prepare("SELECT author FROM message WHERE id = ?").bind(said.body.message.id).first();
    expect(JSON.parse(String(row?.["author"]))).toEqual(author);
  });

  it("is not shown any more once it is deleted", async () => {
    const { company, lead, id } = await setUp();
    const { message } = (await act(company, id, "reply", { message: "secret" })).body;
    expect((await call("DELETE", `/v1/message/${message.id}`, { headers: company.user })).status).toBe(200);
    await chat(lead, id, "a");
    const path = `/v1/conversation/${id}/messages/stream?turn_id=${message.turn_id}`;
    const replay = await answerOf(await send("GET", path, { headers: lead.user }));
    expect(replay.body).toBe("");
  });

  it("is part of what the model is shown later", async () => {
    const { company, lead, model, id } = await setUp(complete(["fine"]));
    await act(company, id, "take-over");
    await chat(lead, id, "When?");
    await act(company, id, "reply", { message: "At nine." });
    await act(company, id, "reply", { message: "Or ten." });
    await act(company, id, "give-back");
    await chat(lead, id, "Thanks");
    const [request] = await client.waitForRequest(model);
    const shown = request?.body.messages.map(({ role, content }: Record<string, string>) => [role, content]);
    expect(shown).toEqual([
      ["user", "When?"],
      ["assistant", "At nine.\n\nOr ten."],
      ["user", "Thanks"],
    ]);
  });
});

describe("around a hand-over", () => {
  it("the agent has it back by itself when its time is over", async () => {
    const { company, lead, id } = await setUp();
    expect(await act(company, id, "take-over", { return_after_seconds: 60 })).toMatchObject({ status: 200 });
    const object = env.CONVERSATION.getByName(id);
    await runInDurableObject(object, async (_, { storage }) => {
      expect(Math.abs(Number(await storage.getAlarm()) - Date.now() - 60_000)).toBeLessThan(45_000);
      storage.sql.exec("UPDATE header SET return_at = ?", Date.now() - 1);
    });
    await evictDurableObject(object);
    await runInDurableObject(object, (_, { storage }) => storage.setAlarm(Date.now() + 60_000));
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await conversationOf(lead.user, id)).toMatchObject({ handled_by: "agent", handler: null });
    expect((await chat(lead, id, "hi")).body.content).toBe("echo: hi");
    const { body } = await call("GET", `/v1/conversation/${id}/handling`, { headers: company.user });
    expect(body.handling).toMatchObject([
      { action: "give_back", reason: "return_after", by: null },
      { action: "take_over", reason: null, by: { entity_id: company.user_id, name: "Owner" } },
    ]);
  });

  it("notes are as many as a page can count", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company);
    const left = await call("POST", `/v1/conversation/${id}/note`, { headers: company.user, body: { text: "x" } });
    expect(left.status).toBe(201);
    await runInDurableObject(env.CONVERSATION.getByName(id), (_, { storage }) => {
      storage.sql.exec(
        `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
         INSERT INTO note (id, at, text) SELECT printf('00000000-0000-7000-8000-%012x', i), i, 'another' FROM n`,
      );
    });
    const more = await call("POST", `/v1/conversation/${id}/note`, { headers: company.user, body: { text: "x" } });
    expect(more).toMatchObject({ status: 409, body: { code: "conflict" } });
    const { pagination } = (await call("GET", `/v1/conversation/${id}/notes`, { headers: company.user })).body;
    expect(pagination.total).toBe(1_000);
  });

  it("notes are the staff's alone, newest first, page by page", async () => {
    const { company, lead, model, id } = await setUp(complete(["fine"]));
    for (const text of ["first", "second", "third"]) {
      expect(await act(company, id, "note", { text })).toMatchObject({ status: 201, body: { note: { text } } });
    }
    const path = `/v1/conversation/${id}/notes?per_page=2`;
    const { body } = await call("GET", path, { headers: company.user });
    expect(body.notes.map(({ text }: { text: string }) => text)).toEqual(["third", "second"]);
    const next = await call("GET", `${path}&cursor=${body.pagination.next_cursor}`, { headers: company.user });
    expect(next.body.notes).toMatchObject([{ text: "first", author: { name: "Owner" } }]);
    expect((await call("GET", path, { headers: lead.user })).status).toBe(403);
    expect(
      (await call("POST", `/v1/conversation/${id}/note`, { headers: lead.user, body: { text: "x" } })).status,
    ).toBe(403);
    await chat(lead, id, "Hello");
    expect(JSON.stringify(await client.waitForRequest(model))).not.toContain("second");
    expect(await history(lead, id)).toHaveLength(2);
  });

  it("each side says what it has read", async () => {
    const { company, lead, id } = await setUp();
    await act(company, id, "take-over");
    await chat(lead, id, "one");
    await chat(lead, id, "two");
    expect((await conversationOf(lead.user, id)).unread).toEqual({ lead: 0, staff: 2 });
    const seen = await act(company, id, "read", { sequence: 1 });
    expect(seen).toMatchObject({ status: 200, body: { conversation: { unread: { lead: 0, staff: 1 } } } });
    await act(company, id, "reply", { message: "three" });
    expect((await conversationOf(lead.user, id)).unread).toEqual({ lead: 1, staff: 0 });
    const read = { headers: lead.user, body: { sequence: 99 } };
    expect((await call("POST", `/v1/conversation/${id}/read`, read)).body.conversation.unread.lead).toBe(0);
    await act(company, id, "reply", { message: "four" });
    expect((await conversationOf(lead.user, id)).unread.lead).toBe(1);
    await settle(company, id);
    const list = await call("GET", "/v1/conversation", { headers: company.user });
    expect(list.body.conversations).toMatchObject([{ unread: { lead: 1, staff: 0 } }]);
  });

  it("whoever follows hears who writes, and nothing of it stays", async () => {
    const { company, lead, id } = await setUp();
    const path = `/v1/conversation/${id}/messages/stream`;
    const follower = streamOf(await send("GET", path, { headers: lead.user }));
    await follower.next();
    expect((await act(company, id, "typing")).status).toBe(204);
    const author = { type: "staff", entity_id: company.user_id, name: "Owner" };
    expect(await follower.next()).toMatchObject({ event: "chat_typing", data: { author } });
    expect((await call("POST", `/v1/conversation/${id}/typing`, { headers: lead.user })).status).toBe(204);
    expect((await follower.next()).data.author).toMatchObject({ type: "lead", name: null });
    await follower.cancel();
    expect(await history(lead, id)).toEqual([]);
  });
});
