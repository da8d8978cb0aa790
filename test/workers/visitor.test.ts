/** What websites and their visitors may do: CORS, origins, rate limits, feedback, and becoming somebody known. */
import { env } from "cloudflare:workers";
import { and, eq } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import { describe, expect, it } from "vitest";
import { api } from "../../src/app.ts";
import { companyDatabase } from "../../src/db/database.ts";
import { audit_event, conversation } from "../../src/db/schema.ts";
import { RATE_LIMITS } from "../../src/http/rate-limit.ts";
import { bearer, call, type Company, type HeaderMap, makeCompany, makeLead } from "./company.ts";

const SHOP = { origin: "https://shop.example" };
const EVIL = { origin: "https://evil.example" };

const pathOf = (path: string) => `/v1${path.replaceAll(/\{.+?\}/g, () => uuidv7())}`;
const corsHeaders = (headers: Headers) => [...headers.keys()].filter((name) => name.startsWith("access-control-"));

const preflight = (method: string, path: string, origin = SHOP.origin) =>
  call("OPTIONS", path, {
    headers: {
      origin,
      "access-control-request-method": method,
      "access-control-request-headers": "authorization,content-type",
    },
  });

describe("preflights", () => {
  const forBrowsers = new Set(["public", "anyone", "everyone", "leads"]);
  const rows = api.routes.map(({ method, path, audience }) => [method.toUpperCase(), path, audience] as const);

  it.each(rows.filter(([, , audience]) => forBrowsers.has(audience)))(
    "%s %s (%s) may be asked",
    async (method, path) => {
      const answer = await preflight(method, pathOf(path));
      expect(answer.status).toBe(204);
      expect(answer.headers.get("access-control-allow-origin")).toBe(SHOP.origin);
      expect(answer.headers.get("access-control-allow-methods")).toBe(method);
      expect(answer.headers.get("access-control-allow-headers")?.toLowerCase()).not.toContain("x-api");
      expect(answer.headers.has("access-control-allow-credentials")).toBe(false);
      expect(answer.headers.get("vary")).toContain("Origin");
    },
  );

  it.each(rows.filter(([, , audience]) => !forBrowsers.has(audience)))("%s %s (%s) may not", async (method, path) => {
    const answer = await preflight(method, pathOf(path));
    expect(answer.status).toBe(405);
    expect(corsHeaders(answer.headers)).toEqual([]);
  });

  it("under the other prefix are the same, and of what is not there are 404", async () => {
    expect((await preflight("POST", "/api/v1/lead/register")).status).toBe(204);
    const unknown = await preflight("POST", "/v1/nothing");
    expect(unknown.status).toBe(404);
    expect(corsHeaders(unknown.headers)).toEqual([]);
  });
});

describe("answers to pages", () => {
  it("name the page's origin, also when they are problems", async () => {
    const company = await makeCompany();
    const { headers } = await makeLead(company);
    const cases = [
      ["/v1/conversation/entity", headers, 200],
      [`/v1/conversation/${uuidv7()}`, headers, 404],
      ["/v1/conversation/entity", {}, 401],
    ] as const;
    for (const [path, credential, status] of cases) {
      const answer = await call("GET", path, { headers: { ...credential, ...SHOP } });
      expect(answer.status).toBe(status);
      expect(answer.headers.get("access-control-allow-origin")).toBe(SHOP.origin);
      expect(answer.headers.get("access-control-expose-headers")).toContain("Retry-After");
      expect(answer.headers.get("vary")).toContain("Origin");
    }
    const closed = await call("GET", "/v1/conversation", { headers: { ...headers, ...SHOP } });
    expect(closed.status).toBe(403);
    expect(corsHeaders(closed.headers)).toEqual([]);
  });

  it("to API keys are for no page", async () => {
    const company = await makeCompany();
    for (const path of ["/v1/conversation/entity", "/v1/agent", "/v1/auth/api-keys"]) {
      const answer = await call("GET", path, { headers: { ...company.admin, ...SHOP } });
      expect(answer.status).toBe(200);
      expect(corsHeaders(answer.headers)).toEqual([]);
    }
  });

  it("without an origin say that one would matter", async () => {
    const company = await makeCompany();
    const answer = await call("GET", `/v1/agent/${company.agent_id}`);
    expect(answer.headers.get("vary")).toContain("Origin");
    expect(corsHeaders(answer.headers)).toEqual([]);
  });
});

