/** Time zones that a process has at hand: as few as it needs, however many spellings of their names there are. */
import { afterAll, beforeAll, expect, it, vi } from "vitest";

// Other files of this process may have used zones already.
vi.resetModules();
const { periodOf } = await import("../../src/chat/period.ts");
const { beginOfDay } = await import("../../src/db/day.ts");

const NOON = Date.parse("2026-10-25T11:00:00Z");

/** Every spelling of a name in upper and lower case, the first `n` of them. */
const spellings = (name: string, n: number) =>
  Array.from({ length: n }, (_, bits) =>
    Array.from(name, (letter, at) => ((bits >> at) & 1 ? letter.toUpperCase() : letter.toLowerCase())).join(""),
  );

const { DateTimeFormat } = Intl;
let formats = 0;

beforeAll(() => {
  Intl.DateTimeFormat = new Proxy(DateTimeFormat, {
    construct(made, args) {
      formats++;
      return Reflect.construct(made, args) as object;
    },
  });
});
afterAll(() => {
  Intl.DateTimeFormat = DateTimeFormat;
});

it.each([
  ["periods", (zone: string) => periodOf("day", zone, NOON).start],
  ["days", (zone: string) => beginOfDay(zone, NOON)],
])("of %s are forgotten again, and right", (_, begin) => {
  formats = 0;
  const expected = Date.parse("2026-10-24T22:00:00Z");
  expect([begin("Europe/Berlin"), begin("Europe/Berlin")]).toEqual([expected, expected]);
  expect(formats).toBe(1);
  for (const zone of spellings("europe/berlin", 500)) expect(begin(zone)).toBe(expected);
  const before = formats;
  expect(begin("Europe/Berlin")).toBe(expected);
  expect(formats).toBe(before + 1);
});
