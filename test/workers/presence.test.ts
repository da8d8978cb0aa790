/** Who else of the staff has a conversation open: told to each other while they do, and to nobody else. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { upstream } from "../upstream/client.ts";
import { answerOf, bearer, call, type Company, type HeaderMap, makeCompany, makeLead, send } from "./company.ts";
import { createConversation, streamOf } from "./conversation-client.ts";

const client = upstream(env.TEST_UPSTREAM);

/** A colleague, and how the others see them. */
async function colleague(company: Company, name: string) {
  const body = { entity_type: "user", external_id: name, name };
  const answer = await call("POST", "/v1/auth/token", { headers: company.admin, body });
  return { headers: bearer(answer.body.access_token), seen: { entity_id: answer.body.entity_id as string, name } };
}

const pathOf = (id: string, query = "presence=true") => `/v1/conversation/${id}/messages/stream?${query}`;

/** A reader, behind the sign of life that every stream opens with. */
async function follow(id: string, headers: HeaderMap, query?: string) {
  const reader = streamOf(await send("GET", pathOf(id, query), { headers }));
  expect((await reader.next()).event).toBe("heartbeat");
  return reader;
}
type Reader = Awaited<ReturnType<typeof follow>>;

/** The next event that is no sign of life, of which a slow machine may see some. */
const nextOf = async (reader: Reader) => {
  for (;;) {
    const event = await reader.next();
    if (event.event !== "heartbeat") return event;
  }
};
const staffIn = async (reader: Reader) => {
  const { event, data } = await nextOf(reader);
  return event === "chat_presence" ? data.staff : event;
};
const inOrder = <T extends { entity_id: string }>(...people: T[]) =>
  people.toSorted((a, b) => (a.entity_id < b.entity_id ? -1 : 1));

describe("presence", () => {
  it("names staff to each other as they come and go, each once, and to no other reader", async () => {
    const company = await makeCompany();
    const visitor = await makeLead(company);
    const { id } = await createConversation({ ...company, user: visitor.headers });
    const [ann, bob] = [await colleague(company, "Ann"), await colleague(company, "Bob")];
    const both = inOrder(ann.seen, bob.seen);

    const lead = await follow(id, visitor.headers, "");
    const quiet = await follow(id, company.user, "presence=false");
    const first = await follow(id, ann.headers);
    expect(await staffIn(first)).toEqual([ann.seen]);
    const second = await follow(id, bob.headers);
    expect(await staffIn(second)).toEqual(both);
    expect(await staffIn(first)).toEqual(both);
    // Another tab of the same person is news to itself alone.
    const again = await follow(id, bob.headers);
    expect(await staffIn(again)).toEqual(both);
    await second.cancel();
    await call("POST", `/v1/conversation/${id}/typing`, { headers: visitor.headers });
    for (const reader of [lead, quiet, first, again]) expect((await nextOf(reader)).event).toBe("chat_typing");
    await again.cancel();
    // That somebody has gone is noticed when they are sent something; without this, by the second sign of life.
    for (let n = 0; n < 2; n++) await call("POST", `/v1/conversation/${id}/typing`, { headers: visitor.headers });
    expect((await first.until("chat_presence")).data.staff).toEqual([ann.seen]);
    // Whoever comes finds out who has gone, at once or a moment later.
    await first.cancel();
    const late = await follow(id, bob.headers);
    let seen = await staffIn(late);
    while (seen.length > 1) seen = await staffIn(late);
    expect(seen).toEqual([bob.seen]);
    await Promise.all([lead, quiet, late].map((reader) => reader.cancel()));
  });

  it("is told in the middle of a turn, without taking a number of its events", async () => {
    const company = await makeCompany();
    const model = `presence-${company.company_id}`;
    const provider = { kind: "openai-compatible", base_url: client.baseUrl };
    await call("PUT", "/v1/model-provider/up", { headers: company.admin, body: provider });
    const agent = { name: "Helper", model: `up/${model}`, auto_title: false };
    const made = await call("POST", "/v1/agent", { headers: company.read_write, body: agent });
    await client.script(model, [
      { text: "one " },
      { gate: model },
      ...[{ text: "two" }, { finish: "stop" }, { done: true } as const],
    ]);
    const { id } = await createConversation({ ...company, agent_id: made.body.agent.id });
    const [ann, bob] = [await colleague(company, "Ann"), await colleague(company, "Bob")];
    const reader = await follow(id, ann.headers);
    expect(await staffIn(reader)).toEqual([ann.seen]);
    const turn = send("POST", `/v1/conversation/${id}/chat`, { headers: company.user, body: { message: "hi" } });
    const before = await reader.until("chat_delta");
    const other = await follow(id, bob.headers);
    const told = await nextOf(reader);
    expect([told.event, told.id]).toEqual(["chat_presence", before.id]);
    expect(told.data).toEqual({ staff: inOrder(ann.seen, bob.seen) });
    await reader.cancel();
    await client.openGate(model);
    expect((await (await turn).json()) as object).toMatchObject({ content: "one two" });
    // Whoever resumes from it misses nothing of the turn.
    const resumed = streamOf(await send("GET", pathOf(id, `last_event_id=${told.id}`), { headers: ann.headers }));
    expect((await resumed.until("chat_delta")).data.text).toBe("two");
    expect((await resumed.until("chat_response")).data.message.content).toBe("one two");
    await Promise.all([resumed, other].map((one) => one.cancel()));
  });

  it("is the staff's alone, and not for replays", async () => {
    const company = await makeCompany();
    const visitor = await makeLead(company);
    const { id } = await createConversation({ ...company, user: visitor.headers });
    const ask = async (headers: HeaderMap, query?: string) => {
      const { status, body } = await answerOf(await send("GET", pathOf(id, query), { headers }));
      return [status, body.code, body.errors[0]?.path];
    };
    expect(await ask(visitor.headers)).toEqual([403, "forbidden", undefined]);
    expect(await ask(company.user, "presence=maybe")).toEqual([422, "validation_failed", "/presence"]);
    const replay = `presence=true&turn_id=${id}`;
    expect(await ask(company.user, replay)).toEqual([422, "validation_failed", "/presence"]);
  });
});
