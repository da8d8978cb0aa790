/** OpenAI's protocol as other servers write it: what each is known to do differently. */
import { describe, expect, it } from "vitest";
import type { StreamPart } from "../../src/models/connect.ts";
import { USUAL } from "../../src/models/provider/dialect.ts";
import { openaiChat } from "../../src/models/provider/openai-chat.ts";
import { ChatChunks } from "../../src/models/provider/openai-chunks.ts";
import { parsed } from "../../src/models/provider/parts.ts";
import { eventsIn } from "../../src/models/provider/sse.ts";
import { streamOf } from "../../src/net/source.ts";
import { Upstream } from "../../src/models/provider/upstream.ts";
import { useUpstream } from "./models-harness.ts";

const up = useUpstream();

const chunk = (delta: object, more: object = {}) => ({ choices: [{ index: 0, delta, ...more }] });
const END = { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] };

/** The parts of an answer that arrives in one piece. */
async function read(...chunks: unknown[]): Promise<StreamPart[]> {
  const text = [...chunks.map((data) => JSON.stringify(data)), "[DONE]"].map((data) => `data: ${data}\n\n`).join("");
  const body = new Response(text).body as ReadableStream<Uint8Array>;
  return Array.fromAsync(streamOf(parsed(eventsIn(body.getReader()), new ChatChunks())));
}

const callsOf = (parts: StreamPart[]) =>
  parts.flatMap((part) => (part.type === "call" ? [{ id: part.id, [part.name]: part.input }] : []));
const tool_calls = (...calls: object[]) => chunk({ tool_calls: calls });
const errorOf = (parts: StreamPart[]) => parts.find((part) => part.type === "error");

