/** Thinking in the text of an answer: told from what is said, however it is cut, in every protocol. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Piece, ThoughtTags } from "../../src/models/thought-tags.ts";
import { answering, KINDS, protocolOf, sent } from "../upstream/protocols.ts";
import { calling, complete } from "../upstream/client.ts";
import { useUpstream } from "./models-harness.ts";

const up = useUpstream();

/** What is said and what is thought of an answer in these pieces, as it stands at its end. */
function heard(pieces: string[], { holds = false, whole = true } = {}) {
  const tags = new ThoughtTags(holds);
  const all: Piece[] = [...pieces.flatMap((piece) => tags.take(piece)), ...tags.end(whole)];
  let said = "";
  let thought = "";
  for (const piece of all) {
    if (piece.type === "retract") [said, thought] = ["", thought + said];
    else if (piece.type === "text") said += piece.text;
    else thought += piece.text;
  }
  return { said, thought, lone: tags.lone };
}

const THINKING: [text: string, said: string, thought: string][] = [
  ["<think>Hm.</think>Hi", "Hi", "Hm."],
  ["<thinking>Hm.</thinking>\n\nHi there", "Hi there", "Hm."],
  ["\n <thought>Hm.\n</thought> Hi", "Hi", "Hm.\n"],
  ["<THINK>Hm.</THINK>Hi", "Hi", "Hm."],
  ["<think></think>\n\nHi", "Hi", ""],
  ["<think>a</think>\n<think>b</think>\nHi", "Hi", "ab"],
  ["<think>1 < 2, and <b>bold</b></think>Hi", "Hi", "1 < 2, and <b>bold</b>"],
  ["<think>never closed", "", "never closed"],
  ["<think>Hm.</think>Close it with </think>.\n", "Close it with </think>.\n", "Hm."],
  ["Hm, margin 40 %.</think>\n\nHi", "Hi", "Hm, margin 40 %."],
  ["Hm.\n</think>\nHi", "Hi", "Hm.\n"],
  ["Hm.</think>Hi", "Hi", "Hm."],
  ["Hm. </think>\nHi", "Hi", "Hm. "],
  ["</think>\n\nHi", "Hi", ""],
  ["Nothing but thinking</think>", "", "Nothing but thinking"],
  ["<reasoning>Hm.</reasoning>Hi", "Hi", "Hm."],
  ["<mm:think>Hm.</mm:think>\n\nHi", "Hi", "Hm."],
  ["[THINK]Hm, [1].[/THINK]Hi", "Hi", "Hm, [1]."],
  ["◁think▷Hm.◁/think▷Hi", "Hi", "Hm."],
  [
    "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Hi",
    "Hi",
    "Hm.<|end|><|start|>assistant",
  ],
];

const SAID = [
  "Write it as `<think>` in HTML.",
  "Close it with `</think>` and go on.",
  "Close it with </think> and go on.",
  'The tag "</think>" ends it.',
  "First <think>, then </think>.",
  "```html\n</think>\n```",
  "Hi <think>no</think> there",
  "<thin",
  "<b>Hi</b>",
  "<thinker>Hi",
  "a < b",
  "[link](https://a.example) and [th",
  "Write [THINK] to think.",
  "<reasonable>Hi",
  "a <",
  " \n ",
  "  Hi",
];

describe("tags", () => {
  it.each(THINKING)("%j says %j", (text, said, thought) => {
    expect(heard([text])).toMatchObject({ said, thought });
    expect(heard(text.split(""))).toMatchObject({ said, thought });
  });

  it.each(SAID)("%j is said as it is", (text) => {
    for (const holds of [false, true]) {
      expect(heard([text], { holds })).toEqual({ said: text, thought: "", lone: false });
      expect(heard(text.split(""), { holds })).toEqual({ said: text, thought: "", lone: false });
    }
  });

  it("mean the same, however the text is cut", () => {
    const texts = fc.constantFrom(...THINKING.map(([text]) => text), ...SAID);
    fc.assert(
      fc.property(texts, fc.array(fc.nat(60), { maxLength: 8 }), fc.boolean(), (text, cuts, holds) => {
        const at = [...new Set([0, ...cuts.filter((cut) => cut < text.length), text.length])].toSorted((a, b) => a - b);
        const pieces = at.slice(1).map((to, n) => text.slice(at[n], to));
        expect(heard(pieces, { holds })).toEqual(heard([text], { holds }));
      }),
    );
  });

  it("hold back what may be thinking where the model is known for it, and never say it when the answer breaks off", () => {
    const tags = new ThoughtTags(true);
    expect(tags.take("Hm, margin")).toEqual([]);
    expect(tags.take(" 40 %.</think>\n\nHi")).toEqual([
      { type: "thought", text: "Hm, margin" },
      { type: "thought", text: " 40 %." },
      { type: "text", text: "Hi" },
    ]);
    expect(heard(["Hm, margin"], { holds: true, whole: false })).toMatchObject({ said: "" });
    expect(heard(["<think>Hm, margin"], { whole: false })).toMatchObject({ said: "" });
    expect(heard(["Hi, <"], { whole: false })).toMatchObject({ said: "Hi, <" });
  });

  it("cost a time that grows with the text only", () => {
    const began = performance.now();
    for (const unit of ["<", "`", "</think> ", "a ", "<think>", "\n"])
      heard(
        Array.from({ length: 50_000 }, () => unit),
        { holds: true },
      );
    expect(performance.now() - began).toBeLessThan(3000);
  });
});

