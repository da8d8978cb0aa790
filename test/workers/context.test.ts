/** What the model is really shown, as a real upstream saw it: windows, deletes, failures, budgets, summaries, titles. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { complete, upstream } from "../upstream/client.ts";
import { call, type Company, makeCompany } from "./company.ts";
import { chat, createConversation, history } from "./conversation-client.ts";

const server = upstream(env.TEST_UPSTREAM);
let count = 0;

/** A company whose agent is answered by the upstream, under a model name of its own. */
async function modelled(settings: object = {}) {
  const company = await makeCompany();
  const model = `context-${count++}-${company.company_id}`;
  const provider = { kind: "openai-compatible", base_url: server.baseUrl, api_key: "sk-test" };
  await call("PUT", "/v1/model-provider/local", { headers: company.admin, body: provider });
  const body = { name: "Modelled", instructions: "Be brief.", model: `local/${model}`, ...settings };
  const agent = await call("POST", "/v1/agent", { headers: company.admin, body });
  expect(agent.status).toBe(201);
  return { company, model, agent_id: agent.body.agent.id as string };
}

type Modelled = Awaited<ReturnType<typeof modelled>>;
const converse = ({ company, agent_id }: Modelled, body: object = {}) =>
  createConversation(company, { agent_id, ...body });

/** Role and text of each message of the latest request. */
async function seen({ model }: Modelled): Promise<[string, string][]> {
  const requests = await server.requests(model);
  const messages = (requests.at(-1)?.body as { messages: { role: string; content: any }[] }).messages;
  const text = (content: any) =>
    typeof content === "string" ? content : content.map((part: any) => part.text).join("");
  return messages.map(({ role, content }) => [role, text(content)]);
}

const remove = (company: Company, id: string) => call("DELETE", `/v1/message/${id}`, { headers: company.user });
const restore = (company: Company, id: string) => call("PATCH", `/v1/message/${id}/restore`, { headers: company.user });

