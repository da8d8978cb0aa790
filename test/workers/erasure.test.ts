/** Erasures: nothing of a person stays anywhere, nothing comes back, and nothing else is touched. */
import { createScheduledController } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from "jose";
import { uuidv7 } from "uuidv7";
import { describe, expect, it } from "vitest";
import type { Caller } from "../../src/auth/principal.ts";
import { auditRow } from "../../src/chat/audit.ts";
import { Budget } from "../../src/compliance/budget.ts";
import { goOn, newErasure } from "../../src/compliance/erasure.ts";
import { configOf } from "../../src/config.ts";
import { createConversation as insertLate } from "../../src/db/conversation.ts";
import { companyDatabase, openDatabase } from "../../src/db/database.ts";
import { beginErasure, findErasure, hasBegun } from "../../src/db/erasure.ts";
import { findAnyLead, markErasedLead, mergeLead } from "../../src/db/lead.ts";
import worker from "../../src/index.ts";
import { calling, complete, type Step, upstream } from "../upstream/client.ts";
import { insertConversations, insertTurns } from "./analytic-data.ts";
import { bearer, call, type Company, type HeaderMap, makeCompany, makeLead, send } from "./company.ts";
import { chat, createConversation, settle, streamOf } from "./conversation-client.ts";
import { makeProvider } from "./identity-provider.ts";
import { everywhere } from "./everywhere.ts";

const up = upstream(env.TEST_UPSTREAM);
let canaries = 0;
const canary = () => `canary${(canaries++).toString().padStart(4, "0")}x`;

const scheduled = () => worker.scheduled(createScheduledController({ cron: "17 * * * *" }), env);
const get = (company: Company, path: string) => call("GET", `/v1${path}`, { headers: company.admin });
const erase = (company: Company, path: string, headers: HeaderMap = company.admin) =>
  call("DELETE", `/v1${path}`, { headers });
const eraseLead = (company: Company, id: string) => erase(company, `/lead/${id}?erase=true`);

const callerIn = ({ company_id, user_id }: Company) =>
  ({ company_id, entity_type: "user", entity_id: user_id, api_key_id: null, request_id: "" }) as Caller;

/** A company with an agent whose model follows `scripts`; its tool answers what the model `tools/<model>` is made to. */
async function modelled(scripts: Step[][], settings: object = {}) {
  const company = await makeCompany();
  const model = `erasure-${company.company_id}`;
  const headers = company.admin;
  const provider = { kind: "openai-compatible", base_url: up.baseUrl };
  await call("PUT", "/v1/model-provider/up", { headers, body: provider });
  const made = await call("POST", "/v1/agent", {
    headers,
    body: { name: "Helper", model: `up/${model}`, allowed_origins: ["https://shop.example"], ...settings },
  });
  expect(made.status).toBe(201);
  await up.script(model, ...scripts);
  return { company: { ...company, agent_id: made.body.agent.id as string }, model };
}

