/** Exact money, and days and months of time zones whose clocks change. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { costOf, decimalOf, type Price, unitsFor, unitsOf } from "../../src/chat/money.ts";
import { periodOf } from "../../src/chat/period.ts";

describe("amounts", () => {
  it.each([
    ["0", "0"],
    ["12.50", "12.5"],
    ["0.000000000001", "0.000000000001"],
    ["999999999999.999999999999", "999999999999.999999999999"],
    ["007", "7"],
  ])("%s is %s", (text, shortest) => {
    expect(decimalOf(unitsOf(text) ?? -1n)).toBe(shortest);
  });

  it.each(["", "1.", ".5", "-1", "1e3", "0x10", "1,5", " 1", "1.0000000000001", "1000000000000000", "NaN"])(
    "%j is none",
    (text) => {
      expect(unitsOf(text)).toBeNull();
    },
  );

  it("come back as they were, whatever they are", () => {
    fc.assert(fc.property(fc.bigInt(0n, 10n ** 24n - 1n), (units) => unitsOf(decimalOf(units)) === units));
  });
});

describe("costs", () => {
  const price: Price = { input: "0.15", cached_input: "0.075", output: "0.6", currency: "USD" };

  it("are exact where floats are not", () => {
    // 0.1 + 0.2 in floats: 3 tokens at 0.1 and 0.2 per million.
    const thirds: Price = { input: "0.1", cached_input: null, output: "0.2", currency: "EUR" };
    expect(costOf({ input_tokens: 1, output_tokens: 1 }, thirds)).toEqual({ amount: "0.0000003", currency: "EUR" });
    expect(costOf({ input_tokens: 1_000_000, output_tokens: 1_000_000 }, price)?.amount).toBe("0.75");
  });

  it("have cached tokens at their own price, or at that of the others", () => {
    const tokens = { input_tokens: 1000, cached_input_tokens: 400, output_tokens: 10 };
    expect(costOf(tokens, price)?.amount).toBe("0.000126");
    expect(costOf(tokens, { ...price, cached_input: null })?.amount).toBe("0.000156");
    expect(costOf({ ...tokens, cached_input_tokens: null }, price)?.amount).toBe("0.000156");
  });

  it("are not known without a price", () => {
    expect(costOf({ input_tokens: 1, output_tokens: 1 }, null)).toBeNull();
  });

  it("of many calls are the sum of each", () => {
    const count = fc.nat(1_000_000);
    fc.assert(
      fc.property(fc.array(fc.tuple(count, count)), (calls) => {
        const each = calls.map(([input_tokens, output_tokens]) => unitsFor({ input_tokens, output_tokens }, price));
        const input_tokens = calls.reduce((sum, [n]) => sum + n, 0);
        const output_tokens = calls.reduce((sum, [, n]) => sum + n, 0);
        return unitsFor({ input_tokens, output_tokens }, price) === each.reduce((a, b) => a + b, 0n);
      }),
    );
  });
});

describe("periods", () => {
  const at = (text: string) => Date.parse(text);
  const shown = (kind: "day" | "month", zone: string, now: string) => {
    const { start, end } = periodOf(kind, zone, at(now));
    return [new Date(start).toISOString(), new Date(end).toISOString(), (end - start) / 3_600_000] as const;
  };

  it.each<["day" | "month", string, string, string, string, number]>([
    ["day", "UTC", "2026-11-22T07:00:00Z", "2026-11-22T00:00:00.000Z", "2026-11-23T00:00:00.000Z", 24],
    ["day", "Europe/Berlin", "2026-03-29T10:00:00Z", "2026-03-28T23:00:00.000Z", "2026-03-29T22:00:00.000Z", 23],
    ["day", "Europe/Berlin", "2026-10-25T10:00:00Z", "2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z", 25],
    ["month", "Europe/Berlin", "2026-10-10T10:00:00Z", "2026-09-30T22:00:00.000Z", "2026-10-31T23:00:00.000Z", 745],
    ["month", "America/New_York", "2026-03-01T05:00:00Z", "2026-03-01T05:00:00.000Z", "2026-04-01T04:00:00.000Z", 743],
    ["month", "America/New_York", "2026-03-01T04:59:59Z", "2026-02-01T05:00:00.000Z", "2026-03-01T05:00:00.000Z", 672],
    // There midnight does not exist on the day on which the clocks go forward.
    ["day", "America/Santiago", "2026-09-06T12:00:00Z", "2026-09-06T04:00:00.000Z", "2026-09-07T03:00:00.000Z", 23],
    ["day", "Asia/Kathmandu", "2026-06-01T00:00:00Z", "2026-05-31T18:15:00.000Z", "2026-06-01T18:15:00.000Z", 24],
    ["day", "Pacific/Kiritimati", "2026-12-31T11:00:00Z", "2026-12-31T10:00:00.000Z", "2027-01-01T10:00:00.000Z", 24],
    [
      "month",
      "Australia/Lord_Howe",
      "2026-10-04T00:00:00Z",
      "2026-09-30T13:30:00.000Z",
      "2026-10-31T13:00:00.000Z",
      743.5,
    ],
  ])("%s in %s at %s", (kind, zone, now, start, end, hours) => {
    expect(shown(kind, zone, now)).toEqual([start, end, hours]);
  });

  it("follow each other without a gap, and have the moment that was asked for", () => {
    const zones = ["UTC", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Africa/Cairo", "America/Havana"];
    const moment = fc.integer({ min: at("2020-01-01T00:00:00Z"), max: at("2035-01-01T00:00:00Z") });
    const property = fc.property(
      fc.constantFrom(...zones),
      fc.constantFrom("day", "month"),
      moment,
      (zone, kind, now) => {
        const { start, end } = periodOf(kind as "day", zone, now);
        expect(start <= now && now < end).toBe(true);
        expect(periodOf(kind as "day", zone, end).start).toBe(end);
        expect(periodOf(kind as "day", zone, start - 1).end).toBe(start);
      },
    );
    fc.assert(property, { numRuns: 60 });
  });
});
