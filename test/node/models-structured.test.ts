/** Answers that have to fit a JSON Schema, from every kind of provider. */
import { describe, expect, it } from "vitest";
import { type ModelEvent, ModelFailure } from "../../src/chat/ports.ts";
import { answering, KINDS, sent } from "../upstream/protocols.ts";
import { calling, complete, type Step } from "../upstream/client.ts";
import { useUpstream } from "./models-harness.ts";

const up = useUpstream();
let count = 0;

const output_schema = {
  type: "object",
  properties: { mood: { enum: ["good", "bad"] }, score: { type: "integer" } },
  required: ["mood"],
  additionalProperties: false,
};
const turn = { conversation_id: "c", turn_id: "t", entity_type: "user" as const, entity_id: "u" };

/** What a model whose answers are scripted says to a request with the schema. */
async function asked(scripts: Step[][], kind = up.access().kind, more: object = {}) {
  const model = `structured-${count++}`;
  await up.client.script(model, ...scripts);
  const events: ModelEvent[] = [];
  let failure: ModelFailure | null = null;
  const request = {
    instructions: "Be kind.",
    messages: [{ role: "user" as const, content: "Hi" }],
    turn,
    output_schema,
  };
  try {
    const stream = up.open(model, more, up.access(kind)).stream(request, new AbortController().signal);
    for await (const event of stream) events.push(event);
  } catch (error) {
    if (!(error instanceof ModelFailure)) throw error;
    failure = error;
  }
  const pieces = events.flatMap((event) => (event.type === "text" && event.text !== "" ? [event.text] : []));
  const kinds = events.map(({ type }) => type).filter((type) => type !== "text");
  return { pieces, kinds, failure, bodies: (await up.client.requests(model)).map(({ body }) => body) };
}

describe.each(KINDS)("%s", (kind) => {
  const says = (text: string) => sent(...answering(kind, [text.slice(0, 3), text.slice(3)]));

  it("is told the schema, and its answer is passed on as a whole", async () => {
    const { pieces, kinds, failure, bodies } = await asked([says('{"mood":"good"}')], kind);
    expect({ pieces, kinds, failure }).toEqual({ pieces: ['{"mood":"good"}'], kinds: ["finish"], failure: null });
    expect(JSON.stringify(bodies[0])).toContain('\\"mood\\"');
    expect(JSON.stringify(bodies[0])).toContain("Be kind.");
  });

  it("is asked once more, with what does not fit", async () => {
    const { pieces, kinds, bodies } = await asked([says('{"mood":"fine"}'), says('{"mood":"bad"}')], kind);
    expect({ pieces, kinds }).toEqual({ pieces: ['{"mood":"bad"}'], kinds: ["step", "finish"] });
    expect(JSON.stringify(bodies[1])).toContain("fine");
    expect(JSON.stringify(bodies[1])).toMatch(/At mood:/);
  });

  it("fails when its second answer does not fit either, and says nothing", async () => {
    const { pieces, failure, bodies } = await asked([says("Good mood."), says("[1]")], kind);
    expect({ pieces, kind: failure?.kind, begun: failure?.begun }).toEqual({ pieces: [], kind: "output", begun: true });
    expect(bodies).toHaveLength(2);
  });
});

describe("JSON", () => {
  it.each([
    ['  {"mood": "good"}\n', '{"mood": "good"}'],
    ['```json\n{"mood":"good"}\n```', '{"mood":"good"}'],
    ['```\n{"mood":"good"}\n```\n', '{"mood":"good"}'],
    ['Here it is: {"mood":"good","score":1} Fine?', '{"mood":"good","score":1}'],
    ['<think>{"mood":1}</think>\n{"mood":"good"}', '{"mood":"good"}'],
  ])("is found in %j", async (text, json) => {
    expect((await asked([complete([text])])).pieces).toEqual([json]);
  });

  it.each([["not JSON"], ['{"mood":"good"'], ["[]"], ["null"], ['"good"'], ['{"mood":"good","x":1}'], ["{}"]])(
    "that does not fit is asked for again: %s",
    async (text) => {
      expect((await asked([complete([text]), complete(['{"mood":"bad"}'])])).pieces).toEqual(['{"mood":"bad"}']);
    },
  );
});

it("is asked for by the schema itself where that is understood, and without it where it is refused", async () => {
  const refusal: Step[] = [
    { status: 400, body: { error: { message: "response_format is not supported", param: "response_format" } } },
  ];
  const { pieces, bodies } = await asked([refusal, complete(['{"mood":"bad"}'])]);
  expect(pieces).toEqual(['{"mood":"bad"}']);
  expect(bodies[0].response_format).toMatchObject({
    type: "json_schema",
    json_schema: { name: "answer", schema: output_schema },
  });
  expect(bodies[1]).not.toHaveProperty("response_format");
});

it("comes after the calls of tools, without what was said before them", async () => {
  const tool = up.tool("add");
  const scripts = [
    calling([{ name: "add", arguments: {} }], ["A moment."]),
    complete(["Good."]),
    complete(['{"mood":"good"}']),
  ];
  const { pieces, kinds, bodies } = await asked(scripts, "openai-compatible", { tools: [tool] });
  expect(pieces).toEqual(['{"mood":"good"}']);
  expect(kinds).toEqual(["step", "tool_call", "tool_result", "step", "finish"]);
  expect(bodies[2]).not.toHaveProperty("tools");
});

it("that breaks off is a failure of a model that had begun", async () => {
  const { pieces, failure } = await asked([[{ text: '{"mood"' }]]);
  expect({ pieces, kind: failure?.kind, begun: failure?.begun }).toEqual({ pieces: [], kind: "error", begun: true });
});
