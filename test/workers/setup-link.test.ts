/** The link to /setup: it makes one company, once, within the hour, and whatever is wrong with it looks the same. */
import { env } from "cloudflare:workers";
import { eq } from "drizzle-orm";
import { beforeEach, describe, expect, it } from "vitest";
import { hashSecret } from "../../src/auth/api-key.ts";
import { controlDatabase } from "../../src/db/database.ts";
import { api_key, audit_event, company, setup_link, user } from "../../src/db/schema.ts";
import { LINK_TTL, noCompany, replaceLink } from "../../src/db/setup-link.ts";
import { call, makeCompany } from "./company.ts";
import { createConversation } from "./conversation-client.ts";

const db = controlDatabase(env);
let count = 0;

/** A new link, made at `at` (ms). Returns its token. */
async function makeLink(at = Date.now()): Promise<string> {
  const token = `su_${++count}_${crypto.randomUUID()}`;
  await db.batch(replaceLink(db, await hashSecret(token), at));
  return token;
}

const exchange = (token: unknown, name: unknown = "Acme") => call("POST", "/v1/setup", { body: { token, name } });
const companies = async () => (await db.select({ id: company.id }).from(company)).length;

beforeEach(() => db.delete(setup_link));

describe("A good link", () => {
  it("makes a company whose admin key works, and whose making is in the audit trail", async () => {
    const { status, body } = await exchange(await makeLink(), "  Größe & Söhne 🌱 ");
    expect(status).toBe(201);
    expect(body).toEqual({
      company: { id: expect.any(String), name: "Größe & Söhne 🌱" },
      api_key: expect.stringMatching(/^ak_/),
      api_secret: expect.stringMatching(/^as_/),
    });
    const headers = { "x-api-key": body.api_key, "x-api-secret": body.api_secret };
    const who = await call("GET", "/v1/auth/validate", { headers });
    expect(who.body).toMatchObject({ company_id: body.company.id, scopes: ["admin"], expires_at: null });
    const agent = { name: "First", model: "builtin/faq", knowledge: [{ question: "Open?", answer: "From nine." }] };
    const made = await call("POST", "/v1/agent", { headers, body: agent });
    expect(made.status).toBe(201);
    const trail = await db.select().from(audit_event).where(eq(audit_event.company_id, body.company.id));
    expect(trail.map(({ action, actor_type, actor_id }) => [action, actor_type, actor_id])).toEqual(
      expect.arrayContaining([
        ["company.create", "system", "setup-link"],
        ["api_key.create", "system", "setup-link"],
      ]),
    );
    expect((await call("GET", "/v1/audit/verify", { headers })).body).toMatchObject({ valid: true });
  });

  it("leaves neither its token nor the key's secret in the database", async () => {
    const token = await makeLink();
    const [link] = await db.select().from(setup_link);
    expect(JSON.stringify(link)).not.toContain(token);
    const { body } = await exchange(token);
    const [key] = await db.select().from(api_key).where(eq(api_key.key, body.api_key));
    expect(key?.secret_hash).toBe(await hashSecret(body.api_secret));
    expect(await db.select().from(setup_link)).toEqual([]);
  });

  it("works once, whoever else tries at the same time", async () => {
    const token = await makeLink();
    const before = await companies();
    const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => exchange(token, `Racer ${n}`)));
    expect(answers.map(({ status }) => String(status)).toSorted()).toEqual(["201", ...Array<string>(7).fill("404")]);
    expect(await companies()).toBe(before + 1);
    const winner = answers.find(({ status }) => status === 201)?.body.company;
    const rows = await db.select().from(user).where(eq(user.company_id, winner.id));
    expect(rows).toMatchObject([{ role: "admin", issuer: "owner" }]);
  });

  it("gives no access to companies that are there", async () => {
    const other = await makeCompany();
    const { id } = await createConversation(other);
    const { body } = await exchange(await makeLink());
    const headers = { "x-api-key": body.api_key, "x-api-secret": body.api_secret };
    expect((await call("GET", `/v1/conversation/${id}/messages`, { headers })).status).toBe(404);
    expect((await call("GET", "/v1/conversation", { headers })).body.conversations).toEqual([]);
  });

  it("is not used up by a name that is refused", async () => {
    const token = await makeLink();
    for (const name of ["", "   ", "a\u0007b", "x".repeat(201), 7, null]) {
      expect((await exchange(token, name)).status).toBe(422);
    }
    expect((await exchange(token)).status).toBe(201);
  });
});

