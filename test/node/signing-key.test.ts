/** Signatures that others check: by any library, for one purpose, and through a change of keys. */
import { createLocalJWKSet, compactVerify, jwtVerify, type JSONWebKeySet } from "jose";
import { describe, expect, it } from "vitest";
import app from "../../src/app.ts";
import { publicKeys, sign, signDetached, verify, verifyDetached } from "../../src/auth/signing-key.ts";
import { readConfig } from "../../src/config.ts";

const TOKEN_SECRETS = "a-secret-for-this-test-of-32-characters";
const key = (letter: string) => `${letter}1:${letter.repeat(42)}A`;
const configWith = (...letters: string[]) =>
  readConfig({ TOKEN_SECRETS, ENCRYPTION_KEYS: letters.map((letter) => key(letter)).join(",") });

const text = (bytes: Uint8Array | null) => (bytes === null ? null : new TextDecoder().decode(bytes));
/** With one character of the signature changed. */
const forged = (jws: string) => jws.slice(0, -8) + (jws.at(-8) === "A" ? "B" : "A") + jws.slice(-7);

describe("a signature", () => {
  it("is checked by the published keys alone", async () => {
    const config = configWith("a");
    const env = { TOKEN_SECRETS, ENCRYPTION_KEYS: key("a") };
    const response = await app.request("/.well-known/jwks.json", {}, env);
    expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
    const published = (await response.json()) as JSONWebKeySet;
    expect(published.keys).toEqual([
      { kty: "OKP", crv: "Ed25519", x: expect.any(String), kid: expect.any(String), alg: "EdDSA", use: "sig" },
    ]);
    const jws = await sign(config, "erasure-receipt+jwt", { done: true });
    const checked = await compactVerify(jws, createLocalJWKSet(published));
    expect(text(checked.payload)).toBe('{"done":true}');
    expect(checked.protectedHeader).toEqual({ alg: "EdDSA", typ: "erasure-receipt+jwt", kid: published.keys[0]?.kid });
    const jwt = await sign(config, "JWT", { sub: "lead:1", exp: Math.floor(Date.now() / 1000) + 60 });
    expect((await jwtVerify(jwt, createLocalJWKSet(published))).payload.sub).toBe("lead:1");
  });

  it("is good for its purpose, its payload and its key, and for no other", async () => {
    const config = configWith("a");
    const jws = await sign(config, "erasure-receipt+jwt", { done: true });
    expect(text(await verify(config, "erasure-receipt+jwt", jws))).toBe('{"done":true}');
    expect(await verify(config, "JWT", jws)).toBeNull();
    expect(await verify(configWith("b"), "erasure-receipt+jwt", jws)).toBeNull();
    expect(await verify(config, "erasure-receipt+jwt", forged(jws))).toBeNull();
    for (const nonsense of ["", ".", "..", "a.b.c", "e30.e30.e30"]) {
      expect(await verify(config, "erasure-receipt+jwt", nonsense)).toBeNull();
      expect(await verifyDetached(config, "audit-seal+jws", nonsense, {})).toBe(false);
    }
  });

  it("may come without its payload", async () => {
    const config = configWith("a");
    const payload = new TextEncoder().encode("as it is");
    const detached = await signDetached(config, "audit-seal+jws", payload);
    expect(detached).toMatch(/^[\w-]+\.\.[\w-]+$/);
    expect(await verifyDetached(config, "audit-seal+jws", detached, payload)).toBe(true);
    expect(await verifyDetached(config, "audit-seal+jws", detached, new TextEncoder().encode("as it was"))).toBe(false);
    expect(await verifyDetached(config, "audit-seal+jws", forged(detached), payload)).toBe(false);
    expect(await verifyDetached(config, "audit-seal+jws", await sign(config, "audit-seal+jws", payload), payload)).toBe(
      false,
    );
  });

  it("stays good when a new key is put in front, and the new key signs", async () => {
    const [before, after] = [configWith("a"), configWith("b", "a")];
    const old = await sign(before, "JWT", { n: 1 });
    const [first] = (await publicKeys(before)).keys;
    const { keys } = await publicKeys(after);
    expect(keys[1]).toEqual(first);
    expect(text(await verify(after, "JWT", old))).toBe('{"n":1}');
    expect(await verify(before, "JWT", await sign(after, "JWT", { n: 2 }))).toBeNull();
    expect(new Set(keys.map(({ x }) => x)).size).toBe(2);
  });
});