describe("the window", () => {
  it("is the instructions, the live messages oldest first, and the new one last", async () => {
    const m = await modelled();
    const { id } = await converse(m);
    await chat(m.company, id, "one");
    await chat(m.company, id, "two");
    expect(await seen(m)).toEqual([
      ["system", "Be brief."],
      ["user", "one"],
      ["assistant", "reply to: one"],
      ["user", "two"],
    ]);
    const [request] = await server.requests(m.model);
    expect(request?.headers["authorization"]).toBe("Bearer sk-test");
  });

  it("holds max_context_length messages: 1, 3, and 4000 with all there are", async () => {
    const m = await modelled();
    for (const [max_context_length, expected] of [
      [1, ["four"]],
      [3, ["three", "reply to: three", "four"]],
      [4000, ["one", "reply to: one", "two", "reply to: two", "three", "reply to: three", "four"]],
    ] as const) {
      const { id } = await converse(m, { max_context_length });
      for (const text of ["one", "two", "three", "four"]) await chat(m.company, id, text);
      expect((await seen(m)).slice(1).map(([, text]) => text)).toEqual(expected);
    }
  });

  it("follows deletes, restores and a changed length at once", async () => {
    const m = await modelled();
    const { id } = await converse(m);
    const first = (await chat(m.company, id, "one")).body;
    await chat(m.company, id, "two");
    await remove(m.company, first.message_id);
    await chat(m.company, id, "three");
    expect((await seen(m)).map(([, text]) => text)).not.toContain("one");
    await restore(m.company, first.message_id);
    await chat(m.company, id, "four");
    expect((await seen(m))[1]).toEqual(["user", "one"]);
    const bulk = await call("DELETE", `/v1/conversation/${id}/messages`, { headers: m.company.user });
    await chat(m.company, id, "five");
    expect(await seen(m)).toEqual([
      ["system", "Be brief."],
      ["user", "five"],
    ]);
    const { deletion_id } = bulk.body;
    const path = `/v1/conversation/${id}`;
    await call("PATCH", `${path}/message/restore-all`, { headers: m.company.user, body: { deletion_id } });
    await call("PATCH", path, { headers: m.company.user, body: { max_context_length: 4 } });
    await chat(m.company, id, "six");
    // A reply whose question no longer fits is left out: providers want the user's message first.
    expect((await seen(m)).slice(1).map(([, text]) => text)).toEqual(["five", "reply to: five", "six"]);
  });

  it("never contains a failed reply, and a failed turn is answered again in place", async () => {
    const m = await modelled();
    const { id } = await converse(m);
    await server.script(
      m.model,
      [{ text: "half an ans" }, { reset: true }],
      complete(["whole answer"]),
      complete(["next"]),
    );
    const failed = await chat(m.company, id, "question");
    expect(failed).toMatchObject({ status: 502, body: { code: "model_error", conversation_id: id } });
    expect(failed.body.turn_id).toBeTruthy();
    expect((await history(m.company, id)).map((x) => [x.sequence, x["status"], x.content])).toEqual([
      [1, "complete", "question"],
      [2, "failed", "half an ans"],
    ]);
    const again = await chat(m.company, id, "question");
    expect(again.body).toMatchObject({
      turn_id: failed.body.turn_id,
      message_id: failed.body.message_id,
      content: "whole answer",
    });
    expect(await seen(m)).toEqual([
      ["system", "Be brief."],
      ["user", "question"],
    ]);
    await chat(m.company, id, "another");
    expect(JSON.stringify(await seen(m))).not.toContain("half an ans");
    expect((await history(m.company, id)).map((x) => [x.sequence, x["status"]])).toEqual([
      [1, "complete"],
      [2, "complete"],
      [3, "complete"],
      [4, "complete"],
    ]);
  });

  it("is cut to the agent's input budget on whole turns, and says so", async () => {
    const m = await modelled({ max_input_tokens: 256 });
    const { id } = await converse(m);
    for (const text of ["first ".repeat(60), "second ".repeat(60), "third"]) await chat(m.company, id, text);
    const texts = (await seen(m)).slice(1).map(([, text]) => text);
    expect(texts.at(-1)).toBe("third");
    expect(texts.length % 2).toBe(1);
    expect(texts.join()).not.toContain("first");
    const { body } = await call("GET", `/v1/conversation/${id}/context`, { headers: m.company.read_only });
    expect(body).toMatchObject({ conversation_id: id, max_input_tokens: 256, summary: null });
    expect(body.left_out.map((l: { reason: string }) => l.reason)).toContain("input_budget");
    expect(body.total_tokens).toBeLessThanOrEqual(256);
    const shown =
      body.messages.length + body.left_out.reduce((n: number, l: { messages: number }) => n + l.messages, 0);
    expect(shown).toBe(6);
  });

  it("names what is left out: what is blank, and what answers a question that is gone", async () => {
    const m = await modelled();
    const { id } = await converse(m);
    await server.script(m.model, complete(["\u00a0"]), complete(["fine"]));
    const one = (await chat(m.company, id, "one")).body;
    const two = (await chat(m.company, id, "two")).body;
    const context = async () =>
      (await call("GET", `/v1/conversation/${id}/context`, { headers: m.company.read_only })).body;
    const range = (reason: string, sequence: number) => ({
      ...{ reason, messages: 1 },
      ...{ first_sequence: sequence, last_sequence: sequence },
    });
    await remove(m.company, two.message_id);
    const first = await context();
    expect(first.messages.map(({ sequence }: { sequence: number }) => sequence)).toEqual([1, 4]);
    expect(first.left_out).toEqual([range("empty", 2), range("deleted", 3)]);
    await remove(m.company, one.message_id);
    const second = await context();
    expect(second).toMatchObject({ messages: [], total_tokens: second.instructions_tokens + second.tools_tokens });
    expect(second.left_out).toEqual([
      range("deleted", 1),
      range("empty", 2),
      range("deleted", 3),
      range("no_question", 4),
    ]);
  });

  it("leaves room for what the tools' declarations take of the budget", async () => {
    const tool = { name: "look", description: "d".repeat(800), url: "https://tools.example.com/look" };
    const totals: number[] = [];
    for (const tools of [[], [tool]]) {
      const m = await modelled({ max_input_tokens: 300, tools });
      const { id } = await converse(m);
      for (const text of ["first ".repeat(60), "second"]) await chat(m.company, id, text);
      const { body } = await call("GET", `/v1/conversation/${id}/context`, { headers: m.company.read_only });
      expect(body.tools_tokens).toBeGreaterThanOrEqual(tools.length * 200);
      const parts = body.messages.map(({ tokens }: { tokens: number }) => tokens) as number[];
      expect(body.total_tokens).toBe([body.instructions_tokens, body.tools_tokens, ...parts].reduce((a, b) => a + b));
      totals.push(body.messages.length);
    }
    expect(totals).toEqual([4, 2]);
  });
});

