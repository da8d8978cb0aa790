/** The export of a person: whole, the same as the API shows, and nobody else's. */
import { env } from "cloudflare:workers";
import { uuidv7 } from "uuidv7";
import { expect, it } from "vitest";
import { insertConversations, insertTurns } from "./analytic-data.ts";
import { bearer, call, type Company, makeCompany, makeLead, send } from "./company.ts";
import { chat, createConversation, history, settle } from "./conversation-client.ts";

async function exported(company: Company, path: string) {
  const response = await send("GET", `/v1/${path}/export`, { headers: company.admin });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/x-ndjson"]);
  const text = await response.text();
  expect(text.endsWith("\n")).toBe(true);
  // Line ends to Python's splitlines.
  expect(text).not.toMatch(/[\u0085\u2028\u2029]/);
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  return {
    lines,
    of: (type: string) => lines.filter((line) => line.type === type).map(({ type: _, ...rest }) => rest),
    end: lines.at(-1),
  };
}

it("has what the API shows of a visitor, and only counts what is deleted", async () => {
  const company = await makeCompany();
  const lead = await makeLead(company, { first_name: "Vera", email: "v@x.example", phone: "1" });
  const other = await makeLead(company, { first_name: "Otto" });
  const as = { user: lead.headers } as never;
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) {
    const { id } = await createConversation(company, { title: `About ${n}`, metadata: { n } }, lead.headers);
    await chat(as, id, `first "${n}" \u2028\u0085 \u{1f600}`);
    await chat(as, id, `second ${n}`, { metadata: { n } });
    ids.push(id);
  }
  const [first = "", second = "", third = ""] = ids;
  const said = await history(company, first);
  const feedback = { rating: "up", comment: "good" };
  await call("PUT", `/v1/message/${said[1]?.id}/feedback`, { headers: lead.headers, body: feedback });
  await call("DELETE", `/v1/message/${said[2]?.id}`, { headers: lead.headers });
  await call("PUT", `/v1/lead/${lead.lead_id}`, { headers: company.user, body: { phone: "2" } });
  // More than are read at once, and some of a conversation that is deleted.
  const note = (id: string, text: string) =>
    call("POST", `/v1/conversation/${id}/note`, { headers: company.user, body: { text } });
  for (let n = 0; n < 120; n++) expect((await note(second, `noted ${n}`)).status).toBe(201);
  await note(third, "noted in a deleted one");
  await call("DELETE", `/v1/conversation/${third}`, { headers: company.user });
  const foreign = await createConversation(company, { title: "Otto's" }, other.headers);
  await chat({ user: other.headers } as never, foreign.id, "somebody else's words");
  await note(foreign.id, "noted of Otto");

  const { lines, of, end } = await exported(company, `lead/${lead.lead_id}`);
  const shown = await call("GET", `/v1/lead/${lead.lead_id}`, { headers: company.admin });
  expect(of("person")).toEqual([shown.body.lead]);
  const conversations = await Promise.all(
    [first, second].map(
      async (id) => (await call("GET", `/v1/conversation/${id}`, { headers: company.user })).body.conversation,
    ),
  );
  expect(of("conversation")).toEqual(conversations);
  const messages = await Promise.all([first, second].map((id) => history(company, id)));
  expect(of("message")).toEqual(messages.flat());
  expect(of("feedback")).toEqual([{ conversation_id: first, message_id: said[1]?.id, ...feedback }]);
  const noted = [];
  for (const page of [1, 2]) {
    const path = `/v1/conversation/${second}/notes?per_page=100&page=${page}`;
    noted.push(...(await call("GET", path, { headers: company.user })).body.notes);
  }
  expect(noted).toHaveLength(120);
  expect(of("note")).toEqual(noted.map((one) => ({ conversation_id: second, ...one })));
  const trail = await Promise.all(
    ["actor_id", "target_id"].map(
      async (name) =>
        (await call("GET", `/v1/audit?${name}=${lead.lead_id}`, { headers: company.admin })).body.audit_events,
    ),
  );
  expect(of("audit")).toEqual(trail.flat());
  expect(end).toEqual({
    type: "end",
    counts: { person: 1, conversation: 2, message: 7, feedback: 1, note: 120, audit: trail.flat().length },
    deleted: { conversation: 1, message: 1 },
  });
  expect(lines[0].type).toBe("person");
  expect(JSON.stringify(lines)).not.toMatch(/somebody else|Otto/);
});

