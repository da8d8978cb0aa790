/** Titles: cut where a reader sees an end, never empty to the eye, and soon done whatever is written. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_TITLE, titleFrom, titleOrDefault } from "../../src/chat/title.ts";

const INVISIBLE = [
  "",
  " ",
  "\n \t",
  "\u200b",
  "\u2060\u200d",
  "\u3164",
  "\u115f\u1160",
  "\ufeff",
  "\u2800",
  "\u00ad",
  "\ufe0f",
  "\u{e0020}",
  "\u0000",
];

describe("titleFrom", () => {
  it.each([
    ["Where is my parcel?", "Where is my parcel?"],
    ["  \n\n  Hello   there \t you \nand more", "Hello there you"],
    ["\u200b\u2060Hi\u2028there", "Hi"],
    ["one\rtwo", "one"],
    ["a".repeat(60), "a".repeat(60)],
    ["a".repeat(61), `${"a".repeat(60)}…`],
    [`${"word ".repeat(12)}and so on`, `${"word ".repeat(12).trim()}…`],
    [`${"word ".repeat(11)}sentence-that-goes-on`, `${"word ".repeat(11).trim()}…`],
    [`ab ${"c".repeat(100)}`, `ab ${"c".repeat(57)}…`],
    [`x${"🇨🇭".repeat(40)}`, `x${"🇨🇭".repeat(14)}…`],
    [`xy${"👨‍👩‍👧‍👦".repeat(9)}`, `xy${"👨‍👩‍👧‍👦".repeat(5)}…`],
    [`x${"e\u0301\u0323".repeat(30)}`, `x${"e\u0301\u0323".repeat(19)}…`],
    [`z${"\u0351".repeat(500)} who`, DEFAULT_TITLE],
  ])("%j", (text, title) => {
    expect(titleFrom(text)).toBe(title);
  });

  it.each(INVISIBLE)("makes the default one of %j", (text) => {
    expect(titleFrom(text)).toBe(DEFAULT_TITLE);
    expect(titleOrDefault(text)).toBe(DEFAULT_TITLE);
  });

  it("ends with a whole character of the text, on one line, in sight", () => {
    const unit = fc.constantFrom(
      "a",
      " ",
      "\n",
      "\u200b",
      "👍🏽",
      "🏳️‍🌈",
      "é",
      "e\u0301",
      "क्षि",
      "한",
      "\u0301",
      "日本",
      "\r\n",
      "𝒳",
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 120 }), (text) => {
        const title = titleFrom(text);
        expect(title.isWellFormed()).toBe(true);
        expect(title).not.toMatch(/[\n\r]|^\s|\s$/);
        expect(title.length).toBeLessThanOrEqual(61);
        const line = text.replaceAll(/\s+/g, " ");
        const isCut = title.endsWith("…");
        const end = isCut ? line.indexOf(title.slice(0, -1)) + title.length - 1 : 0;
        const ends = new Set([0]);
        for (const { index, segment } of new Intl.Segmenter().segment(line)) ends.add(index + segment.length);
        expect([ends.has(end), isCut && end < title.length - 1]).toEqual([true, false]);
      }),
      { numRuns: 500 },
    );
  });

  it("takes no time for what is long", () => {
    const began = performance.now();
    for (const unit of [" ", "\n", " \n", "\u200b", "\u0301", "a ", "👨‍👩‍👧‍👦", "🇨🇭", "\t\r"]) {
      const long = unit.repeat(32_000 / unit.length);
      titleFrom(long);
      titleFrom(`${long}x`);
      titleFrom(`x${long}x`);
    }
    expect(performance.now() - began).toBeLessThan(500);
  });
});

describe("titleOrDefault", () => {
  it("leaves alone what somebody can see", () => {
    for (const title of ["\u200bx", " - ", "\ufeffbom", "\u202Egnp.exe", "\u0301", "🏳️‍🌈", "New Conversation"]) {
      expect(titleOrDefault(title)).toBe(title);
    }
    expect(titleOrDefault(undefined)).toBe(DEFAULT_TITLE);
  });
});
