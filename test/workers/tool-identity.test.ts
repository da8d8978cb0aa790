/** What a tool can find out about a call without believing its body or the model: checked by jose, with our published keys. */
import { env } from "cloudflare:workers";
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from "jose";
import { describe, expect, it } from "vitest";
import { calling, complete, type SeenRequest, upstream } from "../upstream/client.ts";
import { bearer, call, makeCompany, makeLead } from "./company.ts";
import { chat, createConversation } from "./conversation-client.ts";

const up = upstream(env.TEST_UPSTREAM);
let count = 0;

/** A visitor's turn in which the model calls one tool `times` times: the turn, and what the tool was sent. */
async function called(times = 1) {
  const company = await makeCompany();
  const model = `identity-${count++}`;
  const provider = { kind: "openai-compatible", base_url: up.baseUrl };
  await call("PUT", "/v1/model-provider/up", { headers: company.admin, body: provider });
  const url = up.toolUrl(model);
  const body = { name: "A", model: `up/${model}`, tools: [{ name: "look", url }] };
  const agent_id = (await call("POST", "/v1/agent", { headers: company.read_write, body })).body.agent.id as string;
  const calls = Array.from({ length: times }, () => ({ name: "look", arguments: {} }));
  await up.script(model, calling(calls), complete(["Done."]));
  await up.script(`tools/${model}`, [{ status: 200, body: { ok: true } }]);
  const lead = await makeLead({ ...company, agent_id });
  const { id } = await createConversation({ ...company, agent_id }, {}, lead.headers);
  const answer = await chat({ user: lead.headers }, id, "Look");
  expect(answer).toMatchObject({ status: 200, body: { content: "Done." } });
  const seen = await up.requests(`tools/${model}`);
  return { company, model, agent_id, lead_id: lead.lead_id, id, turn_id: answer.body.turn_id as string, seen };
}

const keySet = async () => createLocalJWKSet((await call("GET", "/.well-known/jwks.json")).body);
const tokenOf = (request: SeenRequest | undefined) => String(request?.headers["x-conversation-identity"]);

describe("a tool's call", () => {
  it("says who asks, through which agent, in which turn, for one minute", async () => {
    const before = Math.floor(Date.now() / 1000);
    const { agent_id, lead_id, id, turn_id, seen } = await called();
    const token = tokenOf(seen[0]);
    const audience = new URL(env.TEST_UPSTREAM).origin;
    const { payload } = await jwtVerify(token, await keySet(), {
      audience,
      issuer: "conversations-api",
      algorithms: ["EdDSA"],
      typ: "JWT",
    });
    const { iat = 0 } = payload;
    expect(payload).toEqual({
      iss: "conversations-api",
      aud: audience,
      sub: `lead:${lead_id}`,
      act: { sub: agent_id },
      conversation_id: id,
      turn_id,
      jti: (seen[0]?.body as { call_id: string }).call_id,
      iat,
      exp: iat + 60,
    });
    expect(iat).toBeGreaterThanOrEqual(before);
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: "EdDSA", typ: "JWT", kid: expect.any(String) });
  });

  it("is for whoever the conversation was merged into since the turn began", async () => {
    const company = await makeCompany();
    const model = `identity-${count++}`;
    const provider = { kind: "openai-compatible", base_url: up.baseUrl };
    await call("PUT", "/v1/model-provider/up", { headers: company.admin, body: provider });
    const body = { name: "A", model: `up/${model}`, tools: [{ name: "look", url: up.toolUrl(model) }] };
    const agent_id = (await call("POST", "/v1/agent", { headers: company.read_write, body })).body.agent.id as string;
    const look = calling([{ name: "look", arguments: {} }]);
    await up.script(model, look, look, complete(["Done."]));
    const result = { status: 200, body: { ok: true } };
    await up.script(`tools/${model}`, [{ gate: model }, result], [result]);
    const lead = await makeLead({ ...company, agent_id });
    const { id } = await createConversation({ ...company, agent_id }, {}, lead.headers);
    const answer = chat({ user: lead.headers }, id, "Look");
    await up.waitAtGate(model);
    const person = { entity_type: "lead", external_id: "customer" };
    const known = (await call("POST", "/v1/auth/token", { headers: company.read_write, body: person })).body;
    const headers = bearer(known.access_token);
    const merged = await call("POST", "/v1/lead/merge", { headers, body: { anonymous_token: lead.token } });
    expect(merged.status).toBe(200);
    await up.openGate(model);
    await answer;
    const subjects = (await up.requests(`tools/${model}`)).map((request) => decodeJwt(tokenOf(request)).sub);
    expect(subjects).toEqual([`lead:${lead.lead_id}`, `lead:${known.entity_id}`]);
  });

  it("has a token of its own, which nobody else and nothing later takes", async () => {
    const { seen, model, company } = await called(2);
    const tokens = seen.map(tokenOf);
    expect(new Set(tokens.map((token) => decodeJwt(token).jti))).toEqual(
      new Set(seen.map(({ body }) => (body as { call_id: string }).call_id)),
    );
    expect(new Set(tokens).size).toBe(2);
    const [token = ""] = tokens;
    const keys = await keySet();
    await expect(jwtVerify(token, keys, { audience: "https://other.example" })).rejects.toThrow('"aud"');
    const later = new Date(Date.now() + 62_000);
    await expect(jwtVerify(token, keys, { currentDate: later })).rejects.toThrow('"exp"');
    const [head, payload = "", signature] = token.split(".");
    const forged = `${head}.${payload.slice(0, -2)}${payload.endsWith("A") ? "BB" : "AA"}.${signature}`;
    await expect(jwtVerify(forged, keys)).rejects.toThrow("signature verification failed");
    expect((await call("GET", "/v1/conversation/entity", { headers: bearer(token) })).status).toBe(401);
    expect(JSON.stringify(await up.requests(model))).not.toContain(token);
    expect(JSON.stringify((await call("GET", "/v1/audit", { headers: company.admin })).body)).not.toContain(token);
  });

  it("leaves nobody the header to set", async () => {
    const company = await makeCompany();
    const secret_header = { name: "X-Conversation-Identity", value: "x" };
    const tools = [{ name: "look", url: "https://api.example.com/x", secret_header }];
    const made = await call("POST", "/v1/agent", { headers: company.read_write, body: { name: "A", tools } });
    expect(made).toMatchObject({ status: 422, body: { errors: [{ path: "/tools/0/secret_header/name" }] } });
  });
});
