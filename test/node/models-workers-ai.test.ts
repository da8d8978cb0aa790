import fc from "fast-check";
import { expect, it } from "vitest";
import { streamOf } from "../../src/net/source.ts";
import { partsOf } from "../../src/models/provider/workers-ai.ts";

/** The binding itself only exists on Cloudflare; what it sends is bytes in a documented form. */
async function read(chunks: Uint8Array[]) {
  const sent = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  const parts = streamOf(partsOf(sent));
  let text = "";
  for await (const part of parts) {
    if (part.type === "error") throw part.error;
    if (part.type === "text") text += part.text;
    if (part.type === "finish") return { text, word: part.word, ...part.counts };
  }
  throw new Error("no finish");
}
const bytes = (text: string) => new TextEncoder().encode(text);
const event = (data: unknown) => `data: ${JSON.stringify(data)}\n\n`;
const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };

it("reads the binding's native events", async () => {
  const stream = event({ response: "Hel" }) + event({ response: "lo " }) + event({ response: 42 });
  expect(await read([bytes(`${stream}${event({ response: "", usage })}data: [DONE]\n\n`)])).toEqual({
    text: "Hello 42",
    word: "done",
    input: 5,
    output: 2,
  });
});

it("reads events in OpenAI's form", async () => {
  const choice = (content: string, finish_reason: string | null = null) => ({
    choices: [{ delta: { content }, finish_reason }],
  });
  const stream =
    event(choice("Hel")) + ": ping\r\n\r\n" + event(choice("lo", "length")) + event({ choices: [], usage });
  expect(await read([bytes(`${stream}data: [DONE]\n\n`)])).toMatchObject({ text: "Hello", word: "length", input: 5 });
});

it("leaves open what was not said", async () => {
  expect(await read([bytes(event({ response: "Hel" }))])).toEqual({
    text: "Hel",
    word: undefined,
    input: undefined,
    output: undefined,
  });
});

it.each(["data: {broken\n\n", event({ response: { not: "text" } })])(
  "fails on what is not an event: %j",
  async (text) => {
    await expect(read([bytes(text)])).rejects.toThrow(Error);
  },
);

it("survives any cut of the bytes", async () => {
  const texts = fc.array(fc.string({ unit: "grapheme" }), { minLength: 1, maxLength: 8 });
  const cut = fc.array(fc.nat(400), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(texts, cut, async (said, at) => {
      const whole = bytes(`${said.map((response) => event({ response })).join("")}data: [DONE]\n\n`);
      const bounds = [...new Set([0, ...at.filter((n) => n < whole.length), whole.length])].toSorted((a, b) => a - b);
      const chunks = bounds.slice(1).map((to, i) => whole.subarray(bounds[i], to));
      expect(await read(chunks)).toMatchObject({ text: said.join(""), word: "done" });
    }),
  );
});
