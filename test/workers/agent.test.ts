/** Agents: what staff may do with them, what a visitor sees of them, and that every change is recorded once. */
import { env } from "cloudflare:workers";
import { uuidv7 } from "uuidv7";
import { describe, expect, it } from "vitest";
import { companyDatabase } from "../../src/db/database.ts";
import { audit_event } from "../../src/db/schema.ts";
import { and, eq } from "drizzle-orm";
import { call, type Company, makeCompany, makeLead } from "./company.ts";

const minimal = { name: "Helper" };

async function create(company: Company, body: object = minimal) {
  const answer = await call("POST", "/v1/agent", { headers: company.read_write, body });
  expect(answer.status).toBe(201);
  return answer.body.agent;
}

async function auditOf(company: Company, target_id: string) {
  const db = await companyDatabase(env, company.company_id);
  const mine = and(eq(audit_event.company_id, company.company_id), eq(audit_event.target_id, target_id));
  return (await db.select().from(audit_event).where(mine).orderBy(audit_event.id)).map((row) => row.action);
}

describe("creating", () => {
  it("fills in every default", async () => {
    const company = await makeCompany();
    const answer = await call("POST", "/v1/agent", { headers: company.read_write, body: minimal });
    expect(answer.status).toBe(201);
    expect(answer.headers.get("location")).toBe(`http://api.test/v1/agent/${answer.body.agent.id}`);
    expect(answer.body.agent).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      company_id: company.company_id,
      name: "Helper",
      description: "",
      instructions: "",
      model: "builtin/faq",
      temperature: null,
      max_output_tokens: null,
      greeting: "",
      knowledge: [],
      allowed_origins: [],
      lead_form: "none",
      status: "active",
      stop: [],
      first_token_timeout_ms: null,
      token_timeout_ms: null,
      turn_timeout_ms: null,
      max_context_length: 20,
      max_input_tokens: null,
      summarize: false,
      auto_title: true,
      tools: [],
      hand_over: false,
      hours: null,
      metadata: {},
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updated_at: answer.body.agent.created_at,
      deleted_at: null,
      deleted_by: null,
    });
    expect(await auditOf(company, answer.body.agent.id)).toEqual(["agent.create"]);
  });

  it("keeps everything that is given", async () => {
    const company = await makeCompany();
    const given = {
      name: "Ünïcode 🦊",
      description: "d",
      instructions: "Be brief.\n\u0000\u2028",
      model: "builtin/echo",
      temperature: 0.5,
      max_output_tokens: 100,
      greeting: "Hello",
      knowledge: [{ question: "q", answer: "a" }],
      allowed_origins: ["HTTPS://Shop.Example:443/", "http://localhost:3000", "https://shop.example"],
      lead_form: "required",
      status: "inactive",
      stop: ["END"],
      first_token_timeout_ms: 1000,
      token_timeout_ms: 2000,
      turn_timeout_ms: 3000,
      max_input_tokens: 4000,
      summarize: true,
      auto_title: false,
      metadata: { a: { b: [1, null, "x"] } },
    };
    const agent = await create(company, given);
    const kept = { ...given, allowed_origins: ["https://shop.example", "http://localhost:3000"] };
    expect(agent).toMatchObject(kept);
    const read = await call("GET", `/v1/agent/${agent.id}`, { headers: company.read_only });
    expect(read.body.agent).toEqual(agent);
  });

  it.each<[body: object, path: string]>([
    [{}, "/name"],
    [{ name: "" }, "/name"],
    [{ name: "x".repeat(201) }, "/name"],
    [{ name: "\ud800" }, "/name"],
    [{ ...minimal, colour: "red" }, "/colour"],
    [{ ...minimal, company_id: uuidv7() }, "/company_id"],
    [{ ...minimal, instructions: "x".repeat(32_001) }, "/instructions"],
    [{ ...minimal, temperature: 3 }, "/temperature"],
    [{ ...minimal, max_output_tokens: 0 }, "/max_output_tokens"],
    [{ ...minimal, knowledge: [{ question: "q" }] }, "/knowledge/0/answer"],
    [{ ...minimal, knowledge: [{ question: "q".repeat(1001), answer: "a" }] }, "/knowledge/0/question"],
    [{ ...minimal, knowledge: Array.from({ length: 1001 }, () => ({ question: "q", answer: "a" })) }, "/knowledge"],
    [{ ...minimal, lead_form: "maybe" }, "/lead_form"],
    [{ ...minimal, status: "deleted" }, "/status"],
    [{ ...minimal, token_timeout_ms: 1 }, "/token_timeout_ms"],
    [{ ...minimal, metadata: [] }, "/metadata"],
    [{ ...minimal, metadata: { a: "x".repeat(17_000) } }, "/metadata"],
    [{ ...minimal, model: "faq" }, "/model"],
    [{ ...minimal, model: "builtin/nothing" }, "/model"],
    [{ ...minimal, model: "nobody/gpt" }, "/model"],
    ...[
      "*",
      "https://*.example.com",
      "https://a.example/path",
      "https://a.example?x",
      "ftp://a.example",
      "https://u:p@a.example",
      "null",
      "a.example",
    ].map((origin): [object, string] => [{ ...minimal, allowed_origins: [origin] }, "/allowed_origins/0"]),
  ])("refuses %j at %s", async (body, path) => {
    const company = await makeCompany();
    const answer = await call("POST", "/v1/agent", { headers: company.read_write, body });
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path);
  });
});