async function expectReceipt(erasure: any, kind: string, id: string): Promise<void> {
  const keys = (await (await exports.default.fetch("http://api.test/.well-known/jwks.json")).json()) as JSONWebKeySet;
  const { receipt, ...rest } = erasure;
  const { payload, protectedHeader } = await compactVerify(receipt, createLocalJWKSet(keys));
  expect(JSON.parse(new TextDecoder().decode(payload))).toEqual(rest);
  expect(protectedHeader).toMatchObject({ alg: "EdDSA", typ: "erasure-receipt+jwt" });
  const [salt, hash] = rest.subject_hash.split(".");
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${salt}:${kind}:${id}`));
  expect(hash).toBe(Buffer.from(digest).toString("base64url"));
  expect(JSON.stringify(rest)).not.toContain(id);
}

/** Says the same word in every way that a person can; where each of them is said, by name. */
async function sayEverywhere(word: string) {
  const tool = `tool-${uuidv7()}`;
  const { company, model } = await modelled(
    [
      calling([{ name: "look_up", arguments: { what: `${word} argument` } }], [`${word} before`]),
      complete([`${word} reply`]),
      complete(["a plain reply"]),
      complete([`${word} summary`]),
    ],
    {
      summarize: true,
      max_input_tokens: 256,
      tools: [
        {
          name: "look_up",
          description: "Looks things up.",
          parameters: { type: "object", properties: { what: { type: "string" } } },
          url: up.toolUrl(tool),
        },
      ],
    },
  );
  await up.script(`tools/${tool}`, [{ status: 200, body: { answer: `${word} output` } }]);
  const hook_name = `hook-${uuidv7()}`;
  const hook = { url: up.toolUrl(hook_name), payload: "full" };
  expect((await call("POST", "/v1/webhook", { headers: company.admin, body: hook })).status).toBe(201);
  const registered = await call("POST", "/v1/lead/register", {
    headers: { origin: "https://shop.example", "x-request-id": `${word}.register` },
    body: {
      ...{ agent_id: company.agent_id, first_name: word, last_name: `${word}son`, email: `${word}@x.example` },
      ...{ phone: `+49 ${word}`, source: `ad ${word}` },
    },
  });
  const anonymous = registered.body;
  const vouched = await call("POST", "/v1/auth/token", {
    headers: company.admin,
    body: { entity_type: "lead", external_id: `crm-${word}`, name: `${word} vouched`, email: `v.${word}@x.example` },
  });
  const headers = bearer(vouched.body.access_token);
  const lead_id = vouched.body.entity_id as string;
  await call("POST", "/v1/lead/merge", { headers, body: { anonymous_token: anonymous.access_token } });
  const make = async (body: object, more: HeaderMap = {}) =>
    (
      await call("POST", "/v1/conversation", {
        headers: { ...headers, ...more },
        body: { agent_id: company.agent_id, ...body },
      })
    ).body.conversation.id as string;
  const say = (id: string, message: string, more: object = {}, with_: HeaderMap = {}) =>
    call("POST", `/v1/conversation/${id}/chat`, { headers: { ...headers, ...with_ }, body: { message, ...more } });

  const first = await make(
    { title: `${word} title`, metadata: { note: word } },
    { "idempotency-key": `${word}-creation` },
  );
  const { body } = await say(
    first,
    `${word} message`,
    { metadata: { note: word } },
    {
      "idempotency-key": `${word}-turn`,
      "x-request-id": `${word}.chat`,
    },
  );
  expect(body.content).toContain(word);
  const rated = await call("PUT", `/v1/message/${body.reply.id}/feedback`, {
    headers,
    body: { rating: "up", comment: `${word} comment` },
  });
  expect(rated.status).toBe(200);
  await say(first, `${word} a second time, long enough for a summary: ${"x".repeat(900)}`);
  const summary = async () =>
    (await call("GET", `/v1/conversation/${first}/context`, { headers: company.user })).body.summary;
  await expect.poll(summary).not.toBeNull();
  await up.script(model, complete([`${word} reply`]));
  await call("PATCH", `/v1/conversation/${first}`, { headers, body: { title: `${word} renamed` } });

  const deletedMessage = await make({});
  const second = await say(deletedMessage, `${word} regretted`);
  await call("DELETE", `/v1/message/${second.body.message_id}`, { headers });
  const deleted = await make({ title: `${word} deleted` });
  await say(deleted, `${word} in a deleted one`);
  await call("DELETE", `/v1/conversation/${deleted}`, { headers });
  const failed = await make({});
  await up.script(model, [{ text: `${word} begun` }, { reset: true }]);
  await say(failed, `${word} unanswered`, {}, { "idempotency-key": `${word}-failed` });
  await up.script(model, complete([`${word} reply`]));

  // What staff says to them and of them, what is asked for in a form, what is begun in the background.
  const staffed = await make({ title: `${word} staffed` });
  const staff = (method: string, path: string, sent: object, more: HeaderMap = {}) =>
    call(method, `/v1/conversation/${staffed}/${path}`, { headers: { ...company.admin, ...more }, body: sent });
  const statuses = [
    await staff("POST", "note", { text: `${word} noted` }),
    await staff("POST", "take-over", { return_after_seconds: 3_600 }),
    await say(staffed, `${word} to a person`),
    await staff("POST", "reply", { message: `${word} by a person` }, { "idempotency-key": `${word}-reply` }),
    await staff("POST", "give-back", {}),
    await staff("PUT", "hold", { reason: `${word} in court` }),
    await call("DELETE", `/v1/conversation/${staffed}/hold`, { headers: company.admin }),
  ].map(({ status }) => status);
  expect(statuses).toEqual([201, 200, 200, 201, 200, 200, 200]);
  await up.script(model, complete([JSON.stringify({ said: `${word} parsed` })]));
  const output_schema = {
    type: "object",
    properties: { said: { type: "string", description: `${word} described` } },
    required: ["said"],
  };
  const formed = await say(staffed, `${word} in a form`, { output_schema });
  expect(formed.body.parsed).toEqual({ said: `${word} parsed` });
  await up.script(model, complete([`${word} reply`]));
  const later = await say(staffed, `${word} in the background`, {}, { prefer: "respond-async" });
  expect(later.status).toBe(202);
  await up.waitForAnswer(model);
  const turn = async () => (await call("GET", `/v1/turn/${later.body.turn_id}`, { headers })).body.turn.status;
  await expect.poll(turn).toBe("completed");
  const anonymous_id = anonymous.lead.id as string;
  return { company, model, lead_id, headers, first, anonymous_id, receiver: `tools/${hook_name}` };
}

describe("erasing a person", () => {
  it("leaves nothing that was said, by them or to them, in any row of any store", { tags: "slow" }, async () => {
    const word = canary();
    const { company, lead_id, anonymous_id, receiver } = await sayEverywhere(word);
    const stores = [
      "lead",
      "conversation",
      "message",
      "object turn",
      "object note",
      "object summary",
      "object deltas",
      "search message",
    ];
    const found = async () => (await everywhere(company, word)).map((one) => one.split(":")[0]);
    // D1 and the index follow the objects.
    await expect.poll(found, { timeout: 5_000 }).toEqual(expect.arrayContaining(stores));
    const before = await found();
    // What a client calls its requests is in no audit from the beginning.
    expect(before).not.toContain("audit_event");
    const { status, body } = await eraseLead(company, lead_id);
    expect(status).toBe(200);
    expect(await everywhere(company, word)).toEqual([]);
    expect(body.lead).toMatchObject({ first_name: null, erased_at: expect.any(String), deleted_by: company.user_id });
    expect(body.erasure).toMatchObject({ kind: "lead", status: "done", requested_by: company.user_id });
    expect(body.erasure.stores).toEqual([
      { store: "lead", rows: 1 },
      { store: "conversation", rows: 6 },
      { store: "message", rows: 16 },
      { store: "conversation_object", rows: 6 },
      { store: "search_index", rows: 16 },
    ]);
    // A receiver that asks again for what it was sent is told no word of it any more.
    const sent = await up.requests(receiver);
    expect(JSON.stringify(sent.map((request) => request.body))).toContain(`${word} message`);
    const hooks = (await get(company, "/webhook")).body.webhooks;
    const replay = { from: "2020-01-01T00:00:00Z", to: new Date(Date.now() + 60_000).toISOString() };
    const replayed = await call("POST", `/v1/webhook/${hooks[0].id}/replay`, { headers: company.admin, body: replay });
    expect(replayed.body.replayed).toBeGreaterThan(20);
    const all = await up.waitForAnswer(receiver, sent.length + replayed.body.replayed);
    expect(JSON.stringify(all.slice(sent.length).map((request) => request.body))).not.toContain(word);
    expect(await everywhere(company, word)).toEqual([]);
    await expectReceipt(body.erasure, "lead", lead_id);
    expect((await get(company, `/erasure/${body.erasure.id}`)).body).toEqual({ erasure: body.erasure });
    expect((await get(company, "/erasure")).body.erasures).toEqual([body.erasure]);
    expect((await eraseLead(company, anonymous_id)).body.erasure.stores).toContainEqual({
      store: "conversation",
      rows: 0,
    });
  });

  it("of a user takes the keys that act as them too", async () => {
    const word = canary();
    const company = await makeCompany();
    const minted = await call("POST", "/v1/auth/token", {
      headers: company.admin,
      body: { entity_type: "user", external_id: `crm-${word}`, name: word, email: `${word}@x.example` },
    });
    const id = minted.body.entity_id as string;
    const user = bearer(minted.body.access_token);
    const conversation = await createConversation(company, { title: word }, user);
    await chat({ user } as never, conversation.id, `${word} said`);
    await env.DB.prepare(
      "INSERT INTO api_key (id, company_id, user_id, name, key, secret_hash, scopes, created_at) VALUES (?, ?, ?, ?, ?, 'x', '[]', 1)",
    )
      .bind(uuidv7(), company.company_id, id, `${word}'s laptop`, `ak_${id}`)
      .run();
    expect(await everywhere(company, word)).not.toEqual([]);
    const { status, body } = await erase(company, `/user/${id}?erase=true`);
    expect(status).toBe(200);
    expect(await everywhere(company, word)).toEqual([]);
    expect(body.user).toMatchObject({ name: null, email: null, external_id: null, erased_at: expect.any(String) });
    expect(body.erasure.stores).toContainEqual({ store: "api_key", rows: 1 });
    await expectReceipt(body.erasure, "user", id);
    expect((await get(company, `/user/${id}`)).status).toBe(404);
    expect((await erase(company, `/user/${company.user_id}?erase=true`)).status).toBe(409);
  });

  it("leaves everybody else's things alone, and counts and audit of theirs", async () => {
    const company = await makeCompany();
    const [vera, otto] = [
      await makeLead(company, { first_name: "Vera" }),
      await makeLead(company, { first_name: "Otto" }),
    ];
    const of = async (headers: HeaderMap) => {
      const { id } = await createConversation(company, { title: "kept" }, headers);
      await chat({ user: headers } as never, id, "what was said");
      return id;
    };
    const [hers, his] = [await of(vera.headers), await of(otto.headers)];
    const shown = async () => [
      (await get(company, `/conversation/${his}`)).body,
      (await get(company, `/conversation/${his}/messages`)).body,
      (await get(company, `/lead/${otto.lead_id}`)).body,
    ];
    const before = await shown();
    expect((await eraseLead(company, vera.lead_id)).status).toBe(200);
    expect(await shown()).toEqual(before);
    expect((await get(company, `/conversation/${hers}`)).status).toBe(404);
    const { audit_events } = (await get(company, "/audit?per_page=100")).body;
    expect(audit_events.filter((row: any) => row.target_id === hers).map((row: any) => row.action)).toEqual([
      "conversation.erase",
    ]);
    expect(audit_events.filter((row: any) => row.action.startsWith("lead.")).map((row: any) => row.action)).toEqual([
      "lead.erase",
    ]);
  });

  it("a second time walks again, and says so in a receipt of its own", async () => {
    const company = await makeCompany();
    const { lead_id, headers } = await makeLead(company);
    const { id } = await createConversation(company, {}, headers);
    const first = await eraseLead(company, lead_id);
    // What should not be possible: a row that something has written to since.
    await env.DB.prepare("UPDATE conversation SET title = 'come back' WHERE id = ?").bind(id).run();
    const second = await eraseLead(company, lead_id);
    expect([second.status, second.body.erasure.status]).toEqual([200, "done"]);
    expect(second.body.erasure.id).not.toBe(first.body.erasure.id);
    expect(second.body.lead).toEqual(first.body.lead);
    expect(await everywhere(company, "come back")).toEqual([]);
    const { audit_events } = (await get(company, `/audit?target_id=${lead_id}`)).body;
    expect(audit_events.map((row: any) => row.action)).toEqual(["lead.erase"]);
  });

  it("needs admin, and finds only the company's own", async () => {
    const [company, other] = [await makeCompany(), await makeCompany()];
    const foreign = await makeLead(other);
    const mine = await makeLead(company);
    const { id } = await createConversation(company, {}, mine.headers);
    for (const path of [
      `/lead/${mine.lead_id}?erase=true`,
      `/user/${uuidv7()}?erase=true`,
      `/conversation/${id}?purge=true`,
    ]) {
      expect((await erase(company, path, company.read_write)).status).toBe(403);
      expect((await erase(company, path, company.user)).status).toBe(403);
    }
    expect((await erase(company, `/conversation/${id}?purge=true`, mine.headers)).status).toBe(403);
    const bodies = new Set<string>();
    const headers = { ...company.admin, "x-request-id": "same" };
    for (const target of [foreign.lead_id, uuidv7(), "nonsense"]) {
      for (const path of [
        `lead/${target}?erase=true`,
        `user/${target}?erase=true`,
        `conversation/${target}?purge=true`,
      ]) {
        const answer = await erase(company, `/${path}`, headers);
        expect(answer.status).toBe(404);
        bodies.add(JSON.stringify(answer.body));
      }
      bodies.add(JSON.stringify((await call("GET", `/v1/erasure/${target}`, { headers })).body));
    }
    expect(bodies.size).toBe(1);
    expect((await erase(company, `/conversation/${id}?purge=perhaps`)).status).toBe(422);
    expect((await get(other, "/erasure")).body.erasures).toEqual([]);
  });
});

