/** Leads: who may register from where, what refresh honours, and that an erasure leaves nothing of a person behind. */
import { env } from "cloudflare:workers";
import { eq } from "drizzle-orm";
import { decodeJwt } from "jose";
import { uuidv7 } from "uuidv7";
import { describe, expect, it } from "vitest";
import { companyDatabase } from "../../src/db/database.ts";
import { agent, audit_event, conversation, lead, message } from "../../src/db/schema.ts";
import { normaliseOrigin, originAllowed } from "../../src/net/origin.ts";
import { actionsOn } from "./credential-checks.ts";
import { bearer, call, type Company, makeCompany, makeLead } from "./company.ts";

const shop = { origin: "https://shop.example" };
const register = (body: object, headers: Record<string, string> = shop) =>
  call("POST", "/v1/lead/register", { headers, body });

async function setAgent(company: Company, fields: Partial<typeof agent.$inferInsert>) {
  const db = await companyDatabase(env, company.company_id);
  await db.update(agent).set(fields).where(eq(agent.id, company.agent_id)).run();
}

describe("registering", () => {
  it("makes a lead with tokens and a conversation of its own", async () => {
    const company = await makeCompany();
    const person = {
      first_name: "Vera",
      last_name: "Visitor",
      email: "vera@v.example",
      phone: "+49 1",
      source: "landing page",
    };
    const body = { agent_id: company.agent_id, ...person, consent_data_processing: true, consent_marketing: false };
    const answer = await register(body);
    expect(answer.status).toBe(201);
    expect(answer.headers.get("location")).toBe(`http://api.test/v1/lead/${answer.body.lead.id}`);
    expect(answer.body).toEqual({
      lead: {
        id: expect.any(String),
        company_id: company.company_id,
        agent_id: company.agent_id,
        external_id: null,
        ...person,
        consent_data_processing: true,
        consent_data_processing_at: answer.body.lead.created_at,
        consent_marketing: false,
        consent_marketing_at: null,
        created_at: expect.any(String),
        updated_at: expect.any(String),
        deleted_at: null,
        deleted_by: null,
        hold: null,
        erased_at: null,
      },
      access_token: expect.any(String),
      token_type: "Bearer",
      refresh_token: expect.any(String),
      expires_in: 3600,
      conversation: expect.objectContaining({
        company_id: company.company_id,
        agent_id: company.agent_id,
        entity_type: "lead",
        entity_id: answer.body.lead.id,
        title: "New Conversation",
        message_count: 0,
      }),
    });
    const headers = bearer(answer.body.access_token);
    const own = await call("GET", "/v1/conversation/entity", { headers });
    expect(own.body.conversations).toEqual([answer.body.conversation]);
    expect((await call("GET", "/v1/auth/validate", { headers })).body).toMatchObject({
      kind: "lead",
      entity_id: answer.body.lead.id,
      scopes: ["read", "write"],
    });
  });

  it("always makes a new lead: an address that is known already opens nothing", async () => {
    const company = await makeCompany();
    const body = { agent_id: company.agent_id, first_name: "Vera", email: "vera@v.example" };
    const [first, second] = [await register(body), await register(body)];
    expect(second.body.lead.id).not.toBe(first.body.lead.id);
    expect(second.body.conversation.id).not.toBe(first.body.conversation.id);
    const headers = bearer(second.body.access_token);
    const foreign = await call("GET", `/v1/conversation/${first.body.conversation.id}`, { headers });
    expect(foreign.status).toBe(404);
  });

  it("lets in the listed origins, and locally what comes from no page", async () => {
    const company = await makeCompany();
    const body = { agent_id: company.agent_id };
    expect((await register(body)).status).toBe(201);
    expect((await register(body, {})).status).toBe(201);
    for (const origin of [
      "https://shop.example.evil.example",
      "http://shop.example",
      "https://shop.example:8443",
      "null",
    ]) {
      const answer = await register(body, { origin });
      expect(answer.body).toMatchObject({ status: 403, code: "origin_not_allowed" });
    }
    expect((await register(body, { origin: "http://localhost:3000" })).status).toBe(403);
    await setAgent(company, { allowed_origins: [] });
    expect((await register(body, { origin: "http://localhost:3000" })).status).toBe(201);
    expect((await register(body)).status).toBe(403);
  });

  it("asks for a name and an address where the form requires them", async () => {
    const company = await makeCompany();
    await setAgent(company, { lead_form: "required" });
    const body = { agent_id: company.agent_id };
    const paths = async (more: object) =>
      (await register({ ...body, ...more })).body.errors?.map((error: { path: string }) => error.path);
    expect(await paths({})).toEqual(["/first_name", "/email"]);
    expect(await paths({ first_name: "  ", email: "v@v.example" })).toEqual(["/first_name"]);
    expect(await paths({ first_name: "Vera", email: null })).toEqual(["/email"]);
    expect((await register({ ...body, first_name: "Vera", email: "v@v.example" })).status).toBe(201);
  });

  it("needs an agent that is there and active", async () => {
    const company = await makeCompany();
    const bodies = new Set<string>();
    await setAgent(company, { deleted_at: Date.now() });
    for (const agent_id of [company.agent_id, uuidv7(), "nonsense"]) {
      const answer = await register({ agent_id }, { ...shop, "x-request-id": "same" });
      expect(answer.status).toBe(404);
      bodies.add(JSON.stringify(answer.body));
    }
    expect(bodies.size).toBe(1);
    const other = await makeCompany();
    await setAgent(other, { status: "inactive" });
    expect((await register({ agent_id: other.agent_id })).body).toMatchObject({
      status: 409,
      code: "agent_inactive",
    });
  });

  it.each<[body: object, path: string]>([
    [{}, "/agent_id"],
    [{ agent_id: "x", email: "nobody" }, "/email"],
    [{ agent_id: "x", first_name: "x".repeat(101) }, "/first_name"],
    [{ agent_id: "x", first_name: "\ud800" }, "/first_name"],
    [{ agent_id: "x", consent_marketing: "yes" }, "/consent_marketing"],
    [{ agent_id: "x", lead_id: uuidv7() }, "/lead_id"],
    [{ agent_id: "x", company_id: uuidv7() }, "/company_id"],
  ])("refuses %j", async (body, path) => {
    const answer = await register(body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path);
  });

  it("is there under the alias too, and under the other prefix", async () => {
    const company = await makeCompany();
    const body = { agent_id: company.agent_id };
    const made = await call("POST", "/api/v1/sdk/lead/register", { headers: shop, body });
    expect(made.status).toBe(201);
    const refresh = { refresh_token: made.body.refresh_token };
    expect((await call("POST", "/v1/sdk/lead/refresh", { body: refresh })).status).toBe(200);
    const read = await call("GET", `/v1/sdk/lead/${made.body.lead.id}`, { headers: company.read_only });
    expect(read.body).toEqual({ lead: made.body.lead });
  });
});

