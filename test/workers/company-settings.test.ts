/** A company's settings and its users. */
import { env, exports } from "cloudflare:workers";
import { uuidv7 } from "uuidv7";
import { describe, expect, it } from "vitest";
import app from "../../src/app.ts";
import { newApiKey } from "../../src/auth/api-key.ts";
import { effectiveRetention } from "../../src/compliance/rule.ts";
import { call, type Company, makeCompany, makeLead } from "./company.ts";

const get = (company: Company, headers = company.admin) => call("GET", "/v1/company", { headers });
const patch = (company: Company, body: unknown) => call("PATCH", "/v1/company", { headers: company.admin, body });
const actions = async (company: Company) =>
  (await call("GET", "/v1/audit", { headers: company.admin })).body.audit_events.map((row: any) => [
    row.action,
    row.details,
  ]);

const FOR_EVER = { conversations_days: null, deleted_days: null, leads_days: null };

describe("a company's settings", () => {
  it("are changed member by member, with one audit row each", async () => {
    const company = await makeCompany();
    const before = { id: company.company_id, name: "Test company", time_zone: "UTC", retention: FOR_EVER };
    expect((await get(company)).body).toEqual({ company: before });
    const first = await patch(company, { time_zone: "Europe/Berlin", retention: { deleted_days: 30 } });
    const after = { ...before, time_zone: "Europe/Berlin", retention: { ...FOR_EVER, deleted_days: 30 } };
    expect([first.status, first.body]).toEqual([200, { company: after }]);
    await patch(company, { name: "Ácme", retention: { leads_days: 365, deleted_days: null } });
    await patch(company, { name: "Ácme" });
    await patch(company, {});
    expect((await get(company)).body.company).toEqual({
      ...{ ...after, name: "Ácme" },
      retention: { ...FOR_EVER, leads_days: 365 },
    });
    expect(await actions(company)).toEqual([
      ["company.update", { changed: ["name", "deleted_days", "leads_days"], deleted_days: null, leads_days: 365 }],
      ["company.update", { changed: ["time_zone", "deleted_days"], deleted_days: 30 }],
    ]);
  });

  it.each<[body: unknown, path: string]>([
    [{ name: "" }, "/name"],
    [{ name: "x".repeat(201) }, "/name"],
    [{ name: "\ud800" }, "/name"],
    [{ time_zone: "Europe/Atlantis" }, "/time_zone"],
    [{ time_zone: "+01:00" }, "/time_zone"],
    [{ time_zone: "" }, "/time_zone"],
    [{ time_zone: null }, "/time_zone"],
    [{ retention: { deleted_days: 0 } }, "/retention/deleted_days"],
    [{ retention: { deleted_days: 1.5 } }, "/retention/deleted_days"],
    [{ retention: { leads_days: -1 } }, "/retention/leads_days"],
    [{ retention: { conversations_days: 36_501 } }, "/retention/conversations_days"],
    [{ retention: { messages_days: 1 } }, "/retention/messages_days"],
    [{ id: uuidv7() }, "/id"],
  ])("refuse %j", async (body, path) => {
    const company = await makeCompany();
    const answer = await patch(company, body);
    expect([answer.status, answer.body.errors?.[0]?.path]).toEqual([422, path]);
    expect(await actions(company)).toEqual([]);
  });

  it("never keep anything for longer than the deployment does", async () => {
    const company = await makeCompany();
    const request = (method: string, body?: object) =>
      app.fetch(
        new Request("http://api.test/v1/company", {
          method,
          headers: { ...company.admin, "content-type": "application/json" },
          ...(body ? { body: JSON.stringify(body) } : {}),
        }),
        { ...env, RETENTION_DAYS: "30" },
        { waitUntil: () => {}, passThroughOnException: () => {}, props: {} } as unknown as ExecutionContext,
      );
    await patch(company, { retention: { leads_days: 90, conversations_days: 10 } });
    const shown = (await (await request("GET")).json()) as any;
    expect(shown.company.retention).toEqual({ conversations_days: 10, deleted_days: 30, leads_days: 30 });
    const refused = await request("PATCH", { retention: { leads_days: 31, deleted_days: 30 } });
    expect(refused.status).toBe(422);
    expect(((await refused.json()) as any).errors.map((one: any) => one.path)).toEqual(["/retention/leads_days"]);
    expect(effectiveRetention({ conversations_days: null, deleted_days: null, leads_days: 5 }, 0)).toEqual({
      ...FOR_EVER,
      leads_days: 5,
    });
  });

  it("are for admins", async () => {
    const company = await makeCompany();
    for (const headers of [company.read_write, company.user, (await makeLead(company)).headers]) {
      expect((await get(company, headers as never)).status).toBe(403);
    }
  });
});

