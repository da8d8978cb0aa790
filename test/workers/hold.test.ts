/** Legal hold: what is held goes neither by request nor by time, and everything goes on once it is released. */
import { createScheduledController, evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { uuidv7 } from "uuidv7";
import { expect, it } from "vitest";
import { systemAuditRow } from "../../src/chat/audit.ts";
import { companyDatabase } from "../../src/db/database.ts";
import { findAnyLead, mergeLead } from "../../src/db/lead.ts";
import worker from "../../src/index.ts";
import { call, type Company, makeCompany, makeLead } from "./company.ts";
import { chat, createConversation, history, settle } from "./conversation-client.ts";

const DAY = 86_400_000;
const scheduled = (at: number) =>
  worker.scheduled(createScheduledController({ scheduledTime: new Date(at), cron: "17 * * * *" }), env);
const as = (company: Company) => (method: string, path: string, body?: object) =>
  call(method, `/v1${path}`, { headers: company.admin, body });
const hold = (company: Company, path: string, reason = "Case 7") => as(company)("PUT", `${path}/hold`, { reason });
const release = (company: Company, path: string) => as(company)("DELETE", `${path}/hold`);
const actions = async (company: Company) =>
  (await as(company)("GET", "/audit?per_page=100")).body.audit_events.map((row: { action: string }) => row.action);

/** A visitor with a conversation in which something was said. */
async function talking() {
  const company = await makeCompany();
  const lead = await makeLead(company, { first_name: "Vera" });
  const { id } = await createConversation(company, {}, lead.headers);
  await chat({ user: lead.headers } as never, id, "what was said");
  await settle(company, id);
  return { company, lead, id };
}

it("is shown to staff, and to no visitor; what it says why is in no audit row", async () => {
  const { company, lead, id } = await talking();
  const held = await hold(company, `/conversation/${id}`, "Case 7, Vera");
  const shown = { reason: "Case 7, Vera", since: expect.any(String) };
  expect([held.status, held.body.conversation.hold]).toEqual([200, shown]);
  expect((await hold(company, `/conversation/${id}`, "Case 7, Vera")).body).toEqual(held.body);
  const again = await hold(company, `/conversation/${id}`, "Case 8");
  expect(again.body.conversation.hold).toEqual({ reason: "Case 8", since: held.body.conversation.hold.since });
  const { body } = await as(company)("GET", `/conversation/${id}`);
  expect(body.conversation).toEqual(again.body.conversation);
  const list = await as(company)("GET", "/conversation");
  expect(list.body.conversations[0].hold).toEqual(again.body.conversation.hold);
  for (const path of [`/conversation/${id}`, "/conversation/entity"]) {
    const theirs = await call("GET", `/v1${path}`, { headers: lead.headers });
    expect(JSON.stringify(theirs.body)).toContain('"hold":null');
    expect(JSON.stringify(theirs.body)).not.toContain("Case");
  }
  const person = await hold(company, `/lead/${lead.lead_id}`);
  expect(person.body.lead.hold).toEqual({ reason: "Case 7", since: expect.any(String) });
  expect((await as(company)("GET", `/lead/${lead.lead_id}`)).body).toEqual(person.body);
  expect((await release(company, `/lead/${lead.lead_id}`)).body.lead.hold).toBeNull();
  expect((await release(company, `/lead/${lead.lead_id}`)).body.lead.hold).toBeNull();
  expect((await release(company, `/conversation/${id}`)).body.conversation.hold).toBeNull();
  expect(await actions(company)).toEqual([
    ...["conversation.release", "lead.release", "lead.hold", "conversation.hold", "conversation.hold"],
  ]);
  expect(JSON.stringify((await as(company)("GET", "/audit")).body)).not.toContain("Case");
});

it("of a conversation keeps it, and its visitor, from being erased", async () => {
  const { company, lead, id } = await talking();
  await hold(company, `/conversation/${id}`);
  for (const path of [`/conversation/${id}?purge=true`, `/lead/${lead.lead_id}?erase=true`]) {
    const answer = await as(company)("DELETE", path);
    expect(answer.body).toMatchObject({ status: 409, code: "legal_hold" });
  }
  expect((await as(company)("GET", "/erasure")).body.erasures).toEqual([]);
  expect((await as(company)("GET", `/lead/${lead.lead_id}`)).body.lead).toMatchObject({ first_name: "Vera" });
  // Nor does its object, asked past the door, and a delete that can be restored is no harm.
  await evictDurableObject(env.CONVERSATION.getByName(id));
  const caller = {
    company_id: company.company_id,
    entity_type: "user",
    entity_id: "",
    api_key_id: null,
    request_id: "",
  };
  expect(await env.CONVERSATION.getByName(id).erase(caller as never)).toMatchObject({
    ok: false,
    error: { code: "legal_hold" },
  });
  expect((await as(company)("DELETE", `/conversation/${id}`)).status).toBe(200);
  expect((await as(company)("DELETE", `/conversation/${id}?purge=true`)).status).toBe(409);
  expect((await as(company)("PATCH", `/conversation/${id}/restore`)).body.conversation.hold.reason).toBe("Case 7");
  expect((await history(company, id)).map((m) => m.content)).toEqual(["what was said", "echo: what was said"]);
  await release(company, `/conversation/${id}`);
  expect((await as(company)("DELETE", `/lead/${lead.lead_id}?erase=true`)).status).toBe(200);
  expect((await hold(company, `/conversation/${id}`)).status).toBe(404);
});

it("of a visitor keeps every conversation of theirs, and their row from being merged away", async () => {
  const { company, lead, id } = await talking();
  await hold(company, `/lead/${lead.lead_id}`);
  for (const path of [`/conversation/${id}?purge=true`, `/lead/${lead.lead_id}?erase=true`]) {
    expect((await as(company)("DELETE", path)).body).toMatchObject({ status: 409, code: "legal_hold" });
  }
  const vouched = await as(company)("POST", "/auth/token", { entity_type: "lead", external_id: "crm-1" });
  const merged = await call("POST", "/v1/lead/merge", {
    headers: { authorization: `Bearer ${vouched.body.access_token}` },
    body: { anonymous_token: lead.token },
  });
  expect(merged.body).toMatchObject({ status: 409, code: "legal_hold" });
  // A merge that had begun before changes nothing of the row.
  const db = await companyDatabase(env, company.company_id);
  const [from, into] = await Promise.all(
    [lead.lead_id, String(vouched.body.entity_id)].map((one) => findAnyLead(db, company.company_id, one)),
  );
  const entry = { action: "lead.merge", target_type: "lead", target_id: lead.lead_id };
  if (!from || !into) throw new Error("no leads");
  await mergeLead(db, { ...from, hold: null }, into, systemAuditRow(company.company_id, "test", entry, Date.now()));
  expect(await findAnyLead(db, company.company_id, lead.lead_id)).toEqual(from);
  await release(company, `/lead/${lead.lead_id}`);
  expect((await as(company)("DELETE", `/lead/${lead.lead_id}?erase=true`)).status).toBe(200);
  expect((await hold(company, `/lead/${lead.lead_id}`)).status).toBe(404);
});

it("is passed over by retention, of every class, until it is released", { tags: "slow" }, async () => {
  const { company, lead, id } = await talking();
  const other = await createConversation(company);
  const said = await chat(company, other.id, "deleted");
  await as(company)("DELETE", `/message/${said.body.message_id}`);
  const gone = await createConversation(company);
  await chat(company, gone.id, "in a deleted one");
  await as(company)("DELETE", `/conversation/${gone.id}`);
  await as(company)("PATCH", "/company", { retention: { conversations_days: 1, deleted_days: 1, leads_days: 1 } });
  const held = [`/conversation/${other.id}`, `/conversation/${gone.id}`, `/lead/${lead.lead_id}`];
  for (const path of held) expect((await hold(company, path)).status).toBe(200);
  await scheduled(Date.now() + 3 * DAY);
  const texts = async () =>
    (
      await env.DB.prepare("SELECT content FROM message WHERE company_id = ? AND role = 'user' ORDER BY content")
        .bind(company.company_id)
        .all()
    ).results.map((row) => row["content"]);
  expect(await texts()).toEqual(["deleted", "in a deleted one", "what was said"]);
  expect((await as(company)("GET", `/lead/${lead.lead_id}`)).status).toBe(200);
  expect((await history(company, id)).length).toBe(2);
  for (const path of held) expect((await release(company, path)).status).toBe(200);
  await scheduled(Date.now() + 3 * DAY);
  expect(await texts()).toEqual([]);
  expect((await as(company)("GET", `/lead/${lead.lead_id}`)).status).toBe(404);
});

it("is passed over also by what retention had found before", async () => {
  const { company, lead, id } = await talking();
  const [asked] = await history(company, id);
  const deleted = await call("DELETE", `/v1/message/${asked?.id}`, { headers: company.user });
  expect(deleted.status).toBe(200);
  const object = env.CONVERSATION.getByName(id);
  const later = Date.now() + DAY;
  for (const path of [`/lead/${lead.lead_id}`, `/conversation/${id}`]) {
    expect((await hold(company, path)).status).toBe(200);
    expect(await object.purgeMessages(company.company_id, [String(asked?.id)], later)).toEqual({ ok: true, value: 0 });
    expect(await object.purge(company.company_id, { of: "idle", before: later })).toEqual({ ok: true, value: false });
    expect((await release(company, path)).status).toBe(200);
  }
  const restored = await call("PATCH", `/v1/message/${asked?.id}/restore`, { headers: company.user });
  expect(restored.body.message?.content).toBe("what was said");
  expect((await history(company, id)).length).toBe(2);
  expect(await object.purge(company.company_id, { of: "idle", before: later })).toEqual({ ok: true, value: true });
});

it("needs admin, a reason, and something of the company's own", async () => {
  const { company, lead, id } = await talking();
  for (const path of [`/conversation/${id}`, `/lead/${lead.lead_id}`]) {
    for (const headers of [company.read_write, company.user, lead.headers]) {
      expect((await call("PUT", `/v1${path}/hold`, { headers, body: { reason: "x" } })).status).toBe(403);
      expect((await call("DELETE", `/v1${path}/hold`, { headers })).status).toBe(403);
    }
    for (const body of [{}, { reason: "" }, { reason: "x".repeat(501) }, { reason: null }, { reason: "x", until: 1 }]) {
      expect((await as(company)("PUT", `${path}/hold`, body)).status).toBe(422);
    }
  }
  const other = await talking();
  for (const target of [other.id, uuidv7(), "nonsense"]) {
    expect((await hold(company, `/conversation/${target}`)).status).toBe(404);
    expect((await release(company, `/conversation/${target}`)).status).toBe(404);
  }
  for (const target of [other.lead.lead_id, uuidv7(), "nonsense"]) {
    expect((await hold(company, `/lead/${target}`)).status).toBe(404);
    expect((await release(company, `/lead/${target}`)).status).toBe(404);
  }
});