describe("origins", () => {
  it.each([
    ["https://a.example", "https://a.example"],
    ["https://A.Example:443/", "https://a.example"],
    ["http://a.example:8080", "http://a.example:8080"],
    ["https://bücher.example", "https://xn--bcher-kva.example"],
    ["http://[::1]:3000", "http://[::1]:3000"],
    ["https://a.example/x", null],
    ["https://a.example?x", null],
    ["https://*.a.example", null],
    ["https://a.example\\x", null],
    ["https://u@a.example", null],
    ["file:///x", null],
    ["https://", null],
    ["", null],
  ])("%s is %s", (value, origin) => expect(normaliseOrigin(value)).toBe(origin));

  it.each<[origin: string | undefined, allowed: string[], local: boolean, expected: boolean]>([
    ["https://a.example", ["https://a.example"], false, true],
    ["https://b.example", ["https://a.example"], true, false],
    ["http://localhost:3000", [], false, false],
    ["http://localhost:3000", [], true, true],
    ["http://127.0.0.1", [], true, true],
    ["http://localhost.evil.example", [], true, false],
    ["http://localhost:3000", ["https://a.example"], true, false],
    ["https://a.example", [], true, false],
    [undefined, ["https://a.example"], false, false],
    [undefined, [], true, true],
    ["null", [], true, false],
    ["", [], true, false],
  ])("from %s with %j, local %s: %s", (origin, allowed, local, expected) =>
    expect(originAllowed(origin, allowed, local)).toBe(expected),
  );
});

