/** The numbers that the Worker tells are those that Cloudflare counts by, here and in production. */
import { unstable_readConfig } from "wrangler";
import { describe, expect, it } from "vitest";
import { RATE_LIMITS } from "../../src/http/rate-limit.ts";

type Bound = { name: string; namespace_id: string; simple: { limit: number; period: number } };

describe.each([undefined, "production"])("rate limits of environment %s", (env) => {
  it("are the same in wrangler.toml and in the code", () => {
    const config: { ratelimits: Bound[] } = unstable_readConfig(
      { config: "wrangler.toml", env },
      { hideWarnings: true },
    );
    const { ratelimits } = config;
    const bound = ratelimits.map(({ name, simple }) => ({ binding: name, quota: simple.limit, window: simple.period }));
    expect(bound).toEqual(Object.values(RATE_LIMITS));
    expect(new Set(ratelimits.map(({ namespace_id }) => namespace_id)).size).toBe(ratelimits.length);
  });
});