async function setOrigins(company: Company, agent_id: string, allowed_origins: string[]) {
  const { body } = await call("GET", `/v1/agent/${agent_id}`, { headers: company.admin });
  const { id: _, company_id: __, created_at: ___, updated_at: ____, deleted_at, deleted_by, ...rest } = body.agent;
  expect([deleted_at, deleted_by]).toEqual([null, null]);
  const changed = { ...rest, allowed_origins };
  expect((await call("PUT", `/v1/agent/${agent_id}`, { headers: company.admin, body: changed })).status).toBe(200);
}

describe("a visitor's token", () => {
  const own = (headers: HeaderMap) => call("GET", "/v1/conversation/entity", { headers });

  it("is good on the websites of its agent only", async () => {
    const company = await makeCompany();
    const { headers } = await makeLead(company);
    expect((await own({ ...headers, ...SHOP })).status).toBe(200);
    expect((await own(headers)).status).toBe(200);
    expect((await own({ ...headers, origin: "http://api.test" })).status).toBe(200);
    for (const origin of [
      EVIL.origin,
      "http://shop.example",
      "https://shop.example:8443",
      "http://localhost:1",
      "null",
    ]) {
      const answer = await own({ ...headers, origin });
      expect(answer.body).toMatchObject({ status: 403, code: "origin_not_allowed" });
      expect(corsHeaders(answer.headers)).toEqual([]);
    }
  });

  it("follows a change of the agent", async () => {
    const company = await makeCompany();
    const { headers } = await makeLead(company);
    expect((await own({ ...headers, ...EVIL })).status).toBe(403);
    await setOrigins(company, company.agent_id, [EVIL.origin]);
    expect((await own({ ...headers, ...EVIL })).status).toBe(200);
    expect((await own({ ...headers, ...SHOP })).status).toBe(403);
    await setOrigins(company, company.agent_id, []);
    expect((await own({ ...headers, ...SHOP })).status).toBe(403);
    expect((await own({ ...headers, origin: "http://localhost:1" })).status).toBe(200);
    await call("DELETE", `/v1/agent/${company.agent_id}`, { headers: company.admin });
    expect((await own({ ...headers, origin: "http://localhost:1" })).status).toBe(403);
  });

  it("from the company's backend is good on the websites of all its agents", async () => {
    const company = await makeCompany();
    const body = { entity_type: "lead", external_id: "c-1" };
    const { body: minted } = await call("POST", "/v1/auth/token", { headers: company.read_write, body });
    const headers = bearer(minted.access_token);
    await setOrigins(company, company.faq_agent_id, ["https://second.example"]);
    for (const origin of [SHOP.origin, "https://second.example"])
      expect((await own({ ...headers, origin })).status).toBe(200);
    expect((await own({ ...headers, ...EVIL })).status).toBe(403);
  });

  it("turns on a website only to agents that list it", async () => {
    const company = await makeCompany();
    const { headers } = await makeLead(company);
    const begin = (more: HeaderMap) =>
      call("POST", "/v1/conversation", { headers: { ...headers, ...more }, body: { agent_id: company.faq_agent_id } });
    const complete = (more: HeaderMap) => {
      const body = { model: company.faq_agent_id, messages: [{ role: "user", content: "hello" }] };
      return call("POST", "/v1/chat/completions", { headers: { ...headers, ...more }, body });
    };
    await setOrigins(company, company.faq_agent_id, []);
    for (const ask of [begin, complete]) {
      const refused = await ask(SHOP);
      expect([refused.status, refused.body.error_code]).toEqual([403, "origin_not_allowed"]);
      expect((await ask({})).body.error_code).toBe("origin_not_allowed");
    }
    await setOrigins(company, company.faq_agent_id, [SHOP.origin]);
    for (const ask of [begin, complete]) expect((await ask(SHOP)).status).toBeLessThan(300);
  });

  it("stays with the agents of the website that it registered on, also without saying where it is", async () => {
    const company = await makeCompany();
    const second = { origin: "https://second.example" };
    const registerOn = async (origin: HeaderMap) => {
      const body = { agent_id: company.agent_id };
      return (await call("POST", "/v1/lead/register", { headers: origin, body })).body;
    };
    await setOrigins(company, company.agent_id, [SHOP.origin, second.origin]);
    await setOrigins(company, company.faq_agent_id, [second.origin]);
    const [onShop, onSecond] = [await registerOn(SHOP), await registerOn(second)];
    const begin = async ({ access_token }: { access_token: string }, more: HeaderMap = {}) => {
      const headers = { ...bearer(access_token), ...more };
      return (await call("POST", "/v1/conversation", { headers, body: { agent_id: company.faq_agent_id } })).status;
    };
    expect(await begin(onShop)).toBe(403);
    expect(await begin(onShop, second)).toBe(403);
    expect(await begin(onSecond)).toBe(201);
    const refreshed = await call("POST", "/v1/lead/refresh", { body: { refresh_token: onShop.refresh_token } });
    expect(await begin(refreshed.body)).toBe(403);
    await setOrigins(company, company.agent_id, [second.origin]);
    expect((await own(bearer(onShop.access_token))).body.code).toBe("origin_not_allowed");
    expect((await own(bearer(onSecond.access_token))).status).toBe(200);
  });

  it("is refreshed there only", async () => {
    const company = await makeCompany();
    const registered = await call("POST", "/v1/lead/register", { headers: SHOP, body: { agent_id: company.agent_id } });
    const body = { refresh_token: registered.body.refresh_token };
    expect((await call("POST", "/v1/lead/refresh", { headers: SHOP, body })).status).toBe(200);
    expect((await call("POST", "/v1/lead/refresh", { headers: EVIL, body })).body.code).toBe("origin_not_allowed");
  });

  it("is not needed to look at an agent, a listed website is", async () => {
    const company = await makeCompany();
    const path = `/v1/agent/${company.agent_id}`;
    expect((await call("GET", path, { headers: SHOP })).status).toBe(200);
    expect((await call("GET", path)).status).toBe(200);
    expect((await call("GET", path, { headers: EVIL })).body.code).toBe("origin_not_allowed");
  });

  it("of a user is bound to no website", async () => {
    const company = await makeCompany();
    expect((await own({ ...company.user, ...EVIL })).headers.get("access-control-allow-origin")).toBe(EVIL.origin);
  });
});