describe("refreshing", () => {
  const refresh = (refresh_token: string) => call("POST", "/v1/lead/refresh", { body: { refresh_token } });

  it("gives new tokens for the same lead, until the lead is deleted", async () => {
    const company = await makeCompany();
    const made = (await register({ agent_id: company.agent_id })).body;
    const answer = await refresh(made.refresh_token);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      access_token: expect.any(String),
      token_type: "Bearer",
      refresh_token: expect.any(String),
      expires_in: 3600,
    });
    const who = await call("GET", "/v1/auth/validate", { headers: bearer(answer.body.access_token) });
    expect(who.body.entity_id).toBe(made.lead.id);
    const next = await refresh(answer.body.refresh_token);
    expect(next.status).toBe(200);
    await call("DELETE", `/v1/lead/${made.lead.id}`, { headers: company.read_write });
    expect((await call("GET", "/v1/auth/validate", { headers: bearer(next.body.access_token) })).status).toBe(401);
    const refused = await refresh(next.body.refresh_token);
    expect(refused.status).toBe(401);
    expect(refused.headers.get("www-authenticate")).toMatch(/^Bearer /);
  });

  it("trades a refresh token for the next one, and for the same one again while the answer may have been lost", async () => {
    const company = await makeCompany();
    const made = (await register({ agent_id: company.agent_id })).body;
    const [first, second] = await Promise.all([refresh(made.refresh_token), refresh(made.refresh_token)]);
    const ids = [made, first.body, second.body].map(({ refresh_token }) => decodeJwt(refresh_token).jti);
    expect(ids[1]).toBe(ids[2]);
    expect(ids[1]).not.toBe(ids[0]);
    expect((await refresh(second.body.refresh_token)).status).toBe(200);
  });

  it.each([
    ["the one before the last", 0],
    ["the last, after the time in which its answer may have been lost", 60_001],
  ])("ends every token of the lead when a used refresh token comes back: %s", async (_which, later) => {
    const company = await makeCompany();
    const made = (await register({ agent_id: company.agent_id })).body;
    const first = (await refresh(made.refresh_token)).body;
    const newest = later === 0 ? (await refresh(first.refresh_token)).body : first;
    const db = await companyDatabase(env, company.company_id);
    const mine = eq(lead.id, made.lead.id);
    await db
      .update(lead)
      .set({ refreshed_at: Date.now() - later })
      .where(mine);
    expect((await call("GET", "/v1/auth/validate", { headers: bearer(newest.access_token) })).status).toBe(200);
    expect((await refresh(made.refresh_token)).status).toBe(401);
    for (const { access_token } of [made, first, newest]) {
      expect((await call("GET", "/v1/auth/validate", { headers: bearer(access_token) })).status).toBe(401);
    }
    expect((await refresh(newest.refresh_token)).status).toBe(401);
    expect(await actionsOn(company, made.lead.id)).toEqual(["lead.register", "lead.end_tokens"]);
    const other = (await register({ agent_id: company.agent_id })).body;
    expect((await refresh(other.refresh_token)).status).toBe(200);
  });

  it("takes refresh tokens only, in their one spelling", async () => {
    const company = await makeCompany();
    const made = (await register({ agent_id: company.agent_id })).body;
    for (const token of [made.access_token, `${made.refresh_token}=`, `${made.refresh_token}A`, "x.y.z", ""]) {
      expect((await refresh(token)).status).toBe(401);
    }
    expect((await call("POST", "/v1/lead/refresh", { body: {} })).status).toBe(422);
  });
});

