/** Keys, minted tokens and model providers: who may hand out what, and what is refused. */
import { env } from "cloudflare:workers";
import { eq } from "drizzle-orm";
import { SignJWT } from "jose";
import { uuidv7 } from "uuidv7";
import { describe, expect, it } from "vitest";
import { decrypt, encrypt } from "../../src/auth/encryption.ts";
import { configOf } from "../../src/config.ts";
import { companyDatabase } from "../../src/db/database.ts";
import { providerKeyContext } from "../../src/db/model-provider.ts";
import { audit_event, lead, model_provider, user } from "../../src/db/schema.ts";
import { actionsOn, bodiesFor } from "./credential-checks.ts";
import { bearer, call, type Company, type HeaderMap, makeCompany, makeLead, tokenFor } from "./company.ts";

const validate = (headers: HeaderMap) => call("GET", "/v1/auth/validate", { headers });
const keyHeaders = (key: { api_key: string; api_secret: string }) => ({
  "x-api-key": key.api_key,
  "x-api-secret": key.api_secret,
});

describe("API keys", () => {
  const make = (headers: HeaderMap, body: object = {}) => call("POST", "/v1/auth/api-keys", { headers, body });

  it("are made with a secret that is shown once, and act as their maker", async () => {
    const company = await makeCompany();
    const made = await make(company.admin, { name: "Backend" });
    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      id: expect.any(String),
      name: "Backend",
      api_key: expect.stringMatching(/^ak_[\w-]{24}$/),
      api_secret: expect.stringMatching(/^as_[\w-]{43}$/),
      scopes: ["read", "write"],
      user_id: company.user_id,
      created_at: expect.any(String),
      expires_at: null,
      revoked_at: null,
      last_used_at: null,
      previous_secret_expires_at: null,
    });
    expect((await validate(keyHeaders(made.body))).body).toEqual({
      kind: "api_key",
      company_id: company.company_id,
      entity_type: "user",
      entity_id: company.user_id,
      entity: { entity_type: "user", entity_id: company.user_id },
      scopes: ["read", "write"],
      expires_at: null,
    });
    const listed = await call("GET", "/v1/auth/api-keys", { headers: company.admin_user });
    expect(listed.body.pagination.total).toBe(4);
    expect(listed.body.api_keys[0].id).toBe(made.body.id);
    expect(JSON.stringify(listed.body)).not.toMatch(/as_|secret_hash/);
    expect(await actionsOn(company, made.body.id)).toEqual(["api_key.create"]);
  });

  it("are for admins only", async () => {
    const company = await makeCompany();
    for (const headers of [company.read_write, company.read_only, company.user]) {
      expect((await make(headers)).status).toBe(403);
      expect((await call("GET", "/v1/auth/api-keys", { headers })).status).toBe(403);
      expect((await call("DELETE", `/v1/auth/api-keys/${company.key_ids.admin}`, { headers })).status).toBe(403);
      expect((await call("POST", `/v1/auth/api-keys/${company.key_ids.admin}/rotate`, { headers })).status).toBe(403);
    }
  });

  it.each<[body: object, path: string]>([
    [{ scopes: [] }, "/scopes"],
    [{ scopes: ["root"] }, "/scopes/0"],
    [{ expires_at: "2020-01-01T00:00:00Z" }, "/expires_at"],
    [{ expires_at: "soon" }, "/expires_at"],
    [{ name: "" }, "/name"],
    [{ user_id: uuidv7() }, "/user_id"],
  ])("refuse %j", async (body, path) => {
    const company = await makeCompany();
    const answer = await make(company.admin, body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0].path).toBe(path);
  });

  it("keep to their scopes and their end", async () => {
    const company = await makeCompany();
    const expires_at = new Date(Date.now() + 60_000).toISOString();
    const made = await make(company.admin, { scopes: ["read", "read"], expires_at: expires_at.toLowerCase() });
    const headers = keyHeaders(made.body);
    expect((await validate(headers)).body).toMatchObject({ scopes: ["read"], expires_at });
    expect((await call("POST", "/v1/agent", { headers, body: { name: "x" } })).status).toBe(403);
  });

  it("are refused from the moment they are revoked, as often as one likes", async () => {
    const company = await makeCompany();
    const made = (await make(company.admin)).body;
    expect((await validate(keyHeaders(made))).status).toBe(200);
    const revoke = () => call("DELETE", `/v1/auth/api-keys/${made.id}`, { headers: company.admin });
    const revoked = await revoke();
    expect(revoked.status).toBe(200);
    expect(revoked.body.revoked_at).toEqual(expect.any(String));
    const refused = await validate(keyHeaders(made));
    expect(refused.status).toBe(401);
    expect(refused.headers.get("www-authenticate")).toMatch(/^Bearer/);
    expect((await revoke()).body).toEqual({ ...revoked.body, last_used_at: expect.any(String) });
    const rotated = await call("POST", `/v1/auth/api-keys/${made.id}/rotate`, { headers: company.admin });
    expect(rotated.body).toMatchObject({ status: 409, code: "conflict" });
    expect(await actionsOn(company, made.id)).toEqual(["api_key.create", "api_key.revoke"]);
  });

  it("work with both secrets while a rotation overlaps, and with the new one alone without", async () => {
    const company = await makeCompany();
    const first = (await make(company.admin)).body;
    const rotate = (body?: object) =>
      call("POST", `/v1/auth/api-keys/${first.id}/rotate`, { headers: company.admin, body });
    const second = (await rotate()).body;
    expect(second).toMatchObject({ id: first.id, api_key: first.api_key });
    expect(Date.parse(second.previous_secret_expires_at) - Date.now()).toBeGreaterThan(23 * 3_600_000);
    expect((await validate(keyHeaders(first))).status).toBe(200);
    expect((await validate(keyHeaders(second))).status).toBe(200);
    const third = (await rotate({ overlap_seconds: 0 })).body;
    expect((await validate(keyHeaders(first))).status).toBe(401);
    expect((await validate(keyHeaders(second))).status).toBe(401);
    expect((await validate(keyHeaders(third))).status).toBe(200);
    for (const overlap_seconds of [-1, 7 * 86_400 + 1, 1.5, "1"]) {
      expect((await rotate({ overlap_seconds })).status).toBe(422);
    }
    expect(await actionsOn(company, first.id)).toEqual(["api_key.create", "api_key.rotate", "api_key.rotate"]);
  });

  it("of other companies are not there", async () => {
    const company = await makeCompany();
    const other = await makeCompany();
    const revoke = await bodiesFor(company, "DELETE", (id) => `/v1/auth/api-keys/${id}`, other.key_ids.read_only);
    const rotate = await bodiesFor(company, "POST", (id) => `/v1/auth/api-keys/${id}/rotate`, other.key_ids.read_only);
    expect(new Set([...revoke, ...rotate]).size).toBe(1);
    expect((await validate(other.read_only)).status).toBe(200);
  });
});

