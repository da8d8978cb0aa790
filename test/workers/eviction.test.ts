/** An object that is evicted after every step answers as one that is never: nothing that matters is in memory alone. */
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { call, makeCompany, makeLead } from "./company.ts";
import { createConversation, settle } from "./conversation-client.ts";

type Forget = (id: string) => Promise<void>;

/** The same with ids by their order of appearance, and without times. */
function normalised(answers: unknown[]): string[] {
  const ids = new Map<string, string>();
  const named = (id: string) => ids.get(id) ?? (ids.set(id, `id-${ids.size}`), ids.get(id));
  return answers.map((answer) =>
    JSON.stringify(answer)
      .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, (id) => named(id) ?? id)
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "time")
      .replaceAll(/(processing_time\\*":)[\d.]+/g, "$10"),
  );
}

/** Everything that is done to a conversation, one after another, with what each step answered. */
async function script(forget: Forget): Promise<string[]> {
  const company = await makeCompany();
  const lead = await makeLead(company);
  const { id } = await createConversation(company, { max_context_length: 4 }, lead.headers);
  const answers: unknown[] = [];
  const step = async (method: string, path: string, body?: object, more: Record<string, string> = {}) => {
    const isLead = path.startsWith("lead:");
    const headers = { ...(isLead ? lead.headers : company.admin_user), ...more };
    const answer = await call(method, `/v1/${path.replace("lead:", "")}`, { headers, body });
    answers.push([method, path, answer.status, answer.body]);
    await forget(id);
    return answer.body;
  };
  const one = `conversation/${id}`;
  const say = (message: string, more: object = {}, headers: Record<string, string> = {}) =>
    step("POST", `lead:${one}/chat`, { message, ...more }, headers);
  const events = { accept: "text/event-stream" };

  const first = await say("one", { metadata: { n: 1 } }, { "idempotency-key": "k1" });
  await say("one", { metadata: { n: 1 } }, { "idempotency-key": "k1" });
  await say("two", {}, events);
  await say("three");
  await step("GET", `${one}/messages/stream?turn_id=${first.turn_id}`);
  await step("PUT", `lead:message/${first.reply.id}/feedback`, { rating: "down", comment: "no" });
  await step("DELETE", `lead:message/${first.message_id}`);
  await say("four");
  await step("PATCH", `lead:message/${first.message_id}/restore`);
  await step("GET", `${one}/context`);
  await step("PATCH", one, { title: "Named", metadata: { a: [1] } });
  const { deletion_id } = await step("DELETE", `lead:${one}/messages`);
  await say("five");
  await step("PATCH", `lead:${one}/message/restore-all`, { deletion_id });
  const regenerate = {
    trigger: "regenerate-message",
    messages: [{ id: first.reply.id, role: "assistant", parts: [] }],
  };
  await step("POST", `lead:${one}/chat`, regenerate, { "idempotency-key": "k2" });
  await step("PUT", `${one}/hold`, { reason: "case" });
  await step("DELETE", `${one}/hold`);
  await step("POST", `${one}/take-over`, {});
  await say("is anybody there?");
  await step("POST", `${one}/note`, { text: "noted" });
  await step("POST", `${one}/reply`, { message: "a person" }, { "idempotency-key": "k3" });
  await step("POST", `${one}/reply`, { message: "a person" }, { "idempotency-key": "k3" });
  await step("POST", `lead:${one}/read`, { sequence: 3 });
  await step("POST", `${one}/give-back`, {});
  await step("GET", `${one}/notes`);
  await step("GET", `${one}/handling`);
  const later = await call("POST", `/v1/${one}/chat`, {
    headers: { ...lead.headers, prefer: "respond-async" },
    body: { message: "six" },
  });
  const turn = `/v1/turn/${later.body.turn_id}`;
  await expect.poll(async () => (await call("GET", turn, lead)).body.turn.status).toBe("completed");
  await forget(id);
  await step("GET", turn.slice("/v1/".length));
  await step("DELETE", `lead:${one}`);
  await say("nobody");
  await step("PATCH", `lead:${one}/restore`);
  await step("GET", `${one}/messages`);
  await step("GET", one);
  await settle(company, id);
  await step("GET", `analytic/conversation/${id}`);
  return normalised(answers).map((answer) => answer.replaceAll(/"[a-z0-9_]*_(?:ms|seconds)":[\d.]+/g, '""'));
}

it("and one whose memory is thrown away goes on from its storage", { tags: "slow", timeout: 60_000 }, async () => {
  const kept = await script(async () => {});
  const evicted = await script((id) =>
    evictDurableObject(env.CONVERSATION.getByName(id)).catch((error: unknown) => {
      // Not every step wakes it.
      if (!String(error).includes("not currently running")) throw error;
    }),
  );
  expect(evicted).toEqual(kept);
});
