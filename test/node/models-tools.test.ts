/** The loop of calls, as providers want it: what is sent back with the results, in each protocol. */
import { describe, expect, it } from "vitest";
import { HAND_OVER_TOOL } from "../../src/chat/engine/hand-over.ts";
import { type Action, type ModelEvent, ModelFailure, type TurnRef } from "../../src/chat/ports.ts";
import { argumentsOf, callTool, type Tool } from "../../src/models/http-tool.ts";
import type { Model } from "../../src/chat/ports.ts";
import { block, end, events, start } from "../upstream/anthropic.ts";
import { calling, complete, type Step } from "../upstream/client.ts";
import { useUpstream } from "./models-harness.ts";

const up = useUpstream();

const turn: TurnRef = { conversation_id: "c", turn_id: "t", entity_type: "user", entity_id: "u" };
const tool = (name: string, more: Partial<Tool> = {}): Tool =>
  up.tool(name, {
    description: `Does ${name}.`,
    parameters: { type: "object", properties: { n: { type: "integer" } } },
    ...more,
  });

async function run(model: Model, signal = new AbortController().signal) {
  const events: ModelEvent[] = [];
  let failure: ModelFailure | null = null;
  try {
    const request = { instructions: "", messages: [{ role: "user" as const, content: "Hi" }], turn };
    for await (const event of model.stream(request, signal)) events.push(event);
  } catch (error) {
    if (!(error instanceof ModelFailure)) throw error;
    failure = error;
  }
  const text = events.map((event) => (event.type === "text" ? event.text : "")).join("");
  return { events, text, failure, kinds: events.map(({ type }) => type).filter((type) => type !== "text") };
}

describe("arguments", () => {
  it.each<[string, object | null]>([
    ['{"n":1}', { n: 1 }],
    [" ", {}],
    ["null", {}],
    ["[]", {}],
    ['""', {}],
    ['"{\\"n\\":1}"', { n: 1 }],
    ["[1]", null],
    ["5", null],
    ['"five"', null],
    ['{"n":', null],
  ])("%s are %j", (input, expected) => {
    expect(argumentsOf(input)).toEqual(expected);
  });
});