describe("rate limits", () => {
  /** Sends requests until one is refused; twice as many as allowed, because a new minute may begin in between. */
  async function untilRefused(quota: number, send: () => ReturnType<typeof call>) {
    for (let n = 0; n <= 2 * quota; n += 20) {
      const answers = await Promise.all(Array.from({ length: 20 }, send));
      const refused = answers.find(({ status }) => status === 429);
      if (refused) return refused;
    }
    throw new Error("nothing was refused");
  }

  it("count registrations and refreshes by address", async () => {
    const { quota } = RATE_LIMITS.ip;
    const from = (ip: string) => () =>
      call("POST", "/v1/lead/refresh", { headers: { ...SHOP, "cf-connecting-ip": ip }, body: { refresh_token: "x" } });
    const refused = await untilRefused(quota, from("192.0.2.1"));
    expect(refused.body).toMatchObject({ status: 429, code: "rate_limited" });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(60);
    expect(refused.headers.get("ratelimit-policy")).toBe(`"ip";q=${quota};w=60`);
    expect(refused.headers.get("ratelimit")).toBe('"ip";r=0;t=60');
    expect(refused.headers.get("access-control-allow-origin")).toBe(SHOP.origin);
    expect((await from("192.0.2.2")()).status).toBe(401);
    const forwarded = { ...SHOP, "cf-connecting-ip": "192.0.2.1", "x-forwarded-for": "192.0.2.3" };
    const body = { agent_id: (await makeCompany()).agent_id };
    expect((await call("POST", "/v1/lead/register", { headers: forwarded, body })).status).toBe(429);
  });

  it("count a whole IPv6 network as one address, and every look-up without a credential", async () => {
    let host = 0;
    const look = () =>
      call("GET", "/v1/health?probe=live", {
        headers: { "cf-connecting-ip": `2001:db8:7:1::${(++host).toString(16)}` },
      });
    const refused = await untilRefused(RATE_LIMITS.lookup.quota, look);
    expect(refused.headers.get("ratelimit-policy")).toBe(`"lookup";q=${RATE_LIMITS.lookup.quota};w=60`);
    const from = (ip: string) => ({ "cf-connecting-ip": ip });
    const blocked = from("2001:db8:7:1:ffff::1");
    const company = await makeCompany();
    const key = { "x-api-key": `ak_${"x".repeat(24)}`, "x-api-secret": `as_${"x".repeat(43)}` };
    expect((await call("GET", `/v1/agent/${company.agent_id}`, { headers: blocked })).status).toBe(429);
    expect((await call("GET", "/v1/agent", { headers: { ...key, ...blocked } })).status).toBe(429);
    expect((await call("GET", "/v1/agent", { headers: { ...key, ...from("2001:db8:7:2::1") } })).status).toBe(401);
  });

  it("count what one visitor says, and nothing that keys and users do", async () => {
    const company = await makeCompany();
    const [one, another] = [await makeLead(company), await makeLead(company)];
    const say = (headers: HeaderMap) => () =>
      call("POST", "/v1/conversation/nowhere/chat", { headers, body: { message: "x" } });
    const refused = await untilRefused(RATE_LIMITS.lead.quota, say(one.headers));
    expect(refused.headers.get("ratelimit")).toBe('"lead";r=0;t=60');
    expect((await say(another.headers)()).status).toBe(404);
    const changes = api.routes.filter(
      ({ method, audience, scope }) => method !== "get" && scope === "write" && FOR_LEADS.has(audience),
    );
    expect(changes.length).toBeGreaterThan(10);
    for (const { method, path } of changes) {
      const answer = await call(method.toUpperCase(), pathOf(path), { headers: one.headers, body: {} });
      expect([method, path, answer.status]).toEqual([method, path, 429]);
    }
    expect((await call("GET", "/v1/conversation/entity", { headers: one.headers })).status).toBe(200);
    for (const headers of [company.read_write, company.user]) {
      const answers = await Promise.all(Array.from({ length: RATE_LIMITS.lead.quota + 1 }, say(headers)));
      expect(answers.filter(({ status }) => status !== 404)).toEqual([]);
    }
  });

  it("count what one visitor reads", async () => {
    const company = await makeCompany();
    const visitor = await makeLead(company);
    const refused = await untilRefused(RATE_LIMITS.read.quota, () =>
      call("GET", "/v1/conversation/nowhere/messages", { headers: visitor.headers }),
    );
    expect(refused.headers.get("ratelimit")).toBe('"read";r=0;t=60');
    const reads = api.routes.filter(({ method, audience }) => method === "get" && FOR_LEADS.has(audience));
    expect(reads.length).toBeGreaterThan(5);
    for (const { path } of reads) {
      expect([path, (await call("GET", pathOf(path), { headers: visitor.headers })).status]).toEqual([path, 429]);
    }
  });
});

