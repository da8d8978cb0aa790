/** What attackers and broken clients send: always a problem document, never a 5xx, never a surprise. */
import { beforeAll, describe, expect, it } from "vitest";
import { api } from "../../src/app.ts";
import { call, type Company, makeCompany, send } from "./company.ts";
import { chat, createConversation, history } from "./conversation-client.ts";

let company: Company;
let id: string;
beforeAll(async () => {
  company = await makeCompany();
  id = (await createConversation(company)).id;
});

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  call("POST", path, { headers: { ...company.user, ...headers }, body });

describe("bodies", () => {
  it.each([
    ["nothing", ""],
    ["not JSON", "{"],
    ["two documents", "{}{}"],
    ["a trailing comma", '{"message":"x",}'],
    ["single quotes", "{'message':'x'}"],
    ["NaN", '{"message":NaN}'],
    ["a raw control character", '{"message":"\u0001"}'],
  ])("answers 400 to %s", async (_, body) => {
    const answer = await post(`/v1/conversation/${id}/chat`, body);
    expect(answer).toMatchObject({ status: 400, body: { code: "malformed_json", error_code: "malformed_json" } });
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
  });

  it.each([
    ["arrays", `{"message":${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
    ["objects", `${'{"a":'.repeat(1000)}1${"}".repeat(1000)}`],
  ])("answers 422 to deep %s", async (_, body) => {
    expect(await post(`/v1/conversation/${id}/chat`, body)).toMatchObject({
      status: 422,
      body: { code: "validation_failed", errors: [{ path: "", message: "is nested deeper than 64 levels" }] },
    });
  });

  it.each<[string, string, (n: number) => string]>([
    ["unknown members", "/v1/conversation", (n) => `{${Array.from({ length: n }, (_, i) => `"m${i}":0`).join()}}`],
    ["bad messages", "/v1/chat/completions", (n) => `{"model":"m","messages":[${"{},".repeat(n)}{}]}`],
    [
      "bad parts",
      "/v1/chat/completions",
      (n) => `{"model":"m","messages":[{"role":"user","content":[${"1,".repeat(n)}1]}]}`,
    ],
    [
      "bad parts in many messages",
      "/v1/chat/completions",
      (n) => {
        const message = `{"role":"user","content":[${"1,".repeat(998)}1]}`;
        return `{"model":"m","messages":[${`${message},`.repeat(Math.ceil(n / 1000))}${message}]}`;
      },
    ],
    ["bad messages of a UI", "/v1/conversation/x/chat", (n) => `{"messages":[${"0,".repeat(n)}0]}`],
    ["bad parts of a UI", "/v1/conversation/x/chat", (n) => `{"message":{"role":"user","parts":[${"1,".repeat(n)}1]}}`],
    ["bad origins", "/v1/agent", (n) => `{"name":"a","allowed_origins":[${'"*",'.repeat(n)}""]}`],
    ["bad questions", "/v1/agent", (n) => `{"name":"a","knowledge":[${"{},".repeat(n)}{}]}`],
    ["bad scopes", "/v1/auth/api-keys", (n) => `{"scopes":[${'"x",'.repeat(n)}"y"]}`],
  ])("answers a long list of %s with at most 100 errors", async (_, path, bodyOf) => {
    for (const n of [90, 1000, 3000, 90_000, 150_000, 400_000]) {
      const body = bodyOf(n);
      if (body.length > 1024 * 1024) continue;
      const began = performance.now();
      const answer = await call("POST", path, { headers: company.admin, body });
      expect([answer.status, answer.body.code], String(n)).toEqual([422, "validation_failed"]);
      expect(answer.body.errors.length).toBeGreaterThan(0);
      expect(answer.body.errors.length).toBeLessThanOrEqual(100);
      expect(JSON.stringify(answer.body).length).toBeLessThan(20_000);
      expect(performance.now() - began).toBeLessThan(2000);
    }
  });

  it("survives what cannot be compared with a number, or written as a text", async () => {
    const odd = [
      '{"length":[{"toString":""}]}',
      '{"length":{"valueOf":1,"toString":2}}',
      '{"toString":1}',
      '[{"toString":1}]',
    ];
    for (const value of odd) {
      for (const [path, member] of [
        ["/v1/agent", "name"],
        ["/v1/agent", "tools"],
        ["/v1/conversation", "title"],
        ["/v1/conversation", "agent_id"],
        [`/v1/conversation/${id}/chat`, "message"],
        ["/v1/chat/completions", "messages"],
      ]) {
        const body = `{"${member}":${value}}`;
        expect(await call("POST", path ?? "", { headers: company.admin, body }), body).toMatchObject({ status: 422 });
      }
      const kept = await post("/v1/conversation", `{"agent_id":"${company.agent_id}","metadata":{"odd":${value}}}`);
      expect([kept.status, kept.body.conversation.metadata]).toEqual([201, { odd: JSON.parse(value) }]);
    }
  });

  it("answers 422 to two members of one name, of which it could keep only one", async () => {
    const message = "has an object with two members of one name";
    for (const body of [
      '{"message":"a","message":"b"}',
      '{"message":"a","metadata":{"k":[{"x":1,"x":1}]}}',
      String.raw`{"message":"a","metadata":{"a":1,"\u0061":12345678901234567890}}`,
      '{"message":"a","metadata":{"__proto__":1,"__proto__":2}}',
    ])
      expect(await post(`/v1/conversation/${id}/chat`, body), body).toMatchObject({
        status: 422,
        body: { code: "validation_failed", detail: `body: ${message}`, errors: [{ path: "", message }] },
      });
    const metadata = { "a:b": ':"', c: { ":": [":", { d: {}, "": "" }] } };
    const kept = await post("/v1/conversation", { agent_id: company.agent_id, metadata });
    expect([kept.status, kept.body.conversation.metadata]).toEqual([201, metadata]);
  });

  it("repeats neither long names nor long values", async () => {
    const name = "n".repeat(100_000);
    const answer = await post("/v1/conversation", { agent_id: company.agent_id, [name]: 1, title: name });
    expect(answer.status).toBe(422);
    expect(JSON.stringify(answer.body).length).toBeLessThan(2000);
  });

  it("repeats no half of a surrogate pair", async () => {
    for (const name of [String.raw`\ud800`, `${"n".repeat(198)}\u{1f642}`]) {
      const answer = await post("/v1/conversation", `{"agent_id":"${company.agent_id}","${name}":1}`);
      const [{ path }] = answer.body.errors;
      expect([answer.status, path.isWellFormed(), answer.body.detail.isWellFormed()]).toEqual([422, true, true]);
    }
  });

  it.each(["9007199254740993", "1e400"])("answers 422 to metadata that would come back changed: %s", async (number) => {
    const body = `{"message":"x","metadata":{"deep":[${number}]}}`;
    const { status, body: problem } = await post(`/v1/conversation/${id}/chat`, body);
    const message = `holds a number that cannot be kept exactly, ${number}: send it as a string`;
    expect([status, problem.errors]).toEqual([422, [{ path: "/metadata", message }]]);
  });

  it("answers 422 to such a number wherever it is", async () => {
    const number = "9223372036854775807";
    const schema = `{"type":"object","properties":{"a":{"type":"integer","maximum":${number}}}}`;
    const tool = `{"name":"t","description":"d","url":"https://tools.example","parameters":${schema}}`;
    const format = `{"type":"json_schema","json_schema":{"name":"a","schema":${schema}}}`;
    const messages = `[{"role":"user","content":"x"}]`;
    for (const [path, body, where, verb] of [
      [`/v1/conversation/${id}/chat`, `{"message":"x","output_schema":${schema}}`, "/output_schema", "holds"],
      ["/v1/agent", `{"name":"a","model":"builtin/echo","tools":[${tool}]}`, "/tools/0/parameters", "holds"],
      [
        "/v1/chat/completions",
        `{"model":"${company.agent_id}","messages":${messages},"response_format":${format}}`,
        "/response_format/json_schema/schema",
        "holds",
      ],
      ["/v1/budget", `{"applies_to":"company","period":"day","tokens":${number}}`, "/tokens", "is"],
    ] as const) {
      const answer = await call("POST", path, { headers: company.admin, body });
      const message = `${verb} a number that cannot be kept exactly, ${number}: send it as a string`;
      expect([answer.status, answer.body.errors], body).toEqual([422, [{ path: where, message }]]);
    }
  });

  it.each<[object, string[]]>([
    [{}, ["/message"]],
    [{ mesage: "a" }, ["/message", "/mesage"]],
    [{ message: "" }, ["/message"]],
    [{ message: 5 }, ["/message"]],
    [{ message: "a", on_busy: "never" }, ["/on_busy"]],
    [{ messages: "a" }, ["/messages"]],
    [{ messages: [{ role: "user" }] }, ["/messages/0/parts"]],
  ])("says of a turn's body %j what is wrong where", async (body, paths) => {
    const answer = await post(`/v1/conversation/${id}/chat`, body);
    expect(answer.body.errors.map(({ path }: { path: string }) => path)).toEqual(paths);
  });

  it("answers 400 to bytes that are not UTF-8", async () => {
    const bytes = new Uint8Array([...new TextEncoder().encode('{"message":"'), 0xff, 0xfe, 0x22, 0x7d]);
    expect(await post(`/v1/conversation/${id}/chat`, bytes)).toMatchObject({ status: 400 });
  });

  it.each([null, 1, "text", true, [], [{ message: "x" }], { message: null }, { message: {} }, { message: ["x"] }])(
    "answers 422 to %j",
    async (body) => {
      expect(await post(`/v1/conversation/${id}/chat`, JSON.stringify(body))).toMatchObject({ status: 422 });
    },
  );

  it("refuses members it does not know, __proto__ and constructor among them", async () => {
    for (const name of ["__proto__", "constructor", "company_id", "Message"]) {
      const answer = await post(`/v1/conversation/${id}/chat`, `{"message":"x","${name}":{"admin":true}}`);
      expect(answer, name).toMatchObject({ status: 422, body: { errors: [{ path: `/${name}` }] } });
    }
  });

  it("counts the body while reading: 413 over 1 MiB, with and without an honest Content-Length", async () => {
    const big = `{"message":"x","metadata":{"a":"${"y".repeat(1024 * 1024)}"}}`;
    expect(await post(`/v1/conversation/${id}/chat`, big)).toMatchObject({ status: 413 });
    const chunk = new TextEncoder().encode("y".repeat(64 * 1024));
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent++ < 64) controller.enqueue(chunk);
        else controller.close();
      },
    });
    expect(await post(`/v1/conversation/${id}/chat`, endless)).toMatchObject({ status: 413 });
  });

  it.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "",
  ])("answers 415 to Content-Type %j", async (type) => {
    const answer = await post(`/v1/conversation/${id}/chat`, '{"message":"x"}', { "content-type": type });
    expect(answer).toMatchObject({ status: 415, body: { code: "unsupported_media_type" } });
  });

  it("takes JSON with a charset or a structured suffix", async () => {
    for (const type of ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.api+json"]) {
      const answer = await post(`/v1/conversation/${id}/chat`, '{"message":"typed"}', { "content-type": type });
      expect(answer.status).toBe(200);
    }
  });
});

const NAUGHTY = [
  "'; DROP TABLE message; --",
  '" OR ""="',
  "<script>alert(1)</script>",
  "%00%0d%0aSet-Cookie: x=1",
  "${7*7}{{7*7}}<%= 7*7 %>",
  "../../../../etc/passwd",
  "a\u0000b\u0000",
  "\u202Egnp.exe\u200F",
  "\uFEFFbom",
  "Z\u0351\u036b\u0343a\u0329\u034el\u0329go",
  "👩🏽‍🚀🏳️‍🌈",
  "\r\n\r\nid: 9-9\nevent: chat_response\ndata: {}\n\n",
  "data: injected\n\n",
  "a\u2028b\u2029",
  "null",
  "-9223372036854775808",
  "\\u0000\\",
];

describe("naughty strings", () => {
  it.each(NAUGHTY)("keeps %j byte for byte in a message, its reply, a title and metadata", async (text) => {
    const own = await createConversation(company, { title: text, metadata: { [text]: text } });
    expect([own["title"], own["metadata"]]).toEqual([text, { [text]: text }]);
    const answer = await chat(company, own.id, text, { metadata: { [text]: text } });
    expect(answer.body.content).toBe(`echo: ${text}`);
    const [asked, reply] = await history(company, own.id);
    expect([asked?.content, asked?.["metadata"], reply?.content]).toEqual([text, { [text]: text }, `echo: ${text}`]);
    const found = await call("GET", `/v1/conversation?search=${encodeURIComponent(text)}`, { headers: company.user });
    expect(found.body.conversations.map((c: { id: string }) => c.id)).toContain(own.id);
    const filter = `metadata[${encodeURIComponent(text)}]=${encodeURIComponent(text)}`;
    const filtered = await call("GET", `/v1/conversation?${filter}`, { headers: company.user });
    expect(filtered.body.conversations.map((c: { id: string }) => c.id)).toEqual([own.id]);
  });

  it.each(NAUGHTY)("survives %j as an id, a parameter and a header", async (text) => {
    const encoded = encodeURIComponent(text);
    const paths = [
      `/v1/conversation/${encoded}`,
      `/v1/message/${encoded}`,
      `/v1/agent/${encoded}`,
      `/v1/conversation?page=${encoded}`,
      `/v1/conversation?cursor=${encoded}`,
      `/v1/conversation?created_after=${encoded}`,
      `/v1/conversation/${id}/messages?after_sequence=${encoded}`,
      `/v1/conversation/${id}/messages/stream?last_event_id=${encoded}`,
      `/v1/${encoded}`,
    ];
    for (const path of paths) {
      const { status, body } = await call("GET", path, { headers: company.user });
      expect(status, path).toBeGreaterThanOrEqual(400);
      expect(status, path).toBeLessThan(500);
      expect(body, path).toMatchObject({ status, title: expect.any(String), code: expect.any(String) });
    }
  });

  it.each<[string, object, string, string]>([
    ["/v1/conversation/x/chat", { message: "" }, "/message", "must have at least 1 character"],
    ["/v1/agent", { name: "a".repeat(201) }, "/name", "must have at most 200 characters"],
    ["/v1/agent", { name: "a", model: [] }, "/model", "must have at least 1 item"],
    ["/v1/agent", { name: "a", max_output_tokens: 0 }, "/max_output_tokens", "must be at least 1"],
  ])("says how large a value may be: %s %j", async (path, body, member, message) => {
    const answer = await call("POST", path, { headers: company.admin, body });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ path: member, message }] } });
  });

  it("refuses half of a surrogate pair wherever text is stored", async () => {
    for (const body of ['{"message":"\\ud800"}', '{"message":"x\\udfff"}']) {
      expect(await post(`/v1/conversation/${id}/chat`, body)).toMatchObject({ status: 422 });
    }
    const kept = await post("/v1/conversation", `{"agent_id":"${company.agent_id}","metadata":{"half":"\\ud800"}}`);
    expect([kept.status, kept.body.conversation.metadata]).toEqual([201, { half: "\ud800" }]);
  });
});

describe("protocol", () => {
  it("answers 404 to unknown routes and 405 with Allow to wrong methods, as problem documents", async () => {
    expect(await call("GET", "/v1/nope", {})).toMatchObject({ status: 404, body: { code: "not_found" } });
    expect(await call("GET", "/v2/conversation", {})).toMatchObject({ status: 404 });
    const wrong = await call("PUT", `/v1/conversation/${id}`, { headers: company.user, body: {} });
    expect(wrong).toMatchObject({ status: 405, body: { code: "method_not_allowed" } });
    const allow = wrong.headers.get("allow") ?? "";
    expect(allow.split(", ")).toEqual(expect.arrayContaining(["DELETE", "GET", "PATCH"]));
    expect(wrong.body.detail).toBe(`This address takes ${allow}.`);
  });

  it.each(api.specs.filter(({ method, query }) => method === "delete" && query))(
    "refuses a query that $method $path, which can be for good, does not know",
    async ({ path }) => {
      const { admin: headers } = company;
      const url = `/v1${path.replaceAll(/\{[^}]+\}/g, id)}`;
      for (const name of ["perge", "forever"]) {
        const answer = await call("DELETE", `${url}?${name}=true`, { headers });
        expect(answer).toMatchObject({ status: 422, body: { errors: [{ path: `/${name}` }] } });
      }
    },
  );

  it("deletes as ever where a client adds a query that says nothing", async () => {
    const { id: own } = await createConversation(company);
    const { message_id } = (await chat(company, own, "Hi")).body;
    for (const path of [`/v1/message/${message_id}`, `/v1/conversation/${own}/messages`])
      expect((await call("DELETE", `${path}?_=1`, { headers: company.user })).status).toBe(200);
  });

  it("deletes nothing where the word for good is another route's", async () => {
    const { id: meant } = await createConversation(company);
    expect((await call("DELETE", `/v1/conversation/${meant}?erase=true`, { headers: company.admin })).status).toBe(422);
    expect((await call("GET", `/v1/conversation/${meant}`, { headers: company.admin })).status).toBe(200);
  });

  it.each([
    ["post", "/conversation/:id/note", { text: " \n\u2003" }, "/text"],
    ["put", "/conversation/:id/hold", { reason: "\t" }, "/reason"],
    ["patch", "/company", { name: "  " }, "/name"],
    ["post", "/agent", { name: "  ", model: "builtin/faq" }, "/name"],
    ["post", "/auth/api-keys", { name: "  " }, "/name"],
  ])("refuses white space only in %s %s", async (method, path, body, member) => {
    const url = `/v1${path.replace(":id", id)}`;
    const answer = await call(method.toUpperCase(), url, { headers: company.admin, body });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ path: member, message: "is white space only" }] } });
  });

  it.each([
    ["/v1/conversation/entity", "GET, HEAD"],
    ["/v1/conversation/deleted", "GET, HEAD"],
    ["/v1/message/deleted", "GET, HEAD"],
    ["/v1/message/search", "GET, HEAD"],
    ["/v1/lead/company", "GET, HEAD"],
    ["/api/v1/sdk/lead/register", "POST"],
    ["/", "GET, HEAD"],
  ])("answers 405 at %s to what its own route does not have, whatever an id would have", async (path, allow) => {
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"].filter((one) => !allow.includes(one))) {
      const answer = await call(method, path, { headers: company.user });
      expect([answer.status, answer.headers.get("allow")], method).toEqual([405, allow]);
    }
  });

  it("lists HEAD where it lists GET", async () => {
    const answer = await call("POST", "/v1/health", {});
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  it("answers 414 to a query that its links would repeat at length, and keeps links short", async () => {
    const list = (query: string) => call("GET", `/v1/conversation?${query}`, { headers: company.user });
    expect(await list(`metadata[k]=${"x".repeat(9000)}`)).toMatchObject({
      status: 414,
      body: { code: "uri_too_long" },
    });
    const before = (await list("per_page=1")).body.pagination.total;
    for (let n = before; n < 3; n++) await createConversation(company);
    const full = await list(`page=2&per_page=1&x=${"!".repeat(4000)}`);
    expect([full.status, full.body.conversations.length]).toEqual([200, 1]);
    expect(full.headers.get("link")?.length ?? 0).toBeLessThan(8100);
    const half = await list(`page=2&per_page=1&x=${"x".repeat(3000)}`);
    expect(half.headers.get("link")).toMatch(/page=3>; rel="next", .*page=1>; rel="prev"$/);
  });

  it("puts X-Request-Id on every answer, and takes the client's when it is sane", async () => {
    for (const path of ["/v1/nope", "/v1/conversation", "/v1/health"]) {
      expect((await call("GET", path, {})).headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    }
    const mine = await call("GET", "/v1/nope", { headers: { "x-request-id": "my-id.1" } });
    expect([mine.headers.get("x-request-id"), mine.body.request_id]).toEqual(["my-id.1", "my-id.1"]);
    const theirs = await call("GET", "/v1/nope", { headers: { "x-request-id": "<script>" } });
    expect(theirs.headers.get("x-request-id")).not.toBe("<script>");
  });

  it("takes credentials from headers only", async () => {
    const { "x-api-key": key = "", "x-api-secret": secret = "" } = company.admin as Record<string, string>;
    const attempts = [
      { path: `/v1/conversation?api_key=${key}&api_secret=${secret}`, headers: {} },
      { path: `/v1/conversation?access_token=${(company.user["authorization"] ?? "").slice(7)}`, headers: {} },
      { path: "/v1/conversation", headers: { authorization: `Basic ${btoa(`${key}:${secret}`)}` } },
      { path: "/v1/conversation", headers: { cookie: `x-api-key=${key}; x-api-secret=${secret}` } },
      { path: "/v1/conversation", headers: { "x-api-key": key } },
      { path: "/v1/conversation", headers: { ...company.admin, authorization: "Bearer nonsense" } },
      { path: "/v1/conversation", headers: { ...company.admin, authorization: "Bearer" } },
      { path: "/v1/conversation", headers: { ...company.admin, authorization: "Bearer\tnonsense" } },
    ];
    for (const { path, headers } of attempts) {
      const answer = await call("GET", path, { headers: headers as Record<string, string> });
      expect(answer, path).toMatchObject({ status: 401, body: { code: "unauthorized" } });
      expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer realm=/);
    }
  });

  it("checks scope before it reads a body or looks anything up", async () => {
    const answer = await call("POST", `/v1/conversation/nonsense/chat`, { headers: company.read_only, body: "{" });
    expect(answer).toMatchObject({ status: 403, body: { code: "forbidden" } });
  });

  it("answers HEAD like GET, without a body", async () => {
    const response = await send("HEAD", `/v1/conversation/${id}`, { headers: company.user });
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });
});
