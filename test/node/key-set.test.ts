/** How long keys of an identity provider are believed, and how often they are asked for. The clock is the test's. */
import { exportJWK, generateKeyPair } from "jose";
import { describe, expect, it } from "vitest";
import { type FetchPorts, KeySet } from "../../src/auth/key-set.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

async function setUp() {
  const { publicKey } = await generateKeyPair("ES256");
  const keys = { keys: [await exportJWK(publicKey)] };
  const state = { now: 1_000 * HOUR, fetches: 0, fails: false, gate: Promise.resolve() };
  const fetch = async () => {
    state.fetches++;
    await state.gate;
    if (state.fails) throw new Error("away");
    return keys;
  };
  const failures: unknown[] = [];
  const ports: FetchPorts = {
    keepAlive: () => {},
    fetched: () => Promise.resolve(),
    failed: (error) => failures.push(error),
  };
  const set = new KeySet(fetch, () => state.now);
  return { state, keys, failures, ports, set, current: () => set.current(ports) };
}

describe("a key set", () => {
  it("is fetched once for all who ask at a time, and again after ten minutes", async () => {
    const { state, set, current } = await setUp();
    const gate = Promise.withResolvers<void>();
    state.gate = gate.promise;
    const many = Promise.all([current(), current(), current()]);
    gate.resolve();
    expect(new Set((await many).map((known) => known?.at))).toEqual(new Set([state.now]));
    state.now += 10 * MINUTE - 1;
    await current();
    expect(state.fetches).toBe(1);
    state.now += 1;
    await current();
    expect(state.fetches).toBe(2);
    expect(set.published?.at).toBe(state.now);
  });

  it("that cannot be fetched goes on for a day, and is asked for every 30 seconds", async () => {
    const { state, failures, set, current } = await setUp();
    const known = await current();
    state.fails = true;
    state.now += 10 * MINUTE;
    for (const _ of [1, 2, 3]) expect(await current()).toBe(known);
    expect([state.fetches, failures.length]).toEqual([2, 1]);
    expect(set.retryAfter).toBe(30);
    state.now += 30_000 - 1;
    await current();
    expect(state.fetches).toBe(2);
    state.now += 1;
    await current();
    expect(state.fetches).toBe(3);
    state.now = (known?.at ?? 0) + 24 * HOUR - 1;
    expect(await current()).toBe(known);
    state.now += 1;
    expect(await current()).toBeNull();
    state.fails = false;
    state.now += 30_000;
    expect((await current())?.at).toBe(state.now);
  });

  it("is taken from elsewhere where that is later, and no longer than a day", async () => {
    const { state, keys, set, current } = await setUp();
    state.fails = true;
    set.offer({ keys, at: state.now - 24 * HOUR });
    expect(await current()).toBeNull();
    set.offer({ keys, at: state.now - HOUR });
    set.offer({ keys, at: state.now - 2 * HOUR });
    expect((await current())?.at).toBe(state.now - HOUR);
    set.offer({ keys, at: state.now });
    await current();
    expect(state.fetches).toBe(1);
  });

  it("is looked at anew for a key that is not there, every ten seconds at most", async () => {
    const { state, set, ports, current } = await setUp();
    const known = await current();
    if (!known) throw new Error("no keys");
    state.now += 9_999;
    expect(await set.after(known, ports)).toBe(known);
    expect(state.fetches).toBe(1);
    state.now += 1;
    const newer = await set.after(known, ports);
    expect([newer?.at, state.fetches]).toEqual([state.now, 2]);
    expect(await set.after(known, ports)).toBe(newer);
    if (!newer) throw new Error("no keys");
    state.fails = true;
    state.now += 10_000;
    expect(await set.after(newer, ports)).toBeNull();
    expect(await set.after(newer, ports)).toBeNull();
    expect(state.fetches).toBe(3);
  });

  it("whose fetch died with its request is fetched by the next one", async () => {
    const { state, current } = await setUp();
    state.gate = new Promise(() => {});
    void current();
    state.gate = Promise.resolve();
    state.now += 6_001;
    expect((await current())?.at).toBe(state.now);
    expect(state.fetches).toBe(2);
  });
});