const FOR_LEADS = new Set(["everyone", "leads"]);

async function talk(headers: HeaderMap, agent_id: string, message = "hello") {
  const { body } = await call("POST", "/v1/conversation", { headers, body: { agent_id } });
  const { id } = body.conversation;
  const answer = await call("POST", `/v1/conversation/${id}/chat`, { headers, body: { message } });
  expect(answer.status).toBe(200);
  return { id, message_id: answer.body.message_id, reply_id: answer.body.reply.id };
}

describe("a visitor's conversation", () => {
  it("has the model shown no more messages than the agent allows", async () => {
    const company = await makeCompany();
    const visitor = await makeLead(company);
    const create = (headers: HeaderMap, max_context_length?: number) =>
      call("POST", "/v1/conversation", { headers, body: { agent_id: company.agent_id, max_context_length } });
    const change = (headers: HeaderMap, id: string, max_context_length: number) =>
      call("PATCH", `/v1/conversation/${id}`, { headers, body: { max_context_length } });
    const allow = async (max_context_length: number) => {
      const path = `/v1/agent/${company.agent_id}`;
      const body = { name: "Echo", model: "builtin/echo", allowed_origins: [SHOP.origin], max_context_length };
      const answer = await call("PUT", path, { headers: company.admin, body });
      expect(answer.body.agent.max_context_length).toBe(max_context_length);
    };
    const mine = (await create(visitor.headers)).body.conversation;
    expect(mine.max_context_length).toBe(20);
    for (const most of [20, 50, 5]) {
      if (most !== 20) await allow(most);
      for (const refused of [
        await create(visitor.headers, most + 1),
        await change(visitor.headers, mine.id, most + 1),
      ]) {
        expect(refused.body).toMatchObject({ status: 422, errors: [{ path: "/max_context_length" }] });
      }
      expect((await create(visitor.headers, most)).status).toBe(201);
      expect((await change(visitor.headers, mine.id, most)).body.conversation.max_context_length).toBe(most);
      expect((await create(company.read_write, 4000)).status).toBe(201);
      expect((await change(company.read_write, mine.id, 4000)).status).toBe(200);
    }
    expect((await create(visitor.headers)).body.conversation.max_context_length).toBe(5);
    const registered = await call("POST", "/v1/lead/register", { headers: SHOP, body: { agent_id: company.agent_id } });
    expect(registered.body.conversation.max_context_length).toBe(5);
    const another = await makeLead(company);
    expect((await change(another.headers, mine.id, 6)).status).toBe(404);
  });
});