describe("minted tokens", () => {
  const mint = (headers: HeaderMap, body: object) => call("POST", "/v1/auth/token", { headers, body });

  it("are for the same user whenever the external id is the same, and only within the company", async () => {
    const company = await makeCompany();
    const other = await makeCompany();
    const first = await mint(company.read_write, {
      entity_type: "user",
      external_id: "u-1",
      name: "Ann",
      email: "ann@a.example",
    });
    expect(first.status).toBe(200);
    expect(first.body).toEqual({
      access_token: expect.any(String),
      token_type: "Bearer",
      expires_in: 3600,
      entity_type: "user",
      entity_id: expect.any(String),
    });
    const again = await mint(company.read_write, { entity_type: "user", external_id: "u-1", expires_in: 86_400 });
    expect(again.body).toMatchObject({ expires_in: 86_400, entity_id: first.body.entity_id });
    expect((await mint(other.read_write, { entity_type: "user", external_id: "u-1" })).body.entity_id).not.toBe(
      first.body.entity_id,
    );
    expect((await validate(bearer(again.body.access_token))).body).toMatchObject({
      kind: "user",
      company_id: company.company_id,
      entity_id: first.body.entity_id,
      scopes: ["read", "write"],
    });
    const db = await companyDatabase(env, company.company_id);
    const row = await db.select().from(user).where(eq(user.id, first.body.entity_id)).get();
    expect(row).toMatchObject({ name: "Ann", email: "ann@a.example", role: "member" });
  });

  it("may do no more than the key that asks for them", async () => {
    const company = await makeCompany();
    const made = await call("POST", "/v1/auth/api-keys", {
      headers: company.admin,
      body: { name: "ingest", scopes: ["write"] },
    });
    const { api_key, api_secret } = made.body;
    const writeOnly = { "x-api-key": api_key, "x-api-secret": api_secret };
    const { body } = await mint(writeOnly, { entity_type: "user", external_id: "u-1" });
    const headers = bearer(body.access_token);
    expect((await call("GET", "/v1/conversation", { headers })).status).toBe(403);
    const begun = await call("POST", "/v1/conversation", { headers, body: { agent_id: company.agent_id } });
    expect(begun.status).toBe(201);
    const visitor = bearer((await mint(writeOnly, { entity_type: "lead", external_id: "v-1" })).body.access_token);
    expect((await call("GET", "/v1/conversation/entity", { headers: visitor })).status).toBe(403);
    expect(
      (await call("POST", "/v1/conversation", { headers: visitor, body: { agent_id: company.agent_id } })).status,
    ).toBe(201);
  });

  it("are an admin's only when an admin asks for one, whatever the user was before", async () => {
    const company = await makeCompany();
    const asked = { entity_type: "user", external_id: "boss", role: "admin" };
    expect((await mint(company.read_write, asked)).status).toBe(403);
    const admin = await mint(company.admin, asked);
    expect((await validate(bearer(admin.body.access_token))).body.scopes).toContain("admin");
    for (const role of [{}, { role: "member" }]) {
      const member = await mint(company.read_write, { entity_type: "user", external_id: "boss", ...role });
      expect(member.body.entity_id).toBe(admin.body.entity_id);
      expect((await validate(bearer(member.body.access_token))).body.scopes).toEqual(["read", "write"]);
    }
    const db = await companyDatabase(env, company.company_id);
    expect(await db.select().from(user).where(eq(user.id, admin.body.entity_id)).get()).toMatchObject({
      role: "admin",
    });
  });

  it("are for the same visitor whenever the external id is the same, also one who had been deleted", async () => {
    const company = await makeCompany();
    const body = { entity_type: "lead", external_id: "v-1", name: "Vic" };
    const first = await mint(company.read_write, body);
    const { entity_id, access_token } = first.body;
    expect((await validate(bearer(access_token))).body).toMatchObject({ kind: "lead", entity_type: "lead", entity_id });
    await call("DELETE", `/v1/lead/${entity_id}`, { headers: company.read_write });
    expect((await mint(company.read_write, body)).body.entity_id).toBe(entity_id);
    const db = await companyDatabase(env, company.company_id);
    const row = await db.select().from(lead).where(eq(lead.id, entity_id)).get();
    expect(row).toMatchObject({ external_id: "v-1", first_name: "Vic", deleted_at: null });
    expect(await actionsOn(company, entity_id)).toEqual(["lead.create", "lead.delete", "lead.restore"]);
    await call("DELETE", `/v1/lead/${entity_id}?erase=true`, { headers: company.admin });
    expect((await mint(company.read_write, body)).body.entity_id).not.toBe(entity_id);
  });

  it("come from keys with write only: a token does not beget tokens", async () => {
    const company = await makeCompany();
    const visitor = await makeLead(company);
    const body = { entity_type: "user", external_id: "x" };
    for (const headers of [company.read_only, company.user, company.admin_user, visitor.headers]) {
      expect((await mint(headers, body)).status).toBe(403);
    }
  });

  it("do not outlive the key that asks", async () => {
    const company = await makeCompany();
    const expires_at = new Date(Date.now() + 120_000).toISOString();
    const key = await call("POST", "/v1/auth/api-keys", { headers: company.admin, body: { expires_at } });
    const minted = await mint(keyHeaders(key.body), { entity_type: "user", external_id: "x" });
    expect(minted.body.expires_in).toBeGreaterThan(0);
    expect(minted.body.expires_in).toBeLessThanOrEqual(120);
  });

  it.each<[body: object, path: string]>([
    [{ external_id: "x" }, "/entity_type"],
    [{ entity_type: "agent", external_id: "x" }, "/entity_type"],
    [{ entity_type: "user" }, "/external_id"],
    [{ entity_type: "user", external_id: "" }, "/external_id"],
    [{ entity_type: "user", external_id: "\udc00" }, "/external_id"],
    [{ entity_type: "user", external_id: "x", expires_in: 86_401 }, "/expires_in"],
    [{ entity_type: "user", external_id: "x", expires_in: 0 }, "/expires_in"],
    [{ entity_type: "user", external_id: "x", email: "nobody" }, "/email"],
    [{ entity_type: "user", external_id: "x", role: "owner" }, "/role"],
    [{ entity_type: "lead", external_id: "x", role: "member" }, "/role"],
    [{ entity_type: "user", external_id: "x", company_id: uuidv7() }, "/company_id"],
  ])("refuse %j", async (body, path) => {
    const company = await makeCompany();
    const answer = await mint(company.admin, body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path);
  });

  it("are refused when they are expired, signed by somebody else, or of another use", async () => {
    const company = await makeCompany();
    const claims = {
      company_id: company.company_id,
      entity_type: "user",
      entity_id: company.user_id,
      role: "admin",
    } as const;
    expect((await validate(bearer(await tokenFor(claims, -60)))).status).toBe(401);
    const { entity_id, ...rest } = claims;
    const forged = await new SignJWT(rest)
      .setProtectedHeader({ alg: "HS256", typ: "at+jwt" })
      .setIssuer("conversations-api")
      .setAudience("conversations-api")
      .setSubject(entity_id)
      .setExpirationTime("1h")
      .sign(new TextEncoder().encode(env.TOKEN_SECRETS));
    expect((await validate(bearer(forged))).status).toBe(401);
    const registered = await call("POST", "/v1/lead/register", { body: { agent_id: company.agent_id } });
    expect((await validate(bearer(registered.body.access_token))).status).toBe(200);
    expect((await validate(bearer(registered.body.refresh_token))).status).toBe(401);
  });
});

