/** Anthropic's and Google's protocols as gateways and proxies write them. */
import { describe, expect, it } from "vitest";
import type { ModelEvent } from "../../src/chat/ports.ts";
import type { ProviderKind } from "../../src/models/catalog.ts";
import { block, end, events, said, start } from "../upstream/anthropic.ts";
import { type Step } from "../upstream/client.ts";
import { sent } from "../upstream/protocols.ts";
import { ask, useUpstream } from "./models-harness.ts";

const up = useUpstream();
let count = 0;

/** What a model that has the tool `add` does in a turn, where the second call of the model just says "Done.". */
async function withTool(kind: ProviderKind, first: Step[], second: Step[]) {
  const model = `gateway-tools-${count++}`;
  await up.client.script(model, first, second);
  const turn = { conversation_id: "c", turn_id: "t", entity_type: "user" as const, entity_id: "u" };
  const parameters = { type: "object", properties: { n: { type: "integer" } } };
  const tool = up.tool("add", { parameters });
  const request = { instructions: "", messages: [{ role: "user" as const, content: "Hi" }], turn };
  const events: ModelEvent[] = [];
  for await (const event of up
    .open(model, { tools: [tool] }, up.access(kind))
    .stream(request, new AbortController().signal))
    events.push(event);
  const inputs = events.flatMap((event) => (event.type === "tool_call" ? [event.input] : []));
  const text = events.map((event) => (event.type === "text" ? event.text : "")).join("");
  return { inputs, text, requests: await up.client.requests(model) };
}