describe("feedback", () => {
  it("is given, changed and taken back", async () => {
    const company = await makeCompany();
    const { headers } = await makeLead(company);
    const { id, reply_id } = await talk(headers, company.agent_id);
    const rate = (body: object) => call("PUT", `/v1/message/${reply_id}/feedback`, { headers, body });
    const stored = async () => {
      const { body } = await call("GET", `/v1/conversation/${id}/messages`, { headers });
      return body.messages.map((message: { feedback: unknown }) => message.feedback);
    };
    const up = await rate({ rating: "up" });
    expect(up.status).toBe(200);
    expect(up.body.message).toMatchObject({ id: reply_id, feedback: { rating: "up" } });
    expect(await stored()).toEqual([null, { rating: "up" }]);
    expect((await rate({ rating: "up" })).body).toEqual(up.body);
    await rate({ rating: "down", comment: "Too short." });
    expect(await stored()).toEqual([null, { rating: "down", comment: "Too short." }]);
    await rate({ rating: null });
    expect(await stored()).toEqual([null, null]);
    await rate({ rating: "up" });
    const removed = await call("DELETE", `/v1/message/${reply_id}/feedback`, { headers });
    expect(removed.body.message.feedback).toBeNull();
    expect(await stored()).toEqual([null, null]);
  });

  it("is for replies that the caller can see", async () => {
    const company = await makeCompany();
    const { headers } = await makeLead(company);
    const stranger = await makeLead(company);
    const { message_id, reply_id } = await talk(headers, company.agent_id);
    const rate = (id: string, by = headers, body: object = { rating: "up" }) =>
      call("PUT", `/v1/message/${id}/feedback`, { headers: by, body });
    expect((await rate(message_id)).body.code).toBe("conflict");
    for (const id of [uuidv7(), "x"]) expect((await rate(id)).status).toBe(404);
    expect((await rate(reply_id, stranger.headers)).status).toBe(404);
    expect((await rate(reply_id, company.read_only)).status).toBe(403);
    expect((await rate(reply_id, company.read_write)).status).toBe(200);
    for (const body of [{}, { rating: "sideways" }, { rating: "up", comment: "" }, { rating: null, comment: "x" }]) {
      expect((await rate(reply_id, headers, body)).status).toBe(422);
    }
    await call("DELETE", `/v1/message/${reply_id}`, { headers });
    expect((await rate(reply_id)).status).toBe(404);
  });
});

