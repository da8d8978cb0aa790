/** Searches of lists: in any alphabet, either case, and either way to write one letter; also of rows from before. */
import { env } from "cloudflare:workers";
import { createScheduledController } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import worker from "../../src/index.ts";
import { fold } from "../../src/db/folded.ts";
import { call, makeCompany, makeLead, type Company } from "./company.ts";
import { chat, createConversation } from "./conversation-client.ts";

const PAIRS = [
  ["Über die Lieferung", "ÜBER"],
  ["ЗАКАЗ из Києва", "заказ"],
  ["παραγγελίες", "ΠΑΡΑΓΓΕΛΊΕΣ"],
  ["ΟΔΟΣ Αθηνάς", "οδος"],
  ["Straße 5", "STRASSE"],
  ["GROẞE WÄSCHE", "große wäsche"],
  ["Ver\u00adsand\u200b heute\ufeff", "versand heute"],
  ["می\u200cخواهم", "میخواهم"],
  ["İzmir ve Iğdır", "izmir"],
  ["Ｏｒｄｅｒ １２", "order 12"],
  ["Cafe\u0301 au lait", "CAF\u00c9"],
  ["Caf\u00e9 noir", "cafe\u0301"],
  ["ﬁnal ﬂoor", "FINAL"],
  ["ⅫⅣ ①", "xiiiv 1"],
  ["ﾃｽﾄ", "テスト"],
  ["한글 주문", "한글"],
  ["ÁÉŐŰ", "áéőű"],
  ["ՀԱՅԵՐԵՆ", "հայերեն"],
  ["ᏣᎳᎩ", "ꮳꮃꭹ"],
  ["ΐ", "Ϊ́"],
] as const;

const found = async (company: Company, path: string, member: string, search: string) => {
  const answer = await call("GET", `${path}?search=${encodeURIComponent(search)}`, { headers: company.user });
  expect(answer.status).toBe(200);
  expect(answer.body.pagination.total).toBe(answer.body[member].length);
  return answer.body[member].map((row: { id: string }) => row.id);
};

