/** Every list keeps the same promises: pages, cursors, links, and no filter that is silently ignored. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { uuidv7 } from "uuidv7";
import { beforeAll, describe, expect, it } from "vitest";
import { call, type Company, type HeaderMap, makeCompany, makeLead } from "./company.ts";
import { chat, createConversation, settle } from "./conversation-client.ts";

type List = { path: string; name: string; perPage: number; headers: HeaderMap; total: number };

let company: Company;
let lists: List[];

/** A company of whose every list there are at least three rows. */
beforeAll(async () => {
  company = await makeCompany();
  const { user, admin, agent_id, user_id } = company;
  const { id } = await createConversation(company, { title: "The first" });
  for (const message of ["one", "two", "three"]) await chat(company, id, message);
  for (const title of ["a", "b", "c"]) await createConversation(company, { title });
  const gone = await createConversation(company);
  const { body } = await chat(company, gone.id, "to be deleted");
  await chat(company, gone.id, "to be deleted as well");
  await call("DELETE", `/v1/conversation/${gone.id}/messages`, { headers: user });
  expect(body.message_id).toEqual(expect.any(String));
  for (let i = 0; i < 3; i++) {
    const { id: deleted } = await createConversation(company);
    await call("DELETE", `/v1/conversation/${deleted}`, { headers: user });
    await makeLead(company);
    const provider = { kind: "openai-compatible", base_url: "https://models.example.com/v1" };
    await call("PUT", `/v1/model-provider/p${i}`, { headers: admin, body: provider });
  }
  await call("POST", "/v1/agent", { headers: admin, body: { name: "Third", model: "builtin/echo" } });
  const list = (path: string, name: string, total: number, headers = user, perPage = 20) => ({
    ...{ path, name, total, headers, perPage },
  });
  lists = [
    list("/v1/conversation", "conversations", 5),
    list("/v1/conversation/entity", "conversations", 5),
    list(`/v1/conversation/entity/${user_id}`, "conversations", 5),
    list(`/v1/conversation/agent/${agent_id}`, "conversations", 5),
    list("/v1/conversation/deleted", "conversations", 3),
    list(`/v1/conversation/${id}/messages`, "messages", 6, user, 50),
    list("/v1/message/deleted", "messages", 4),
    list("/v1/agent", "agents", 3),
    list("/v1/lead/company", "leads", 3),
    list("/v1/sdk/lead/company", "leads", 3),
    list("/v1/auth/api-keys", "api_keys", 3, admin),
    list("/v1/model-provider", "model_providers", 3, admin),
  ];
});

const get = ({ path, headers }: List, query = "") => call("GET", `${path}?${query}`, { headers });
const relsOf = (headers: Headers): Record<string, string> =>
  Object.fromEntries(
    [...(headers.get("link") ?? "").matchAll(/<([^>]+)>; rel="(\w+)"/g)].map(([, href = "", rel = ""]) => [rel, href]),
  );
const idsOf = (list: List, body: any): string[] => body[list.name].map((row: any) => row.id ?? row.name);