describe("calling tools", () => {
  it("sends the calls and their results back, and offers the tools", async () => {
    const call = { id: "call_a", name: "add", arguments: { n: 1 } };
    await up.client.script(
      "loop",
      calling([call], ["Let me see."]),
      complete(["Two"], { prompt_tokens: 9, completion_tokens: 3 }),
    );
    await up.client.script("tools/add", [{ status: 200, body: { sum: 2 } }]);
    const heard = await run(up.open("loop", { tools: [tool("add")] }));
    expect(heard).toMatchObject({ text: "Let me see.\n\nTwo", failure: null });
    expect(heard.kinds).toEqual(["step", "tool_call", "tool_result", "finish"]);
    const [first, second] = await up.client.requests("loop");
    expect(first?.body.tools).toEqual([
      { type: "function", function: { name: "add", description: "Does add.", parameters: tool("add").parameters } },
    ]);
    expect(second?.body.messages.slice(1)).toEqual([
      {
        role: "assistant",
        content: "Let me see.",
        tool_calls: [{ id: "call_a", type: "function", function: { name: "add", arguments: '{"n":1}' } }],
      },
      { role: "tool", tool_call_id: "call_a", content: '{"sum":2}' },
    ]);
  });

  it("says of a tool without arguments that it has none", async () => {
    await up.client.script("bare", complete(["Ok"]));
    await run(up.open("bare", { tools: [tool("add", { parameters: { type: "object" } })] }));
    const [body] = await up.bodiesOf("bare");
    expect(body.tools[0].function.parameters).toEqual({ type: "object", properties: {} });
  });

  it("keeps thoughts to itself, but for a server that insists on having them back with the calls", async () => {
    const thinks: Step[] = [
      { reasoning: "One, " },
      { reasoning: "two." },
      ...calling([{ name: "add", arguments: {} }]),
    ];
    await up.client.script("thinks", thinks, complete(["Ok"]));
    const heard = await run(up.open("thinks", { tools: [tool("add")] }));
    expect(heard.text).toBe("Ok");
    expect(heard.events.filter((event) => event.type === "text" && event.text === "").length).toBeGreaterThanOrEqual(2);
    const [, second] = await up.client.requests("thinks");
    expect(second?.body.messages[1]).not.toHaveProperty("reasoning_content");

    const missing = {
      error: { message: "The `reasoning_content` must be passed back.", type: "invalid_request_error" },
    };
    await up.client.script("insists", thinks, [{ status: 400, body: missing }], complete(["Ok"]));
    expect((await run(up.open("insists", { tools: [tool("add")] }))).text).toBe("Ok");
    const [, , third] = await up.client.requests("insists");
    expect(third?.body.messages[1]).toMatchObject({ role: "assistant", reasoning_content: "One, two." });
  });

  it.each<[number, unknown]>([
    [422, { detail: [{ loc: ["body", "messages", 1, "content"], msg: "Input should be a valid string" }] }],
    [400, { error: { message: "invalid message content type: <nil>", type: "invalid_request_error" } }],
    [422, ""],
  ])("gives a text, if an empty one, to a server that insists on it: %i %j", async (status, body) => {
    const model = `texts-${status}-${JSON.stringify(body).length}`;
    const call = calling([{ name: "add", arguments: {} }]);
    await up.client.script(model, call, [{ status, body }], complete(["Ok"]), call, complete(["Ok"]));
    for (const _ of [1, 2]) expect((await run(up.open(model, { tools: [tool("add")] }))).text).toBe("Ok");
    const contents = (await up.bodiesOf(model)).map(({ messages }) => messages[1]?.content);
    expect(contents).toEqual([undefined, null, "", undefined, ""]);
  });

  it("has no tool whose name is too long or made up, and gives such a name back as providers take it", async () => {
    const long = "x".repeat(65);
    const calls = [long, "add me!", ""].map((name) => ({ name, arguments: { n: 1 } }));
    await up.client.script("made-up", calling(calls), complete(["Ok"]));
    const heard = await run(up.open("made-up", { tools: [tool(long.slice(1))] }));
    expect(heard).toMatchObject({ text: "Ok", failure: null });
    const results = heard.events.filter((event) => event.type === "tool_result");
    expect(results).toMatchObject(calls.map(() => ({ failed: true, output: "There is no such tool." })));
    expect(results.every(({ name }) => name.length <= 64)).toBe(true);
    const [, second] = await up.client.requests("made-up");
    const names = second?.body.messages[1].tool_calls.map((call: any) => call.function.name);
    expect(names).toEqual(["x".repeat(64), "add_me_", "unknown"]);
    expect(await up.client.requests(`tools/${long.slice(1)}`)).toEqual([]);
  });

  it("does not call with arguments that are too long", async () => {
    const n = "9".repeat(70_000);
    await up.client.script("huge", calling([{ name: "add", arguments: { n } }]), complete(["Ok"]));
    const heard = await run(up.open("huge", { tools: [tool("add")] }));
    expect(heard.events.find(({ type }) => type === "tool_result")).toMatchObject({ failed: true });
    const [, second] = await up.client.requests("huge");
    expect(JSON.stringify(second?.body).length).toBeLessThan(2000);
  });

  it("reads calls whatever the finish reason says, and none where there are none", async () => {
    await up.client.script(
      "says-stop",
      [{ tool_call: { name: "add", arguments: "" } }, { finish: "stop" }, { done: true }],
      complete(["Ok"]),
    );
    expect(await run(up.open("says-stop", { tools: [tool("add")] }))).toMatchObject({ text: "Ok", failure: null });
    await up.client.script("says-calls", [{ text: "x" }, { finish: "tool_calls" }, { done: true }]);
    expect((await run(up.open("says-calls", { tools: [tool("add")] }))).failure?.kind).toBe("error");
  });

  it("calls nothing when the model broke off before it had said all", async () => {
    await up.client.script("breaks", [{ tool_call: { name: "never", arguments: {} } }]);
    const heard = await run(up.open("breaks", { tools: [tool("never")] }));
    expect(heard).toMatchObject({ kinds: [], failure: { kind: "error" } });
    expect(await up.client.requests("tools/never")).toEqual([]);
  });

  it("ends after five calls of the model, the last without tools", async () => {
    await up.client.script("endless", calling([{ name: "again", arguments: {} }]));
    const heard = await run(up.open("endless", { tools: [tool("again")] }));
    expect(heard.failure?.kind).toBe("error");
    const requests = await up.client.requests("endless");
    expect(requests.map(({ body }) => body.tool_choice)).toEqual([undefined, undefined, undefined, undefined, "none"]);
    expect(await up.client.requests("tools/again")).toHaveLength(4);
    await up.client.script("wordy", calling([{ name: "again", arguments: {} }], ["still "]));
    expect(await run(up.open("wordy", { tools: [tool("again")] }))).toMatchObject({
      text: "still ".repeat(5),
      failure: null,
    });
  });

  it("is an error, not merely unavailable, when the model is gone after a tool was called", async () => {
    await up.client.script("gone", calling([{ name: "once", arguments: {} }]), [{ status: 503 }]);
    expect((await run(up.open("gone", { tools: [tool("once")] }))).failure?.kind).toBe("error");
    expect(await up.client.requests("tools/once")).toHaveLength(1);
  });

  it("refuses more calls at once than can be kept", async () => {
    await up.client.script("many", calling(Array.from({ length: 17 }, () => ({ name: "lots", arguments: {} }))));
    expect((await run(up.open("many", { tools: [tool("lots")] }))).failure?.kind).toBe("error");
    expect(await up.client.requests("tools/lots")).toEqual([]);
  });

  it("has none without a turn: a summary calls nothing", async () => {
    await up.client.script("summary", complete(["Ok"]));
    const model = up.open("summary", { tools: [tool("add")] });
    const request = { instructions: "", messages: [{ role: "user" as const, content: "Hi" }] };
    for await (const _ of model.stream(request, new AbortController().signal));
    expect((await up.client.requests("summary"))[0]?.body).not.toHaveProperty("tools");
  });
});