describe("A link that is not good", () => {
  const NOT_GOOD: Record<string, () => Promise<string>> = {
    "was made up": async () => `su_${crypto.randomUUID()}`,
    "is empty": async () => "",
    "was used": async () => {
      const token = await makeLink();
      await exchange(token);
      return token;
    },
    "is older than an hour": () => makeLink(Date.now() - LINK_TTL),
    "was replaced": async () => {
      const token = await makeLink();
      await makeLink();
      return token;
    },
    "is the hash of a good one": async () => hashSecret(await makeLink()),
    "is a good one in another case": async () => (await makeLink()).toUpperCase(),
  };

  it("is the same 404, whatever is wrong", async () => {
    const answers = new Set<string>();
    for (const [what, make] of Object.entries(NOT_GOOD)) {
      const token = await make();
      const before = await companies();
      const { status, body, headers } = await exchange(token);
      expect([what, status, await companies()]).toEqual([what, 404, before]);
      const names = [...headers.keys()].toSorted();
      answers.add(JSON.stringify([{ ...body, request_id: "" }, names]));
    }
    expect(answers.size).toBe(1);
  });

  it("is a 422 only where it is none at all", async () => {
    for (const token of [7, null, ["x"], "x".repeat(201), "\ud800"]) expect((await exchange(token)).status).toBe(422);
    expect((await call("POST", "/v1/setup", { body: { name: "x" } })).status).toBe(422);
  });
});

describe("The page", () => {
  it("is there while a link is open, and for nobody else's eyes", async () => {
    expect((await call("GET", "/setup")).status).toBe(404);
    await makeLink(Date.now() - LINK_TTL);
    expect((await call("GET", "/setup")).status).toBe(404);
    const token = await makeLink();
    const { status, headers, body } = await call("GET", "/setup");
    expect(status).toBe(200);
    expect(headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;/,
    );
    expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(body).not.toMatch(/<script(?![^>]*src="\/setup\/)|<style|https?:\/\//);
    await exchange(token);
    expect((await call("GET", "/setup")).status).toBe(404);
  });

  it("says in a browser that no link is open, and runs nothing there", async () => {
    const get = () => call("GET", "/setup", { headers: { accept: "text/html,*/*;q=0.8" } });
    const never = await get();
    await exchange(await makeLink());
    const used = await get();
    expect(used.body).toBe(never.body);
    expect([used.status, used.headers.get("content-type")]).toEqual([404, "text/html; charset=utf-8"]);
    expect(used.headers.get("content-security-policy")).toMatch(/^default-src 'none'; .*frame-ancestors 'none'$/);
    expect(used.headers.get("referrer-policy")).toBe("no-referrer");
    expect(used.headers.get("cache-control")).toBe("no-store");
    expect(used.body).toContain("This link is not good");
    expect(used.body).not.toContain("<script");
  });
});

it("A first deployment's link is made only while there is no company", async () => {
  await makeCompany();
  const [, made] = await db.batch(replaceLink(db, "a".repeat(64), Date.now(), noCompany));
  expect(made).toEqual([]);
  const token = await makeLink();
  // And it leaves a link alone that somebody made on purpose.
  await db.batch(replaceLink(db, "b".repeat(64), Date.now(), noCompany));
  expect((await exchange(token)).status).toBe(201);
});