describe("Every list", () => {
  it("says page, size, total and pages, and has one after another, by number and by cursor", async () => {
    for (const list of lists) {
      const whole = await get(list);
      expect(whole.status, list.path).toBe(200);
      const all = idsOf(list, whole.body);
      const { total, perPage: per_page } = list;
      expect(whole.body.pagination, list.path).toEqual({ page: 1, per_page, total, pages: 1, next_cursor: null });
      expect([all.length, new Set(all).size], list.path).toEqual([total, total]);

      const numbered: string[] = [];
      const walked: string[] = [];
      let query = "per_page=2";
      for (let page = 1; page <= Math.ceil(total / 2); page++) {
        const byNumber = await get(list, `per_page=2&page=${page}`);
        numbered.push(...idsOf(list, byNumber.body));
        const byCursor = await get(list, query);
        walked.push(...idsOf(list, byCursor.body));
        const { pagination } = byCursor.body;
        expect(pagination, list.path).toMatchObject({ page, per_page: 2, total, pages: Math.ceil(total / 2) });
        expect(byNumber.body.pagination).toMatchObject({ page, per_page: 2, total, pages: Math.ceil(total / 2) });
        query = `per_page=2&cursor=${pagination.next_cursor}`;
      }
      expect([query.endsWith("null"), numbered, walked], list.path).toEqual([true, all, all]);
    }
  });

  it("links to the next, previous, first and last page, under the prefix and with the filter that was used", async () => {
    for (const list of lists) {
      const first = relsOf((await get(list, "per_page=1&x=y")).headers);
      expect(Object.keys(first).toSorted(), list.path).toEqual(["first", "last", "next"]);
      expect(first["next"]).toBe(`http://api.test${list.path}?per_page=1&x=y&page=2`);
      const follow = async (href = "") => idsOf(list, (await call("GET", href, { headers: list.headers })).body);
      const second = relsOf((await call("GET", first["next"] ?? "", { headers: list.headers })).headers);
      expect(await follow(second["prev"])).toEqual(await follow(second["first"]));
      const last = relsOf((await call("GET", first["last"] ?? "", { headers: list.headers })).headers);
      expect(Object.keys(last).toSorted(), list.path).toEqual(["first", "last", "prev"]);
      const alias = await call("GET", `/api${list.path}?per_page=1`, { headers: list.headers });
      expect(relsOf(alias.headers)["next"]).toContain(`/api${list.path}?`);
    }
  });

  it("is empty past its end, and leads back", async () => {
    for (const list of lists) {
      for (const page of [list.total + 1, 1000, 1_000_000_000]) {
        const answer = await get(list, `per_page=1&page=${page}`);
        expect([answer.status, answer.body[list.name]], list.path).toEqual([200, []]);
        expect(answer.body.pagination).toEqual({
          ...{ page, per_page: 1, total: list.total, pages: list.total, next_cursor: null },
        });
        expect(relsOf(answer.headers)["prev"]).toMatch(new RegExp(`page=${list.total}$`));
        expect(relsOf(answer.headers)["next"]).toBeUndefined();
      }
    }
  });

  it("refuses what is no page, size or cursor", async () => {
    for (const list of lists) {
      for (const wrong of ["0", "-1", "1.5", "1e3", "x", "", "01x", "99999999999999999999", "%00"]) {
        for (const name of ["page", "per_page"]) {
          const answer = await get(list, `${name}=${wrong}`);
          expect(answer, `${list.path} ${name}=${wrong}`).toMatchObject({
            status: 422,
            body: { code: "validation_failed", errors: [{ path: `/${name}` }] },
          });
        }
      }
      expect((await get(list, "per_page=101")).status).toBe(422);
      expect((await get(list, "per_page=100")).status).toBe(200);
      expect((await get(list, "page=1&page=2")).status).toBe(422);
      const { next_cursor } = (await get(list, "per_page=1")).body.pagination;
      expect((await get(list, `page=2&cursor=${next_cursor}`)).status).toBe(422);
      expect((await get(list, `per_page=2&cursor=${next_cursor}`)).status, list.path).toBe(200);
      const edited = `${next_cursor.startsWith("A") ? "B" : "A"}${next_cursor.slice(1)}`;
      for (const wrong of ["", "x", "a".repeat(2000), `${next_cursor}A`, edited, "%00"]) {
        const answer = await get(list, `cursor=${wrong}`);
        expect(answer, list.path).toMatchObject({ status: 400, body: { code: "invalid_cursor" } });
      }
    }
  });

  it("gives no cursor that another list, company or caller could use", async () => {
    const stranger = await makeCompany();
    for (const list of lists) {
      const { next_cursor } = (await get(list, "per_page=1")).body.pagination;
      const others = lists.filter(({ path }) => path !== list.path && path !== list.path.replace("/sdk", ""));
      for (const other of [...others, { ...list, headers: stranger.admin }]) {
        if (other.path.includes(company.user_id) || other.path.includes(company.agent_id)) continue;
        const { status } = await get(other, `cursor=${next_cursor}`);
        expect([400, 404], `${list.path} for ${other.path}`).toContain(status);
      }
    }
  });
});