describe("Anthropic", () => {
  type Event = { type: string; [member: string]: unknown };
  const start = (message: object = { usage: { input_tokens: 5 } }): Event => ({ type: "message_start", message });
  const open = (content_block: object, index = 0): Event => ({ type: "content_block_start", index, content_block });
  const said = (text: string, index = 0): Event => ({
    type: "content_block_delta",
    index,
    delta: { type: "text_delta", text },
  });
  const closed = (index = 0): Event => ({ type: "content_block_stop", index });
  const delta = (more: object = { usage: { output_tokens: 4 } }): Event => ({
    type: "message_delta",
    delta: { stop_reason: "end_turn" },
    ...more,
  });
  const stop: Event = { type: "message_stop" };
  const text = open({ type: "text", text: "" });
  const script = (...events: Event[]) => sent(...events.map((event) => JSON.stringify(event)));

  it.each<[string, Event[]]>([
    [
      "text in the start of the block",
      [start(), open({ type: "text", text: "We are" }), said(" open."), closed(), delta(), stop],
    ],
    [
      "all text in the start of the block",
      [start(), open({ type: "text", text: "We are open." }), closed(), delta(), stop],
    ],
    [
      "a block that starts without text",
      [start(), open({ type: "text" }), said("We are open."), closed(), delta(), stop],
    ],
    ["a block without a start", [start(), said("We are open."), closed(), delta(), stop]],
    ["a block without an end", [start(), text, said("We are open."), delta(), stop]],
    [
      "no indexes",
      [
        start(),
        { type: "content_block_start", content_block: { type: "text", text: "" } },
        { type: "content_block_delta", delta: { type: "text_delta", text: "We are open." } },
        delta(),
        stop,
      ],
    ],
    ["no beginning", [text, said("We are open."), closed(), delta(), stop]],
    ["a beginning without counts", [start({ usage: {} }), text, said("We are open."), closed(), delta(), stop]],
    ["a beginning with null for counts", [start({ usage: null }), text, said("We are open."), closed(), delta(), stop]],
    [
      "the text in the start of the block and in its first delta",
      [start(), open({ type: "text", text: "We are" }), said("We are open."), closed(), delta(), stop],
    ],
    [
      "the whole message behind its pieces",
      [
        start(),
        text,
        said("We are open."),
        closed(),
        { type: "message", role: "assistant", content: [{ type: "text", text: "We are open." }] },
        delta(),
        stop,
      ],
    ],
    ["a beginning that comes twice", [start(), start(), text, said("We are open."), closed(), delta(), stop]],
    ["an end without counts", [start(), text, said("We are open."), closed(), delta({}), stop]],
    ["an end without its last event", [start(), text, said("We are open."), closed(), delta()]],
    ["its last event alone as the end", [start(), text, said("We are open."), closed(), stop]],
    [
      "an event of a kind that is new",
      [start(), { type: "server_notice", notice: {} }, text, said("We are open."), closed(), delta(), stop],
    ],
    [
      "a block of a kind that is new",
      [
        start(),
        open({ type: "server_note", note: 1 }),
        said("hidden"),
        closed(),
        text,
        said("We are open."),
        closed(),
        delta(),
        stop,
      ],
    ],
    [
      "a delta of a kind that is new",
      [
        start(),
        text,
        { type: "content_block_delta", index: 0, delta: { type: "mood_delta", mood: 1 } },
        said("We are open."),
        closed(),
        delta(),
        stop,
      ],
    ],
    [
      "indexes that are text, and deltas that do not name their type",
      [
        start(),
        { type: "content_block_start", index: "0", content_block: { type: "text", text: "" } },
        { type: "content_block_delta", index: "0", delta: { text: "We are" } },
        said(" open."),
        { type: "content_block_stop", index: "0" },
        delta(),
        stop,
      ],
    ],
    ["empty deltas", [start(), text, said(""), said("We are open."), closed(), delta(), stop]],
    [
      "thinking, signed and redacted",
      [
        start(),
        open({ type: "thinking", thinking: "hidden", signature: "s" }),
        closed(),
        open({ type: "redacted_thinking", data: "x" }, 1),
        closed(1),
        open({ type: "text", text: "" }, 2),
        said("We are open.", 2),
        closed(2),
        delta(),
        stop,
      ],
    ],
  ])("may come with %s", async (_, events) => {
    expect(await up.playing(script(...events), "anthropic")).toMatchObject({ text: "We are open.", failure: null });
  });

  it("may come with types in the names of the events only", async () => {
    const steps = [start(), text, said("We are open."), closed(), delta(), stop].map(({ type, ...data }): Step => ({
      raw: `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`,
    }));
    expect(await up.playing(steps, "anthropic")).toMatchObject({ text: "We are open.", failure: null });
  });

  it("may not stream", async () => {
    const content = [{ type: "text", text: "We are open." }];
    const message = {
      type: "message",
      role: "assistant",
      content,
      stop_reason: "end_turn",
      usage: { input_tokens: 5, output_tokens: 4 },
    };
    expect(await up.playing([{ raw: JSON.stringify(message, null, 2) }], "anthropic")).toMatchObject({
      text: "We are open.",
      finish: { usage: { input_tokens: 5, output_tokens: 4 } },
    });
  });

  it("is done when it says so, even if it leaves the connection open", async () => {
    const steps = script(start(), text, said("We are open."), closed(), delta(), stop);
    expect(await up.playing([...steps, { hang: true }], "anthropic")).toMatchObject({
      text: "We are open.",
      failure: null,
    });
  });

  const use = (more: object) => open({ type: "tool_use", id: "t1", name: "add", ...more });
  const json = (partial_json: unknown): Event => ({
    type: "content_block_delta",
    index: 0,
    delta: { type: "input_json_delta", partial_json },
  });
  const calls: Event = { type: "message_delta", delta: { stop_reason: "tool_use" } };
  it.each<[string, Event[]]>([
    ["in pieces", [use({ input: {} }), json('{"n"'), json(":1}")]],
    ["in the start, as an object", [use({ input: { n: 1 } })]],
    ["in the start, as text", [use({ input: '{"n":1}' })]],
    ["in the start and in pieces", [use({ input: { n: 7 } }), json('{"n":1}')]],
    ["as an object where text belongs", [use({}), json({ n: 1 })]],
    ["under no id", [open({ type: "tool_use", name: "add", input: { n: 1 } })]],
  ])("may give a call's arguments %s", async (_, events) => {
    const done = script(start(), text, said("Done."), closed(), delta(), stop);
    const heard = await withTool("anthropic", script(start(), ...events, closed(), calls, stop), done);
    expect(heard).toMatchObject({ inputs: [{ n: 1 }], text: "Done." });
  });

  it("may give two calls the same id: they go back under two", async () => {
    const done = script(start(), text, said("Done."), closed(), delta(), stop);
    const two = [use({ input: { n: 1 } }), closed(), use({ input: { n: 2 } }), closed()];
    const heard = await withTool("anthropic", script(start(), ...two, calls, stop), done);
    expect(heard.inputs).toEqual([{ n: 1 }, { n: 2 }]);
    const [, said_, results] = heard.requests[1]?.body.messages;
    const ids = said_.content.map((call: any) => call.id);
    expect(new Set(ids).size).toBe(2);
    expect(results.content.map((result: any) => result.tool_use_id)).toEqual(ids);
  });
});

describe("Anthropic's gateways", () => {
  it("get the key as a bearer token where they do not accept it otherwise", async () => {
    const model = `bearer-${count++}`;
    const done = events(start, ...said("Done."), ...end("end_turn"));
    await up.client.script(model, [{ status: 401, body: {} }], done);
    for (const _ of [1, 2]) expect((await ask(up.open(model, {}, up.access("anthropic")))).text).toBe("Done.");
    const seen = (await up.client.requests(model)).map(({ headers }) => [
      headers["x-api-key"],
      headers["authorization"],
    ]);
    const bearer = [undefined, "Bearer secret-key"];
    expect(seen).toEqual([["secret-key", undefined], bearer, bearer]);
    await up.client.script(`${model}-wrong`, [{ status: 401, body: {} }]);
    const wrong = await ask(up.open(`${model}-wrong`, {}, up.access("anthropic")));
    expect(wrong.failure).toMatchObject({ trouble: "key", status: 401 });
  });

  it("get unsigned thoughts back with the calls that they led to, once they insist on it", async () => {
    const model = `unsigned-${count++}`;
    const thinks = events(
      start,
      ...block(0, { type: "thinking", thinking: "" }, { type: "thinking_delta", thinking: "Hm." }),
      ...block(1, { type: "tool_use", id: "t1", name: "add", input: {} }),
      ...end("tool_use"),
    );
    const done = events(start, ...said("Done."), ...end("end_turn"));
    const misses = { error: { message: "thinking is enabled but reasoning_content is missing at index 1" } };
    await up.client.script(model, thinks, [{ status: 400, body: misses }], done, thinks, done);
    const turn = { conversation_id: "c", turn_id: "t", entity_type: "user" as const, entity_id: "u" };
    const request = { instructions: "", messages: [{ role: "user" as const, content: "Hi" }], turn };
    for (const _ of [1, 2]) {
      let text = "";
      const stream = up
        .open(model, { tools: [up.tool("add")] }, up.access("anthropic"))
        .stream(request, new AbortController().signal);
      for await (const event of stream) if (event.type === "text") text += event.text;
      expect(text).toBe("Done.");
    }
    const sentBack = (await up.client.requests(model)).map(({ body }) => body.messages[1]?.content[0].type);
    expect(sentBack).toEqual([undefined, "tool_use", "thinking", undefined, "thinking"]);
  });
});