describe("A search", () => {
  it("finds titles, agents and leads whatever their case and spelling", async () => {
    const company = await makeCompany();
    const headers = company.user;
    for (const [text, search] of PAIRS) {
      const { id } = await createConversation(company, { title: text });
      expect(await found(company, "/v1/conversation", "conversations", search), text).toEqual([id]);
      const agent = await call("POST", "/v1/agent", { headers, body: { name: text, model: "builtin/echo" } });
      expect(await found(company, "/v1/agent", "agents", search), text).toEqual([agent.body.agent.id]);
      const { lead_id } = await makeLead(company, { external_id: text });
      await call("PUT", `/v1/lead/${lead_id}`, { headers, body: { last_name: text } });
      expect(await found(company, "/v1/lead/company", "leads", search), text).toEqual([lead_id]);
      await call("DELETE", `/v1/conversation/${id}`, { headers });
      await call("DELETE", `/v1/agent/${agent.body.agent.id}`, { headers });
      await call("DELETE", `/v1/lead/${lead_id}`, { headers });
    }
  });

  it("follows a new title, a new name and a vouched visitor", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company, { title: "Заказ" });
    const body = { title: "Возврат" };
    expect((await call("PATCH", `/v1/conversation/${id}`, { headers: company.user, body })).status).toBe(200);
    expect(await found(company, "/v1/conversation", "conversations", "возврат")).toEqual([id]);
    expect(await found(company, "/v1/conversation", "conversations", "заказ")).toEqual([]);
    const token = (name: string) =>
      call("POST", "/v1/auth/token", {
        headers: company.read_write,
        body: { entity_type: "lead", external_id: "v", name, email: "Ü@example.org" },
      });
    const { entity_id } = (await token("ÖZGE")).body;
    expect(await found(company, "/v1/lead/company", "leads", "özge")).toEqual([entity_id]);
    await token("ÇAĞLA");
    expect(await found(company, "/v1/lead/company", "leads", "çağla")).toEqual([entity_id]);
    expect(await found(company, "/v1/lead/company", "leads", "özge")).toEqual([]);
    expect(await found(company, "/v1/lead/company", "leads", "ü@EXAMPLE")).toEqual([entity_id]);
    expect(
      (await call("PUT", `/v1/lead/${entity_id}`, { headers: company.user, body: { first_name: null } })).status,
    ).toBe(200);
    expect(await found(company, "/v1/lead/company", "leads", "çağla")).toEqual([]);
  });

  it("follows an automatic title, as long as its message is there", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company);
    const { body } = await chat(company, id, "ГДЕ мой ЗАКАЗ?");
    const search = () => found(company, "/v1/conversation", "conversations", "где мой заказ");
    await expect.poll(search, { timeout: 5000 }).toEqual([id]);
    await call("DELETE", `/v1/message/${body.message_id}`, { headers: company.user });
    await expect.poll(search, { timeout: 5000 }).toEqual([]);
  });

  it("leaves nothing of an erased person to be found", async () => {
    const company = await makeCompany();
    const { lead_id } = await makeLead(company);
    const names = { first_name: "ÖZGE", last_name: "ŞAHİN", email: "ÖZGE@example.org" };
    await call("PUT", `/v1/lead/${lead_id}`, { headers: company.user, body: names });
    expect((await call("DELETE", `/v1/lead/${lead_id}?erase=true`, { headers: company.admin })).status).toBe(200);
    const row = await env.DB.prepare("SELECT * FROM lead WHERE id = ?").bind(lead_id).first();
    expect(JSON.stringify(row)).not.toMatch(/zge|hin/i);
  });

  it("finds rows from before by their ASCII letters at once, and by all of them after the scheduled run", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company, { title: "MÜLLER 17" });
    const { lead_id } = await makeLead(company, { first_name: "ÉLODIE", email: "E@X.example" });
    await env.DB.prepare("UPDATE conversation SET title_folded = NULL WHERE id = ?").bind(id).run();
    expect(await found(company, "/v1/conversation", "conversations", "ller 17")).toEqual([id]);
    expect(await found(company, "/v1/conversation", "conversations", "müller")).toEqual([]);
    expect(await found(company, "/v1/lead/company", "leads", "e@x")).toEqual([lead_id]);
    const left = env.DB.prepare("SELECT count(*) AS n FROM conversation WHERE title_folded IS NULL AND company_id = ?");
    // One run folds so many rows, and other companies may have some that are older.
    await expect
      .poll(async () => {
        await worker.scheduled(createScheduledController(), env);
        return left.bind(company.company_id).first("n");
      })
      .toBe(0);
    expect(await found(company, "/v1/conversation", "conversations", "müller")).toEqual([id]);
    expect(await found(company, "/v1/lead/company", "leads", "élodie")).toEqual([lead_id]);
  });
});

describe("The migration", () => {
  it("folds what is all ASCII, and leaves the rest to the scheduled run", async () => {
    const company = await makeCompany();
    const { id } = await createConversation(company, { title: "Order ~17~" });
    const { id: other } = await createConversation(company, { title: "ORDER №17" });
    const { lead_id } = await makeLead(company, { first_name: "ANN", last_name: "LÉA" });
    const folded = (table: string, column: string, row: string) =>
      env.DB.prepare(`SELECT ${column}_folded FROM ${table} WHERE id = ?`).bind(row).first(`${column}_folded`);
    await env.DB.prepare("UPDATE conversation SET title_folded = NULL WHERE company_id = ?")
      .bind(company.company_id)
      .run();
    const migration = env.TEST_MIGRATIONS.find(({ name }) => name.includes("fold_ascii"));
    await env.DB.batch((migration?.queries ?? []).map((query) => env.DB.prepare(query)));
    expect(await folded("conversation", "title", id)).toBe("order ~17~");
    expect(await folded("conversation", "title", other)).toBeNull();
    expect(await folded("agent", "name", company.agent_id)).toBe("echo");
    expect(await folded("lead", "first_name", lead_id)).toBe("ann");
    expect([await folded("lead", "last_name", lead_id), await folded("lead", "email", lead_id)]).toEqual([null, null]);
  });
});

describe("fold", () => {
  it("folded again is the same, and takes no time for what is long", () => {
    for (const pair of PAIRS) for (const text of pair) expect(fold(fold(text))).toBe(fold(text));
    const began = performance.now();
    fold("ﷺ".repeat(2000));
    fold(`${"e" + "\u0301".repeat(2000)}`);
    expect(performance.now() - began).toBeLessThan(500);
  });
});