describe("an anonymous visitor who turns out to be known", () => {
  const identify = async (company: Company, external_id = "customer-1") => {
    const body = { entity_type: "lead", external_id };
    const answer = await call("POST", "/v1/auth/token", { headers: company.read_write, body });
    return { lead_id: answer.body.entity_id as string, headers: bearer(answer.body.access_token) };
  };
  const merge = (headers: HeaderMap, anonymous_token: string) =>
    call("POST", "/v1/lead/merge", { headers, body: { anonymous_token } });
  const list = async (headers: HeaderMap) => {
    const { body } = await call("GET", "/v1/conversation/entity", { headers });
    return { ids: body.conversations.map((row: { id: string }) => row.id), total: body.pagination.total };
  };

  it("takes the conversations along, with everything in them", async () => {
    const company = await makeCompany();
    const person = { first_name: "Vera", email: "vera@v.example", consent_marketing: true };
    const body = { agent_id: company.agent_id, ...person };
    const made = (await call("POST", "/v1/lead/register", { headers: SHOP, body })).body;
    const anonymous = bearer(made.access_token);
    const chat = `/v1/conversation/${made.conversation.id}/chat`;
    const key = { "idempotency-key": "k1" };
    const first = await call("POST", chat, { headers: { ...anonymous, ...key }, body: { message: "before" } });
    const other = await talk(anonymous, company.agent_id);
    await call("DELETE", `/v1/conversation/${other.id}`, { headers: anonymous });
    const known = await identify(company);

    const answer = await merge(known.headers, made.access_token);
    expect(answer.status).toBe(200);
    expect(answer.body.moved).toBe(2);
    expect(answer.body.lead).toMatchObject({
      id: known.lead_id,
      external_id: "customer-1",
      ...person,
      consent_marketing_at: made.lead.consent_marketing_at,
    });
    expect(await list(known.headers)).toEqual({ ids: [made.conversation.id], total: 1 });
    for (const path of ["/v1/conversation/entity", `/v1/conversation/${made.conversation.id}`]) {
      expect((await call("GET", path, { headers: anonymous })).status).toBe(401);
    }
    expect((await call("POST", chat, { headers: anonymous, body: { message: "x" } })).status).toBe(401);
    const replay = await call("POST", chat, { headers: { ...known.headers, ...key }, body: { message: "before" } });
    expect(replay.headers.get("idempotent-replayed")).toBe("true");
    expect(replay.body.message_id).toBe(first.body.message_id);
    const next = await call("POST", chat, { headers: known.headers, body: { message: "after" } });
    expect(next.body.messages).toHaveLength(4);
    const restored = await call("PATCH", `/v1/conversation/${other.id}/restore`, { headers: known.headers });
    expect(restored.body.conversation.entity_id).toBe(known.lead_id);
    expect((await list(known.headers)).total).toBe(2);

    const again = await merge(known.headers, made.access_token);
    expect(again.body).toEqual({ lead: answer.body.lead, moved: 0 });
    const refresh = { refresh_token: made.refresh_token };
    expect((await call("POST", "/v1/lead/refresh", { headers: SHOP, body: refresh })).status).toBe(401);

    const db = await companyDatabase(env, company.company_id);
    const trail = await db.select().from(audit_event).where(eq(audit_event.company_id, company.company_id));
    const about = (target: string) => trail.filter((row) => row.target_id === target).map((row) => row.action);
    expect(about(made.lead.id)).toEqual(["lead.register", "lead.merge"]);
    expect(about(made.conversation.id)).toEqual(["conversation.reassign"]);
    const gone = await call("GET", `/v1/lead/${made.lead.id}`, { headers: company.read_only });
    expect(gone.status).toBe(404);
  });

  it("keeps conversations apart that were made with the same key", async () => {
    const company = await makeCompany();
    const [known, anonymous] = [await identify(company), await makeLead(company)];
    const body = { agent_id: company.agent_id };
    for (const headers of [known.headers, anonymous.headers]) {
      await call("POST", "/v1/conversation", { headers: { ...headers, "idempotency-key": "same" }, body });
    }
    expect((await merge(known.headers, anonymous.token)).body.moved).toBe(1);
    expect((await list(known.headers)).total).toBe(2);
    const db = await companyDatabase(env, company.company_id);
    const mine = and(eq(conversation.company_id, company.company_id), eq(conversation.entity_id, known.lead_id));
    expect(await db.select().from(conversation).where(mine)).toHaveLength(2);
  });

  it("is not one whom staff deleted", async () => {
    const company = await makeCompany();
    const [known, anonymous] = [await identify(company), await makeLead(company)];
    const { id } = await talk(anonymous.headers, company.agent_id);
    await call("DELETE", `/v1/lead/${anonymous.lead_id}`, { headers: company.read_write });
    expect((await merge(known.headers, anonymous.token)).status).toBe(422);
    expect((await call("GET", `/v1/conversation/${id}`, { headers: known.headers })).status).toBe(404);
  });

  it("needs both tokens, of one company, and a known visitor", async () => {
    const company = await makeCompany();
    const [known, other, anonymous] = [
      await identify(company),
      await identify(company, "customer-2"),
      await makeLead(company),
    ];
    const { id } = await talk(anonymous.headers, company.agent_id);
    const foreign = await makeLead(await makeCompany());
    const bad = [foreign.token, `${anonymous.token}=`, "x", other.headers["authorization"]?.slice(7) ?? ""];
    for (const token of bad) {
      const answer = await merge(known.headers, token);
      expect(answer.status).toBe(422);
      expect(answer.body.errors[0].path).toBe("/anonymous_token");
    }
    expect((await merge(anonymous.headers, foreign.token)).status).toBe(403);
    expect((await merge(company.user, anonymous.token)).status).toBe(403);
    expect((await merge({}, anonymous.token)).status).toBe(401);
    expect((await list(anonymous.headers)).ids).toEqual([id]);
  });
});

describe("the widget's files", () => {
  it("come with the snippet that embeds them", async () => {
    const company = await makeCompany();
    const path = `/v1/agent/${company.agent_id}/embed-code`;
    const { status, body } = await call("GET", path, { headers: company.read_only });
    expect(status).toBe(200);
    expect(body).toEqual({
      agent_id: company.agent_id,
      html: `<script src="http://api.test/widget.js" data-agent-id="${company.agent_id}" async></script>`,
      script_url: "http://api.test/widget.js",
      allowed_origins: [SHOP.origin],
      content_security_policy: { "script-src": "http://api.test/widget.js", "connect-src": "http://api.test" },
    });
    const other = await makeCompany();
    expect((await call("GET", path, { headers: other.read_only })).status).toBe(404);
    expect((await call("GET", path, { headers: (await makeLead(company)).headers })).status).toBe(403);
  });
});
