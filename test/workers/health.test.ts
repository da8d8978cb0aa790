/** What the service says of itself: enough for a monitor, more for an admin, and never late. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { call, makeCompany } from "./company.ts";

it("tells an admin alone how far the database is behind, of the own company", async () => {
  const [company, other] = [await makeCompany(), await makeCompany()];
  const standby = env.STANDBY.getByName(company.company_id);
  await standby.noteLag("a", 2_000);
  await standby.noteLag("b", 1_000);
  const outboxFor = async (headers: Record<string, string>) => {
    const { status, body } = await call("GET", "/v1/health", { headers });
    expect(status).toBe(200);
    return body.outbox;
  };
  const outbox = await outboxFor(company.admin);
  expect(outbox).toMatchObject({ conversations: 2, oldest_at: new Date(1_000).toISOString() });
  expect(outbox.age_seconds).toBeCloseTo((Date.now() - 1_000) / 1000, -1);
  expect(await outboxFor(company.admin_user)).toMatchObject({ conversations: 2 });
  const none = { conversations: 0, oldest_at: null, age_seconds: null };
  expect(await outboxFor(other.admin)).toEqual(none);
  for (const headers of [{}, company.read_write, company.user, { authorization: "Bearer x" }, { "x-api-key": "ak_" }])
    expect(await outboxFor(headers)).toBe(undefined);
  await standby.noteLag("a", null);
  await standby.noteLag("b", null);
  expect(await outboxFor(company.admin)).toEqual(none);
});

it("does not wait for who does not answer", async () => {
  const company = await makeCompany();
  const never = Promise.withResolvers<void>();
  const stuck = runInDurableObject(env.STANDBY.getByName(company.company_id), (_, ctx) =>
    ctx.blockConcurrencyWhile(() => never.promise),
  );
  const { status, body } = await call("GET", "/v1/health", { headers: company.admin });
  expect({ status, body }).toMatchObject({ status: 200, body: { status: "ok", outbox: null } });
  never.resolve();
  await stuck;
});