describe("text", () => {
  it("that arrives together is one piece, apart from thoughts", async () => {
    const parts = await read(
      chunk({ role: "assistant", content: "" }),
      chunk({ content: null, reasoning: "Hm" }),
      chunk({ reasoning_content: "m." }),
      chunk({ content: "Hel" }),
      chunk({ content: "lo" }),
      END,
    );
    expect(parts).toMatchObject([
      { type: "thought", text: "Hmm." },
      { type: "text", text: "Hello" },
      { type: "finish", word: "stop" },
    ]);
  });

  it("may be a list of texts and thoughts", async () => {
    const content = [
      { type: "thinking", thinking: [{ type: "text", text: "Hm" }] },
      { type: "text", text: "Hello" },
      { type: "reference", reference_ids: [1] },
    ];
    expect(await read(chunk({ content }), END)).toMatchObject([{ text: "Hm" }, { text: "Hello" }, {}]);
  });

  it.each([
    [chunk({ content: [{ type: "reasoning", text: "Hm." }] })],
    [chunk({ content: { type: "thinking", thinking: "Hm." } })],
    [chunk({ content: [{ type: "thought", content: [], text: "Hm." }] })],
    [chunk({ content: [{ type: "reasoning.text", reasoning: "Hm." }] })],
    [chunk({ reasoning: [{ text: "Hm." }] })],
  ])("is none in a piece of thinking: %j", async (piece) => {
    const parts = await read(piece, chunk({ content: "a" }), END);
    expect(parts).toMatchObject([{ type: "thought", text: "Hm." }, { type: "text", text: "a" }, {}]);
  });

  it("may be repeated as a whole behind its pieces", async () => {
    const call = { id: "a", function: { name: "add", arguments: "{}" } };
    const message = { role: "assistant", content: "Hello", reasoning_content: "Hm.", tool_calls: [call] };
    const whole = { choices: [{ index: 0, message, finish_reason: "stop" }] };
    const withNull = { choices: [{ index: 0, delta: null, message, finish_reason: "stop" }] };
    for (const last of [whole, withNull]) {
      const parts = await read(
        chunk({ content: "Hel" }),
        chunk({ content: "lo" }),
        chunk({ tool_calls: [call] }),
        last,
      );
      expect(parts.flatMap((part) => (part.type === "text" ? [part.text] : []))).toEqual(["Hello"]);
      expect(callsOf(parts)).toEqual([{ id: "a", add: "{}" }]);
    }
  });

  it.each<[string[], string]>([
    [["Open", "Open daily", "Open daily until 6.", "Open daily until 6."], "Open daily until 6."],
    [["开", "开门时", "开门时间是9点", "开门时间是9点到", "开门时间是9点"], "开门时间是9点到"],
    [["A", "An", "An open", "An open door.", " More."], "An open door. More."],
    [["ha", "haha", "hahaha!"], "hahahahahaha!"],
    [["I", "It", " is"], "IIt is"],
    [["Open", "Open daily"], "OpenOpen daily"],
    [["a", "b", "ab", "abc", "abcdef"], "abababcabcdef"],
  ])("may stand in each piece as a whole: %j", async (contents, text) => {
    const pieces = contents.map((content) => chunk({ content }));
    const textIn = (parts: StreamPart[]) => parts.map((part) => (part.type === "text" ? part.text : "")).join("");
    expect(textIn(await read(...pieces, END))).toBe(text);
    const message = { choices: [{ index: 0, message: { content: text }, finish_reason: "stop" }] };
    expect(textIn(await read(...pieces, message))).toBe(text);
    const broken = await read(...pieces, { error: "no" });
    expect([textIn(broken), broken.at(-1)?.type]).toEqual([text, "error"]);
  });

  it("may be a refusal", async () => {
    const parts = await read(chunk({ refusal: "I will not." }), END);
    expect(parts).toMatchObject([{ text: "I will not." }, { word: "refusal" }]);
  });

  it.each([
    [chunk({ content: 42 }), "a42"],
    [chunk({ content: { type: "text", text: "x" } }), "ax"],
    [{ choices: [{ index: 0, message: { content: "x" } }] }, "ax"],
    [{ choices: [{ index: 0, text: "x" }] }, "ax"],
    [chunk({ content: [{ type: "output_text", text: "x" }] }), "ax"],
  ])("may come as %j", async (odd, text) => {
    expect((await read(chunk({ content: "a" }), odd, END))[0]).toEqual({ type: "text", block: 0, text });
  });

  it.each([
    [null],
    [[]],
    [{}],
    [{ choices: null }],
    [{ type: "notice", level: 1 }],
    [tool_calls({ index: 0 })],
    [tool_calls({ index: 0, function: null })],
    [chunk({ tool_calls: null })],
    [{ base_resp: { status_code: 0, status_msg: "success" }, choices: null }],
  ])("is whole where something says nothing about it: %j", async (odd) => {
    const parts = await read(chunk({ content: "a" }), odd, END);
    expect(parts).toMatchObject([{ type: "text", text: "a" }, { type: "finish" }]);
  });

  it.each([
    [chunk({ content: true })],
    [chunk({ content: { x: 1 } })],
    ["text"],
    [{ choices: "none" }],
    [{ x_groq: { error: "no" }, choices: [] }],
    [{ choices: [{ error: { code: 502 }, delta: {} }] }],
    [{ object: "error", message: "no", code: 400 }],
    [{ code: 500, message: "no" }],
    [{ detail: "no" }],
    [{ error: { message: "no", code: 429 } }],
    [{ base_resp: { status_code: 1008, status_msg: "insufficient balance" }, choices: null }],
    [{ type: "server_error", message: "no" }],
    [{ error: "no", choices: [] }],
  ])("that is none is told, after what came before it: %j", async (wrong) => {
    const parts = await read(chunk({ content: "a" }), wrong, END);
    expect(parts[0]).toMatchObject({ type: "text", text: "a" });
    expect(parts[1]).toMatchObject({ type: "error" });
  });
});

describe("an answer", () => {
  it("may begin with chunks without choices and end with the usage alone", async () => {
    const filtered = { choices: [], prompt_filter_results: [] };
    const usage = { prompt_tokens: 4, completion_tokens: 1 };
    const parts = await read(filtered, { ...chunk({ content: "a" }), error: null }, END, { usage });
    expect(errorOf(parts)).toBeUndefined();
    expect(parts.at(-1)).toMatchObject({ counts: { input: 4, output: 1 } });
  });

  it("may lack a finish reason and a count", async () => {
    const parts = await read(chunk({ content: "a" }, { finish_reason: null }));
    expect(parts.at(-1)).toEqual({ type: "finish", word: "done", counts: {} });
  });
});

it("has nothing but counts behind its end, whatever comes with that in one read", async () => {
  const usage = { prompt_tokens: 4, completion_tokens: 1 };
  const parts = await read(chunk({ content: "a" }), END, "[DONE]", chunk({ content: "b" }), { error: "no" }, { usage });
  expect(parts).toMatchObject([
    { type: "text", text: "a" },
    { type: "finish", word: "stop", counts: { input: 4, output: 1 } },
  ]);
});

it("may end with an object that says how", async () => {
  const parts = await read(chunk({ content: "a" }, { finish_reason: { type: "length", length: 9 } }));
  expect(parts.at(-1)).toMatchObject({ word: "length" });
});