it("has no limit, and everything in it once", async () => {
  const company = await makeCompany();
  const { lead_id } = await makeLead(company);
  const old = Date.parse("2026-01-01T00:00:00Z");
  const owner = { entity_type: "lead" as const, entity_id: lead_id };
  const ids = await insertConversations(
    company,
    Array.from({ length: 120 }, (_, n) => ({ created_at: old + n, ...owner })),
  );
  await insertTurns(
    company,
    ids.flatMap((conversation_id, n) =>
      Array.from({ length: n === 7 ? 260 : 1 }, (_, i) => ({ at: old + i, conversation_id })),
    ),
  );
  const { of, end } = await exported(company, `lead/${lead_id}`);
  expect(new Set(of("conversation").map((row) => row.id))).toEqual(new Set(ids));
  const sequences = of("message").map((row) => `${row.conversation_id} ${row.sequence}`);
  expect(new Set(sequences).size).toBe(2 * (119 + 260));
  expect(end.counts).toMatchObject({ conversation: 120, message: sequences.length });
});

it("has nothing of a conversation that is deleted while it is read", async () => {
  const company = await makeCompany();
  const { lead_id } = await makeLead(company);
  const at = Date.parse("2026-01-01T00:00:00Z");
  const owner = { entity_type: "lead" as const, entity_id: lead_id, created_at: at };
  const [first = "", second = ""] = await insertConversations(company, [owner, owner]);
  const turns = [first, second].flatMap((conversation_id) =>
    Array.from({ length: 300 }, () => ({ at, conversation_id })),
  );
  await insertTurns(company, turns);
  const { body } = await send("GET", `/v1/lead/${lead_id}/export`, { headers: company.admin });
  const reader = (body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes('{"type":"message"')) text += (await reader.read()).value ?? "";
  const deleted = await call("DELETE", `/v1/conversation/${second}`, { headers: company.admin });
  expect(deleted.status).toBe(200);
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const messages = lines.filter(({ type }) => type === "message").map(({ conversation_id }) => conversation_id);
  expect(new Set(messages)).toEqual(new Set([first]));
  expect(messages).toHaveLength(600);
  expect(lines.at(-1)).toMatchObject({ type: "end", counts: { message: 600 } });
});

it("is there for users, and gone with those who are erased", async () => {
  const company = await makeCompany();
  const minted = await call("POST", "/v1/auth/token", {
    headers: company.admin,
    body: { entity_type: "user", external_id: "u-1", name: "Ute" },
  });
  const id = minted.body.entity_id as string;
  const headers = bearer(minted.body.access_token);
  const made = await createConversation(company, { title: "Hers" }, headers);
  const { of } = await exported(company, `user/${id}`);
  expect(of("person")[0]).toMatchObject({ id, name: "Ute", external_id: "u-1" });
  expect(of("conversation").map((row) => row.id)).toEqual([made.id]);
  await call("DELETE", `/v1/user/${id}?erase=true`, { headers: company.admin });
  expect((await call("GET", `/v1/user/${id}/export`, { headers: company.admin })).status).toBe(404);
});

it("is for admins, and finds only the company's own", async () => {
  const [company, other] = [await makeCompany(), await makeCompany()];
  const [mine, foreign] = [await makeLead(company), await makeLead(other)];
  for (const headers of [company.read_write, company.user, mine.headers]) {
    expect((await call("GET", `/v1/lead/${mine.lead_id}/export`, { headers })).status).toBe(403);
  }
  for (const id of [foreign.lead_id, uuidv7(), "nonsense"]) {
    expect((await call("GET", `/v1/lead/${id}/export`, { headers: company.admin })).status).toBe(404);
    expect((await call("GET", `/v1/user/${id}/export`, { headers: company.admin })).status).toBe(404);
  }
});

it("that breaks off has no end", async () => {
  const company = await makeCompany();
  const lead = await makeLead(company);
  const { id } = await createConversation(company, {}, lead.headers);
  await chat({ user: lead.headers } as never, id, "hello");
  await settle(company, id);
  await env.DB.prepare("UPDATE message SET metadata = 'not JSON' WHERE conversation_id = ?").bind(id).run();
  const response = await send("GET", `/v1/lead/${lead.lead_id}/export`, { headers: company.admin });
  await expect(response.text()).rejects.toThrow("the export could not be finished");
});