describe.each(KINDS)("%s", (kind) => {
  it("does not tell what a model thinks aloud", async () => {
    for (const texts of [
      ["<think>", "margin ", "40 %", "</think>", "\n\nSorry."],
      ["<thou", "ght>margin</tho", "ught>Sorry."],
    ]) {
      const heardOf = await up.playing(sent(...answering(kind, texts)), kind);
      expect(heardOf).toMatchObject({ text: "Sorry.", failure: null });
      expect(heardOf.pieces.every((piece) => !piece.includes("margin"))).toBe(true);
    }
  });

  it("takes back what turns out to be thinking, and holds it back from then on", async () => {
    const model = `leading-${kind}`;
    await up.client.script(model, sent(...answering(kind, ["The margin ", "is 40 %.", "</think>", "\n\nSorry."])));
    const events = async () => {
      const request = { instructions: "", messages: [{ role: "user" as const, content: "Hi" }] };
      const all = await Array.fromAsync(
        up.open(model, {}, up.access(kind)).stream(request, new AbortController().signal),
      );
      return all.filter((event) => event.type === "retract" || (event.type === "text" && event.text !== ""));
    };
    const first = await events();
    const at = first.findIndex(({ type }) => type === "retract");
    expect(at).toBeGreaterThan(0);
    expect(first.slice(at + 1)).toEqual([{ type: "text", text: "Sorry." }]);
    expect(await events()).toEqual([{ type: "text", text: "Sorry." }]);
  });

  it("fails when there is thinking and no answer", async () => {
    const { text, failure } = await up.playing(sent(...answering(kind, ["<think>", "margin"])), kind);
    expect({ text, kind: failure?.kind }).toEqual({ text: "", kind: "error" });
  });

  it("keeps what was said when an answer breaks off in what may be a tag", async () => {
    const { begin, text } = protocolOf(kind);
    expect(await up.playing(sent(...begin, text("Hi <"), "{}x"), kind)).toMatchObject({
      text: "Hi <",
      failure: { kind: "error" },
    });
  });
});

it("holds back by name only until thinking arrives apart from the text", async () => {
  const steps = [{ reasoning: "Hm." }, ...complete(["Hel", "lo"])];
  const { pieces } = await up.playing(steps);
  await up.client.script("deepseek-r1:8b", steps);
  await up.client.script("qwq-32b", complete(["The margin ", "is 40 %.</think>", "\n\nHi"]));
  const { ask } = await import("./models-harness.ts");
  expect((await ask(up.open("deepseek-r1:8b"))).pieces).toEqual(pieces);
  expect((await ask(up.open("qwq-32b"))).text).toBe("Hi");
});

it("is not sent back with the results of tools", async () => {
  const turn = { conversation_id: "c", turn_id: "t", entity_type: "user" as const, entity_id: "u" };
  const tool = up.tool("add");
  for (const said of [
    ["<think>margin</think>", "A moment."],
    ["margin</think>\n\n", "A moment."],
  ]) {
    const model = `thinks-${said[0]?.length}`;
    await up.client.script(model, calling([{ name: "add", arguments: {} }], said), complete(["Done."]));
    const request = { instructions: "", messages: [{ role: "user" as const, content: "Hi" }], turn };
    for await (const _ of up.open(model, { tools: [tool] }).stream(request, new AbortController().signal));
    const [, second] = await up.client.requests(model);
    expect(second?.body.messages[1]).toMatchObject({ role: "assistant", content: "A moment." });
    expect(JSON.stringify(second?.body)).not.toContain("margin");
  }
});
