/** Requests as other people's clients, proxies, queues and apps send them. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import worker from "../../src/index.ts";
import { call, type Company, makeCompany, makeLead } from "./company.ts";
import { createConversation, history } from "./conversation-client.ts";

let company: Company;
beforeAll(async () => {
  company = await makeCompany();
});
const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  call("POST", path, { headers: { ...company.user, ...headers }, body });

describe("a packed body", () => {
  const packed = async (format: "gzip" | "deflate") => {
    const stream = new Response('{"message":"packed"}').body as ReadableStream<Uint8Array>;
    return new Uint8Array(await new Response(stream.pipeThrough(new CompressionStream(format))).arrayBuffer());
  };

  it.each([
    ["gzip", "gzip"],
    ["deflate", "deflate"],
    ["gzip", "identity, GZIP"],
    ["gzip", "br"],
    ["gzip", "no-such-coding"],
  ] as const)("(%s, called %s) is refused by the name of its encoding", async (format, coding) => {
    const { id } = await createConversation(company);
    const answer = await post(`/v1/conversation/${id}/chat`, await packed(format), { "content-encoding": coding });
    expect(answer).toMatchObject({ status: 415, body: { code: "unsupported_media_type" } });
    expect(answer.body.detail).toContain("Content-Encoding");
    expect(answer.headers.get("accept-encoding")).toBe("identity");
    expect(await history(company, id)).toEqual([]);
  });

  it.each(["identity", "Identity", "", " identity , ", "identity, identity"])(
    "that is none (%j) is read",
    async (coding) => {
      const { id } = await createConversation(company);
      const answer = await post(`/v1/conversation/${id}/chat`, { message: "plain" }, { "content-encoding": coding });
      expect(answer).toMatchObject({ status: 200, body: { content: "echo: plain" } });
    },
  );
});

describe("a type that was sent twice", () => {
  it.each(["application/json, application/json", "application/json; charset=utf-8, application/json"])(
    "(%s) is read",
    async (type) => {
      const { id } = await createConversation(company);
      const answer = await post(`/v1/conversation/${id}/chat`, '{"message":"typed"}', { "content-type": type });
      expect(answer).toMatchObject({ status: 200, body: { content: "echo: typed" } });
    },
  );
});

describe("slashes too many", () => {
  const SHOP = { origin: "https://shop.example" };

  it.each([
    ["/v1/conversation/", "/v1/conversation"],
    ["//v1/conversation?per_page=1&search=a//b/", "/v1/conversation?per_page=1&search=a//b/"],
    ["/v1//conversation///entity//", "/v1/conversation/entity"],
    ["/api//v1/health/", "/api/v1/health"],
    ["/docs/", "/docs"],
    ["//evil.example/", "/evil.example"],
    ["//", "/"],
    ["/%5Cevil.example//", "/%5Cevil.example"],
    ["/\\evil.example/", "/evil.example"],
    ["/%09/evil.example/", "/%09/evil.example"],
    ["/%0D%0AX-Injected:%201//", "/%0D%0AX-Injected:%201"],
    ["/v1/conversation/%00/", "/v1/conversation/%00"],
    ["/v1/conversation/%C3%A9%20%E4%B8%AD/", "/v1/conversation/%C3%A9%20%E4%B8%AD"],
    ["/v1/conversation/%ED%A0%80%zz/", "/v1/conversation/%ED%A0%80%zz"],
  ])("in %s lead to %s", async (path, plain) => {
    // As an address of its own: a path that begins with two slashes would be read as a host.
    const answer = await call("GET", `http://api.test${path}`);
    expect([answer.status, answer.headers.get("location")]).toEqual([308, plain]);
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  it("keep method and body on the way", async () => {
    // Unlike everything else here, this follows redirects, as clients do.
    const made = await exports.default.fetch("http://api.test/v1//conversation/", {
      method: "POST",
      headers: { ...company.user, "content-type": "application/json" },
      body: JSON.stringify({ agent_id: company.agent_id, title: "Moved" }),
    });
    expect([made.status, made.redirected]).toEqual([201, true]);
    expect(await made.json()).toMatchObject({ conversation: { title: "Moved" } });
  });

  it("stop no page: preflight and redirect have the headers of the plain path", async () => {
    const { headers } = await makeLead(company);
    const preflight = await call("OPTIONS", "/v1/conversation//entity/", {
      headers: { ...SHOP, "access-control-request-method": "GET" },
    });
    expect([preflight.status, preflight.headers.get("access-control-allow-origin")]).toEqual([204, SHOP.origin]);
    const answer = await call("GET", "/v1/conversation//entity/", { headers: { ...headers, ...SHOP } });
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([308, SHOP.origin]);
    const closed = await call("GET", "/v1/conversation/", { headers: { ...headers, ...SHOP } });
    expect([closed.status, closed.headers.get("access-control-allow-origin")]).toEqual([308, null]);
  });
});

describe("a retry that was written anew", () => {
  it("makes no second conversation", async () => {
    const key = { "idempotency-key": crypto.randomUUID() };
    const metadata = { plan: "pro", seats: 4, "10": { b: 1, a: [{ y: 1, x: 2 }] } };
    const first = await post("/v1/conversation", { agent_id: company.agent_id, metadata }, key);
    const again = `{"metadata":{"10":{"a":[{"x":2,"y":1.0}],"b":1},"seats":4,"pl\\u0061n":"pro"},"agent_id":"${company.agent_id}"}`;
    const second = await post("/v1/conversation", again, key);
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body.conversation.id).toBe(first.body.conversation.id);
    const other = await post("/v1/conversation", again.replace('"x":2', '"x":3'), key);
    expect(other).toMatchObject({ status: 422, body: { code: "idempotency_mismatch" } });
  });

  it("makes no second turn, and another value, list or way is another body", async () => {
    const { id } = await createConversation(company);
    const key = { "idempotency-key": crypto.randomUUID() };
    const chat = (body: string) => post(`/v1/conversation/${id}/chat`, body, key);
    const first = await chat('{"message":"hi","metadata":{"a":1,"b":[{"x":1,"y":2}]}}');
    const second = await chat('{"on_busy":"enqueue","metadata":{"b":[{"y":2,"x":1}],"a":1},"message":"hi"}');
    expect(second.body.turn_id).toBe(first.body.turn_id);
    expect(second.headers.get("idempotent-replayed")).toBe("true");
    for (const body of [
      '{"message":"hi","metadata":{"a":2,"b":[{"x":1,"y":2}]}}',
      '{"message":"hi","metadata":{"a":1,"b":[]}}',
      '{"message":"hi"}',
      '{"message":"hi","metadata":{"a":1,"b":[{"x":1,"y":2}]},"on_busy":"interrupt"}',
    ]) {
      expect(await chat(body), body).toMatchObject({ status: 422, body: { code: "idempotency_mismatch" } });
    }
    expect(await history(company, id)).toHaveLength(2);
  });

  it("makes no second completion", async () => {
    const key = { "idempotency-key": crypto.randomUUID() };
    const first = await post(
      "/v1/chat/completions",
      `{"model":"${company.agent_id}","messages":[{"role":"user","content":"hi"}],"metadata":{"a":"1","b":"2"}}`,
      key,
    );
    const second = await post(
      "/v1/chat/completions",
      `{"metadata":{"b":"2","a":"1"},"messages":[{"content":"hi","role":"user"}],"model":"${company.agent_id}"}`,
      key,
    );
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(second.body.id).toBe(first.body.id);
  });
});

describe("addresses and origins", () => {
  it("of people and apps are taken wherever they are asked for", async () => {
    const email = "r&d.o'neil+50%@example.org";
    const origin = "capacitor://localhost";
    const agent = { name: "App", model: "builtin/echo", allowed_origins: [origin, "TAURI://localhost/"] };
    const made = await post("/v1/agent", agent);
    expect(made.body.agent.allowed_origins).toEqual([origin, "tauri://localhost"]);
    const { id: agent_id } = made.body.agent;
    const body = { agent_id, first_name: "Pat", email };
    const lead = await call("POST", "/v1/lead/register", { headers: { origin }, body });
    expect([lead.status, lead.body.lead?.email]).toEqual([201, email]);
    expect(lead.headers.get("access-control-allow-origin")).toBe(origin);
    const headers = { authorization: `Bearer ${lead.body.access_token}`, origin };
    expect((await call("GET", "/v1/conversation/entity", { headers })).status).toBe(200);
    const other = { ...headers, origin: "ionic://localhost" };
    expect((await call("GET", "/v1/conversation/entity", { headers: other })).status).toBe(403);
    const changed = await call("PUT", `/v1/lead/${lead.body.lead.id}`, {
      headers: company.user,
      body: { email: "ünal@bücher.example" },
    });
    expect([changed.status, changed.body.lead.email]).toEqual([200, "ünal@bücher.example"]);
    const token = await call("POST", "/v1/auth/token", {
      headers: company.read_write,
      body: { entity_type: "lead", external_id: "c-1", email },
    });
    expect(token.status).toBe(200);
    const padded = await call("POST", "/v1/lead/register", {
      headers: { origin },
      body: { agent_id, email: ` ${email}\n` },
    });
    expect([padded.status, padded.body.lead?.email]).toEqual([201, email]);
    for (const wrong of ["half@typed", "two words@example.org"]) {
      const refused = await call("POST", "/v1/lead/register", {
        headers: { origin },
        body: { agent_id, email: wrong },
      });
      expect(refused).toMatchObject({ status: 422, body: { errors: [{ path: "/email" }] } });
    }
  });
});

it("an origin that is sent in capitals is the one that is listed", async () => {
  for (const [listed, sent] of [
    [
      "safari-web-extension://E8A1B2C3-0000-4000-8000-ABCDEFABCDEF",
      "safari-web-extension://E8A1B2C3-0000-4000-8000-ABCDEFABCDEF",
    ],
    ["app://.", "app://."],
  ] as const) {
    const made = await post("/v1/agent", { name: "App", model: "builtin/echo", allowed_origins: [listed] });
    expect(made.body.agent.allowed_origins).toEqual([listed.toLowerCase()]);
    const body = { agent_id: made.body.agent.id };
    const lead = await call("POST", "/v1/lead/register", { headers: { origin: sent }, body });
    expect([lead.status, lead.headers.get("access-control-allow-origin")]).toEqual([201, sent]);
    expect((await call("POST", "/v1/lead/register", { headers: { origin: "app://other" }, body })).status).toBe(403);
  }
});

describe("the widget's script", () => {
  const script = async (changes: object) => {
    const context = createExecutionContext();
    const request = new Request("https://api.test/widget.js") as Request<unknown, IncomingRequestCfProperties>;
    const answer = await worker.fetch(request, { ...env, ...changes }, context);
    await waitOnExecutionContext(context);
    return { answer, text: await answer.text() };
  };

  it("has the deployment's own agent in it, where there is one", async () => {
    const plain = await script({});
    expect(plain.text).toContain("%WIDGET_AGENT%");
    expect(plain.answer.headers.has("etag")).toBe(true);
    const { answer, text } = await script({ WIDGET_AGENT: company.agent_id });
    expect(text).toBe(plain.text.replace("%WIDGET_AGENT%", company.agent_id));
    expect([answer.status, answer.headers.has("etag")]).toEqual([200, false]);
    expect(answer.headers.get("content-type")).toBe(plain.answer.headers.get("content-type"));
  });
});

describe("headers", () => {
  it("tell browsers what never to do", async () => {
    const page = await call("GET", "https://api.test/", { headers: { accept: "text/html" } });
    expect(page.headers.get("permissions-policy")).toContain("microphone=()");
    const answers = [page];
    for (const path of [
      "/v1/health",
      "/v1/nothing",
      "/v1/conversation",
      "/v1/health/",
      "/openapi.json",
      "/widget.js",
    ]) {
      answers.push(await call("GET", `https://api.test${path}`));
    }
    for (const { headers } of answers) {
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("strict-transport-security")).toBe("max-age=31536000");
      expect(headers.has("x-request-id")).toBe(true);
    }
    const plain = await call("GET", "http://api.test/v1/health");
    expect(plain.headers.has("strict-transport-security")).toBe(false);
  });

  it("are on files that are served beside the Worker, too", async () => {
    for (const path of [
      "/docs/docs.css",
      "/docs/docs.js",
      "/docs/sheet.css",
      "/docs/swagger-ui-bundle.js",
      "/demo/demo.css",
      "/demo/demo.js",
    ]) {
      const { status, headers, body } = await env.ASSETS.fetch(`https://api.test${path}`);
      await body?.cancel();
      expect([status, headers.get("x-content-type-options")]).toEqual([200, "nosniff"]);
      expect(headers.get("strict-transport-security")).toBe("max-age=31536000");
    }
  });
});
