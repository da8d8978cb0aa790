/** What a credential rests on: with its key, its person or its provider it ends, and it does no more than they may. */
import { listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { and, eq } from "drizzle-orm";
import { uuidv7 } from "uuidv7";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Basis, Principal } from "../../src/auth/principal.ts";
import { companyDatabase } from "../../src/db/database.ts";
import { audit_event } from "../../src/db/schema.ts";
import { forgetStandings, standingOf } from "../../src/db/standing.ts";
import type { AppContext } from "../../src/http/context.ts";
import { stillGood } from "../../src/http/recall.ts";
import { type Problem, statusOf } from "../../src/problem/problem.ts";
import { actionsOn } from "./credential-checks.ts";
import { bearer, call, type Company, type HeaderMap, makeCompany, makeLead } from "./company.ts";
import { makeProvider } from "./identity-provider.ts";

const validate = (headers: HeaderMap) => call("GET", "/v1/auth/validate", { headers });
const mint = async (headers: HeaderMap, body: object) => (await call("POST", "/v1/auth/token", { headers, body })).body;

async function makeKey(company: Company, scopes: string[]) {
  const { body } = await call("POST", "/v1/auth/api-keys", { headers: company.admin, body: { scopes } });
  return { id: body.id as string, headers: { "x-api-key": body.api_key, "x-api-secret": body.api_secret } };
}

describe("a token ends", () => {
  it("with the key that minted it, whomever it is for", async () => {
    const company = await makeCompany();
    const key = await makeKey(company, ["read", "write"]);
    const tokens = [
      await mint(key.headers, { entity_type: "user", external_id: "u-1" }),
      await mint(key.headers, { entity_type: "lead", external_id: "v-1" }),
    ].map(({ access_token }) => bearer(access_token));
    for (const headers of tokens) expect((await validate(headers)).status).toBe(200);
    await call("DELETE", `/v1/auth/api-keys/${key.id}`, { headers: company.admin });
    for (const headers of tokens) expect((await validate(headers)).status).toBe(401);
    const other = await mint(company.read_write, { entity_type: "user", external_id: "u-1" });
    expect((await validate(bearer(other.access_token))).status).toBe(200);
  });

  it("with its visitor, and is good again when the company's backend brings the visitor back", async () => {
    const company = await makeCompany();
    const body = { entity_type: "lead", external_id: "v-1" };
    const { access_token, entity_id } = await mint(company.read_write, body);
    await call("DELETE", `/v1/lead/${entity_id}`, { headers: company.read_write });
    expect((await validate(bearer(access_token))).status).toBe(401);
    await mint(company.read_write, body);
    expect((await validate(bearer(access_token))).status).toBe(200);
    await call("DELETE", `/v1/lead/${entity_id}?erase=true`, { headers: company.admin });
    expect((await validate(bearer(access_token))).status).toBe(401);
  });

  it("with its user, whom the company's backend does not bring back by asking for another", async () => {
    const company = await makeCompany();
    const body = { entity_type: "user", external_id: "u-1" };
    const { access_token, entity_id } = await mint(company.read_write, body);
    await call("DELETE", `/v1/user/${entity_id}`, { headers: company.admin });
    expect((await validate(bearer(access_token))).status).toBe(401);
    expect(await mint(company.read_write, body)).toMatchObject({ status: 409, code: "conflict" });
  });

  it("within 30 seconds where another part of the service took it back", async () => {
    const company = await makeCompany();
    const { lead_id } = await makeLead(company);
    const provider = await makeProvider("ES256", company);
    const person = { company_id: company.company_id, kind: "lead", entity_type: "lead", entity_id: lead_id } as const;
    const basis: Basis = { ...person, api_key_id: null, issuer_id: null, issued_at: 1, expires_at: null };
    const user = { ...basis, kind: "user", entity_type: "user", entity_id: company.user_id } as const;
    const cases: [Basis, string, string, string][] = [
      [basis, "lead", lead_id, "deleted_at"],
      [{ ...user, api_key_id: company.key_ids.read_write }, "api_key", company.key_ids.read_write, "revoked_at"],
      [{ ...user, issuer_id: provider.id }, "issuer", provider.id, "verified_at"],
      [user, "user", company.user_id, "deleted_at"],
    ];
    for (const [credential, table, id, column] of cases) {
      forgetStandings();
      const now = Date.now();
      expect((await standingOf(env, credential, now)).ok).toBe(true);
      const gone = column === "verified_at" ? null : now;
      await env.DB.prepare(`UPDATE "${table}" SET ${column} = ? WHERE id = ?`).bind(gone, id).run();
      expect((await standingOf(env, credential, now + 29_999)).ok).toBe(true);
      expect((await standingOf(env, credential, now + 30_000)).ok).toBe(false);
      forgetStandings();
      expect((await standingOf(env, credential, now)).ok).toBe(false);
    }
  });

  it("when its time is over, without asking anybody", async () => {
    const person = { company_id: uuidv7(), kind: "user", entity_type: "user", entity_id: uuidv7() } as const;
    const basis: Basis = { ...person, api_key_id: null, issuer_id: null, issued_at: 1, expires_at: 1000 };
    expect(await standingOf(env, basis, 1000)).toEqual({ ok: false, refusal: { reason: "expired" } });
    expect(await standingOf(env, basis, 999)).toEqual({ ok: false, refusal: { reason: "unknown_entity" } });
  });
});

