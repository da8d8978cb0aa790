/** The spans of a turn: which there are, within which, with which names and counts, and that they say nothing of its content. */
import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import { FREELY } from "../../src/chat/engine/admission.ts";
import { Engine } from "../../src/chat/engine/engine.ts";
import type { Attributes, Tracer } from "../../src/chat/engine/trace.ts";
import { TIMEOUTS } from "../../src/chat/engine/watchdog.ts";
import { type ModelEvent, ModelFailure } from "../../src/chat/ports.ts";
import type { Turn } from "../../src/chat/turn.ts";
import { AGENT, bench } from "./journal-harness.ts";

type Recorded = { name: string; parent: string | null; attributes: Attributes; ended: number };

/** A tracer that keeps what it hears, and knows by the asynchronous context which span is within which. */
function recorder() {
  const spans: Recorded[] = [];
  const active = new AsyncLocalStorage<Recorded>();
  const open = (name: string, attributes: Attributes) => {
    const recorded = { name, parent: active.getStore()?.name ?? null, attributes: { ...attributes }, ended: 0 };
    spans.push(recorded);
    const span = {
      set: (more: Attributes) => void Object.assign(recorded.attributes, more),
      end: () => void recorded.ended++,
    };
    return { recorded, span };
  };
  const tracer: Tracer = {
    span: (name, attributes) => open(name, attributes).span,
    within: (name, attributes, work) => {
      const { recorded, span } = open(name, attributes);
      return active.run(recorded, () => work(span).finally(span.end));
    },
  };
  return { tracer, spans };
}

const SECRET = "kumquat";

/** Runs one turn with models that play these events; whoever fails throws. Resolves with the spans, once it has ended. */
async function run(...plays: (() => AsyncGenerator<ModelEvent>)[]) {
  const { journal, clock, ids, conversation } = bench();
  const { tracer, spans } = recorder();
  const ended = Promise.withResolvers<Turn>();
  const [first, ...rest] = plays.map((stream, at) => ({
    name: `up/model-${at}`,
    timeouts: TIMEOUTS,
    price: null,
    open: () => ({ name: `up/model-${at}`, stream }),
  }));
  if (!first) throw new Error("no model");
  const engine = new Engine({
    ...{ journal, clock, tracer, ids: () => ids, sleep: async () => undefined },
    loadAgent: async () => ({
      ...{ ...AGENT, instructions: SECRET },
      links: [first, ...rest],
    }),
    ...{ log: () => undefined, changed: () => undefined, onChange: () => undefined, onEnd: ended.resolve },
    abort: (reason) => ended.reject(new Error(reason)),
  });
  const input = { principal: "user:person", idempotency_key: null, body_hash: "x", content: SECRET, metadata: {} };
  const accepted = engine.submit({ ...input, output_schema: null, on_busy: "enqueue" }, FREELY);
  expect(accepted.ok).toBe(true);
  const stop = () => engine.stop();
  return { spans, stop, conversation, ended: ended.promise };
}

const usage = (input_tokens: number, output_tokens: number) => ({ input_tokens, output_tokens });
const said = { type: "text", text: SECRET } as const;

async function* answers(): AsyncGenerator<ModelEvent> {
  yield said;
  yield { type: "finish", usage: usage(5, 2) };
}

/** Fails before it has said anything. */
async function* refuses(): AsyncGenerator<ModelEvent> {
  await Promise.resolve();
  yield* [];
  throw new ModelFailure("unavailable", SECRET);
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

describe("a turn's spans", () => {
  it("are one of the agent, and in it one for each call of a model and of a tool", async () => {
    const { spans, ended, conversation } = await run(async function* (): AsyncGenerator<ModelEvent> {
      yield { type: "step", usage: usage(3, 1) };
      const call = { call_id: "c1", name: "look" };
      yield { type: "tool_call", ...call, input: { about: SECRET } };
      yield { type: "tool_call", call_id: "c2", name: "fail", input: {} };
      yield { type: "tool_result", ...call, output: SECRET, failed: false };
      yield { type: "tool_result", call_id: "c2", name: "fail", output: SECRET, failed: true };
      yield* answers();
    });
    const turn = await ended;
    await settled();
    expect(spans.map(({ name, parent, ended: ends }) => [name, parent, ends])).toEqual([
      ["invoke_agent", null, 1],
      ["chat model-0", "invoke_agent", 1],
      ["execute_tool look", "invoke_agent", 1],
      ["execute_tool fail", "invoke_agent", 1],
      ["chat model-0", "invoke_agent", 1],
    ]);
    const [agent, first, look, fail, last] = spans.map(({ attributes }) => attributes);
    expect(agent).toMatchObject({
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.id": "agent",
      "gen_ai.response.model": "up/model-0",
      "gen_ai.usage.input_tokens": 8,
      "gen_ai.usage.output_tokens": 3,
      "turn.id": turn.id,
      "turn.status": "completed",
    });
    expect(first).toMatchObject({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "up",
      "gen_ai.request.model": "model-0",
      "gen_ai.usage.input_tokens": 3,
      "gen_ai.response.finish_reasons": "tool_calls",
    });
    expect(last).toMatchObject({ "gen_ai.usage.output_tokens": 2, "gen_ai.response.finish_reasons": "stop" });
    expect(look).toMatchObject({ "gen_ai.tool.name": "look", "gen_ai.tool.call.id": "c1" });
    expect(look).not.toHaveProperty("error.type");
    expect(fail).toMatchObject({ "error.type": "tool_failed" });
    for (const { attributes } of spans) expect(attributes["gen_ai.conversation.id"]).toBe(conversation.id);
    expect(JSON.stringify(spans)).not.toContain(SECRET);
  });

  it("say which model failed, and why", async () => {
    const { spans, ended } = await run(refuses, answers);
    await ended;
    await settled();
    expect(spans.map(({ name, attributes }) => [name, attributes["error.type"]])).toEqual([
      ["invoke_agent", undefined],
      ["chat model-0", "unavailable"],
      ["chat model-1", undefined],
    ]);
    const failed = await run(refuses);
    await failed.ended;
    await settled();
    expect(failed.spans[0]?.attributes).toMatchObject({ "turn.status": "failed", "error.type": "model_unavailable" });
    expect(JSON.stringify([spans, failed.spans])).not.toContain(SECRET);
  });

  it("end with a turn that is stopped", async () => {
    const began = Promise.withResolvers<void>();
    const { spans, stop, ended } = await run(async function* () {
      yield said;
      began.resolve();
      await new Promise(() => {});
    });
    await began.promise;
    stop();
    expect((await ended).status).toBe("stopped");
    await settled();
    expect(spans.map((span) => [span.name, span.ended, span.attributes["error.type"]])).toEqual([
      ["invoke_agent", 1, undefined],
      ["chat model-0", 1, "stopped"],
    ]);
  });
});