describe("purging a conversation", () => {
  it("takes what was said in it, for good, deleted before or not", async () => {
    const word = canary();
    const company = await makeCompany();
    const lead = await makeLead(company);
    const ids: string[] = [];
    for (const _ of [1, 2]) {
      const { id } = await createConversation(company, { title: word }, lead.headers);
      await chat({ user: lead.headers } as never, id, `${word} said`);
      ids.push(id);
    }
    const [live = "", deleted = ""] = ids;
    await call("DELETE", `/v1/conversation/${deleted}`, { headers: company.user });
    for (const id of ids) {
      const { status, body } = await erase(company, `/conversation/${id}?purge=true`);
      expect([status, body.conversation.title, body.conversation.status]).toEqual([200, "", "deleted"]);
      expect(body.erasure).toMatchObject({ kind: "conversation", status: "done" });
      await expectReceipt(body.erasure, "conversation", id);
      expect((await call("PATCH", `/v1/conversation/${id}/restore`, { headers: company.user })).status).toBe(404);
      expect((await get(company, `/conversation/${id}`)).status).toBe(404);
    }
    expect(await everywhere(company, word)).toEqual([]);
    expect((await erase(company, `/conversation/${live}?purge=true`)).status).toBe(200);
    expect((await get(company, `/lead/${lead.lead_id}`)).status).toBe(200);
  });
});