describe("a minted token with the role admin", () => {
  const ask = { entity_type: "user", external_id: "boss", role: "admin" };

  it("lives an hour at most and leaves an audit row", async () => {
    const company = await makeCompany();
    const long = await mint(company.admin, { ...ask, expires_in: 86_400 });
    expect(long.expires_in).toBe(3600);
    const { expires_at } = (await validate(bearer(long.access_token))).body;
    expect(Date.parse(expires_at) - Date.now()).toBeLessThanOrEqual(3_600_000);
    expect((await mint(company.admin, { ...ask, expires_in: 60 })).expires_in).toBe(60);
    expect(await actionsOn(company, long.entity_id)).toEqual(["user.create", "token.mint", "token.mint"]);
    const member = await mint(company.admin, { ...ask, role: "member", expires_in: 86_400 });
    expect(member.expires_in).toBe(86_400);
    // No token to note, but the user's own role is another now.
    expect(await actionsOn(company, long.entity_id)).toEqual([
      ...["user.create", "token.mint", "token.mint", "user.update"],
    ]);
    const db = await companyDatabase(env, company.company_id);
    const row = await db
      .select()
      .from(audit_event)
      .where(and(eq(audit_event.target_id, long.entity_id), eq(audit_event.action, "token.mint")))
      .get();
    expect(row).toMatchObject({ api_key_id: company.key_ids.admin, details: { role: "admin", expires_in: 3600 } });
  });

  it("makes, rotates and revokes no keys, and an identity provider's does", async () => {
    const company = await makeCompany();
    const minted = bearer((await mint(company.admin, ask)).access_token);
    const provider = await makeProvider("ES256", company, { role_claim: "role" });
    const external = bearer(await provider.sign({ role: "admin" }));
    const key = `/v1/auth/api-keys/${company.key_ids.read_only}`;
    const statuses = async (headers: HeaderMap) => {
      const requests = [
        ["GET", "/v1/auth/api-keys"],
        ["POST", "/v1/auth/api-keys"],
        ["POST", `${key}/rotate`],
        ["DELETE", key],
      ];
      const answers: number[] = [];
      for (const [method = "", path = ""] of requests) {
        answers.push(
          (await call(method, path, { headers, ...(path.endsWith("keys") && method === "POST" ? { body: {} } : {}) }))
            .status,
        );
      }
      return answers;
    };
    expect(await statuses(minted)).toEqual([200, 403, 403, 403]);
    expect(await statuses(external)).toEqual([200, 201, 200, 200]);
  });
});

describe("a key speaks for nobody but those whom it names", () => {
  it("and not for the user that the company began with", async () => {
    const company = await makeCompany();
    for (const headers of [company.read_write, company.admin]) {
      const { entity_id, access_token } = await mint(headers, { entity_type: "user", external_id: company.user_id });
      expect(entity_id).not.toBe(company.user_id);
      await call("POST", "/v1/agent", { headers: bearer(access_token), body: { name: "x" } });
    }
    const db = await companyDatabase(env, company.company_id);
    const mine = and(eq(audit_event.company_id, company.company_id), eq(audit_event.action, "agent.create"));
    const rows = await db.select().from(audit_event).where(mine);
    expect(rows).toHaveLength(2);
    expect(rows.filter((row) => row.actor_id === company.user_id)).toEqual([]);
    expect(rows.map((row) => row.api_key_id).toSorted((a, b) => ((a ?? "") < (b ?? "") ? -1 : 1))).toEqual(
      [company.key_ids.read_write, company.key_ids.admin].toSorted((a, b) => (a < b ? -1 : 1)),
    );
  });

  it("and with write alone does not reach what a visitor has said", async () => {
    const company = await makeCompany();
    const visitor = { entity_type: "lead", external_id: "v-1" };
    const good = bearer((await mint(company.read_write, visitor)).access_token);
    const { conversation } = (
      await call("POST", "/v1/conversation", { headers: good, body: { agent_id: company.agent_id } })
    ).body;
    await call("POST", `/v1/conversation/${conversation.id}/chat`, { headers: good, body: { message: "my secret" } });
    const writer = await makeKey(company, ["write"]);
    const poor = bearer((await mint(writer.headers, visitor)).access_token);
    for (const path of ["messages", "messages/stream", "chat/stream", ""]) {
      const answer = await call("GET", `/v1/conversation/${conversation.id}/${path}`.replace(/\/$/, ""), {
        headers: poor,
      });
      expect([path, answer.status]).toEqual([path, 403]);
    }
  });
});