describe("Filters", () => {
  it.each([
    ["/v1/conversation", "status=deleted", "/status"],
    ["/v1/conversation", "status=", "/status"],
    ["/v1/conversation", "agent_id=nobody", "/agent_id"],
    ["/v1/conversation", "entity_type=admin", "/entity_type"],
    ["/v1/conversation", "search=", "/search"],
    ["/v1/conversation", `search=${"x".repeat(201)}`, "/search"],
    ["/v1/conversation", "created_after=2026-02-30", "/created_after"],
    ["/v1/conversation", "created_before=soon", "/created_before"],
    ["/v1/conversation", "created_after=2020-01-01T00:00:00+02:00", "/created_after"],
    ["/v1/conversation", "metadata=x", "/metadata"],
    ["/v1/conversation", "metadata[]=x", "/metadata"],
    ["/v1/conversation", "metadata[a=x", "/metadata"],
    ["/v1/conversation", Array.from({ length: 11 }, (_, i) => `metadata[k${i}]=x`).join("&"), "/metadata"],
    ["/v1/conversation/entity", "status=none", "/status"],
    ["/v1/lead/company", "agent_id=x", "/agent_id"],
    ["/v1/lead/company", "created_after=1", "/created_after"],
    ["/v1/agent", "status=archived", "/status"],
    ["messages", "order=up", "/order"],
    ["messages", "role=system", "/role"],
    ["messages", "after_sequence=-1", "/after_sequence"],
    ["messages", "before_sequence=1e3", "/before_sequence"],
  ])("of %s refuse %s", async (path, query, pointer) => {
    const list = path === "messages" ? lists.find(({ path: one }) => one.endsWith("/messages")) : { path };
    const answer = await call("GET", `${list?.path}?${query}`, { headers: company.user });
    expect(answer).toMatchObject({ status: 422, body: { code: "validation_failed", errors: [{ path: pointer }] } });
  });

  it("find conversations by every scalar that metadata can hold", async () => {
    const own = await makeCompany();
    const metadata = {
      text: "a b&c=d",
      number: 42,
      float: 1.5,
      yes: true,
      no: false,
      nothing: null,
      "a[b]": "x",
      list: [1],
    };
    const { id } = await createConversation(own, { metadata });
    await createConversation(own, { metadata: { text: "other" } });
    const found = async (pairs: [string, string][]) => {
      const query = pairs.map(([key, value]) => `metadata[${encodeURIComponent(key)}]=${encodeURIComponent(value)}`);
      const answer = await call("GET", `/v1/conversation?${query.join("&")}`, { headers: own.user });
      expect(answer.status).toBe(200);
      return answer.body.conversations.map((row: { id: string }) => row.id);
    };
    const hits = {
      text: "a b&c=d",
      number: "42",
      float: "1.5",
      yes: "true",
      no: "false",
      nothing: "null",
      "a[b]": "x",
    };
    for (const pair of Object.entries(hits)) expect(await found([pair]), pair[0]).toEqual([id]);
    expect(await found(Object.entries(hits))).toEqual([id]);
    for (const pair of Object.entries({ text: "A B&C=D", number: "42.0", yes: "1", missing: "null", list: "[1]" })) {
      expect(await found([pair]), pair[0]).toEqual([]);
    }
    expect(
      await found([
        ["text", "a b&c=d"],
        ["number", "43"],
      ]),
    ).toEqual([]);
  });

  it("narrow the company's conversations by agent, owner, status and time", async () => {
    const own = await makeCompany();
    const visitor = await makeLead(own);
    const mine = await createConversation(own);
    const theirs = await createConversation({ ...own, user: visitor.headers });
    const other = await createConversation({ ...own, agent_id: own.faq_agent_id });
    await call("PATCH", `/v1/conversation/${mine.id}`, { headers: own.user, body: { status: "archived" } });
    const found = async (query: string) => {
      const answer = await call("GET", `/v1/conversation?${query}`, { headers: own.user });
      expect(answer.body.pagination.total).toBe(answer.body.conversations.length);
      return answer.body.conversations.map((row: { id: string }) => row.id).toSorted();
    };
    expect(await found("")).toEqual([mine.id, theirs.id, other.id]);
    expect(await found("status=active")).toEqual([theirs.id, other.id]);
    expect(await found("status=archived")).toEqual([mine.id]);
    expect(await found("entity_type=lead")).toEqual([theirs.id]);
    expect(await found(`agent_id=${own.faq_agent_id}`)).toEqual([other.id]);
    expect(await found(`agent_id=${uuidv7()}`)).toEqual([]);
    expect(await found(`created_after=${encodeURIComponent(mine["created_at"])}&status=active`)).not.toContain(mine.id);
    expect(await found("created_after=2999-01-01")).toEqual([]);
    expect(await found("created_before=2999-01-01T00:00:00.5%2B02:00")).toHaveLength(3);
  });
});