describe("model providers", () => {
  const put = (company: Company, name: string, body: object) =>
    call("PUT", `/v1/model-provider/${name}`, { headers: company.admin, body });

  it("keep their key to themselves", async () => {
    const company = await makeCompany();
    const api_key = "sk-very-secret";
    const made = await put(company, "our-openai", { kind: "openai", api_key });
    expect(made.status).toBe(201);
    expect(made.body.model_provider).toEqual({
      name: "our-openai",
      kind: "openai",
      base_url: null,
      has_api_key: true,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    });
    const read = await call("GET", "/v1/model-provider/our-openai", { headers: company.admin });
    expect(read.body).toEqual(made.body);
    const db = await companyDatabase(env, company.company_id);
    const row = await db.select().from(model_provider).where(eq(model_provider.company_id, company.company_id)).get();
    const stored = row?.api_key_ciphertext ?? "";
    expect(stored).toMatch(/^k1\.[\w-]{16}\.[\w-]+$/);
    expect(await decrypt(configOf(env), stored, providerKeyContext(company.company_id, "our-openai"))).toBe(api_key);
    expect(await decrypt(configOf(env), stored, providerKeyContext(company.company_id, "other"))).toBeNull();
    expect(await decrypt(configOf(env), stored, providerKeyContext(uuidv7(), "our-openai"))).toBeNull();
    const audit = await db.select().from(audit_event).where(eq(audit_event.company_id, company.company_id));
    expect(JSON.stringify(audit)).not.toContain(api_key);
  });

  it("replace as a whole, make models selectable, and go for good", async () => {
    const company = await makeCompany();
    const agentWith = (headers: HeaderMap) =>
      call("POST", "/v1/agent", { headers, body: { name: "x", model: "local/meta/llama" } });
    expect((await agentWith(company.admin)).status).toBe(422);
    const base_url = "http://127.0.0.1:11434/v1";
    await put(company, "local", { kind: "openai-compatible", base_url, api_key: "k" });
    expect((await agentWith(company.read_write)).status).toBe(201);
    const other = await makeCompany();
    expect((await agentWith(other.admin)).status).toBe(422);
    const replaced = await put(company, "local", { kind: "openai-compatible", base_url });
    expect(replaced.status).toBe(200);
    expect(replaced.body.model_provider).toMatchObject({ base_url, has_api_key: false });
    await put(company, "a-first", { kind: "anthropic", api_key: "k" });
    const list = (query: string) => call("GET", `/v1/model-provider?${query}`, { headers: company.admin });
    const first = await list("per_page=1");
    expect(first.body.model_providers.map((provider: { name: string }) => provider.name)).toEqual(["a-first"]);
    const second = await list(`per_page=1&cursor=${first.body.pagination.next_cursor}`);
    expect(second.body.model_providers).toEqual([replaced.body.model_provider]);
    const remove = (by: Company, name: string) => call("DELETE", `/v1/model-provider/${name}`, { headers: by.admin });
    expect((await bodiesFor(other, "DELETE", (id) => `/v1/model-provider/${id}`, "local")).size).toBe(1);
    expect((await bodiesFor(other, "GET", (id) => `/v1/model-provider/${id}`, "local")).size).toBe(1);
    expect((await remove(company, "local")).status).toBe(200);
    expect((await remove(company, "local")).status).toBe(404);
    const wanted = ["model_provider.put", "model_provider.put", "model_provider.delete"];
    expect(await actionsOn(company, "local")).toEqual(wanted);
  });

  it.each<[name: string, body: object, path: string]>([
    ["builtin", { kind: "openai" }, "/name"],
    ["Upper", { kind: "openai" }, "/name"],
    ["-x", { kind: "openai" }, "/name"],
    ["x".repeat(41), { kind: "openai" }, "/name"],
    ["ok", { kind: "cohere" }, "/kind"],
    ["ok", { kind: "openai-compatible" }, "/base_url"],
    ["ok", { kind: "openai-compatible", base_url: "http://models.example.com/v1" }, "/base_url"],
    ["ok", { kind: "openai", base_url: "https://169.254.169.254/" }, "/base_url"],
    ["ok", { kind: "openai", base_url: "nonsense" }, "/base_url"],
    ["ok", { kind: "openai", api_key: "" }, "/api_key"],
    ["ok", { kind: "openai", secret: "x" }, "/secret"],
  ])("refuse %s %j", async (name, body, path) => {
    const company = await makeCompany();
    const answer = await put(company, name, body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path);
  });
});