describe("a key with write alone", () => {
  it("is shown what it writes, and nothing of what others wrote", async () => {
    const company = await makeCompany();
    const { headers } = await makeKey(company, ["write"]);
    const owner = company.read_write;
    const fields = { title: "A secret title", metadata: { note: "a secret note" } };
    const body = { agent_id: company.agent_id, ...fields };
    const { id } = (await call("POST", "/v1/conversation", { headers: owner, body })).body.conversation;
    const said = { message: "a secret message", metadata: { note: "a secret note" } };
    const turn = (await call("POST", `/v1/conversation/${id}/chat`, { headers: owner, body: said })).body;
    const person = { first_name: "Secret", email: "secret@secret.example", phone: "secret", source: "secret" };
    const { lead_id } = await makeLead(company, person);
    const agent = (await call("POST", "/v1/agent", { headers: owner, body: { name: "x", instructions: "secret" } }))
      .body.agent;
    const requests: [method: string, path: string, body?: object][] = [
      ["PATCH", `/v1/conversation/${id}`, { status: "archived" }],
      ["PATCH", `/v1/conversation/${id}`, {}],
      ["DELETE", `/v1/conversation/${id}`],
      ["PATCH", `/v1/conversation/${id}/restore`],
      ["PUT", `/v1/message/${turn.reply.id}/feedback`, { rating: "up" }],
      ["DELETE", `/v1/message/${turn.reply.id}/feedback`],
      ["DELETE", `/v1/message/${turn.message_id}`],
      ["PATCH", `/v1/message/${turn.message_id}/restore`],
      ["PUT", `/v1/lead/${lead_id}`, { last_name: "Shown" }],
      ["PUT", `/v1/lead/${lead_id}`, {}],
      ["DELETE", `/v1/lead/${lead_id}`],
      ["DELETE", `/v1/agent/${agent.id}`],
      ["PATCH", `/v1/agent/${agent.id}/restore`],
    ];
    for (const [method, path, sent] of requests) {
      const answer = await call(method, path, { headers, body: sent });
      expect([method, path, answer.status]).toEqual([method, path, 200]);
      expect(JSON.stringify(answer.body)).not.toMatch(/secret/i);
    }
    const renamed = await call("PATCH", `/v1/conversation/${id}`, { headers, body: { title: "Mine" } });
    expect(renamed.body.conversation).toMatchObject({ id, title: "Mine", metadata: {}, message_count: 2 });
    const whole = await call("GET", `/v1/conversation/${id}`, { headers: owner });
    expect(whole.body.conversation).toMatchObject({ title: "Mine", metadata: fields.metadata });
    const made = await call("POST", "/v1/conversation", { headers, body });
    expect(made.body.conversation).toMatchObject(fields);
    expect(made.headers.get("location")).toContain(made.body.conversation.id);
  });
});