describe("while an erasure goes on", () => {
  it("nothing new of the person begins, by any door", async () => {
    const company = await makeCompany();
    const { lead_id, headers } = await makeLead(company);
    const made = await createConversation(company, {}, headers);
    expect((await eraseLead(company, lead_id)).status).toBe(200);
    const attempts: [method: string, path: string, body: object][] = [
      ["POST", "/v1/conversation", { agent_id: company.agent_id }],
      ["POST", `/v1/conversation/${made.id}/chat`, { message: "still me" }],
      ["PATCH", `/v1/conversation/${made.id}`, { title: "still me" }],
      ["PATCH", `/v1/conversation/${made.id}/restore`, {}],
      ["POST", "/v1/chat/completions", { model: company.agent_id, messages: [{ role: "user", content: "still me" }] }],
    ];
    for (const [method, path, body] of attempts) {
      const answer = await call(method, path, { headers, body });
      expect([path, [401, 404].includes(answer.status)]).toEqual([path, true]);
    }
    expect(await everywhere(company, "still me")).toEqual([]);
  });

  it("a conversation that was on its way begins not, however late it comes", async () => {
    const company = await makeCompany();
    const { lead_id } = await makeLead(company);
    const db = await companyDatabase(env, company.company_id);
    const owner = { company_id: company.company_id, entity_type: "lead", entity_id: lead_id } as const;
    const input = {
      ...owner,
      max_context_length: 20,
      agent_id: company.agent_id,
      title: "late",
      creation_key: null,
      creation_hash: null,
    };
    const began = Date.now() - 60_000;
    await eraseLead(company, lead_id);
    expect(await insertLate(db, input, began)).toBeNull();
    expect(await everywhere(company, '"late"')).toEqual([]);
  });

  it("a running turn, a waiting one and a tool that answers later write nothing", async () => {
    const word = canary();
    const tool = `tool-${uuidv7()}`;
    const { company, model } = await modelled(
      [calling([{ name: "look_up", arguments: { what: word } }]), complete([`${word} reply`])],
      {
        tools: [
          {
            name: "look_up",
            description: "Looks things up.",
            parameters: { type: "object", properties: { what: { type: "string" } } },
            url: up.toolUrl(tool),
          },
        ],
      },
    );
    await up.script(`tools/${tool}`, [{ gate: tool }, { status: 200, body: { answer: word } }]);
    const { lead_id, headers } = await makeLead(company);
    const { id } = await createConversation(company, {}, headers);
    const ask = (message: string) =>
      send("POST", `/v1/conversation/${id}/chat`, {
        headers: { ...headers, accept: "text/event-stream" },
        body: { message },
      });
    const running = streamOf(await ask(`${word} running`));
    await up.waitAtGate(tool);
    const waiting = streamOf(await ask(`${word} waiting`));
    await waiting.next();
    expect((await eraseLead(company, lead_id)).body.erasure.status).toBe("done");
    await up.openGate(tool);
    await Promise.allSettled([running.rest(), waiting.rest()]);
    expect(await up.requests(model)).toHaveLength(1);
    expect(await everywhere(company, word)).toEqual([]);
  });

  it("a reply that is being streamed ends, and nothing of it stays", async () => {
    const word = canary();
    const { company, model } = await modelled([
      [{ text: `${word} one ` }, { gate: word }, { text: `${word} two` }, { done: true }],
    ]);
    const { lead_id, headers } = await makeLead(company);
    const { id } = await createConversation(company, {}, headers);
    const stream = streamOf(
      await send("POST", `/v1/conversation/${id}/chat`, {
        headers: { ...headers, accept: "text/event-stream" },
        body: { message: `${word} hello` },
      }),
    );
    await stream.until("chat_delta");
    expect((await eraseLead(company, lead_id)).status).toBe(200);
    await up.openGate(word);
    await stream.rest().catch(() => []);
    await up.waitForAbort(model).catch(() => []);
    expect(await everywhere(company, word)).toEqual([]);
  });

  it("a summary that comes later is not kept", async () => {
    const word = canary();
    const { company, model } = await modelled(
      [complete([`${word} reply`]), complete([`${word} reply`]), [{ gate: word }, ...complete([`${word} summary`])]],
      { summarize: true, max_input_tokens: 256 },
    );
    const { lead_id, headers } = await makeLead(company);
    const { id } = await createConversation(company, {}, headers);
    for (const n of [1, 2]) await chat({ user: headers } as never, id, `${word} ${n} ${"x".repeat(900)}`);
    await up.waitAtGate(word);
    expect((await eraseLead(company, lead_id)).status).toBe(200);
    await up.openGate(word);
    await up.waitForAnswer(model, 3).catch(() => []);
    await expect.poll(() => everywhere(company, word)).toEqual([]);
  });

  it("a conversation that changes hands meanwhile is erased as well, whichever of the two is erased", async () => {
    for (const erased of ["from", "into"] as const) {
      const word = canary();
      const company = await makeCompany();
      const [from, into] = [
        await makeLead(company),
        await makeLead(company, { external_id: word, first_name: "Known" }),
      ];
      const { id } = await createConversation(company, { title: word }, from.headers);
      await chat({ user: from.headers } as never, id, `${word} said`);
      await eraseLead(company, erased === "from" ? from.lead_id : into.lead_id);
      if (erased === "from") continue;
      // The merge had begun before, and its last step arrives now.
      const caller = { company_id: company.company_id, entity_type: "lead", entity_id: into.lead_id } as const;
      await env.CONVERSATION.getByName(id).reassign({ ...caller, api_key_id: null, request_id: "" } as never, {
        entity_type: "lead",
        entity_id: from.lead_id,
      });
      expect((await get(company, "/erasure")).body.erasures[0]).toMatchObject({
        kind: "conversation",
        status: "running",
      });
      await scheduled();
      const [last] = (await get(company, "/erasure")).body.erasures;
      expect(last).toMatchObject({ kind: "conversation", status: "done" });
      await expectReceipt(last, "conversation", id);
      expect(await everywhere(company, `${word} said`)).toEqual([]);
    }
  });

  it("a merge copies nothing from who is erased, and nothing to them", async () => {
    const word = canary();
    const company = await makeCompany();
    const db = await companyDatabase(env, company.company_id);
    const audit = {
      ...auditRow(callerIn(company), { action: "lead.merge", target_type: "lead", target_id: "x" }, Date.now()),
    };
    for (const erased of ["from", "into"] as const) {
      const [from, into] = [
        await makeLead(company, { phone: word }),
        await makeLead(company, { external_id: uuidv7() }),
      ];
      const [a, b] = [
        await findAnyLead(db, company.company_id, from.lead_id),
        await findAnyLead(db, company.company_id, into.lead_id),
      ];
      await eraseLead(company, erased === "from" ? from.lead_id : into.lead_id);
      if (!a || !b) throw new Error("no leads");
      await mergeLead(db, a, b, { ...audit, id: uuidv7() });
      const phones = await env.DB.prepare("SELECT id FROM lead WHERE phone = ?").bind(word).all<{ id: string }>();
      expect(phones.results.map((row) => row.id)).toEqual(erased === "from" ? [] : [from.lead_id]);
      await env.DB.prepare("UPDATE lead SET phone = NULL WHERE phone = ?").bind(word).run();
    }
  });
});