describe("encryption at rest", () => {
  const config = configOf(env);
  const with_ = (...ENCRYPTION_KEYS: { id: string; key: string }[]) => ({ ...config, ENCRYPTION_KEYS });
  const old = { id: "old", key: "A".repeat(43) };
  const fresh = { id: "new", key: `${"B".repeat(42)}A` };

  it("opens with every listed key, whichever encrypts now", async () => {
    const before = await encrypt(with_(old), "säcret", "c");
    const after = await encrypt(with_(fresh, old), "säcret", "c");
    expect([before, after].map((text) => text.split(".")[0])).toEqual(["old", "new"]);
    expect(await decrypt(with_(fresh, old), before, "c")).toBe("säcret");
    expect(await decrypt(with_(fresh, old), after, "c")).toBe("säcret");
    expect(await decrypt(with_(fresh), before, "c")).toBeNull();
    expect(await decrypt(with_({ ...fresh, id: "old" }), before, "c")).toBeNull();
  });

  it("never repeats itself, and opens nothing that was changed", async () => {
    const [a, b] = [await encrypt(config, "x", "c"), await encrypt(config, "x", "c")];
    expect(a).not.toBe(b);
    const [id, iv] = a.split(".");
    const swapped = `${id}.${iv}.${b.split(".")[2]}`;
    for (const text of [swapped, `${a}.x`, "", "k1", "k1..", `${a.slice(0, -2)}AA`, a.replace("k1.", "k2.")]) {
      expect(await decrypt(config, text, "c")).toBeNull();
    }
  });
});

