/** When a delivery is tried again: pure reckoning. */
import { describe, expect, it } from "vitest";
import { nextAttempt, retryAfter } from "../../src/webhook/retry.ts";

const HOUR = 3_600_000;
const NOW = Date.parse("2026-11-25T12:00:00Z");

/** Every attempt that is made of a delivery that always fails, as milliseconds since the first. */
function attempts(random: number): number[] {
  const times = [0];
  for (;;) {
    const last = times.at(-1) ?? 0;
    const next = nextAttempt(times.length, null, random, NOW + last);
    if (next === null) return times;
    times.push(next - NOW);
  }
}

describe("A delivery that fails", () => {
  it.each([0, 0.5, 1])("is tried for about three days, ever less often (%d)", (random) => {
    const times = attempts(random);
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
    expect(pauses[0]).toBeLessThan(10_000);
    expect(times.at(-1)).toBeGreaterThan(64 * HOUR);
    expect(times.at(-1)).toBeLessThan(80 * HOUR);
  });

  it("comes back at another time than what failed with it", () => {
    expect(nextAttempt(4, null, 0, NOW)).not.toBe(nextAttempt(4, null, 1, NOW));
  });

  it("waits as long as the receiver asks for, a day at most, and no less than it would have", () => {
    expect(nextAttempt(1, NOW + HOUR, 0.5, NOW)).toBe(NOW + HOUR);
    expect(nextAttempt(1, NOW + 1000 * HOUR, 0.5, NOW)).toBe(NOW + 24 * HOUR);
    expect(nextAttempt(4, NOW + 1, 0.5, NOW)).toBe(nextAttempt(4, null, 0.5, NOW));
  });
});

it.each([
  ["120", NOW + 120_000],
  [" 5 ", NOW + 5_000],
  ["Wed, 25 Nov 2026 13:00:00 GMT", NOW + HOUR],
  ["Wednesday, 25-Nov-26 13:00:00 GMT", NOW + HOUR],
  ["Wed Nov 25 13:00:00 2026", NOW + HOUR],
  ["Tue Dec  1 12:00:00 2026", NOW + 144 * HOUR],
  ["99999999999", NOW + 99_999_999_999_000],
  ["soon", null],
  ["Wed Nov 25 2026", null],
  ["-5", null],
  ["", null],
  [null, null],
])("Retry-After: %s", (header, at) => {
  expect(retryAfter(header, NOW)).toBe(at);
});