describe("Google", () => {
  const chunk = (parts: unknown, more: object = {}) =>
    JSON.stringify({ candidates: [{ content: { role: "model", parts }, ...more }] });
  const stop = { finishReason: "STOP" };

  it.each<[string, string[]]>([
    ["thoughts", [chunk([{ text: "hidden", thought: true }]), chunk([{ text: "We are open." }], stop)]],
    [
      "signatures",
      [chunk([{ text: "We are open.", thoughtSignature: "s" }]), chunk([{ text: "", thoughtSignature: "s" }], stop)],
    ],
    ["parts of a kind that is new", [chunk([{ hologram: 1 }, { text: "We are open." }]), chunk([], stop)]],
    ["an end without content", [chunk([{ text: "We are open." }]), JSON.stringify({ candidates: [stop] })]],
    ["no parts", [chunk(null), chunk([{ text: "We are open." }], stop)]],
    [
      "ratings that are odd",
      [chunk([{ text: "We are open." }], { ...stop, safetyRatings: "low", index: "0", citationMetadata: [] })],
    ],
    [
      "chunks without candidates",
      [
        JSON.stringify({ usageMetadata: null }),
        JSON.stringify({ candidates: [] }),
        chunk([{ text: "We are open." }], stop),
      ],
    ],
    [
      "a reason that is no block",
      [
        JSON.stringify({ promptFeedback: { blockReason: "BLOCK_REASON_UNSPECIFIED" } }),
        chunk([{ text: "We are open." }], stop),
      ],
    ],
    [
      "names as another language spells them",
      [
        JSON.stringify({ candidates: [{ content: { parts: [{ text: "We are open.", thought_signature: "s" }] } }] }),
        JSON.stringify({ candidates: [{ finish_reason: "STOP" }], usage_metadata: { prompt_token_count: 3 } }),
      ],
    ],
    ["an end of its gateway", [chunk([{ text: "We are open." }], stop), "[DONE]"]],
  ])("may come with %s", async (_, documents) => {
    expect(await up.playing(sent(...documents), "google")).toMatchObject({ text: "We are open.", failure: null });
  });

  it("may come as a list, which does not stream", async () => {
    const list = `[${chunk([{ text: "We are" }])}\n,\r\n${chunk([{ text: " open." }], stop)}\n]\n`;
    expect(await up.playing([{ raw: list }], "google")).toMatchObject({ text: "We are open.", failure: null });
    const error = JSON.stringify([{ error: { code: 429, message: "upstream words" } }], null, 2);
    expect((await up.playing([{ raw: error }], "google")).failure).toMatchObject({ kind: "unavailable" });
  });

  it("fails when the prompt is blocked", async () => {
    const blocked = JSON.stringify({ promptFeedback: { blockReason: "PROHIBITED_CONTENT" } });
    expect((await up.playing(sent(blocked), "google")).failure).toMatchObject({ kind: "error" });
  });

  it.each<[string, object]>([
    ["an object", { args: { n: 1 } }],
    ["text", { args: '{"n":1}' }],
  ])("may give a call's arguments as %s, twice in one chunk", async (_, more) => {
    const call = { functionCall: { name: "add", ...more } };
    const heard = await withTool("google", sent(chunk([call, call], stop)), sent(chunk([{ text: "Done." }], stop)));
    expect(heard).toMatchObject({ inputs: [{ n: 1 }, { n: 1 }], text: "Done." });
  });

  it("gets nothing of its thoughts back", async () => {
    const call = { functionCall: { name: "add", args: { n: 1 } }, thoughtSignature: "sig" };
    const thinks = chunk([{ text: "hidden", thought: true, thoughtSignature: "x" }, call], stop);
    const { requests } = await withTool("google", sent(thinks), sent(chunk([{ text: "Done." }], stop)));
    expect(JSON.stringify(requests[1]?.body)).not.toContain("hidden");
    expect(JSON.stringify(requests[1]?.body)).toContain('"thoughtSignature":"sig"');
  });
});
