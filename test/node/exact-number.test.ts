import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InexactNumber, inexactIn, parseExactly } from "../../src/http/exact-number.ts";

describe("a number", () => {
  it.each([
    "9007199254740993",
    "12345678901234567890",
    "1e400",
    "-1e400",
    "1e-400",
    "0.12345678901234567890",
    "123456789.123456789012",
  ])("%s is not kept by a double", (source) => {
    expect(parseExactly(source)).toEqual(new InexactNumber(source));
    expect(inexactIn(parseExactly(`{"a":[1,{"b":${source}}]}`))?.source).toBe(source);
  });

  it.each([
    "0",
    "-0",
    "0.0",
    "0e400",
    "1.10",
    "1e21",
    "1E+3",
    "100000000000000000000",
    "9007199254740992",
    "0.1",
    "5e-324",
  ])("%s is", (source) => {
    expect(parseExactly(source)).toBe(JSON.parse(source));
  });

  it("that a program has written comes back, and strings are nobody's business", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.double({ noNaN: true, noDefaultInfinity: true }), (value, number) => {
        const text = JSON.stringify({ value, number, text: "1e400 9007199254740993" });
        expect(parseExactly(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it("takes no time for a number that is a megabyte long", () => {
    const began = performance.now();
    const digits = "0".repeat(500_000);
    for (const number of [`1${digits}1`, `0.${digits}1`, `1${digits}.${digits}`, `1e${digits}1`]) {
      parseExactly(`{"n":${number}}`);
    }
    expect(performance.now() - began).toBeLessThan(1000);
  });
});