describe("usage and settings", () => {
  it("is measured when the provider says it, else estimated, and the settings reach the model", async () => {
    const m = await modelled({ temperature: 0.2, max_output_tokens: 77, stop: ["END"] });
    const { id } = await converse(m);
    await server.script(m.model, [
      { text: "hi" },
      { finish: "stop" },
      { usage: { prompt_tokens: 11, completion_tokens: 7 } },
      { done: true },
    ]);
    const measured = (await chat(m.company, id, "one")).body;
    expect(measured.usage).toMatchObject({ input_tokens: 11, output_tokens: 7, source: "measured" });
    await server.script(m.model, [{ text: "hi" }, { finish: "stop" }, { done: true }]);
    const estimated = (await chat(m.company, id, "two")).body;
    expect(estimated.usage).toMatchObject({ source: "estimated" });
    expect(estimated.usage.input_tokens).toBeGreaterThan(0);
    const [request] = await server.requests(m.model);
    expect(request?.body).toMatchObject({ temperature: 0.2, max_tokens: 77, stop: ["END"], stream: true });
    expect(measured.model_used).toBe(`local/${m.model}`);
  });
});

describe("summary", () => {
  it("covers what no longer fits, and is made anew when a summarised message is deleted", async () => {
    const m = await modelled({ summarize: true });
    const { id } = await converse(m, { max_context_length: 2 });
    await server.script(m.model, complete(["noted"]));
    const first = (await chat(m.company, id, "my name is Ada")).body;
    await chat(m.company, id, "two");
    // The turns' own requests and the summary's: the third request asks for the summary.
    const asked = await server.waitForRequest(m.model, 3);
    expect(JSON.stringify(asked[2]?.body)).toContain("Summarise this conversation");
    expect(JSON.stringify(asked[2]?.body)).toContain("my name is Ada");
    const summary = async () =>
      (await call("GET", `/v1/conversation/${id}/context`, { headers: m.company.user })).body.summary;
    await expect.poll(summary).toMatchObject({ upto_sequence: 2 });
    await chat(m.company, id, "three");
    const requests = await server.requests(m.model);
    const turn = requests.find((r) => JSON.stringify(r.body).includes('"three"'));
    expect(JSON.stringify(turn?.body)).toContain("summarised");
    await remove(m.company, first.message_id);
    expect(await summary()).toBeNull();
    const before = (await server.requests(m.model)).length;
    await chat(m.company, id, "four");
    const later = await server.waitForRequest(m.model, before + 2);
    expect(JSON.stringify(later.slice(before).map((r) => r.body))).not.toContain("my name is Ada");
  });
});

describe("a conversation that is deleted", () => {
  it("is summarised no further, whatever of it had been begun", async () => {
    const m = await modelled({ summarize: true });
    const { id } = await converse(m, { max_context_length: 4000 });
    const one = `/v1/conversation/${id}`;
    const gate = `gate-${m.model}`;
    await server.script(m.model, complete(["fine"]));
    // What one call summarises has room for one of them.
    for (const n of [1, 2, 3]) await chat(m.company, id, `${n} ${"x".repeat(31_000)}`);
    await call("PATCH", one, { headers: m.company.user, body: { max_context_length: 2 } });
    await server.script(m.model, complete(["fine"]), [{ gate }, ...complete(["a summary"])]);
    await chat(m.company, id, "four");
    await server.waitAtGate(gate);
    expect((await call("DELETE", one, { headers: m.company.user })).status).toBe(200);
    await server.openGate(gate);
    await server.waitForAnswer(m.model, 5);
    expect((await call("PATCH", `${one}/restore`, { headers: m.company.user })).status).toBe(200);
    await chat(m.company, id, "five");
    const [next] = (await server.requests(m.model)).slice(5);
    expect(next?.body.messages.at(-1)?.content).toBe("five");
  });
});