describe("Anthropic", () => {
  it("gets its signed thoughts back, and a failure marked as one", async () => {
    const model = "claude-tools";
    await up.client.script(
      model,
      events(
        start,
        ...block(
          0,
          { type: "thinking", thinking: "", signature: "" },
          { type: "thinking_delta", thinking: "Hm." },
          { type: "signature_delta", signature: "sig-1" },
        ),
        ...block(1, { type: "text", text: "" }, { type: "text_delta", text: "A moment." }),
        ...block(
          2,
          { type: "tool_use", id: "toolu_1", name: "add", input: {} },
          { type: "input_json_delta", partial_json: '{"n"' },
          { type: "input_json_delta", partial_json: ":1}" },
        ),
        ...end("tool_use"),
      ),
      events(start, ...block(0, { type: "text", text: "" }, { type: "text_delta", text: "Done." }), ...end("end_turn")),
    );
    await up.client.script("tools/add", [{ status: 500, body: "upstream words" }]);
    const heard = await run(up.open(model, { tools: [tool("add")] }, up.access("anthropic")));
    expect(heard).toMatchObject({ text: "A moment.\n\nDone.", failure: null });
    expect(heard.events.find(({ type }) => type === "step")).toEqual({
      type: "step",
      usage: { input_tokens: 11, output_tokens: 4 },
    });
    const [, second] = await up.client.requests(model);
    expect(second?.body.messages.slice(1)).toMatchObject([
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "Hm.", signature: "sig-1" },
          { type: "text", text: "A moment." },
          { type: "tool_use", id: "toolu_1", name: "add", input: { n: 1 } },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "toolu_1", is_error: true, content: "The tool failed with status 500." },
        ],
      },
    ]);
  });
});