describe("staff", () => {
  it("list live leads newest first, filtered", async () => {
    const company = await makeCompany();
    const other = await makeCompany();
    await makeLead(other, { first_name: "Foreign" });
    const anna = await makeLead(company, { first_name: "Anna", email: "a@x.example" });
    const bob = await makeLead(company, { last_name: "Bobson", agent_id: company.faq_agent_id });
    await makeLead(company, { first_name: "Anna", deleted_at: Date.now() });
    const ids = async (query: string) => {
      const answer = await call("GET", `/v1/lead/company?${query}`, { headers: company.read_only });
      expect(answer.status).toBe(200);
      return answer.body.leads.map((row: { id: string }) => row.id);
    };
    expect(await ids("")).toEqual([bob.lead_id, anna.lead_id]);
    expect(await ids("search=ANNA")).toEqual([anna.lead_id]);
    expect(await ids("search=x.example")).toEqual([anna.lead_id]);
    expect(await ids("search=bobs")).toEqual([bob.lead_id]);
    expect(await ids(`agent_id=${company.faq_agent_id}`)).toEqual([bob.lead_id]);
    expect(await ids("created_after=2100-01-01")).toEqual([]);
    expect(await ids("per_page=1&page=2")).toEqual([anna.lead_id]);
    const answer = await call("GET", "/v1/lead/company?created_after=x", { headers: company.read_only });
    expect(answer.status).toBe(422);
  });

  it("correct what is given, clear what is null, and leave the rest", async () => {
    const company = await makeCompany();
    const { lead_id } = await makeLead(company, { first_name: "Vera", phone: "1", consent_marketing_at: 1000 });
    const put = (body: object) => call("PUT", `/v1/lead/${lead_id}`, { headers: company.read_write, body });
    const body = { last_name: "Visitor", phone: null, consent_marketing: true, consent_data_processing: true };
    const changed = await put(body);
    expect(changed.status).toBe(200);
    expect(changed.body.lead).toMatchObject({
      first_name: "Vera",
      last_name: "Visitor",
      phone: null,
      consent_marketing_at: "1970-01-01T00:00:01.000Z",
      consent_data_processing_at: expect.any(String),
    });
    expect((await put(body)).body).toEqual(changed.body);
    expect((await put({ consent_marketing: false })).body.lead.consent_marketing_at).toBeNull();
    expect(await actionsOn(company, lead_id)).toEqual(["lead.update", "lead.update"]);
    for (const bad of [{ email: "x" }, { external_id: "x" }, { agent_id: company.agent_id }, []]) {
      expect((await put(bad)).status).toBe(422);
    }
  });

  it("delete softly, as often as they like, and record it once", async () => {
    const company = await makeCompany();
    const { lead_id } = await makeLead(company, { first_name: "Vera" });
    const remove = () => call("DELETE", `/v1/lead/${lead_id}`, { headers: company.user });
    const deleted = await remove();
    expect(deleted.body.lead).toMatchObject({
      first_name: "Vera",
      deleted_at: expect.any(String),
      deleted_by: company.user_id,
    });
    expect((await remove()).body).toEqual(deleted.body);
    expect((await call("GET", `/v1/lead/${lead_id}`, { headers: company.user })).status).toBe(404);
    expect(await actionsOn(company, lead_id)).toEqual(["lead.delete"]);
  });

  it("are no visitors, and need the scope", async () => {
    const company = await makeCompany();
    const { lead_id, headers } = await makeLead(company);
    for (const path of ["company", lead_id]) {
      expect((await call("GET", `/v1/lead/${path}`, { headers })).status).toBe(403);
    }
    expect((await call("DELETE", `/v1/lead/${lead_id}`, { headers })).status).toBe(403);
    expect((await call("DELETE", `/v1/lead/${lead_id}`, { headers: company.read_only })).status).toBe(403);
    for (const id of [lead_id, uuidv7()]) {
      const answer = await call("DELETE", `/v1/lead/${id}?erase=true`, { headers: company.read_write });
      expect(answer.status).toBe(403);
    }
    const odd = await call("DELETE", `/v1/lead/${lead_id}?erase=perhaps`, { headers: company.admin });
    expect(odd.status).toBe(422);
  });

  it("find another company's lead no more than an unknown one", async () => {
    const company = await makeCompany();
    const foreign = await makeLead(await makeCompany());
    const gone = await makeLead(company, { deleted_at: Date.now() });
    const headers = { ...company.admin, "x-request-id": "same" };
    const bodies = new Set<string>();
    for (const id of [foreign.lead_id, uuidv7(), "nonsense"]) {
      for (const [method, query, body] of [["GET"], ["PUT", "", {}], ["DELETE"], ["DELETE", "?erase=true"]] as const) {
        const answer = await call(method, `/v1/lead/${id}${query ?? ""}`, { headers, body });
        expect(answer.status).toBe(404);
        bodies.add(JSON.stringify(answer.body));
      }
    }
    for (const [method, body] of [["GET"], ["PUT", {}]] as const) {
      bodies.add(JSON.stringify((await call(method, `/v1/lead/${gone.lead_id}`, { headers, body })).body));
    }
    expect(bodies.size).toBe(1);
  });
});

