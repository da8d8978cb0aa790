/** Objects are made near who calls them first. */
import { expect, it } from "vitest";
import { locationHint } from "../../src/http/location.ts";

it.each([
  ["San Francisco", "NA", "-122.4", "wnam"],
  ["New York", "NA", "-74.0", "enam"],
  ["São Paulo", "SA", "-46.6", "sam"],
  ["Lisbon", "EU", "-9.1", "weur"],
  ["Warsaw", "EU", "21.0", "eeur"],
  ["Dubai", "AS", "55.3", "me"],
  ["Tokyo", "AS", "139.7", "apac"],
  ["Sydney", "OC", "151.2", "oc"],
  ["Nairobi", "AF", "36.8", "afr"],
])("from %s, it is made in %s %s", (_, continent, longitude, hint) => {
  expect(locationHint({ continent, longitude })).toBe(hint);
});

it("knows a continent without a longitude, and leaves the rest to Cloudflare", () => {
  expect(locationHint({ continent: "EU" })).toBe("weur");
  for (const cf of [undefined, {}, { continent: "AN" }, { continent: "T1", longitude: "0" }, { continent: 7 }]) {
    expect(locationHint(cf)).toBeUndefined();
  }
});
