/** Conversations and messages over HTTP: create, lists, deletes and restores, isolation, analytics. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { uuidv7 } from "uuidv7";
import { call, type Company, type HeaderMap, makeCompany, makeLead } from "./company.ts";
import { chat, createConversation, history, settle } from "./conversation-client.ts";

const get = (path: string, headers: HeaderMap) => call("GET", path, { headers });

describe("create", () => {
  it("is refused once the agent is paused or deleted, also where another isolate did that a moment ago", async () => {
    const company = await makeCompany();
    const { agent_id, read_write: headers } = company;
    const lead = await makeLead(company);
    const change = (set: string) => env.DB.prepare(`UPDATE agent SET ${set} WHERE id = ?`).bind(agent_id).run();
    const create = async (by: HeaderMap = headers) => {
      const made = await call("POST", "/v1/conversation", { headers: by, body: { agent_id } });
      return [made.status, made.body.code];
    };
    expect(await create()).toEqual([201, undefined]);
    await change("status = 'inactive'");
    expect(await create()).toEqual([409, "agent_inactive"]);
    expect(await create(lead.headers)).toEqual([409, "agent_inactive"]);
    await change("status = 'active'");
    expect([await create(), await create(lead.headers)]).toEqual([
      [201, undefined],
      [201, undefined],
    ]);
    await change("deleted_at = 1");
    expect(await create()).toEqual([404, "not_found"]);
  });

  it("answers 201 with Location and every member", async () => {
    const company = await makeCompany();
    const metadata = { b: [1, { c: null }], a: "ü", __proto__: 1 };
    const raw = `{"agent_id":"${company.agent_id}","metadata":{"b":[1,{"c":null}],"a":"ü","__proto__":{"x":1}}}`;
    const { status, headers, body } = await call("POST", "/v1/conversation", {
      headers: company.read_write,
      body: raw,
    });
    expect(status).toBe(201);
    expect(headers.get("location")).toBe(`http://api.test/v1/conversation/${body.conversation.id}`);
    expect(body.conversation).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      company_id: company.company_id,
      agent_id: company.agent_id,
      entity_type: "user",
      entity_id: company.user_id,
      title: "New Conversation",
      metadata: expect.objectContaining({ a: metadata.a, b: metadata.b }),
      max_context_length: 20,
      status: "active",
      message_count: 0,
      handled_by: "agent",
      handler: null,
      waiting_since: null,
      unread: { lead: 0, staff: 0 },
      last_message_at: null,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updated_at: body.conversation.created_at,
      deleted_at: null,
      deleted_by: null,
      hold: null,
    });
    const read = await get(`/v1/conversation/${body.conversation.id}`, company.read_only);
    expect(read.body).toEqual(body);
    expect(JSON.stringify(read.body)).toContain('"__proto__":{"x":1}');
  });

  it.each([
    ["/agent_id", {}],
    ["/title", { title: "x".repeat(201) }],
    ["/title", { title: "\udc00" }],
    ["/metadata", { metadata: [] }],
    ["/metadata", { metadata: { big: "x".repeat(16 * 1024) } }],
    ["/max_context_length", { max_context_length: 0 }],
    ["/max_context_length", { max_context_length: 4001 }],
    ["/max_context_length", { max_context_length: 1.5 }],
    ["/colour", { colour: "red" }],
  ])("refuses a wrong %s with 422", async (path, body) => {
    const company = await makeCompany();
    const agent = path === "/agent_id" ? {} : { agent_id: company.agent_id };
    const refused = await call("POST", "/v1/conversation", { headers: company.user, body: { ...agent, ...body } });
    expect(refused).toMatchObject({ status: 422, body: { code: "validation_failed", errors: [{ path }] } });
  });

  it("finds no agent that is unknown, malformed or another company's, all with the same body", async () => {
    const [company, other] = [await makeCompany(), await makeCompany()];
    const headers = { ...company.user, "x-request-id": "same" };
    const answers = await Promise.all(
      [other.agent_id, "01a202f2-0000-7000-8000-000000000000", "not-an-id"].map((agent_id) =>
        call("POST", "/v1/conversation", { headers, body: { agent_id } }),
      ),
    );
    for (const answer of answers) expect(answer).toMatchObject({ status: 404, body: answers[0]?.body });
  });

  it("honours Idempotency-Key, also for two requests at once", async () => {
    const company = await makeCompany();
    const create = (title: string) =>
      call("POST", "/v1/conversation", {
        headers: { ...company.user, "idempotency-key": "create-1" },
        body: { agent_id: company.agent_id, title },
      });
    const answers = await Promise.all([create("a"), create("a"), create("a")]);
    expect(answers.map((a) => a.status).toSorted((a, b) => a - b)).toEqual([200, 200, 201]);
    expect(new Set(answers.map((a) => a.body.conversation.id)).size).toBe(1);
    expect(answers.filter((a) => a.headers.get("idempotent-replayed") === "true")).toHaveLength(2);
    expect(await create("b")).toMatchObject({ status: 422, body: { code: "idempotency_mismatch" } });
    const path = `/v1/conversation/${answers[0]?.body.conversation.id}`;
    await call("DELETE", path, { headers: company.user });
    expect((await create("a")).status).toBe(404);
    await call("PATCH", `${path}/restore`, { headers: company.user });
    expect((await create("a")).status).toBe(200);
  });
});

describe("change", () => {
  it("changes title, metadata, context length and status, and nothing that is left out", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company, { title: "Before", metadata: { kept: true } });
    const changed = await call("PATCH", `/v1/conversation/${id}`, {
      headers: company.user,
      body: { title: "After", max_context_length: 5, status: "archived" },
    });
    expect(changed.body.conversation).toMatchObject({ title: "After", metadata: { kept: true }, status: "archived" });
    expect((await get(`/v1/conversation/${id}`, company.user)).body).toEqual(changed.body);
    for (const body of [{ status: "deleted" }, { title: 5 }, { nothing: 1 }]) {
      expect((await call("PATCH", `/v1/conversation/${id}`, { headers: company.user, body })).status).toBe(422);
    }
  });
});

describe("lists", () => {
  async function walk(path: string, headers: HeaderMap, between?: () => Promise<unknown>) {
    const ids: string[] = [];
    let cursor = "";
    for (;;) {
      const { status, body } = await get(`${path}&per_page=3${cursor}`, headers);
      expect(status).toBe(200);
      ids.push(...(body.conversations ?? body.messages).map((row: { id: string }) => row.id));
      if (body.pagination.next_cursor === null) return ids;
      cursor = `&cursor=${body.pagination.next_cursor}`;
      await between?.();
    }
  }

  it("pages by number and by cursor, stable while rows are added", async () => {
    const company = await makeCompany();
    const ids: string[] = [];
    for (let n = 0; n < 10; n++) ids.unshift((await createConversation(company, { title: `n${n}` })).id);
    const first = await get("/v1/conversation?per_page=4", company.user);
    expect(first.body.pagination).toMatchObject({ page: 1, per_page: 4, total: 10, pages: 3 });
    expect(first.headers.get("link")).toContain('rel="next"');
    const third = await get("/v1/conversation?per_page=4&page=3", company.user);
    expect(third.body.conversations.map((c: { id: string }) => c.id)).toEqual(ids.slice(8));
    expect(third.body.pagination.next_cursor).toBeNull();
    const beyond = await get("/v1/conversation?page=99", company.user);
    expect(beyond).toMatchObject({ status: 200, body: { conversations: [], pagination: { total: 10 } } });
    expect(await walk("/v1/conversation?status=all", company.user, () => createConversation(company))).toEqual(ids);
  });

  it("orders by newest activity", async () => {
    const company = await makeCompany();
    const [a, b] = [await createConversation(company), await createConversation(company)];
    await chat(company, a.id, "bump");
    await settle(company, a.id);
    const { body } = await get("/v1/conversation", company.user);
    expect(body.conversations.map((c: { id: string }) => c.id)).toEqual([a.id, b.id]);
  });

  it("filters, and never ignores an invalid value", async () => {
    const company = await makeCompany();
    const lead = await makeLead(company);
    const a = await createConversation(company, { title: "Invoice ÄB", metadata: { order: "A1", n: 5, vip: true } });
    const b = await createConversation(company, { title: "Other", agent_id: company.faq_agent_id });
    const c = await createConversation(company, { title: "Visitor" }, lead.headers);
    await call("PATCH", `/v1/conversation/${b.id}`, { headers: company.user, body: { status: "archived" } });
    const found = async (query: string) => {
      const { status, body } = await get(`/v1/conversation?${query}`, company.user);
      expect(status).toBe(200);
      expect(body.pagination.total).toBe(body.conversations.length);
      return body.conversations.map((row: { id: string }) => row.id).toSorted();
    };
    expect(await found("")).toEqual([a.id, b.id, c.id]);
    expect(await found("status=active")).toEqual([a.id, c.id]);
    expect(await found("status=archived")).toEqual([b.id]);
    expect(await found(`agent_id=${company.faq_agent_id}`)).toEqual([b.id]);
    expect(await found("entity_type=lead")).toEqual([c.id]);
    expect(await found("search=invoice")).toEqual([a.id]);
    expect(await found("search=%25")).toEqual([]);
    expect(await found("metadata[order]=A1&metadata[n]=5&metadata[vip]=true")).toEqual([a.id]);
    expect(await found("metadata[order]=A2")).toEqual([]);
    expect(await found("created_after=2099-01-01")).toEqual([]);
    expect(await found("created_before=2099-01-01T00:00:00%2B02:00")).toHaveLength(3);
    const wrong = [
      "status=deleted",
      "entity_type=robot",
      "created_after=yesterday",
      "page=0",
      "page=x",
      "per_page=101",
    ];
    wrong.push(
      "per_page=0",
      "per_page=5&per_page=6",
      "metadata=5",
      "metadata[a=x",
      "metadata[]=x",
      "search=",
      "page=1.5",
    );
    for (const query of wrong) expect((await get(`/v1/conversation?${query}`, company.user)).status).toBe(422);
  });

  it("refuses a cursor that was edited, or is another caller's, list's or filter's", async () => {
    const company = await makeCompany();
    const other = await makeCompany();
    for (let n = 0; n < 3; n++) await createConversation(company);
    const { next_cursor } = (await get("/v1/conversation?per_page=1", company.user)).body.pagination;
    const edited = next_cursor.slice(0, -2) + (next_cursor.endsWith("A") ? "BB" : "AA");
    const attempts: [string, HeaderMap][] = [
      [`/v1/conversation?cursor=${edited}`, company.user],
      [`/v1/conversation?cursor=${next_cursor}`, other.user],
      [`/v1/conversation/entity?cursor=${next_cursor}`, company.user],
      [`/v1/conversation?status=active&cursor=${next_cursor}`, company.user],
      ["/v1/conversation?cursor=%00", company.user],
    ];
    for (const [path, headers] of attempts) {
      expect(await get(path, headers)).toMatchObject({ status: 400, body: { code: "invalid_cursor" } });
    }
    expect((await get(`/v1/conversation?cursor=${next_cursor}&per_page=2`, company.user)).status).toBe(200);
  });

  it("keeps a visitor to its own", async () => {
    const company = await makeCompany();
    const [lead, stranger] = [await makeLead(company), await makeLead(company)];
    const mine = await createConversation(company, {}, lead.headers);
    await createConversation(company, {}, stranger.headers);
    const own = await get("/v1/conversation/entity", lead.headers);
    expect(own.body).toMatchObject({ conversations: [{ id: mine.id }], pagination: { total: 1 } });
    for (const path of ["/v1/conversation", "/v1/conversation/deleted", "/v1/message/deleted"]) {
      expect((await get(path, lead.headers)).status).toBe(403);
    }
    const byId = `/v1/conversation/entity/${lead.lead_id}?entity_type=lead`;
    expect((await get(byId, company.user)).body.conversations).toHaveLength(1);
    expect((await get(byId, lead.headers)).body.conversations).toHaveLength(1);
    expect((await get(byId, stranger.headers)).status).toBe(404);
    const ownId = `/v1/conversation/entity/${lead.lead_id}`;
    expect((await get(ownId, lead.headers)).body.conversations).toHaveLength(1);
    expect((await get(ownId, company.user)).body.conversations).toHaveLength(1);
    const unknown = [
      uuidv7(),
      "nonsense",
      company.agent_id,
      `${lead.lead_id}?entity_type=user`,
      `${mine.id}?entity_type=lead`,
    ];
    for (const entity of unknown) {
      expect((await get(`/v1/conversation/entity/${entity}`, company.user)).status).toBe(404);
    }
  });

  it("pages through messages with order, role and sequence bounds", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company);
    for (let n = 1; n <= 4; n++) await chat(company, id, `m${n}`);
    const sequences = async (query: string) => {
      const { status, body } = await get(`/v1/conversation/${id}/messages?${query}`, company.user);
      expect(status).toBe(200);
      expect(body.conversation_id).toBe(id);
      return body.messages.map((m: { sequence: number }) => m.sequence);
    };
    expect(await sequences("order=desc&per_page=3")).toEqual([8, 7, 6]);
    expect(await sequences("role=user")).toEqual([1, 3, 5, 7]);
    expect(await sequences("after_sequence=2&before_sequence=6")).toEqual([3, 4, 5]);
    expect(
      await walk(`/v1/conversation/${id}/messages?order=desc`, company.user, () => chat(company, id, "more")),
    ).toHaveLength(8);
    for (const query of ["order=up", "role=system", "after_sequence=-1", "after_sequence=x"]) {
      expect((await get(`/v1/conversation/${id}/messages?${query}`, company.user)).status).toBe(422);
    }
  });
});

describe("delete and restore", () => {
  it("hides a deleted conversation everywhere and brings back exactly what was there", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company, { title: "Kept" });
    await chat(company, id, "one");
    const { body: second } = await chat(company, id, "two");
    await call("DELETE", `/v1/message/${second.message_id}`, { headers: company.user });
    const before = {
      row: (await get(`/v1/conversation/${id}`, company.user)).body,
      messages: await history(company, id),
    };
    const deleted = await call("DELETE", `/v1/conversation/${id}`, { headers: company.user });
    expect(deleted).toMatchObject({
      status: 200,
      body: { conversation: { id, status: "deleted", deleted_by: company.user_id } },
    });
    expect((await call("DELETE", `/v1/conversation/${id}`, { headers: company.user })).body).toEqual(deleted.body);
    const headers = { ...company.user, "x-request-id": "same" };
    const unknown = await call("GET", "/v1/conversation/01a202f2-0000-7000-8000-000000000000", { headers });
    const gone: [string, string, object?][] = [
      ["GET", `/v1/conversation/${id}`],
      ["PATCH", `/v1/conversation/${id}`, { title: "x" }],
      ["GET", `/v1/conversation/${id}/messages`],
      ["GET", `/v1/conversation/${id}/messages/stream`],
      ["POST", `/v1/conversation/${id}/chat`, { message: "x" }],
      ["POST", `/v1/conversation/${id}/chat/stop`, {}],
      ["DELETE", `/v1/conversation/${id}/messages`],
      ["PATCH", `/v1/conversation/${id}/message/restore-all`],
      ["GET", `/v1/message/${second.reply.id}`],
      ["DELETE", `/v1/message/${second.reply.id}`],
      ["PATCH", `/v1/message/${second.reply.id}/restore`],
      ["GET", `/v1/analytic/conversation/${id}`],
    ];
    for (const [method, path, body] of gone) {
      const answer = await call(method, path, { headers, ...(body ? { body } : {}) });
      expect(answer, `${method} ${path}`).toMatchObject({ status: 404, body: unknown.body });
    }
    expect((await get("/v1/conversation", company.user)).body.conversations).toEqual([]);
    const trash = (await get("/v1/conversation/deleted", company.user)).body;
    expect(trash).toMatchObject({ conversations: [{ id }], pagination: { total: 1 } });
    const restored = await call("PATCH", `/v1/conversation/${id}/restore`, { headers: company.user });
    expect(restored.body.conversation).toEqual({
      ...before.row.conversation,
      updated_at: restored.body.conversation.updated_at,
    });
    expect((await call("PATCH", `/v1/conversation/${id}/restore`, { headers: company.user })).body).toEqual(
      restored.body,
    );
    expect(await history(company, id)).toEqual(before.messages);
  });

  it("deletes and restores one message without changing it", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company);
    const { body } = await chat(company, id, "secret words");
    const before = await history(company, id);
    const deleted = await call("DELETE", `/v1/message/${body.message_id}`, { headers: company.user });
    expect(deleted.body.message).toMatchObject({ id: body.message_id, deleted_by: company.user_id });
    expect((await call("DELETE", `/v1/message/${body.message_id}`, { headers: company.user })).body).toEqual(
      deleted.body,
    );
    expect(JSON.stringify(await history(company, id))).not.toContain('"secret words"');
    expect((await get(`/v1/message/${body.message_id}`, company.user)).status).toBe(404);
    expect((await get(`/v1/conversation/${id}`, company.user)).body.conversation.message_count).toBe(1);
    const trash = (await get("/v1/message/deleted", company.user)).body;
    expect(trash).toMatchObject({ messages: [{ id: body.message_id, sequence: 1 }], pagination: { total: 1 } });
    const restored = await call("PATCH", `/v1/message/${body.message_id}/restore`, { headers: company.user });
    expect(restored.body.message).toEqual(before[0]);
    expect(await history(company, id)).toEqual(before);
    expect((await get("/v1/message/deleted", company.user)).body.pagination.total).toBe(0);
  });

  it("deletes all messages and restores by deletion or all of them", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company);
    const { body } = await chat(company, id, "one");
    await chat(company, id, "two");
    await call("DELETE", `/v1/message/${body.message_id}`, { headers: company.user });
    const bulk = await call("DELETE", `/v1/conversation/${id}/messages`, { headers: company.user });
    expect(bulk).toMatchObject({ status: 200, body: { deleted: 3 } });
    const { deletion_id } = bulk.body;
    const again = await call("DELETE", `/v1/conversation/${id}/messages`, { headers: company.user });
    expect(again.body).toEqual({ deleted: 0, deletion_id });
    expect(await history(company, id)).toEqual([]);
    const restore = (body?: object) =>
      call("PATCH", `/v1/conversation/${id}/message/restore-all`, { headers: company.user, ...(body ? { body } : {}) });
    expect((await restore({ deletion_id: "unknown" })).body).toEqual({ restored: 0 });
    expect((await restore({ deletion_id })).body).toEqual({ restored: 3 });
    expect((await history(company, id)).map((m) => m.sequence)).toEqual([2, 3, 4]);
    expect((await restore()).body).toEqual({ restored: 1 });
    expect((await history(company, id)).map((m) => m.sequence)).toEqual([1, 2, 3, 4]);
    expect((await restore()).body).toEqual({ restored: 0 });
  });

  it("keeps deleted text out of replays and of a repeated answer", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company);
    const key = { "idempotency-key": "k" };
    const { body } = await chat(company, id, "very secret", {}, key);
    await call("DELETE", `/v1/message/${body.reply.id}`, { headers: company.user });
    await call("DELETE", `/v1/message/${body.message_id}`, { headers: company.user });
    const replay = await get(`/v1/conversation/${id}/messages/stream?turn_id=${body.turn_id}`, company.user);
    expect(replay.body).toContain("chat_response");
    expect(replay.body).not.toContain("secret");
    const repeated = await chat(company, id, "very secret", {}, key);
    expect(repeated).toMatchObject({ status: 409, body: { code: "message_deleted" } });
    expect(JSON.stringify(repeated.body)).not.toContain("secret");
  });

  it("writes one audit row per change, without content", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company, { title: "Top secret" });
    const { body } = await chat(company, id, "very secret");
    const request_id = uuidv7();
    const headers = { ...company.read_write, "x-request-id": request_id };
    for (const _ of [1, 2]) await call("DELETE", `/v1/message/${body.message_id}`, { headers });
    for (const _ of [1, 2]) await call("PATCH", `/v1/message/${body.message_id}/restore`, { headers });
    for (const _ of [1, 2]) await call("DELETE", `/v1/conversation/${id}/messages`, { headers });
    for (const _ of [1, 2]) await call("PATCH", `/v1/conversation/${id}/message/restore-all`, { headers });
    for (const _ of [1, 2]) await call("DELETE", `/v1/conversation/${id}`, { headers });
    for (const _ of [1, 2]) await call("PATCH", `/v1/conversation/${id}/restore`, { headers });
    const { results } = await env.DB.prepare("SELECT * FROM audit_event WHERE company_id = ? ORDER BY id")
      .bind(company.company_id)
      .all();
    expect(results.map((row) => row["action"])).toEqual([
      "message.delete",
      "message.restore",
      "message.delete_all",
      "message.restore_all",
      "conversation.delete",
      "conversation.restore",
    ]);
    for (const row of results) {
      expect(row).toMatchObject({ actor_type: "user", actor_id: company.user_id, request_id });
      expect(row["api_key_id"]).toBe(company.key_ids.read_write);
    }
    expect(JSON.stringify(results)).not.toContain("secret");
    const tamper = env.DB.prepare("DELETE FROM audit_event WHERE company_id = ?").bind(company.company_id).run();
    await expect(tamper).rejects.toThrow(/append-only/);
  });
});

describe("isolation", () => {
  const routes = (conversation: string, message: string): [string, string, object?][] => [
    ["GET", `/v1/conversation/${conversation}`],
    ["PATCH", `/v1/conversation/${conversation}`, { title: "mine now" }],
    ["DELETE", `/v1/conversation/${conversation}`],
    ["PATCH", `/v1/conversation/${conversation}/restore`],
    ["GET", `/v1/conversation/${conversation}/messages`],
    ["GET", `/v1/conversation/${conversation}/messages/stream`],
    ["POST", `/v1/conversation/${conversation}/chat`, { message: "hello" }],
    ["POST", `/v1/conversation/${conversation}/chat/stop`, {}],
    ["DELETE", `/v1/conversation/${conversation}/messages`],
    ["PATCH", `/v1/conversation/${conversation}/message/restore-all`, {}],
    ["GET", `/v1/message/${message}`],
    ["DELETE", `/v1/message/${message}`],
    ["PATCH", `/v1/message/${message}/restore`],
    ["GET", `/v1/analytic/conversation/${conversation}`],
  ];
  const unknownId = "01a202f2-0000-7000-8000-000000000000";

  async function expectSame404(owner: Company, ownerHeaders: HeaderMap, strangerHeaders: HeaderMap) {
    const { id } = await createConversation(owner, {}, ownerHeaders);
    const first = await call("POST", `/v1/conversation/${id}/chat`, {
      headers: ownerHeaders,
      body: { message: "private" },
    });
    const message = first.body.message_id;
    const headers = { ...strangerHeaders, "x-request-id": "same" };
    const malformed = ["x", "1", `${id}0`, id.toUpperCase(), "%00", "..%2f"];
    const ids: [string, string][] = [
      [id, message],
      [unknownId, unknownId],
      ...malformed.map((m): [string, string] => [m, m]),
    ];
    const bodies = new Set<string>();
    const expectedHeaders = [...(await call("GET", "/v1/message/x", { headers })).headers];
    for (const [conversation, messageId] of ids) {
      for (const [method, path, body] of routes(conversation, messageId)) {
        const answer = await call(method, path, { headers, ...(body ? { body } : {}) });
        expect(answer.status, `${method} ${path}`).toBe(404);
        bodies.add(JSON.stringify(answer.body));
        expect([...answer.headers], `${method} ${path}`).toEqual(expectedHeaders);
      }
    }
    expect(bodies.size).toBe(1);
    expect(await history({ user: ownerHeaders }, id)).toEqual(first.body.messages);
  }

  it("answers another company with one and the same 404, and changes nothing", async () => {
    const [owner, stranger] = [await makeCompany(), await makeCompany()];
    await expectSame404(owner, owner.user, stranger.admin_user);
  });

  it("answers another visitor, and a visitor about a user's, with the same 404", async () => {
    const owner = await makeCompany();
    const [lead, stranger] = [await makeLead(owner), await makeLead(owner)];
    await expectSame404(owner, lead.headers, stranger.headers);
    await expectSame404(owner, owner.user, stranger.headers);
  });
});

describe("analytics", () => {
  it("counts what happened", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company);
    const empty = (await get(`/v1/analytic/conversation/${id}`, company.user)).body;
    expect(empty).toMatchObject({ turn_count: 0, usage: null, first_response_time_ms: null, timeline: [] });
    await chat(company, id, "one");
    const { body } = await chat(company, id, "two");
    await call("DELETE", `/v1/message/${body.reply.id}`, { headers: company.user });
    const figures = (await get(`/v1/analytic/conversation/${id}`, company.user)).body;
    expect(figures).toMatchObject({
      conversation_id: id,
      status: "active",
      message_count: 3,
      messages_by_role: { user: 2, assistant: 1 },
      turn_count: 2,
      failed_turns: 0,
      stopped_turns: 0,
      deleted_message_count: 1,
      usage: { source: "estimated" },
    });
    expect(figures.timeline.map((t: { sequence: number }) => t.sequence)).toEqual([1, 3]);
    expect(figures.first_message_at).toBe(body.messages[0].created_at);
    expect(JSON.stringify(figures)).not.toMatch(/sentiment|echo/);
  });
});
