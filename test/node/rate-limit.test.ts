/** The numbers that the Worker tells are those that Cloudflare counts by, here and in production. */
import { unstable_readConfig } from "wrangler";
import { describe, expect, it } from "vitest";
import { RATE_LIMITS } from "../../src/http/rate-limit.ts";

type Bound = { name: string; namespace_id: string; simple: { limit: number; period: number } };

describe.each(["wrangler.toml", "wrangler.local.toml"])("rate limits of %s", (file) => {
  it("are the same as in the code", () => {
    const config: { ratelimits: Bound[] } = unstable_readConfig({ config: file }, { hideWarnings: true });
    const { ratelimits } = config;
    const bound = ratelimits.map(({ name, simple }) => ({ binding: name, quota: simple.limit, window: simple.period }));
    expect(bound).toEqual(Object.values(RATE_LIMITS));
    expect(new Set(ratelimits.map(({ namespace_id }) => namespace_id)).size).toBe(ratelimits.length);
  });
});
