/** Bookmarks: given out with every answer, honoured where they are ours, and never a reason to fail or to read the past. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import app from "../../src/app.ts";
import { call, type Company, type HeaderMap, makeCompany, send } from "./company.ts";
import { chat, createConversation } from "./conversation-client.ts";

const HEADER = "x-d1-bookmark";

/** Sends a request and tells with what each session of D1 was begun, and how far it had got in the end. */
async function sessionsOf(method: string, path: string, headers: HeaderMap, body?: object) {
  const begun: (string | undefined)[] = [];
  const sessions: D1DatabaseSession[] = [];
  const DB = new Proxy(env.DB, {
    get(target, name) {
      if (name === "withSession") {
        return (from?: string) => {
          begun.push(from);
          const session = target.withSession(from);
          sessions.push(session);
          return session;
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const ctx = createExecutionContext();
  const json = { "content-type": "application/json" };
  const request = new Request(new URL(path, "http://api.test"), {
    ...{ method, headers: { ...(body ? json : {}), ...headers } },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const response = await app.fetch(request, { ...env, DB }, ctx);
  await response.text();
  await waitOnExecutionContext(ctx);
  const ended = sessions.map((session) => session.getBookmark());
  return { begun, ended, status: response.status, bookmark: response.headers.get(HEADER) };
}

const list = (company: Company, headers: HeaderMap = {}) =>
  sessionsOf("GET", "/v1/conversation", { ...company.user, ...headers });

describe("what is given out", () => {
  test("reads and writes at the edge, and turns and edits of an object", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company);
    const body = { agent_id: company.agent_id };
    const turn = await chat(company, id, "hello");
    const answers = [
      await call("POST", "/v1/conversation", { headers: company.user, body }),
      await call("GET", "/v1/conversation", { headers: company.user }),
      await call("GET", `/v1/conversation/${id}/messages`, { headers: company.user }),
      turn,
      await call("PATCH", `/v1/conversation/${id}`, { headers: company.user, body: { title: "new" } }),
      await call("DELETE", `/v1/message/${turn.body.message_id}`, { headers: company.user }),
      await call("DELETE", `/v1/conversation/${id}`, { headers: company.user }),
    ];
    for (const { status, headers } of answers) {
      expect(status).toBeLessThan(300);
      expect(headers.get(HEADER)).toMatch(/^[\w-]{24,}$/);
    }
  });

  test("a stream, which is still to write, has its conversation settled by the next read", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company);
    const headers = { ...company.user, accept: "text/event-stream" };
    const response = await send("POST", `/v1/conversation/${id}/chat`, { headers, body: { message: "hello" } });
    await response.text();
    const bookmark = String(response.headers.get(HEADER));
    const read = await list(company, { [HEADER]: bookmark });
    expect(read).toMatchObject({ begun: [expect.not.stringMatching("first-primary")], status: 200 });
    const { body } = await call("GET", "/v1/conversation", { headers: { ...company.user, [HEADER]: bookmark } });
    expect(body.conversations[0]).toMatchObject({ id, message_count: 2 });
  });

  test("an answer that touched no company's database has none", async () => {
    expect((await call("GET", "/v1/health")).headers.get(HEADER)).toBe(null);
  });
});

describe("what is sent back", () => {
  test("nothing: the primary", async () => {
    expect(await list(await makeCompany())).toMatchObject({ begun: ["first-primary"], status: 200 });
  });

  test("ours: what D1 called it", async () => {
    const company = await makeCompany();
    const { bookmark, ended } = await list(company);
    expect(ended[0]).toMatch(/^[0-9a-f-]{40,}$/);
    const { begun, status } = await list(company, { [HEADER]: String(bookmark) });
    expect(begun).toEqual(ended);
    expect(status).toBe(200);
  });

  test("ours, with a request that writes: the primary", async () => {
    const company = await makeCompany();
    const { bookmark } = await list(company);
    const headers = { ...company.user, [HEADER]: String(bookmark) };
    const { begun } = await sessionsOf("POST", "/v1/conversation", headers, { agent_id: company.agent_id });
    expect(begun).toEqual(["first-primary"]);
  });

  test("edited, foreign or no bookmark at all: the primary, and never an error", async () => {
    const company = await makeCompany();
    const ours = String((await list(company)).bookmark);
    const edited = fc
      .nat(ours.length - 1)
      .map((i) => ours.slice(0, i) + (ours[i] === "A" ? "B" : "A") + ours.slice(i + 1));
    const text = fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)) });
    const foreign = fc.constantFrom(
      "",
      "first-unconstrained",
      "00000001-00000002-00004e2f-0a2c1e0f3b5d7a9c8e6f4d2b0a1c3e5f",
      "ffffffff-ffffffff-ffffffff-ffffffffffffffffffffffffffffffff",
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(edited, text, foreign), async (value) => {
        const { begun, status } = await list(company, { [HEADER]: value });
        expect(status).toBe(200);
        expect(begun).toEqual(["first-primary"]);
      }),
      { numRuns: 60 },
    );
  });
});

test("own writes are read, with and without a bookmark", async () => {
  const company = await makeCompany();
  const { id } = await createConversation(company);
  for (let n = 1; n <= 5; n++) {
    const turn = await chat(company, id, `message ${n}`);
    const known: HeaderMap = { [HEADER]: String(turn.headers.get(HEADER)) };
    for (const headers of [{}, known]) {
      const { body } = await call("GET", `/v1/conversation/${id}/messages`, {
        headers: { ...company.user, ...headers },
      });
      expect(body.messages).toHaveLength(2 * n);
    }
  }
});
