/** Opening hours: clock times of a time zone, also on the days on which its clocks change. */
import { expect, it } from "vitest";
import { type Hours, isOpen } from "../../src/chat/hours.ts";

const berlin: Hours = {
  time_zone: "Europe/Berlin",
  open: [
    { days: ["mon", "tue", "wed", "thu", "fri"], from: "09:00", to: "17:30" },
    { days: ["sun"], from: "00:00", to: "24:00" },
  ],
};

it.each([
  ["2026-11-23T07:59:59.999Z", false],
  ["2026-11-23T08:00:00Z", true],
  ["2026-11-23T16:29:59Z", true],
  ["2026-11-23T16:30:00Z", false],
  // In summer an hour earlier in UTC.
  ["2026-07-13T07:00:00Z", true],
  ["2026-07-13T06:59:59Z", false],
  ["2026-11-21T12:00:00Z", false],
  // Sunday begins on Saturday in UTC, and the clocks go back on this one.
  ["2026-10-24T21:59:59Z", false],
  ["2026-10-24T22:00:00Z", true],
  ["2026-10-25T22:59:59Z", true],
  ["2026-10-25T23:00:00Z", false],
])("at %s: %s", (at, open) => {
  expect(isOpen(berlin, Date.parse(at))).toBe(open);
});

it("knows zones that are not whole hours from UTC", () => {
  const kathmandu: Hours = { time_zone: "Asia/Kathmandu", open: [{ days: ["tue"], from: "00:00", to: "00:01" }] };
  expect(isOpen(kathmandu, Date.parse("2026-11-23T18:15:30Z"))).toBe(true);
  expect(isOpen(kathmandu, Date.parse("2026-11-23T18:14:59Z"))).toBe(false);
});