describe("who a conversation is with", () => {
  it("narrows lists, together with everything else, and totals are exact", async () => {
    const own = await makeCompany();
    const visitor = await makeLead(own);
    const users = [await createConversation(own), await createConversation(own)];
    const leads = await Promise.all([1, 2, 3].map(() => createConversation({ ...own, user: visitor.headers })));
    const [staffed, waiting, archived, gone] = [leads[0]?.id, leads[1]?.id, users[1]?.id, leads[2]?.id];
    for (const id of [staffed, archived, gone])
      await call("POST", `/v1/conversation/${id}/take-over`, { headers: own.user, body: {} });
    await call("PATCH", `/v1/conversation/${archived}`, { headers: own.user, body: { status: "archived" } });
    await call("DELETE", `/v1/conversation/${gone}`, { headers: own.user });
    await chat({ user: visitor.headers }, String(waiting), "anybody there?");
    await settle(own, String(waiting));
    await env.DB.prepare("UPDATE conversation SET waiting_since = 1 WHERE id = ?").bind(waiting).run();
    const found = async (query: string) => {
      const answer = await call("GET", `/v1/conversation?${query}`, { headers: own.user });
      expect([query, answer.status, answer.body.pagination?.total]).toEqual([
        ...[query, 200],
        answer.body.conversations?.length,
      ]);
      return answer.body.conversations.map((row: { id: string }) => row.id).toSorted();
    };
    const sorted = (...ids: unknown[]) => ids.map(String).toSorted();
    expect(await found("handled_by=staff")).toEqual(sorted(staffed, archived));
    expect(await found("handled_by=agent")).toEqual(sorted(waiting, users[0]?.id));
    expect(await found("handled_by=staff&status=active")).toEqual(sorted(staffed));
    expect(await found("handled_by=agent&status=archived")).toEqual([]);
    expect(await found("waiting=true")).toEqual(sorted(waiting));
    expect(await found("waiting=false")).toEqual(sorted(staffed, archived, users[0]?.id));
    expect(await found("waiting=false&handled_by=agent")).toEqual(sorted(users[0]?.id));
    expect(await found("waiting=false&handled_by=staff&entity_type=lead")).toEqual(sorted(staffed));
    expect(await found("waiting=true&handled_by=staff")).toEqual([]);
    expect(await found(`waiting=true&agent_id=${own.agent_id}`)).toEqual(sorted(waiting));
    expect(await found(`waiting=true&agent_id=${own.faq_agent_id}`)).toEqual([]);
    expect(await found(`handled_by=agent&agent_id=${own.agent_id}`)).toEqual(sorted(waiting, users[0]?.id));
    expect(await found("handled_by=staff&search=new&created_after=2020-01-01")).toEqual(sorted(staffed, archived));
    const ofAgent = `/v1/conversation/agent/${own.agent_id}?waiting=true`;
    const { body } = await call("GET", ofAgent, { headers: own.user });
    expect(body).toMatchObject({ conversations: [{ id: waiting }], pagination: { total: 1 } });
    expect(await found("unread=true")).toEqual(sorted(waiting));
    expect(await found("unread=true&entity_type=user")).toEqual([]);
    expect(await found("unread=true&handled_by=agent&waiting=true")).toEqual(sorted(waiting));
    expect(await found("unread=true&waiting=false")).toEqual([]);
    expect(await found(`unread=true&agent_id=${own.agent_id}`)).toEqual(sorted(waiting));
    const path = `/v1/conversation/${waiting}`;
    await call("PATCH", path, { headers: own.user, body: { status: "archived" } });
    expect(await found("unread=true&status=active")).toEqual([]);
    expect(await found("unread=true&status=archived")).toEqual(sorted(waiting));
    await call("DELETE", path, { headers: own.user });
    expect(await found("unread=true")).toEqual([]);
    await call("PATCH", `${path}/restore`, { headers: own.user });
    expect(await found("unread=true")).toEqual(sorted(waiting));
    await call("POST", `${path}/read`, { headers: own.user, body: { sequence: 99 } });
    await settle(own, String(waiting));
    expect(await found("unread=true")).toEqual([]);
    for (const [query, path] of [
      ["unread=false", "/unread"],
      ["handled_by=me", "/handled_by"],
      ["waiting=1", "/waiting"],
    ] as const) {
      const answer = await call("GET", `/v1/conversation?${query}`, { headers: own.user });
      expect(answer.body).toMatchObject({ status: 422, errors: [{ path }] });
    }
  });
});