describe("Google", () => {
  const chunk = (parts: object[], more: object = {}): Step => ({
    raw: `data: ${JSON.stringify({ candidates: [{ content: { role: "model", parts }, index: 0, ...more }], usageMetadata: { promptTokenCount: 6, candidatesTokenCount: 2, totalTokenCount: 8 } })}\n\n`,
  });

  it("gets the signatures of its calls back", async () => {
    const model = "gemini-3-pro-preview";
    const call = { functionCall: { name: "add", args: { n: 1 } }, thoughtSignature: "sig-2" };
    await up.client.script(
      model,
      [chunk([call], { finishReason: "STOP" })],
      [chunk([{ text: "Two" }], { finishReason: "STOP" })],
    );
    await up.client.script("tools/add", [{ status: 200, body: { sum: 2 } }]);
    const heard = await run(up.open(model, { tools: [tool("add")] }, up.access("google")));
    expect(heard).toMatchObject({ text: "Two", failure: null });
    const [, second] = await up.client.requests(model);
    expect(second?.body.contents.slice(1)).toMatchObject([
      { role: "model", parts: [{ functionCall: { name: "add", args: { n: 1 } }, thoughtSignature: "sig-2" }] },
      { role: "user", parts: [{ functionResponse: { name: "add", response: { name: "add", content: { sum: 2 } } } }] },
    ]);
  });
});

describe("one call", () => {
  const local = { allowLoopback: true };
  const forever = new AbortController().signal;
  const request = (name: string, input = '{"n":1}') => ({ call_id: "id-1", name, input });

  it("is refused on this machine unless that is allowed", async () => {
    const result = await callTool([tool("far")], request("far"), turn, { allowLoopback: false }, forever);
    expect(result).toEqual({ failed: true, output: "The tool could not be called: outbound address must be https." });
    expect(await up.client.requests("tools/far")).toEqual([]);
  });

  it.each([
    ["http://example.com/x"],
    ["https://10.0.0.1/x"],
    ["https://localhost/x"],
    ["https://user:pass@example.com/x"],
  ])("is refused to %s", async (url) => {
    const result = await callTool([tool("far", { url })], request("far"), turn, { allowLoopback: false }, forever);
    expect(result).toMatchObject({ failed: true, output: expect.stringContaining("outbound address must") });
  });

  it.each<[string, Step[], object]>([
    ["an object", [{ status: 200, body: { a: 1 } }], { failed: false, output: { a: 1 } }],
    ["text", [{ status: 201, body: '"fine"' }], { failed: false, output: "fine" }],
    ["nothing", [{ status: 204, body: "" }], { failed: false, output: null }],
    ["no JSON", [{ status: 200, body: "<p>" }], { failed: true, output: "The tool did not answer with JSON." }],
    [
      "a refusal",
      [{ status: 404, body: { error: "no such order" } }],
      { failed: true, output: 'The tool refused the call with status 404: {"error":"no such order"}' },
    ],
    ["a failure", [{ status: 503, body: "words" }], { failed: true, output: "The tool failed with status 503." }],
    [
      "a redirect",
      [{ status: 307, headers: { location: "/tools/elsewhere" } }],
      { failed: true, output: "The tool could not be called: outbound request was redirected." },
    ],
    [
      "too much",
      [{ status: 200, body: "x".repeat(65 * 1024) }],
      { failed: true, output: "The tool could not be called: outbound answer is too large." },
    ],
    [
      "a broken connection",
      [{ reset: true }],
      { failed: true, output: "The tool could not be called: no connection, or one that broke." },
    ],
    ["nothing in time", [{ hang: true }], { failed: true, output: "The tool did not answer within 200 ms." }],
  ])("answers with %s", async (what, steps, result) => {
    const name = `answers-${what.replaceAll(" ", "-")}`;
    await up.client.script(`tools/${name}`, steps);
    const only = tool(name, { timeout_ms: what === "nothing in time" ? 200 : 5000 });
    expect(await callTool([only], request(name), turn, local, forever)).toEqual(result);
    expect(await up.client.requests("tools/elsewhere")).toEqual([]);
  });

  it.each<[string, string, string]>([
    ["an unknown tool", "other", "{}"],
    ["no JSON", "strict", "{"],
    ["no object", "strict", "[1]"],
    ["a wrong type", "strict", '{"n":"one"}'],
  ])("is not made with %s", async (_, name, input) => {
    const result = await callTool([tool("strict")], request(name, input), turn, local, forever);
    expect(result).toMatchObject({ failed: true, output: expect.any(String) });
    expect(await up.client.requests("tools/strict")).toEqual([]);
  });

  it("carries the secret in its header, and is not made when that cannot be read", async () => {
    const secret = { name: "X-Tool-Key", read: async () => "s3cret" };
    await callTool([tool("secretive", { secret })], request("secretive"), turn, local, forever);
    const lost = { name: "X-Tool-Key", read: async () => null };
    expect(
      await callTool([tool("secretive", { secret: lost })], request("secretive"), turn, local, forever),
    ).toMatchObject({ failed: true });
    const seen = await up.client.requests("tools/secretive");
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      method: "POST",
      headers: { "x-tool-key": "s3cret", "x-conversation-identity": "t.id-1", "content-type": "application/json" },
      body: { call_id: "id-1", name: "secretive", arguments: { n: 1 }, ...turn },
    });
  });
});