describe("HEAD of a stream", () => {
  it("says what GET would, and wakes no object", async () => {
    const company = await makeCompany();
    const other = await makeCompany();
    const body = { agent_id: company.agent_id };
    const { conversation } = (await call("POST", "/v1/conversation", { headers: company.read_write, body })).body;
    const before = await listDurableObjectIds(env.CONVERSATION);
    for (const path of ["messages/stream", "chat/stream", `chat/${conversation.id}/stream`]) {
      const head = (headers: HeaderMap, id = conversation.id) =>
        call("HEAD", `/v1/conversation/${id}/${path}`, { headers });
      const answer = await head(company.read_only);
      expect([answer.status, answer.body]).toEqual([200, ""]);
      expect(answer.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
      expect((await head(other.read_only)).status).toBe(404);
      expect((await head(company.read_only, uuidv7())).status).toBe(404);
      expect((await head({})).status).toBe(401);
    }
    expect(await listDurableObjectIds(env.CONVERSATION)).toHaveLength(before.length);
  });
});

describe("the reason of a refusal", () => {
  afterEach(() => vi.restoreAllMocks());

  it("is in the log, one for each, and not on the wire", async () => {
    const log = vi.spyOn(console, "warn").mockImplementation(() => {});
    const company = await makeCompany();
    const other = await makeCompany();
    const provider = await makeProvider("ES256", company);
    const visitor = await makeLead(company);
    await call("DELETE", `/v1/lead/${visitor.lead_id}`, { headers: company.read_write });
    const key = await makeKey(company, ["read"]);
    await call("DELETE", `/v1/auth/api-keys/${key.id}`, { headers: company.admin });
    const past = Math.floor(Date.now() / 1000) - 600;
    const cases: [reason: string, headers: HeaderMap][] = [
      ["malformed", bearer("x.y")],
      ["expired", bearer(await provider.sign({ exp: past }))],
      ["not_yet_valid", bearer(await provider.sign({ nbf: past + 1200 }))],
      ["issuer_unknown", bearer(await provider.sign({ aud: "else" }))],
      ["no_matching_key", bearer(await provider.sign({}, { kid: "nobody" }))],
      ["claim", bearer(await provider.sign({ sub: undefined }))],
      ["lead_deleted", visitor.headers],
      ["key_unknown", { ...company.admin, "x-api-key": `ak_${"x".repeat(24)}` }],
      ["key_secret", { ...company.admin, "x-api-secret": other.admin["x-api-secret"] ?? "" }],
      ["key_revoked", key.headers],
    ];
    for (const [reason, headers] of cases) {
      log.mockClear();
      const request_id = uuidv7();
      const answer = await validate({ ...headers, "x-request-id": request_id });
      expect(answer.status).toBe(401);
      expect(JSON.stringify(answer.body)).not.toContain(reason);
      const lines = log.mock.calls.map(([line]) => JSON.parse(String(line)));
      expect(lines).toEqual([expect.objectContaining({ event: "credential_refused", request_id, reason })]);
      expect(JSON.stringify(lines)).not.toContain(headers["authorization"]?.slice(7) ?? headers["x-api-secret"] ?? "");
    }
    const details = await Promise.all(cases.map(async ([, headers]) => (await validate(headers)).body.detail));
    expect(new Set(details)).toEqual(new Set(["The token is not good.", "The API key and secret are not good."]));
  });
});

describe("while the database is away", () => {
  const principalOf = ({ company_id, user_id, key_ids }: Company, checked_at: number): Principal => ({
    ...{ kind: "api_key", company_id, entity_type: "user", entity_id: user_id, api_key_id: key_ids.read_write },
    ...{ issuer_id: null, issued_at: null, expires_at: null, scopes: ["read"], agent_id: null, website: null },
    ...{ credential: "c", checked_at },
  });
  const standsAt = (company: Company, checked_at: number) =>
    stillGood({ env } as unknown as AppContext, principalOf(company, checked_at)).then(
      () => 200,
      (error: Problem) => statusOf(error.details.code),
    );

  it("what was noted as ended after it was last asked does not go on, and everything else does", async () => {
    const company = await makeCompany();
    const now = Date.now();
    const [earlier, later] = [now - 300_000, now - 120_000];
    expect(await standsAt(company, earlier)).toBe(200);
    const key = await makeKey(company, ["read"]);
    expect((await call("DELETE", `/v1/auth/api-keys/${key.id}`, { headers: company.admin })).status).toBe(200);
    expect(await standsAt(company, earlier + 1)).toBe(200);
    const { read_write } = company.key_ids;
    expect((await call("DELETE", `/v1/auth/api-keys/${read_write}`, { headers: company.admin })).status).toBe(200);
    for (const checked_at of [earlier + 2, later]) expect(await standsAt(company, checked_at)).toBe(503);
    // D1 has just been asked: it knows best.
    expect(await standsAt(company, now)).toBe(200);
  });

  it("what cannot be found out goes on", async () => {
    const company = await makeCompany();
    const never = Promise.withResolvers<void>();
    const stuck = runInDurableObject(env.STANDBY.getByName(company.company_id), (_, ctx) =>
      ctx.blockConcurrencyWhile(() => never.promise),
    );
    expect(await standsAt(company, Date.now() - 300_000)).toBe(200);
    never.resolve();
    await stuck;
  });
});