describe("users", () => {
  const mint = async (company: Company, external_id: string, more: object = {}) =>
    (
      await call("POST", "/v1/auth/token", {
        headers: company.admin,
        body: { entity_type: "user", external_id, ...more },
      })
    ).body.entity_id as string;
  const user = (company: Company, method: string, id: string) =>
    call(method, `/v1/user/${id}`, { headers: company.admin });

  it("are listed newest first, each as it is", async () => {
    const [company, other] = [await makeCompany(), await makeCompany()];
    await mint(other, "foreign");
    const id = await mint(company, "u-1", { name: "Ute", email: "u@x.example" });
    const { body } = await call("GET", "/v1/user", { headers: company.admin });
    expect(body.users.map((row: any) => row.id)).toEqual([id, company.user_id]);
    expect(body.pagination.total).toBe(2);
    expect(body.users[0]).toEqual({
      ...{ id, company_id: company.company_id, issuer: null, external_id: "u-1", name: "Ute", email: "u@x.example" },
      ...{ role: "member", created_at: expect.any(String), deleted_at: null, deleted_by: null, erased_at: null },
    });
    expect((await user(company, "GET", id)).body).toEqual({ user: body.users[0] });
  });

  it("are deleted with the keys that act as them, once; and nobody deletes the user that they are", async () => {
    const company = await makeCompany();
    const id = await mint(company, "u-1");
    const owner = { company_id: company.company_id, user_id: id };
    const made = await newApiKey(owner, { name: "theirs", scopes: ["read"] }, Date.now());
    await env.DB.prepare(
      "INSERT INTO api_key (id, company_id, user_id, name, key, secret_hash, scopes, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
      .bind(made.row.id, company.company_id, id, "theirs", made.row.key, made.row.secret_hash, '["read"]', 1)
      .run();
    const theirs = { "x-api-key": made.row.key, "x-api-secret": made.secret };
    expect((await call("GET", "/v1/agent", { headers: theirs })).status).toBe(200);
    const first = await user(company, "DELETE", id);
    expect(first.body.user).toMatchObject({ id, deleted_at: expect.any(String), deleted_by: company.user_id });
    expect((await user(company, "DELETE", id)).body).toEqual(first.body);
    expect((await user(company, "GET", id)).status).toBe(404);
    expect((await call("GET", "/v1/agent", { headers: theirs })).status).toBe(401);
    expect((await call("GET", "/v1/user", { headers: company.admin })).body.pagination.total).toBe(1);
    const done = (await actions(company)).map(([action]: [string]) => action);
    expect(done).toEqual(["api_key.revoke", "user.delete", "user.create"]);
    expect((await user(company, "DELETE", company.user_id)).body).toMatchObject({ status: 409, code: "conflict" });
  });

  it("of another company look like none", async () => {
    const [company, other] = [await makeCompany(), await makeCompany()];
    const headers = { ...company.admin, "x-request-id": "same" };
    const bodies = new Set<string>();
    for (const id of [other.user_id, uuidv7(), "nonsense"]) {
      for (const method of ["GET", "DELETE"]) {
        const answer = await call(method, `/v1/user/${id}`, { headers });
        expect(answer.status).toBe(404);
        bodies.add(JSON.stringify(answer.body));
      }
    }
    expect(bodies.size).toBe(1);
    expect((await exports.default.fetch("http://api.test/v1/user")).status).toBe(401);
  });
});