describe("an action", () => {
  const input = { reason: "r", summary: "s" };
  const claude: Step[][] = [
    events(
      start,
      ...block(
        0,
        { type: "tool_use", id: "toolu_1", name: "hand_over", input: {} },
        { type: "input_json_delta", partial_json: JSON.stringify(input) },
      ),
      ...end("tool_use"),
    ),
    events(start, ...block(0, { type: "text", text: "" }, { type: "text_delta", text: "Done." }), ...end("end_turn")),
  ];
  const google = (parts: object[]): Step[] => [
    {
      raw: `data: ${JSON.stringify({ candidates: [{ content: { role: "model", parts }, index: 0, finishReason: "STOP" }] })}\n\n`,
    },
  ];
  const compatible = [calling([{ name: "hand_over", arguments: input }]), complete(["Done."])];

  it.each<[Parameters<typeof up.access>[0], string, Step[][]]>([
    ["openai", "gpt-acts", compatible],
    ["openai-compatible", "acts", compatible],
    ["anthropic", "claude-acts", claude],
    [
      "google",
      "gemini-acts",
      [google([{ functionCall: { name: "hand_over", args: input } }]), google([{ text: "Done." }])],
    ],
  ])("is given to a model of %s beside its tools, and done", async (kind, name, scripts) => {
    await up.client.script(name, ...scripts);
    const done: unknown[] = [];
    const act: Action = {
      ...HAND_OVER_TOOL,
      run: (said) => {
        done.push(said);
        return { output: { asked: true }, otherwise: "Somebody comes." };
      },
    };
    const model = up.open(name, { tools: [tool("add")] }, up.access(kind));
    const request = { instructions: "", messages: [{ role: "user" as const, content: "Hi" }], turn, actions: [act] };
    const heard: ModelEvent[] = [];
    for await (const event of model.stream(request, new AbortController().signal)) heard.push(event);
    expect(done).toEqual([input]);
    const said = heard.map((event) => (event.type === "text" ? event.text : "")).join("");
    expect(said).toBe("Done.");
    expect(heard.filter(({ type }) => type.startsWith("tool_"))).toMatchObject([
      { type: "tool_call", name: "hand_over", internal: true },
      { type: "tool_result", name: "hand_over", internal: true, failed: false },
    ]);
    const [first, second] = await up.client.requests(name);
    for (const offered of ["hand_over", "add"]) expect(JSON.stringify(first?.body.tools)).toContain(`"${offered}"`);
    expect(JSON.stringify(second?.body)).toContain("asked");
  });
});
