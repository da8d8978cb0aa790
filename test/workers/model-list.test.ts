/** Agents as models of OpenAI's API: which there are, whose, page by page, and its form of errors. */
import { describe, expect, it } from "vitest";
import { uuidv7 } from "uuidv7";
import { bearer, call, type Company, makeCompany, makeLead } from "./company.ts";

const get = (path: string, headers: Record<string, string>) => call("GET", `/v1/models${path}`, { headers });

const newAgent = async (company: Company, name: string, more: object = {}) =>
  (await call("POST", "/v1/agent", { headers: company.read_write, body: { name, model: "builtin/echo", ...more } }))
    .body.agent as { id: string; created_at: string };

describe("the list of models", () => {
  it("has the company's active agents, newest first, in OpenAI's form", async () => {
    const [company, other] = [await makeCompany(), await makeCompany()];
    const sales = await newAgent(company, "Sales");
    await newAgent(company, "Paused", { status: "inactive" });
    const gone = await newAgent(company, "Gone");
    await call("DELETE", `/v1/agent/${gone.id}`, { headers: company.admin });
    const { status, body } = await get("", company.read_only);
    expect(status).toBe(200);
    expect(Object.keys(body).toSorted()).toEqual(["data", "has_more", "object"]);
    expect(body).toMatchObject({ object: "list", has_more: false });
    expect(body.data[0]).toEqual({
      id: sales.id,
      object: "model",
      created: Math.floor(Date.parse(sales.created_at) / 1000),
      owned_by: company.company_id,
      name: "Sales",
    });
    const ids = body.data.map((model: { id: string }) => model.id);
    expect(ids.toSorted()).toEqual([sales.id, company.agent_id, company.faq_agent_id].toSorted());
    expect((await get("", other.user)).body.data.map((model: { id: string }) => model.id)).not.toContain(sales.id);
  });

  it("takes an API key as OpenAI's clients send it, and answers at both prefixes", async () => {
    const company = await makeCompany();
    const key = bearer(`${company.read_only["x-api-key"]}:${company.read_only["x-api-secret"]}`);
    const listed = await get("", key);
    expect(listed.status).toBe(200);
    expect((await call("GET", "/api/v1/models", { headers: key })).body).toEqual(listed.body);
  });

  it("is read in pages that are bounded", async () => {
    const company = await makeCompany();
    for (const name of ["A", "B"]) await newAgent(company, name);
    const all = (await get("", company.user)).body.data;
    const first = (await get("?limit=3", company.user)).body;
    expect(first).toEqual({ object: "list", data: all.slice(0, 3), has_more: true });
    const rest = (await get(`?limit=3&after=${first.data[2].id}`, company.user)).body;
    expect(rest).toEqual({ object: "list", data: all.slice(3), has_more: false });
    for (const query of ["?limit=0", "?limit=101", "?limit=x", "?limit=1&limit=2", "?after=x"]) {
      const { status, body } = await get(query, company.user);
      expect([status, body.code, body.error.type]).toEqual([422, "validation_failed", "invalid_request_error"]);
    }
  });

  it("is a directory of the company, and so is for its people and keys only", async () => {
    const company = await makeCompany();
    const { headers } = await makeLead(company);
    expect(await get("", headers)).toMatchObject({ status: 403, body: { error: { type: "permission_error" } } });
    expect(await get("", {})).toMatchObject({ status: 401, body: { error: { type: "authentication_error" } } });
  });
});

describe("one model", () => {
  it("is an active agent of the company, and anything else is not found", async () => {
    const [company, other] = [await makeCompany(), await makeCompany()];
    const { data } = (await get("", company.user)).body;
    expect((await get(`/${company.agent_id}`, company.user)).body).toEqual(
      data.find((model: { id: string }) => model.id === company.agent_id),
    );
    const paused = await newAgent(company, "Paused", { status: "inactive" });
    const answers = [];
    for (const id of [other.agent_id, paused.id, uuidv7(), "gpt-4o", "a%2Fb"]) {
      const { status, body } = await get(`/${id}`, company.user);
      const { request_id: _, ...rest } = body;
      answers.push({ status, rest });
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]).toMatchObject({ status: 404, rest: { error: { type: "invalid_request_error" } } });
  });
});