describe("an erasure that is cut off", () => {
  /** Takes so many calls, then throws as the platform does. */
  function limited<T extends object>(target: T, names: string[], calls: { left: number }): T {
    return new Proxy(target, {
      get(of, name) {
        const member: unknown = Reflect.get(of, name);
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          if (names.includes(String(name)) && calls.left-- <= 0) throw new Error("Too many subrequests");
          return Reflect.apply(member, of, args);
        };
      },
    });
  }

  it("goes on from there, whatever the call that was not taken, and counts everything once", async () => {
    const word = canary();
    const company = await makeCompany();
    const { lead_id } = await makeLead(company, { first_name: word });
    const many = env.TEST_FULL ? 3_000 : 20;
    const owner = { entity_type: "lead" as const, entity_id: lead_id };
    const ids = await insertConversations(
      company,
      Array.from({ length: many }, (_, n) => ({ created_at: 1_780_000_000_000 + n, title: `${word} ${n}`, ...owner })),
    );
    await insertTurns(
      company,
      ids.map((conversation_id) => ({ at: 1_780_000_000_000, conversation_id })),
    );
    const db = await companyDatabase(env, company.company_id);
    const row = await newErasure(company.company_id, "lead", lead_id, company.user_id);
    const lead = await findAnyLead(db, company.company_id, lead_id);
    if (!lead) throw new Error("no lead");
    const entry = { action: "lead.erase", target_type: "lead", target_id: lead_id };
    const marks = markErasedLead(db, lead, hasBegun(row.id), auditRow(callerIn(company), entry, Date.now()));
    let at = (await beginErasure(db, row, [...marks]))?.row;
    // Longer and longer, from a run that can do nothing to one that can do all: cut off at every call there is.
    for (let calls = 0; at?.status === "running"; calls++) {
      expect(calls).toBeLessThan(1_000);
      const left = { left: calls };
      const cut = limited(env.DB, ["prepare", "batch"], left);
      const objects = limited(env.CONVERSATION, ["getByName"], left);
      const site = { env: { ...env, CONVERSATION: objects }, config: configOf(env), db: openDatabase(cut) };
      await goOn(site, callerIn(company), at, new Budget(100)).catch(() => undefined);
      at = await findErasure(db, company.company_id, row.id);
    }
    expect(await everywhere(company, word)).toEqual([]);
    const rows = { conversation: many, message: 2 * many, conversation_object: many, search_index: 2 * many };
    expect(at?.stores).toEqual({ lead: 1, ...rows });
    const done = (await get(company, "/audit?action=erasure.done")).body.audit_events;
    expect(done).toHaveLength(1);
  }, 900_000);

  it(
    "of many conversations is done in small runs, and the request says where to look",
    { tags: "slow", timeout: 120_000 },
    async () => {
      const company = await makeCompany();
      const { lead_id } = await makeLead(company);
      const old = Date.parse("2026-01-01T00:00:00Z");
      const many = 130;
      const owner = { entity_type: "lead" as const, entity_id: lead_id };
      const ids = await insertConversations(
        company,
        Array.from({ length: many }, (_, n) => ({ created_at: old + n, ...owner })),
      );
      await insertTurns(
        company,
        ids.slice(0, 50).map((conversation_id) => ({ at: old, conversation_id })),
      );
      const first = await eraseLead(company, lead_id);
      expect([first.status, first.body.erasure.status]).toEqual([202, "running"]);
      expect(first.headers.get("location")).toBe(`http://api.test/v1/erasure/${first.body.erasure.id}`);
      expect(first.body.erasure.receipt).toBeNull();
      const look = async () => (await get(company, `/erasure/${first.body.erasure.id}`)).body.erasure;
      for (let runs = 0; (await look()).status === "running"; runs++) {
        expect(runs).toBeLessThan(50);
        // Both at the same time: who asks again, and the scheduled run.
        await Promise.all([eraseLead(company, lead_id), scheduled()]);
      }
      expect((await look()).stores).toEqual([
        { store: "lead", rows: 1 },
        { store: "conversation", rows: many },
        { store: "message", rows: 100 },
        { store: "conversation_object", rows: many },
        { store: "search_index", rows: 100 },
      ]);
      const left = await env.DB.prepare(
        "SELECT count(*) AS n FROM conversation WHERE entity_id = ? AND (erased_at IS NULL OR title <> '')",
      )
        .bind(lead_id)
        .first<{ n: number }>();
      expect(left?.n).toBe(0);
    },
  );

  it("by an object that does not answer is finished once it does, and holds up nobody else", async () => {
    const company = await makeCompany();
    const [one, two] = [await makeLead(company), await makeLead(company)];
    const stuck = await createConversation(company, { title: "stuck" }, one.headers);
    await createConversation(company, { title: "free" }, one.headers);
    await createConversation(company, { title: "other" }, two.headers);
    await env.DB.prepare(
      `CREATE TRIGGER refused BEFORE UPDATE ON conversation WHEN new.id = '${stuck.id}' AND new.erased_at IS NOT NULL
       BEGIN SELECT RAISE(ABORT, 'cut off'); END`,
    ).run();
    try {
      const first = await eraseLead(company, one.lead_id);
      expect([first.status, first.body.erasure.status]).toEqual([202, "running"]);
      expect((await eraseLead(company, two.lead_id)).status).toBe(200);
      await scheduled();
      expect((await get(company, `/erasure/${first.body.erasure.id}`)).body.erasure.status).toBe("running");
      expect(await everywhere(company, '"free"')).toEqual([]);
    } finally {
      await env.DB.prepare("DROP TRIGGER refused").run();
    }
    const again = await eraseLead(company, one.lead_id);
    expect([again.status, again.body.erasure.status]).toEqual([200, "done"]);
    expect(await everywhere(company, '"stuck"')).toEqual([]);
  });
});

