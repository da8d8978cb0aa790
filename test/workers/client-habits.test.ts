/** What clients in other languages do that JavaScript's do not: tell floats from integers, ask OPTIONS. */
import { beforeAll, describe, expect, it } from "vitest";
import { float } from "../../src/json.ts";
import { answerOf, type Company, makeCompany, makeLead, send } from "./company.ts";
import { chat, createConversation, history } from "./conversation-client.ts";

let company: Company;
let id: string;
beforeAll(async () => {
  company = await makeCompany();
  id = (await createConversation(company)).id;
});

describe("OPTIONS", () => {
  it.each([
    ["/v1/conversation", "GET, HEAD, POST"],
    ["/api/v1/conversation/x/messages", "DELETE, GET, HEAD"],
    ["/v1/conversation/deleted", "GET, HEAD"],
  ])("of %s lists its methods", async (path, allow) => {
    const answer = await answerOf(await send("OPTIONS", path));
    expect([answer.status, answer.headers.get("allow"), answer.body]).toEqual([204, allow, ""]);
    expect(answer.headers.get("x-request-id")).toEqual(expect.any(String));
  });

  it("of no path is 404", async () => {
    expect(await answerOf(await send("OPTIONS", "/v1/nothing"))).toMatchObject({ status: 404 });
  });
});

it("processing_time has a decimal point wherever it is, so that no language takes it for an integer", async () => {
  expect(JSON.stringify([0, 0.25, 12].map(float))).toBe("[0.0,0.25,12.0]");
  const lead = await makeLead(company);
  const own = await createConversation(company, {}, lead.headers);
  const as = { user: lead.headers } as never;
  for (let n = 0; n < 5; n++) await chat(as, own.id, `n ${n}`);
  const last = (await history(company, own.id)).at(-1)?.id;
  const texts = await Promise.all(
    [
      `/v1/conversation/${own.id}/messages`,
      `/v1/conversation/${own.id}/messages/stream?turn_id=${(await history(company, own.id)).at(-1)?.turn_id}`,
      `/v1/message/${last}`,
      `/v1/lead/${lead.lead_id}/export`,
      `/v1/analytic/conversation/${own.id}`,
    ].map(async (path) => (await send("GET", path, { headers: company.admin })).text()),
  );
  const answer = await send("POST", `/v1/conversation/${own.id}/chat`, {
    headers: lead.headers,
    body: { message: "one more" },
  });
  for (const text of [...texts, await answer.text()]) {
    const values = [...text.matchAll(/"(?:processing_time|duration_seconds)":([\d.]+)/g)].map(([, value]) => value);
    expect(values.length, text.slice(0, 200)).toBeGreaterThan(0);
    for (const value of values) expect(value).toMatch(/^\d+\.\d+$/);
  }
});

it("no last event yet is an empty id, in the query as in the header", async () => {
  const path = `/v1/conversation/${id}/messages/stream?last_event_id=`;
  for (const headers of [company.user, { ...company.user, "last-event-id": "" }]) {
    const { status, body } = await send("GET", path, { headers });
    await body?.cancel();
    expect(status).toBe(200);
  }
});