describe("erasing", () => {
  it("takes the person out of every store, and leaves counts and audit", async () => {
    const company = await makeCompany();
    const made = (
      await register({
        agent_id: company.agent_id,
        first_name: "Vera",
        email: "vera@v.example",
        source: "ad",
        consent_marketing: true,
      })
    ).body;
    const lead_id = made.lead.id;
    const headers = bearer(made.access_token);
    const first = made.conversation.id;
    const said = await call("POST", `/v1/conversation/${first}/chat`, { headers, body: { message: "my secret" } });
    expect(said.status).toBe(200);
    const ids = [first];
    for (let i = 0; i < 11; i++) {
      const body = { agent_id: company.agent_id, title: `about my secret ${i}` };
      ids.push((await call("POST", "/v1/conversation", { headers, body })).body.conversation.id);
    }
    await call("DELETE", `/v1/conversation/${ids[1]}`, { headers });

    const erase = () => call("DELETE", `/v1/lead/${lead_id}?erase=true`, { headers: company.admin });
    const erased = await erase();
    expect(erased.status).toBe(200);
    expect(erased.body.lead).toEqual({
      ...made.lead,
      first_name: null,
      email: null,
      source: null,
      deleted_at: expect.any(String),
      deleted_by: company.user_id,
      erased_at: expect.any(String),
      updated_at: expect.any(String),
    });
    expect((await erase()).body).toEqual(erased.body);
    const deleted = await call("DELETE", `/v1/lead/${lead_id}`, { headers: company.admin });
    expect(deleted.body).toEqual({ lead: erased.body.lead });
    expect(await actionsOn(company, lead_id)).toEqual(["lead.register", "lead.erase"]);

    const db = await companyDatabase(env, company.company_id);
    const everything = [
      await db.select().from(lead).where(eq(lead.company_id, company.company_id)),
      await db.select().from(conversation).where(eq(conversation.company_id, company.company_id)),
      await db.select().from(message).where(eq(message.company_id, company.company_id)),
      await db.select().from(audit_event).where(eq(audit_event.company_id, company.company_id)),
    ];
    expect(JSON.stringify(everything)).not.toMatch(/secret|Vera|vera@/);
    expect(everything[1]).toHaveLength(12);
    expect(everything[2]).toHaveLength(2);
    for (const id of ids) {
      expect((await call("GET", `/v1/conversation/${id}`, { headers: company.admin })).status).toBe(404);
      expect(await actionsOn(company, id)).toContain("conversation.erase");
    }
    expect((await call("POST", "/v1/lead/refresh", { body: { refresh_token: made.refresh_token } })).status).toBe(401);
  });

  it("leaves other leads alone, and takes deleted ones too", async () => {
    const company = await makeCompany();
    const [vera, otto] = [
      (await register({ agent_id: company.agent_id, first_name: "Vera" })).body,
      (await register({ agent_id: company.agent_id, first_name: "Otto" })).body,
    ];
    await call("DELETE", `/v1/lead/${vera.lead.id}`, { headers: company.admin });
    const erased = await call("DELETE", `/v1/lead/${vera.lead.id}?erase=true`, { headers: company.admin });
    expect(erased.body.lead).toMatchObject({ first_name: null, erased_at: expect.any(String) });
    const other = await call("GET", `/v1/lead/${otto.lead.id}`, { headers: company.admin });
    expect(other.body.lead).toEqual(otto.lead);
    const kept = await call("GET", `/v1/conversation/${otto.conversation.id}`, { headers: company.admin });
    expect(kept.status).toBe(200);
  });
});