describe("the audit trail", () => {
  it("is read by admins, newest first, filtered, and only their own company's", async () => {
    const company = await makeCompany();
    const other = await makeCompany();
    const request_id = uuidv7();
    const make = async (by: Company) =>
      (
        await call("POST", "/v1/agent", {
          headers: { ...by.read_write, "x-request-id": request_id },
          body: { name: "x" },
        })
      ).body.agent;
    const agent = await make(company);
    await make(other);
    await call("DELETE", `/v1/agent/${agent.id}`, { headers: { ...company.user, "x-request-id": "vera.visitor" } });
    const list = (query = "") => call("GET", `/v1/audit${query}`, { headers: company.admin });
    const all = await list();
    expect(all.body.audit_events).toHaveLength(2);
    expect(all.body.pagination).toEqual({ per_page: 20, next_cursor: null });
    expect(all.body.audit_events[1]).toEqual({
      id: expect.any(String),
      company_id: company.company_id,
      sequence: 1,
      created_at: expect.any(String),
      actor_type: "user",
      actor_id: company.user_id,
      api_key_id: company.key_ids.read_write,
      action: "agent.create",
      target_type: "agent",
      target_id: agent.id,
      request_id,
      details: {},
    });
    expect(all.body.audit_events[0]).toMatchObject({ action: "agent.delete", api_key_id: null, request_id: null });
    const actions = async (query: string) =>
      (await list(query)).body.audit_events.map((event: { action: string }) => event.action);
    expect(await actions("?action=agent.delete")).toEqual(["agent.delete"]);
    expect(await actions(`?target_type=agent&target_id=${agent.id}&actor_id=${company.user_id}`)).toHaveLength(2);
    expect(await actions("?target_type=lead")).toEqual([]);
    expect(await actions("?created_after=2100-01-01")).toEqual([]);
    expect(await actions("?created_before=2100-01-01T00:00:00Z&created_after=2020-01-01")).toHaveLength(2);
    const first = await list("?per_page=1");
    const second = await list(`?per_page=1&cursor=${first.body.pagination.next_cursor}`);
    expect(second.body.audit_events).toEqual([all.body.audit_events[1]]);
    for (const bad of [
      "?created_after=yesterday",
      "?created_before=2026-02-30",
      "?action=",
      "?per_page=101",
      "?page=2",
    ]) {
      expect((await list(bad)).status).toBe(422);
    }
    for (const headers of [company.read_write, company.user]) {
      expect((await call("GET", "/v1/audit", { headers })).status).toBe(403);
    }
  });

  it("cannot be rewritten, not even by the service itself", async () => {
    const company = await makeCompany();
    await call("POST", "/v1/agent", { headers: company.admin, body: { name: "x" } });
    for (const change of ["UPDATE audit_event SET actor_id = 'nobody'", "DELETE FROM audit_event"]) {
      const run = async () => env.DB.prepare(`${change} WHERE company_id = ?`).bind(company.company_id).run();
      await expect(run()).rejects.toThrow("append-only");
    }
    const rows = async () =>
      (await env.DB.prepare("SELECT * FROM audit_event WHERE company_id = ?").bind(company.company_id).all()).results;
    const before = await rows();
    for (const [columns, values] of [
      ["id", "id"],
      ["rowid, id", "rowid, 'another'"],
      ["sequence, id", "sequence, 'another'"],
    ]) {
      const rest =
        "company_id, at, actor_type, actor_id, api_key_id, action, target_type, target_id, request_id, details";
      const select = `SELECT ${values}, ${rest.replace("action", "'tampered'")} FROM audit_event WHERE company_id = ?`;
      await env.DB.prepare(`INSERT OR REPLACE INTO audit_event (${columns}, ${rest}) ${select}`)
        .bind(company.company_id)
        .run();
      expect(await rows()).toEqual(before);
    }
  });
});