describe("deleted messages", () => {
  it("are those of one conversation where that is asked for, of the company's own alone", async () => {
    const own = await makeCompany();
    const [one, other] = [await createConversation(own), await createConversation(own)];
    const said: string[] = [];
    for (const { id } of [one, one, other]) said.push((await chat(own, id, "gone soon")).body.message_id);
    for (const id of said) await call("DELETE", `/v1/message/${id}`, { headers: own.user });
    const found = async (query: string, headers = own.user) => {
      const { body } = await call("GET", `/v1/message/deleted?${query}`, { headers });
      return [body.messages.map((message: { id: string }) => message.id), body.pagination.total];
    };
    expect(await found(`conversation_id=${one.id}`)).toEqual([[said[1], said[0]], 2]);
    expect(await found(`conversation_id=${other.id}`)).toEqual([[said[2]], 1]);
    expect(await found("")).toEqual([said.toReversed(), 3]);
    expect(await found(`conversation_id=${uuidv7()}`)).toEqual([[], 0]);
    const stranger = await makeCompany();
    expect(await found(`conversation_id=${one.id}`, stranger.user)).toEqual([[], 0]);
    const wrong = await call("GET", "/v1/message/deleted?conversation_id=x", { headers: own.user });
    expect(wrong.body).toMatchObject({ status: 422, errors: [{ path: "/conversation_id" }] });
  });
});

