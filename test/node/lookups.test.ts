/** Answers of a store that are believed for a time, and stand in for it while it is away. */
import { describe, expect, it } from "vitest";
import { Lookups } from "../../src/auth/cache.ts";

const fresh = (value: string) => (value === "unknown" ? 10 : 30);
const away = () => Promise.reject(new Error("away"));

/** Lookups whose answers are read without their times. */
function lookupsOf(options: { spare: number; max: number }) {
  const lookups = new Lookups<string>(options);
  const get = async (...query: Parameters<(typeof lookups)["get"]>) => (await lookups.get(...query)).value;
  return { get, clear: () => lookups.clear(), at: lookups };
}

describe("a look-up", () => {
  it("is made anew when its answer is not fresh any more, each answer in its own time", async () => {
    const lookups = lookupsOf({ spare: 1000, max: 10 });
    let looks = 0;
    const look = (value: string) => () => (looks++, Promise.resolve(value));
    expect(await lookups.get("a", 0, fresh, look("good"))).toBe("good");
    expect(await lookups.get("a", 29, fresh, look("other"))).toBe("good");
    expect(await lookups.get("a", 30, fresh, look("unknown"))).toBe("unknown");
    expect(await lookups.get("a", 39, fresh, look("good"))).toBe("unknown");
    expect(await lookups.get("a", 40, fresh, look("good"))).toBe("good");
    expect(looks).toBe(3);
  });

  it("is answered by the last one while the store is away, for so long and no longer", async () => {
    const lookups = lookupsOf({ spare: 1000, max: 10 });
    await lookups.get("a", 0, fresh, () => Promise.resolve("good"));
    expect(await lookups.get("a", 999, fresh, away)).toBe("good");
    await expect(lookups.get("a", 1000, fresh, away)).rejects.toThrow("away");
    await expect(lookups.get("b", 0, fresh, away)).rejects.toThrow("away");
  });

  it("does not wait for a store that never answers when it has an answer", { tags: "slow" }, async () => {
    const lookups = lookupsOf({ spare: 100_000, max: 10 });
    await lookups.get("a", 0, fresh, () => Promise.resolve("good"));
    expect(await lookups.get("a", 50, fresh, () => new Promise<string>(() => {}))).toBe("good");
  });

  it("says when the store was asked, and asks one that is away again after three seconds only", async () => {
    const { at: lookups } = lookupsOf({ spare: 100_000, max: 10 });
    let looks = 0;
    const look = () => (looks++, away());
    await lookups.get("a", 0, fresh, () => Promise.resolve("good"));
    for (const now of [50, 60, 3_049, 3_050, 3_051]) {
      expect(await lookups.get("a", now, fresh, look)).toEqual({ value: "good", at: 0 });
    }
    expect(looks).toBe(2);
    expect(await lookups.get("a", 6_050, fresh, () => Promise.resolve("good"))).toEqual({ value: "good", at: 6_050 });
  });

  it("forgets the oldest of too many", async () => {
    const lookups = lookupsOf({ spare: 1000, max: 2 });
    for (const key of ["a", "b", "c"]) await lookups.get(key, 0, fresh, () => Promise.resolve(key));
    await expect(lookups.get("a", 50, fresh, away)).rejects.toThrow("away");
    expect(await lookups.get("c", 50, fresh, away)).toBe("c");
    lookups.clear();
    await expect(lookups.get("c", 50, fresh, away)).rejects.toThrow("away");
  });
});