describe("a reply that is made anew", () => {
  it("and fails is tried again under the same key, once it has succeeded never again", async () => {
    const m = await modelled();
    const { id } = await converse(m);
    await server.script(m.model, complete(["first"]), [{ status: 401 }], complete(["second"]));
    const { reply } = (await chat(m.company, id, "hello")).body;
    const body = { trigger: "regenerate-message", messages: [{ id: reply.id, role: "assistant", parts: [] }] };
    const anew = async () => {
      const headers = { ...m.company.user, "idempotency-key": "anew" };
      return (await call("POST", `/v1/conversation/${id}/chat`, { headers, body })).body as string;
    };
    expect(await anew()).toContain('"type":"error"');
    expect(await anew()).toContain("second");
    expect(await anew()).toContain("second");
    const headers = { "idempotency-key": "anew" };
    expect((await chat(m.company, id, "hello", {}, headers)).body.code).toBe("idempotency_mismatch");
    const reply_path = `/v1/conversation/${id}/reply`;
    const by_hand = { headers: { ...m.company.user, ...headers }, body: { message: "by hand" } };
    expect((await call("POST", reply_path, by_hand)).body.code).toBe("idempotency_mismatch");
    expect(await server.requests(m.model)).toHaveLength(3);
    const texts = (await history(m.company, id)).map(({ content, status }) => [content, status]);
    expect(texts).toEqual([
      ["hello", "complete"],
      ["second", "complete"],
    ]);
    // The former reply can still be looked for by its id; it does not come back beside the new one.
    expect((await restore(m.company, reply.id)).body.code).toBe("conflict");
  });
});

describe("title", () => {
  const titleOf = async (company: Company, id: string) =>
    (await call("GET", `/v1/conversation/${id}`, { headers: company.user })).body.conversation.title;

  it("comes from the first message where none was given, and goes and returns with it", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company);
    const { body } = await chat(company, id, "How do I return a jacket\nthat I bought?");
    expect(await titleOf(company, id)).toBe("How do I return a jacket");
    await remove(company, body.message_id);
    expect(await titleOf(company, id)).toBe("New Conversation");
    await restore(company, body.message_id);
    expect(await titleOf(company, id)).toBe("How do I return a jacket");
    await call("PATCH", `/v1/conversation/${id}`, { headers: company.user, body: { title: "Mine" } });
    await remove(company, body.message_id);
    expect(await titleOf(company, id)).toBe("Mine");
  });

  it("ends with a whole character, and is the default one where nothing would be seen", async () => {
    const company = await makeCompany();
    const titled = async (message: string) => {
      const { id } = await createConversation(company);
      await chat(company, id, message);
      return titleOf(company, id);
    };
    expect(await titled(`x${"🇨🇭".repeat(20)}`)).toBe(`x${"🇨🇭".repeat(14)}…`);
    expect(await titled("\u200b\u200b")).toBe("New Conversation");
    const { id, title } = await createConversation(company, { title: "\u3164" });
    expect(title).toBe("New Conversation");
    const rename = async (to: string) =>
      (await call("PATCH", `/v1/conversation/${id}`, { headers: company.user, body: { title: to } })).body.conversation;
    expect(await rename("Mine")).toMatchObject({ title: "Mine" });
    expect(await rename(" \u2060 ")).toMatchObject({ title: "New Conversation" });
    await chat(company, id, "A first message");
    expect(await titleOf(company, id)).toBe("A first message");
  });

  it("is left alone where one was given, or the agent says so", async () => {
    const company = await makeCompany();
    const named = await createConversation(company, { title: "Named" });
    await chat(company, named.id, "hello");
    expect(await titleOf(company, named.id)).toBe("Named");
    const m = await modelled({ auto_title: false });
    const { id } = await converse(m);
    await chat(m.company, id, "hello");
    expect(await titleOf(m.company, id)).toBe("New Conversation");
  });
});
