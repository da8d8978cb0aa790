/** The spans of a turn as they leave the runtime: through a streaming tail worker, to a receiver that speaks OTLP. */
import { expect, it } from "vitest";
import { calling, complete } from "../upstream/client.ts";
import { startReceiver } from "./otlp.ts";
import { openSite } from "./site.ts";
import { eventually } from "./verify.ts";

const SECRET = "kumquat";

it("a turn with a tool is one trace, in the words of the conventions, without what was said", async ({
  onTestFinished,
}) => {
  const receiver = await startReceiver();
  onTestFinished(receiver.close);
  const { client, up } = await openSite(onTestFinished, undefined, receiver.url);
  await up.script(
    "m",
    calling([{ name: "look_up", arguments: { what: SECRET } }], [], { prompt_tokens: 7, completion_tokens: 2 }),
    complete([SECRET], { prompt_tokens: 9, completion_tokens: 3 }),
  );
  await up.script("tools/look", [{ status: 200, body: { found: SECRET } }]);
  const parameters = { type: "object", properties: { what: { type: "string" } } };
  const tool = { name: "look_up", description: "Looks up.", parameters, url: up.toolUrl("look") };
  const agent = await client.agent("m", { tools: [tool], instructions: SECRET });
  const id = await client.conversation(agent);
  const { turn_id } = (await client.chat(id, SECRET)).body;

  const isOurs = ({ name }: { name: string }) => /^(invoke_agent|chat |execute_tool )/.test(name);
  const ours = await eventually("the spans are there", () => {
    const found = receiver.spans.filter(isOurs);
    return found.length >= 4 && found;
  });
  expect(receiver.problems).toEqual([]);
  const [whole] = ours.filter(({ name }) => name === "invoke_agent");
  const inside = ours
    .filter((span) => span !== whole)
    .toSorted((a, b) => (a.startTimeUnixNano < b.startTimeUnixNano ? -1 : 1));
  expect(inside.map(({ name }) => name)).toEqual(["chat m", "execute_tool look_up", "chat m"]);
  for (const span of inside) {
    expect([span.traceId, span.parentSpanId]).toEqual([whole?.traceId, whole?.spanId]);
    expect(span.attributes["gen_ai.conversation.id"]).toBe(id);
  }
  // The turn is part of the request that asked for it.
  const above = (span: { parentSpanId: string } | undefined) =>
    receiver.spans.find(({ spanId }) => spanId === span?.parentSpanId);
  const chain = [];
  for (let span = above(whole); span; span = above(span)) chain.push(span);
  expect(chain.at(-1)?.name).toBe("fetch");
  expect(whole?.attributes).toMatchObject({
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.conversation.id": id,
    "gen_ai.agent.id": agent,
    "gen_ai.response.model": "openai-compatible/m",
    "gen_ai.usage.input_tokens": 16,
    "gen_ai.usage.output_tokens": 5,
    "turn.id": turn_id,
    "turn.status": "completed",
  });
  expect(inside[1]?.attributes).toMatchObject({
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": "look_up",
  });
  expect(inside[2]?.attributes).toMatchObject({
    "gen_ai.response.finish_reasons": "stop",
    "gen_ai.request.model": "m",
  });
  expect(JSON.stringify(receiver.spans)).not.toContain(SECRET);
});

it("a turn that fails says so, and why", async ({ onTestFinished }) => {
  const receiver = await startReceiver();
  onTestFinished(receiver.close);
  const { client, up } = await openSite(onTestFinished, undefined, receiver.url);
  await up.script("m", [{ status: 401, body: { error: { message: SECRET } } }]);
  const id = await client.conversation(await client.agent("m"));
  expect((await client.chat(id, "question")).status).toBe(502);
  const [whole] = await eventually("the spans are there", () => {
    const found = receiver.spans.filter(({ name }) => name === "invoke_agent");
    return found.length > 0 && found;
  });
  expect(whole?.attributes).toMatchObject({ "turn.status": "failed", "error.type": "model_error" });
  const [call] = receiver.spans.filter(({ parentSpanId }) => parentSpanId === whole?.spanId);
  expect(call?.attributes).toMatchObject({ "gen_ai.operation.name": "chat", "error.type": expect.any(String) });
  expect(JSON.stringify(receiver.spans)).not.toContain(SECRET);
});