describe("reading", () => {
  it("shows a visitor, known or not, what a widget needs and no more", async () => {
    const company = await makeCompany();
    const lead = await makeLead(company);
    const agent = await create(company, { ...minimal, instructions: "secret", greeting: "Hi" });
    const { id, name, description, greeting, lead_form, status } = agent;
    for (const headers of [undefined, lead.headers]) {
      const answer = await call("GET", `/v1/agent/${id}`, headers ? { headers } : {});
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual({ agent: { id, name, description, greeting, lead_form, status } });
    }
  });

  it("answers the same for a foreign, an unknown, a malformed and a deleted id", async () => {
    const company = await makeCompany();
    const other = await makeCompany();
    const gone = await create(company);
    await call("DELETE", `/v1/agent/${gone.id}`, { headers: company.read_write });
    const ids = [other.agent_id, uuidv7(), "not-an-id", company.agent_id.toUpperCase(), "%00", gone.id];
    const headers = { ...company.read_write, "x-request-id": "same" };
    const bodies = new Set<string>();
    for (const id of ids) {
      for (const [method, body] of [["GET"], ["PUT", minimal]] as const) {
        const answer = await call(method, `/v1/agent/${id}`, { headers, body });
        expect(answer.status).toBe(404);
        bodies.add(JSON.stringify(answer.body));
      }
    }
    for (const id of ids.slice(0, -1)) {
      for (const [method, path] of [
        ["DELETE", ""],
        ["PATCH", "/restore"],
      ] as const) {
        const answer = await call(method, `/v1/agent/${id}${path}`, { headers });
        expect(answer.status).toBe(404);
        bodies.add(JSON.stringify(answer.body));
      }
    }
    const anonymous = await call("GET", `/v1/agent/${gone.id}`, { headers: { "x-request-id": "same" } });
    bodies.add(JSON.stringify(anonymous.body));
    expect(bodies.size).toBe(1);
    const lead = await makeLead(company);
    const foreign = await call("GET", `/v1/agent/${other.agent_id}`, {
      headers: { ...lead.headers, "x-request-id": "same" },
    });
    expect(bodies).toContain(JSON.stringify(foreign.body));
  });

  it("lists newest first, filtered, by page and by cursor", async () => {
    const company = await makeCompany();
    const made: string[] = [company.agent_id, company.faq_agent_id];
    for (const name of ["Alpha one", "alpha TWO", "beta 100%"]) made.push((await create(company, { name })).id);
    await create(company, { name: "paused alpha", status: "inactive" });
    const list = async (query: string) =>
      (await call("GET", `/v1/agent?${query}`, { headers: company.read_only })).body;
    const names = (page: { agents: { name: string }[] }) => page.agents.map((agent) => agent.name);

    expect(names(await list("search=ALPHA"))).toEqual(["paused alpha", "alpha TWO", "Alpha one"]);
    expect(names(await list("search=alpha&status=active"))).toEqual(["alpha TWO", "Alpha one"]);
    expect(names(await list("search=100%25"))).toEqual(["beta 100%"]);
    expect((await list("")).pagination).toMatchObject({ total: 6, pages: 1, next_cursor: null });

    const walked: string[] = [];
    let cursor = "";
    do {
      const page = await list(`status=active&per_page=2${cursor && `&cursor=${cursor}`}`);
      walked.push(...page.agents.map((agent: { id: string }) => agent.id));
      cursor = page.pagination.next_cursor ?? "";
    } while (cursor);
    expect(walked.toSorted()).toEqual(made.toSorted());
    expect((await list("status=active&per_page=2&page=3")).agents).toHaveLength(1);
    expect((await list("page=99")).agents).toEqual([]);

    const first = await list("per_page=2");
    const stolen = await call("GET", `/v1/agent?per_page=2&search=a&cursor=${first.pagination.next_cursor}`, {
      headers: company.read_only,
    });
    expect(stolen.body.code).toBe("invalid_cursor");
    for (const bad of ["status=deleted", "per_page=0", "page=x", "search="]) {
      expect((await call("GET", `/v1/agent?${bad}`, { headers: company.read_only })).status).toBe(422);
    }
  });
});