describe("erasing one of the staff", () => {
  it("takes their name from where they answered others, and leaves what was said there", async () => {
    const word = canary();
    const company = await makeCompany();
    const minted = await call("POST", "/v1/auth/token", {
      headers: company.admin,
      body: { entity_type: "user", external_id: uuidv7(), name: `${word} Staff` },
    });
    const [id, staff] = [minted.body.entity_id as string, bearer(minted.body.access_token)];
    const visitor = await makeLead(company);
    const ids: string[] = [];
    for (let n = 0; n < 12; n++) {
      const made = await createConversation(company, {}, visitor.headers);
      const post = (path: string, body: object) =>
        call("POST", `/v1/conversation/${made.id}/${path}`, { headers: staff, body });
      expect((await post("take-over", {})).status).toBe(200);
      expect((await post("note", { text: "a note" })).status).toBe(201);
      expect((await post("reply", { message: `answer ${n}` })).status).toBe(201);
      if (n % 2) await post("give-back", {});
      await settle(company, made.id);
      ids.push(made.id);
    }
    // Where somebody else has it, answering is all that they have done.
    const another = await createConversation(company, {}, visitor.headers);
    const path = `/v1/conversation/${another.id}`;
    await call("POST", `${path}/take-over`, { headers: company.user, body: {} });
    await call("POST", `${path}/reply`, { headers: staff, body: { message: `answer ${ids.length}` } });
    await settle(company, another.id);
    ids.push(another.id);
    const found = await everywhere(company, word);
    for (const store of ["user", "conversation", "message", "object header", "object message", "object note"]) {
      expect(found.map((one) => one.split(":")[0])).toContain(store);
    }
    let answer = await erase(company, `/user/${id}?erase=true`);
    for (let runs = 0; answer.status === 202; runs++) {
      expect(runs).toBeLessThan(20);
      await scheduled();
      answer = await erase(company, `/user/${id}?erase=true`);
    }
    expect(await everywhere(company, word)).toEqual([]);
    for (const [n, conversation_id] of ids.entries()) {
      const { body } = await get(company, `/conversation/${conversation_id}/messages`);
      expect(body.messages.map((one: any) => [one.content, one.author])).toEqual([
        [`answer ${n}`, { type: "staff", entity_id: id, name: null }],
      ]);
    }
    expect(answer.body.erasure.stores).toContainEqual({ store: "api_key", rows: 0 });
    await expectReceipt(answer.body.erasure, "user", id);
  });
});

