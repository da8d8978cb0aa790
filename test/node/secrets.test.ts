/** Secrets: any text of 32 characters or more will do, and every earlier form goes on working. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { describe, expect, it } from "vitest";
import { decrypt, encrypt } from "../../src/auth/encryption.ts";
import { publicKeys } from "../../src/auth/signing-key.ts";
import { root } from "../../src/cli/tool/project.ts";
import { readConfig } from "../../src/config.ts";

const TOKEN_SECRETS = "a-secret-for-this-test-of-32-characters";
const configOf = (ENCRYPTION_KEYS: string) => readConfig({ TOKEN_SECRETS, ENCRYPTION_KEYS });
const paired = `k1:${"C".repeat(42)}A`;

const plain = [
  "0123456789abcdef0123456789abcdef",
  "c2l4dHkgZm91ciBiYXNlIDY0IGRpZ2l0cw/+for/you/to/read==",
  "correct:horse:battery:staple:and:so:on",
  "ein langer Satz mit Größe und Leerzeichen",
  `${"long ".repeat(100)}secret`,
];

describe("ENCRYPTION_KEYS", () => {
  it.each(plain)("takes the plain text %s", async (text) => {
    const stored = await encrypt(configOf(text), "sk-1", "row");
    // Another isolate reads the same setting anew.
    expect(await decrypt(configOf(` ${text} `), stored, "row")).toBe("sk-1");
    expect(stored).not.toContain(text.slice(0, 8));
    expect(await decrypt(configOf(`${text}!`), stored, "row")).toBeNull();
    expect(await decrypt(configOf(text), stored, "another row")).toBeNull();
    expect((await publicKeys(configOf(text))).keys).toEqual((await publicKeys(configOf(text))).keys);
  });

  it("goes from a pair to a plain text and back, and opens everything on the way", async () => {
    const [text = ""] = plain;
    const before = await encrypt(configOf(paired), "old", "row");
    const between = await encrypt(configOf(`${text},${paired}`), "new", "row");
    const after = configOf(`${paired},${text}`);
    expect(await Promise.all([before, between].map((stored) => decrypt(after, stored, "row")))).toEqual(["old", "new"]);
    expect(before.startsWith("k1.")).toBe(true);
    expect((await publicKeys(after)).keys.map(({ kid }) => kid)).toHaveLength(2);
  });

  it("opens what was written with a pair before there were plain texts", async () => {
    const stored = "k1.sCXs2z6y9jMPlWOz.z-d8m4Ko3dQ5TG-ZEtmJyFYTeRCN-SEkoQ";
    expect(await decrypt(configOf(paired), stored, "row")).toBe("sk-before");
  });

  it.each([
    ["", "at least 32 characters"],
    ["short", "at least 32 characters"],
    [`${plain[0]},`, "at least 32 characters"],
    [`${paired},${"x".repeat(31)}`, "at least 32 characters"],
    [paired.slice(0, -1), "43 characters"],
    [`${paired}=`, "43 characters"],
  ])("refuses %j", (text, reason) => {
    expect(() => configOf(text)).toThrow(reason);
  });

  it("is not mistaken for another key with the same beginning", async () => {
    const ids = await Promise.all(plain.map(async (text) => (await encrypt(configOf(text), "x", "c")).split(".")[0]));
    expect(new Set(ids).size).toBe(plain.length);
  });
});

it(".dev.vars.example names exactly the secrets that are required, and is not ignored", () => {
  const named = Object.keys(parseEnv(readFileSync(join(root, ".dev.vars.example"), "utf8")));
  const missing = /\b[A-Z_]{4,}(?= is missing)/g;
  let message = "";
  try {
    readConfig({});
  } catch (error) {
    message = String(error);
  }
  expect(named.toSorted()).toEqual((message.match(missing) ?? []).toSorted());
  expect(readFileSync(join(root, ".gitignore"), "utf8").split("\n")).toContain("!.dev.vars.example");
});