describe("calls", () => {
  it("are told apart by their index", async () => {
    const parts = await read(
      tool_calls({ index: 0, id: "a", function: { name: "add", arguments: "" } }),
      tool_calls({ index: 1, id: "b", function: { name: "sub", arguments: '{"n"' } }),
      tool_calls({ index: 0, function: { arguments: "{}" } }, { index: 1, function: { arguments: ":1}" } }),
      END,
    );
    expect(callsOf(parts)).toEqual([
      { id: "a", add: "{}" },
      { id: "b", sub: '{"n":1}' },
    ]);
  });

  it("are told apart by their ids where the index is always the same", async () => {
    const call = (id: string) => tool_calls({ index: 0, id, function: { name: "add", arguments: "{}" } });
    expect(callsOf(await read(call("a"), call("b"), END))).toEqual([
      { id: "a", add: "{}" },
      { id: "b", add: "{}" },
    ]);
  });

  it("may come without index and id", async () => {
    const call = tool_calls({ function: { name: "add", arguments: "{}" } });
    const calls = callsOf(await read(call, call, END));
    expect(calls).toMatchObject([{ add: "{}" }, { add: "{}" }]);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    // As Mistral insists on them.
    for (const { id } of calls) expect(id).toMatch(/^[a-z0-9]{9}$/);
  });

  it("may repeat name and id with each piece", async () => {
    const piece = (text: string) => tool_calls({ index: 0, id: "a", function: { name: "add", arguments: text } });
    expect(callsOf(await read(piece("{"), piece("}"), END))).toEqual([{ id: "a", add: "{}" }]);
  });

  it("without a name are calls of no tool", async () => {
    const parts = await read(tool_calls({ index: 0, id: "a", function: { arguments: "{}" } }), END);
    expect(callsOf(parts)).toEqual([{ id: "a", "": "{}" }]);
  });

  it.each<[string, unknown, object[]]>([
    ["an object", { n: 1 }, [{ n: 1 }]],
    ["null first", null, []],
    ["a list", [1], [[1]]],
  ])("may have arguments that are %s", async (_, given, expected) => {
    const call = tool_calls({ index: 0, id: "a", function: { name: "add", arguments: given } });
    const parts = await read(call, END);
    expect(parts.flatMap((part) => (part.type === "call" && part.input ? [JSON.parse(part.input)] : []))).toEqual(
      expected,
    );
  });

  const whole = (city: string, more: object) => ({
    function: { name: "w", arguments: JSON.stringify({ city }) },
    ...more,
  });
  it.each<[string, object]>([
    ["the same index and no ids", { index: 0 }],
    ["the same index and empty ids", { index: 0, id: "" }],
    ["no index and null ids", { id: null }],
    ["an index that is text", { index: "0" }],
  ])("are told apart by being whole where they have %s", async (_, more) => {
    const [a, b, c] = [whole("A", more), whole("B", more), whole("A", more)];
    const expected = ["A", "B", "A"].map((city) => `{"city":"${city}"}`);
    const inputs = (parts: StreamPart[]) => parts.flatMap((part) => (part.type === "call" ? [part.input] : []));
    expect(inputs(await read(tool_calls(a), tool_calls(b), tool_calls(c), END))).toEqual(expected);
    expect(inputs(await read(tool_calls(a, b, c), END))).toEqual(expected);
  });

  it("keep their pieces where these repeat the name, come by id alone, or turn about", async () => {
    const piece = (more: object, name: string | undefined, text: string) =>
      tool_calls({ ...more, function: { ...(name === undefined ? {} : { name }), arguments: text } });
    const repeats = [piece({ index: 0 }, "w", '{"a":'), piece({ index: 0 }, "w", "1}"), piece({ index: 0 }, "", "")];
    expect(callsOf(await read(...repeats, END))).toMatchObject([{ w: '{"a":1}' }]);
    const turns = [piece({ id: "x" }, "w", "{"), piece({ id: "y" }, "v", "["), piece({ id: "x" }, undefined, "}")];
    expect(callsOf(await read(...turns, piece({ id: "y" }, undefined, "]"), END))).toEqual([
      { id: "x", w: "{}" },
      { id: "y", v: "[]" },
    ]);
  });

  it.each<[string, object[], string[]]>([
    [
      "other indexes under one id",
      [
        { index: 0, city: "A" },
        { index: 1, city: "B" },
      ],
      ["A", "B"],
    ],
    [
      "other arguments under one id and index",
      [
        { index: 0, city: "A" },
        { index: 0, city: "B" },
      ],
      ["A", "B"],
    ],
    [
      "the same once more, under one id and index",
      [
        { index: 0, city: "A" },
        { index: 0, city: "A" },
      ],
      ["A"],
    ],
  ])("have ids of their own where they come as %s", async (_, given, cities) => {
    const pieces = given.map((one) => {
      const { index, city } = one as { index: number; city: string };
      return tool_calls({ index, id: "call", function: { name: "w", arguments: JSON.stringify({ city }) } });
    });
    const calls = callsOf(await read(...pieces, END));
    expect(calls.map((call) => (call as { w?: string }).w)).toEqual(cities.map((city) => `{"city":"${city}"}`));
    expect(new Set(calls.map(({ id }) => id)).size).toBe(cities.length);
  });

  it.each<[string, object[], object[]]>([
    [
      "sent twice, under another index",
      [
        { index: 0, id: "a", function: { name: "w", arguments: '{"n":' } },
        { index: 0, function: { arguments: "1}" } },
        { index: 1, id: "a", function: { name: "w", arguments: '{"n": 1}' } },
      ],
      [{ id: "a", w: '{"n":1}' }],
    ],
    [
      "begun under the index of the one before, with arguments under their own",
      [
        { index: 0, id: "a", function: { name: "w", arguments: '{"n":1}' } },
        { index: 0, id: "b", function: { name: "w", arguments: "" } },
        { index: 1, function: { arguments: '{"n":' } },
        { index: 1, function: { arguments: "2}" } },
      ],
      [
        { id: "a", w: '{"n":1}' },
        { id: "b", w: '{"n":2}' },
      ],
    ],
    [
      "begun with an index, which their arguments lack",
      [
        { index: 0, id: "a", function: { name: "w" } },
        { function: { arguments: "{}" } },
        { index: 1, id: "b", function: { name: "v" } },
        { function: { arguments: '{"n":' } },
        { function: { arguments: "2}" } },
      ],
      [
        { id: "a", w: "{}" },
        { id: "b", v: '{"n":2}' },
      ],
    ],
    [
      "in pieces of which each has an id of its own, or a blank one",
      [
        { index: 0, id: "a", function: { name: "w", arguments: "" } },
        { index: 0, id: "b", function: { name: "", arguments: '{"n":' } },
        { index: 0, id: " ", function: { name: "", arguments: "2}" } },
      ],
      [{ id: "a", w: '{"n":2}' }],
    ],
  ])("may be %s", async (_, pieces, expected) => {
    expect(callsOf(await read(...pieces.map((piece) => tool_calls(piece)), END))).toEqual(expected);
  });

  it("may repeat with each piece what came before it", async () => {
    const piece = (text: string, more: object = {}) => tool_calls({ index: 0, function: { ...more, arguments: text } });
    const pieces = [piece("", { name: " w " }), piece('{"a"'), piece('{"a":'), piece('{"a":1}')];
    expect(callsOf(await read(...pieces, END))).toMatchObject([{ w: '{"a":1}' }]);
    const nested = [piece('{"a":', { name: "w" }), piece('{"a":1}'), piece("}")];
    expect(callsOf(await read(...nested, END))).toMatchObject([{ w: '{"a":{"a":1}}' }]);
  });

  it("may be of the older form, and of Workers AI's own", async () => {
    const older = chunk({ function_call: { name: "w", arguments: '{"a":1}' } });
    expect(callsOf(await read(older, { choices: [{ delta: {}, finish_reason: "function_call" }] }))).toMatchObject([
      { w: '{"a":1}' },
    ]);
    const own = { response: "", tool_calls: [{ name: "w", arguments: { a: 1 } }] };
    expect(callsOf(await read(own))).toMatchObject([{ w: '{"a":1}' }]);
  });

  it("are given back with what their provider noted on them", async () => {
    const extra_content = { google: { thought_signature: "c2ln" } };
    const parts = await read(tool_calls({ id: "a", extra_content, function: { name: "add", arguments: "{}" } }), END);
    expect(parts.find(({ type }) => type === "call")).toMatchObject({ notes: extra_content });
    await up.client.script("noted", []);
    const call = { type: "call" as const, id: "a", name: "add", input: {}, notes: extra_content };
    const connect = openaiChat("noted", up.client.baseUrl, {}, USUAL);
    const messages = [{ role: "assistant" as const, said: [call] }];
    await connect(new Upstream({ allowLoopback: true }), { instructions: "", messages });
    const [seen] = await up.client.requests("noted");
    expect(seen?.body.messages[0]).toMatchObject({ content: null, tool_calls: [{ id: "a", extra_content }] });
  });
});
