/** Values that people and their programs send, as the schemas take them. */
import { describe, expect, it } from "vitest";
import { emailAddress, instant } from "../../src/http/fields.ts";
import { hashOf } from "../../src/http/idempotency.ts";
import { canonicalJson } from "../../src/json.ts";
import { normaliseOrigin, originAllowed } from "../../src/net/origin.ts";

describe("An e-mail address", () => {
  it.each([
    "r&d@example.org",
    "d'arcy@example.org",
    "half.price!now@example.org",
    "it/ops@mail.example.org",
    "50%off#1@example.org",
    "a..b@example.org",
    "{x|y}~^`=?*@example.org",
    "sam@xn--caf-dma.example",
    "sam@café.example",
    "ünal@example.org",
    "имя@почта.рф",
    "a@b.co",
    "a@1.2",
    `a@${"b".repeat(63)}.example`,
  ])("may be %s", (email) => {
    expect(emailAddress().safeParse(email).success).toBe(true);
  });

  it.each([
    "",
    "sam",
    "sam@",
    "@example.org",
    "sam@example",
    "sam@@example.org",
    "sam@example@example.org",
    "sam jo@example.org",
    "sam@exa mple.org",
    "sam@example.org\nx",
    "sam@-example.org",
    "sam@example-.org",
    "sam@.org",
    "sam@example..org",
    "sam@[127.0.0.1]",
    "Sam <sam@example.org>",
    "sam@\u200bexample.org",
    `sam@${"b".repeat(64)}.example`,
    `${"s".repeat(320)}@example.org`,
  ])("is not %j", (email) => {
    expect(emailAddress().safeParse(email).success).toBe(false);
  });
});

describe("An origin", () => {
  it.each([
    ["capacitor://localhost", "capacitor://localhost"],
    ["Ionic://LocalHost/", "ionic://localhost"],
    ["tauri://localhost:1420", "tauri://localhost:1420"],
    ["moz-extension://0b5e3a7e-0000-4000-8000-000000000000", "moz-extension://0b5e3a7e-0000-4000-8000-000000000000"],
    ["https://tauri.localhost", "https://tauri.localhost"],
    ["HTTPS://Bücher.Example:443/", "https://xn--bcher-kva.example"],
    ["http://[::1]:3000", "http://[::1]:3000"],
  ])("%s is %s", (sent, kept) => {
    expect(normaliseOrigin(sent)).toBe(kept);
  });

  it.each([
    "null",
    "*",
    "localhost",
    "https://*.example.org",
    "https://example.org/shop",
    "https://user@example.org",
    "capacitor://localhost/index.html",
    "capacitor://",
    "capacitor://local host",
    "file://localhost",
    "file:///index.html",
    "javascript://localhost",
    "data://localhost",
    "wss://example.org",
    "://example.org",
    "app://*",
  ])("is not %s", (sent) => {
    expect(normaliseOrigin(sent)).toBe(null);
  });

  it("of an app has to be listed, also on one's own desk", () => {
    expect(originAllowed("tauri://localhost", ["tauri://localhost"], false)).toBe(true);
    expect(originAllowed("tauri://localhost", ["capacitor://localhost"], true)).toBe(false);
    expect(originAllowed("tauri://localhost", [], true)).toBe(false);
    expect(originAllowed("http://localhost:5173", [], true)).toBe(true);
  });
});

describe("The hash of a body", () => {
  const same: [string, string][] = [
    ['{"b":[{"y":2,"x":1}],"a":1}', '{"a":1,"b":[{"x":1,"y":2}]}'],
    ['{"n":1.0,"m":10e-1}', '{"m":1,"n":1}'],
    ['{"\\u0061":"\\/"}', ' { "a" : "/" } '],
    ['{"10":1,"9":2,"a":3}', '{"a":3,"9":2,"10":1}'],
    ['{"__proto__":{"b":1,"a":2}}', '{"__proto__":{"a":2,"b":1}}'],
    ['{"\u20ac":1,"\ud83d\ude00":2,"\ufb33":3}', '{"\ufb33":3,"\ud83d\ude00":2,"\u20ac":1}'],
  ];
  it.each(same)("is one for %s and %s", async (one, other) => {
    expect(await hashOf(JSON.parse(one))).toBe(await hashOf(JSON.parse(other)));
  });

  it.each([
    ['{"a":1}', '{"a":"1"}'],
    ["[1,2]", "[2,1]"],
    ['{"a":[]}', '{"a":{}}'],
    ['{"a":null}', "{}"],
    ['{"a":0}', '{"a":false}'],
    ['{"a":"b"}', '{"a":"B"}'],
    ['{"__proto__":1}', "{}"],
    ['{"a":{"b":1},"c":2}', '{"a":{"b":1,"c":2}}'],
  ])("differs between %s and %s", async (one, other) => {
    expect(await hashOf(JSON.parse(one))).not.toBe(await hashOf(JSON.parse(other)));
  });

  it("is of the text that RFC 8785 gives", () => {
    const value = JSON.parse(
      '{"z":[56.0,{"d":true,"10":null,"1":[]}],"\\u20ac":"\\u000f\\nA\'B\\"\\\\","numbers":[1E30,4.50,2e-3,-0]}',
    );
    expect(canonicalJson(value)).toBe(
      '{"numbers":[1e+30,4.5,0.002,0],"z":[56,{"1":[],"10":null,"d":true}],"€":"\\u000f\\nA\'B\\"\\\\"}',
    );
  });
});

describe("an instant", () => {
  it.each([
    ["2026-11-22T07:00:00Z", "2026-11-22T07:00:00.000Z"],
    ["2026-11-22t07:00:00.25z", "2026-11-22T07:00:00.250Z"],
    ["2026-11-22T07:00:00+05:30", "2026-11-22T01:30:00.000Z"],
    ["2026-11-22T07:00:00-00:00", "2026-11-22T07:00:00.000Z"],
    ["2026-11-22", "2026-11-22T00:00:00.000Z"],
    ["2016-12-31T23:59:60Z", "2016-12-31T23:59:59.000Z"],
    ["1990-12-31t15:59:60.5-08:00", "1990-12-31T23:59:59.500Z"],
  ])("is read from %s", (written, moment) => {
    expect(new Date(instant().parse(written)).toISOString()).toBe(moment);
  });

  it.each([
    ...["", "now", "2026", "1795656835000", "2026-11-22T07:00:00", "2026-11-22 07:00:00Z", "2026-11-22T07:00:00 02:00"],
    ...["2026-02-29", "2026-11-22T24:00:00Z", "2026-11-22T12:00:60Z", "2026-12-31T23:59:61Z", "2026-11-22T07:60:00Z"],
    ...["2016-12-31T23:59:60+01:00", "2026-11-22T07:00:00+99:99", "+012026-11-22"],
  ])("is not %j", (written) => {
    expect(instant().safeParse(written).success).toBe(false);
  });
});