describe("A page of the longest messages", { tags: "slow" }, () => {
  it("is whole, though one call to the conversation's object cannot carry it", async () => {
    const { id } = await createConversation(company);
    for (let i = 0; i < 17; i++) await chat(company, id, `${i}`);
    await settle(company, id);
    const object = env.CONVERSATION.getByName(id);
    await runInDurableObject(object, (_, { storage }) => {
      storage.sql.exec("UPDATE message SET content = ?", "x".repeat(1024 * 1024));
    });
    await evictDurableObject(object);
    const read = (query: string) => call("GET", `/v1/conversation/${id}/messages?${query}`, { headers: company.user });
    const sequencesOf = ({ body }: { body: any }) => body.messages.map(({ sequence }: any) => sequence);
    const whole = await read("per_page=100");
    expect([whole.status, whole.body.pagination]).toMatchObject([200, { total: 34, pages: 1, next_cursor: null }]);
    expect(sequencesOf(whole)).toEqual(Array.from({ length: 34 }, (_, index) => index + 1));
    const second = await read("order=desc&per_page=3&page=2");
    expect(sequencesOf(second)).toEqual([31, 30, 29]);
    const third = await read(`order=desc&per_page=3&cursor=${second.body.pagination.next_cursor}`);
    expect([sequencesOf(third), third.body.pagination.page]).toEqual([[28, 27, 26], 3]);
  });
});

describe("max_context_length", () => {
  it("of a visitor is at most the agent's own, of everybody else at most 4000", async () => {
    const own = await makeCompany();
    const visitor = await makeLead(own);
    const create = (headers: HeaderMap, max_context_length?: number, agent_id = own.agent_id) =>
      call("POST", "/v1/conversation", { headers, body: { agent_id, max_context_length } });
    const change = (headers: HeaderMap, id: string, max_context_length: number) =>
      call("PATCH", `/v1/conversation/${id}`, { headers, body: { max_context_length } });
    const refused = { status: 422, body: { errors: [{ path: "/max_context_length" }] } };

    const own20 = await create(visitor.headers, 20);
    expect([own20.status, own20.body.conversation.max_context_length]).toEqual([201, 20]);
    const { id } = own20.body.conversation;
    expect(await create(visitor.headers, 21)).toMatchObject(refused);
    expect(await change(visitor.headers, id, 4000)).toMatchObject(refused);
    expect((await change(visitor.headers, id, 5)).body.conversation.max_context_length).toBe(5);
    expect((await change(own.user, id, 4000)).body.conversation.max_context_length).toBe(4000);
    for (const wrong of [0, 4001, 1.5, "20", null]) {
      expect(await change(own.user, id, wrong as number)).toMatchObject({ status: 422 });
    }
    expect((await create(own.user)).body.conversation.max_context_length).toBe(20);

    const agent = {
      name: "Long",
      model: "builtin/echo",
      max_context_length: 50,
      allowed_origins: ["https://shop.example"],
    };
    const made = await call("POST", "/v1/agent", { headers: own.admin, body: agent });
    expect(made.body.agent.max_context_length).toBe(50);
    const { id: long } = made.body.agent;
    expect((await create(visitor.headers, 50, long)).status).toBe(201);
    expect(await create(visitor.headers, 51, long)).toMatchObject(refused);
    const lead = await call("POST", "/v1/lead/register", {
      headers: { origin: "https://shop.example" },
      body: { agent_id: long },
    });
    expect(lead.body.conversation.max_context_length).toBe(50);
    const stranger = await makeLead(await makeCompany());
    expect((await change(stranger.headers, id, 4000)).status).toBe(404);
  });
});

describe("Idempotency-Key", () => {
  it("finds the conversation again, whatever has become of its agent", async () => {
    const own = await makeCompany();
    const headers = { ...own.user, "idempotency-key": crypto.randomUUID() };
    const body = { agent_id: own.agent_id, title: "Once" };
    const made = await call("POST", "/v1/conversation", { headers, body });
    await call("DELETE", `/v1/agent/${own.agent_id}`, { headers: own.user });
    const again = await call("POST", "/v1/conversation", { headers, body });
    expect([again.status, again.body.conversation?.id]).toEqual([200, made.body.conversation.id]);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    const other = await call("POST", "/v1/conversation", { headers, body: { ...body, agent_id: uuidv7() } });
    expect(other).toMatchObject({ status: 422, body: { code: "idempotency_mismatch" } });
  });
});
