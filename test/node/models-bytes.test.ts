import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answering, KINDS } from "../upstream/protocols.ts";
import { useUpstream } from "./models-harness.ts";

const up = useUpstream();

describe("bytes", () => {
  const sse = (text: string, ascii: boolean) => {
    const json = JSON.stringify({ choices: [{ index: 0, delta: { content: text }, finish_reason: null }] });
    const escaped = json.replaceAll(
      /[\u0080-\uffff]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
    return `data: ${ascii ? escaped : json}\n\n`;
  };
  const end = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';

  it("survive any cut, between the pieces of a text and between the chunks of a connection", async () => {
    const unit = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom("🙂", "é", "\u0000", "\ufeff", "\r\n", "👩‍👩‍👧", "\u2028"),
    );
    const text = fc.array(unit, { minLength: 1, maxLength: 12 }).map((units) => units.join(""));
    const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(text, cuts, cuts, fc.boolean(), async (whole, textCuts, byteCuts, ascii) => {
        fc.pre(whole !== "");
        const pieces = cutAt(
          whole,
          textCuts.map((at) => Math.floor(at * whole.length)),
          (from, to) => whole.slice(from, to),
        );
        const stream = Buffer.from(pieces.map((piece) => sse(piece, ascii)).join("") + end);
        const at = byteCuts.map((cut) => Math.floor(cut * stream.length));
        const chunks = cutAt(stream, at, (from, to) => stream.subarray(from, to));
        const heard = await up.playing(chunks.map((chunk) => ({ bytes_base64: chunk.toString("base64") })));
        expect(heard).toMatchObject({ text: whole, failure: null });
        for (const piece of heard.pieces) expect(piece.isWellFormed()).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it.each(KINDS)("survive any cut of what %s writes", async (kind) => {
    const stream = Buffer.from(
      answering(kind, ["Zwölf ", "🙂 Pakete."])
        .map((data) => `data: ${data}\r\n\r\n`)
        .join(""),
    );
    const cuts = fc.array(fc.nat(stream.length - 1), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(cuts, async (at) => {
        const chunks = cutAt(stream, at, (from, to) => stream.subarray(from, to));
        const steps = chunks.map((chunk) => ({ bytes_base64: chunk.toString("base64") }));
        expect(await up.playing(steps, kind)).toMatchObject({ text: "Zwölf 🙂 Pakete.", failure: null });
      }),
      { numRuns: 30 },
    );
  });

  it("that are half a character and stay so are replaced", async () => {
    const { text, failure } = await up.playing([
      { raw: 'data: {"choices":[{"delta":{"content":"a\\ud83d"}}]}\n\n' },
      { raw: 'data: {"choices":[{"delta":{"content":"b\\udc00c\\ud83d"},"finish_reason":"stop"}]}\n\n' },
    ]);
    expect({ text, failure }).toEqual({ text: "a\ufffdb\ufffdc\ufffd", failure: null });
  });

  function cutAt<T extends { length: number }>(whole: T, at: number[], slice: (from: number, to: number) => T): T[] {
    const bounds = [...new Set([0, ...at, whole.length])].toSorted((a, b) => a - b);
    return bounds.slice(1).map((to, i) => slice(bounds[i] ?? 0, to));
  }
});