describe("what one of the staff did just before their erasure", () => {
  /** A conversation in which a colleague is answered by somebody new, whose name is `word`. */
  async function answered(word: string) {
    const company = await makeCompany();
    const body = { entity_type: "user", external_id: uuidv7(), name: word };
    const minted = await call("POST", "/v1/auth/token", { headers: company.admin, body });
    const { id } = await createConversation(company);
    const path = `/v1/conversation/${id}`;
    await call("POST", `${path}/take-over`, { headers: company.user, body: {} });
    await settle(company, id);
    const answer = async () => {
      const headers = bearer(minted.body.access_token);
      expect((await call("POST", `${path}/reply`, { headers, body: { message: "answer" } })).status).toBe(201);
    };
    return { company, id, user_id: minted.body.entity_id as string, answer };
  }
  const refuse = (id: string) =>
    env.DB.prepare(
      `CREATE TRIGGER refused BEFORE INSERT ON message WHEN new.conversation_id = '${id}' BEGIN SELECT RAISE(ABORT, 'away'); END`,
    ).run();
  const accept = () => env.DB.prepare("DROP TRIGGER refused").run();

  it("has lost their name as well once the database has heard of it", async () => {
    const word = canary();
    const { company, id, user_id, answer } = await answered(word);
    await refuse(id);
    try {
      await answer();
      const { status, body } = await erase(company, `/user/${user_id}?erase=true`);
      expect([status, body.erasure.stores.find((one: any) => one.store === "named_in")?.rows]).toEqual([200, 0]);
    } finally {
      await accept();
    }
    expect(await everywhere(company, word)).not.toEqual([]);
    await settle(company, id);
    const [again] = (await get(company, "/erasure")).body.erasures;
    expect(again).toMatchObject({ kind: "user", status: "running", requested_by: "erasure" });
    await scheduled();
    expect(await everywhere(company, word)).toEqual([]);
    const { erasure } = (await get(company, `/erasure/${again.id}`)).body;
    expect(erasure.stores).toContainEqual({ store: "named_in", rows: 1 });
    await expectReceipt(erasure, "user", user_id);
  });

  it("makes an erasure that is under way begin its walk anew, wherever it is", async () => {
    for (const at of [
      { pass: 0, cursor: "" },
      { pass: 2, cursor: "x" },
    ]) {
      const word = canary();
      const { company, id, user_id, answer } = await answered(word);
      await refuse(id);
      try {
        await answer();
        await erase(company, `/user/${user_id}?erase=true`);
      } finally {
        await accept();
      }
      // As if that had been cut off there.
      await env.DB.prepare(
        "UPDATE erasure SET status = 'running', done_at = NULL, pass = ?, cursor = ? WHERE target_id = ?",
      )
        .bind(at.pass, at.cursor, user_id)
        .run();
      await settle(company, id);
      const row = await env.DB.prepare("SELECT pass, cursor FROM erasure WHERE target_id = ?").bind(user_id).first();
      expect(row).toMatchObject({ pass: 0 });
      expect(row?.["cursor"]).not.toBe(at.cursor);
      expect((await erase(company, `/user/${user_id}?erase=true`)).status).toBe(200);
      expect(await everywhere(company, word)).toEqual([]);
    }
  });
});

describe("a token of an identity provider", () => {
  it("does not make anew whom it names, erased since; a newer one does", async () => {
    const word = canary();
    const company = await makeCompany();
    const provider = await makeProvider("ES256", company);
    const whoever = async (claims: object) =>
      call("GET", "/v1/auth/validate", { headers: bearer(await provider.sign({ sub: `${word}-sub`, ...claims })) });
    const first = await whoever({ name: word });
    expect(first.status).toBe(200);
    expect((await erase(company, `/user/${first.body.entity_id}?erase=true`)).status).toBe(200);
    const before = Math.floor(Date.now() / 1000) - 60;
    // As another isolate sees it, which has never heard of this person.
    for (const email of ["a", "b"]) {
      expect((await whoever({ name: word, email: `${email}.${word}@x.example`, iat: before })).status).toBe(401);
    }
    expect(await everywhere(company, word)).toEqual([]);
    const later = await whoever({ name: word, email: "later@x.example", iat: Math.floor(Date.now() / 1000) + 1 });
    expect(later.status).toBe(200);
    expect(later.body.entity_id).not.toBe(first.body.entity_id);
  });
});