describe("changing", () => {
  it("replaces: what is left out returns to its default, and a repeat leaves no trace", async () => {
    const company = await makeCompany();
    const agent = await create(company, { ...minimal, greeting: "Hi", token_timeout_ms: 500, auto_title: false });
    const put = () => call("PUT", `/v1/agent/${agent.id}`, { headers: company.user, body: { name: "Renamed" } });
    const once = await put();
    expect(once.status).toBe(200);
    expect(once.body.agent).toEqual({
      ...agent,
      name: "Renamed",
      greeting: "",
      token_timeout_ms: null,
      auto_title: true,
      updated_at: expect.any(String),
    });
    expect((await put()).body).toEqual(once.body);
    expect(await auditOf(company, agent.id)).toEqual(["agent.create", "agent.update"]);
  });

  it("deletes and restores, each as often as one likes, and records each once", async () => {
    const company = await makeCompany();
    const agent = await create(company);
    const run = (method: string, path = "") =>
      call(method, `/v1/agent/${agent.id}${path}`, { headers: company.read_write });
    const deleted = await run("DELETE");
    expect(deleted.status).toBe(200);
    expect(deleted.body.agent).toEqual({ ...agent, deleted_at: expect.any(String), deleted_by: company.user_id });
    expect((await run("DELETE")).body).toEqual(deleted.body);
    expect((await run("GET")).status).toBe(404);
    const restored = await run("PATCH", "/restore");
    expect(restored.body.agent).toEqual(agent);
    expect((await run("PATCH", "/restore")).body).toEqual(restored.body);
    expect((await run("GET")).body.agent).toEqual(agent);
    expect(await auditOf(company, agent.id)).toEqual(["agent.create", "agent.delete", "agent.restore"]);
  });

  it("leaves no audit row for two deletes at once but one", async () => {
    const company = await makeCompany();
    const agent = await create(company);
    const run = () => call("DELETE", `/v1/agent/${agent.id}`, { headers: company.read_write });
    const [a, b] = await Promise.all([run(), run()]);
    expect(a.body).toEqual(b.body);
    expect(await auditOf(company, agent.id)).toEqual(["agent.create", "agent.delete"]);
  });
});
