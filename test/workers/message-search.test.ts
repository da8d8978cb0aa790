/** Search: what is written is found, by whoever may, as it is spelt; what was deleted is not, however far the index is behind. */
import { createExecutionContext, runInDurableObject, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { ConversationObject } from "../../src/object/conversation-object.ts";
import app from "../../src/app.ts";
import { type Cost, metered } from "../../bench/metered-database.ts";
import { writeIndex } from "../../src/db/search/write.ts";
import { reindex } from "../../src/cli/tenant/reindex.ts";
import { rangesOf, termsOf } from "../../src/db/search/words.ts";
import { call, type Company, makeCompany, type HeaderMap } from "./company.ts";
import { chat, createConversation, history, settle } from "./conversation-client.ts";

type Meter = { costs: Cost[] };
type Wire = { message: any; conversation: any; ranges: [number, number][] };

async function search(company: Company, query: Record<string, string>, headers: HeaderMap = company.user) {
  return call("GET", `/v1/message/search?${new URLSearchParams(query).toString()}`, { headers });
}

/** What the hits say, newest first, over all pages. */
async function contents(company: Company, q: string, more: Record<string, string> = {}): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | null = null;
  do {
    const { status, body }: any = await search(company, { q, ...more, ...(cursor ? { cursor } : {}) });
    expect(status, JSON.stringify(body)).toBe(200);
    found.push(...(body.hits as Wire[]).map(({ message }) => message.content as string));
    cursor = body.pagination.next_cursor;
  } while (cursor);
  return found;
}

/** Waits until the index has everything of a conversation. */
async function indexed(company: Company, id: string): Promise<void> {
  await settle(company, id);
  await runInDurableObject(env.CONVERSATION.getByName(id), (object: ConversationObject) => object.alarm());
}

async function say(company: Company, ...messages: string[]): Promise<string> {
  const { id } = await createConversation(company);
  for (const message of messages) expect((await chat(company, id, message)).status).toBe(200);
  await indexed(company, id);
  return id;
}

function index(): D1Database {
  if (!env.SEARCH) throw new Error("no index is bound");
  return env.SEARCH;
}

const asked = { role: "user" };

describe("words", () => {
  let company: Company;
  beforeAll(async () => {
    company = await makeCompany();
    await say(
      company,
      "Crème brûlée für die Straße, bitte",
      "東京都庁はどこですか",
      "주문한 물건이 언제 오나요",
      "The Refund of order 4711 is late",
      "refunds and orders",
      "ガラスのかびん",
      "שָׁלוֹם לכולם",
      "Йод или ёлка",
      "nach 🇩🇪 und 🇨🇭",
      "Ver\u00adsand\u00adkosten, می\u200cخواهم, 大\u200b阪 👩\u200d🚀",
    );
  });

  test.each([
    ["creme BRULEE", ["Crème brûlée für die Straße, bitte"]],
    ["crème brûl", ["Crème brûlée für die Straße, bitte"]],
    ["STRASSE", ["Crème brûlée für die Straße, bitte"]],
    ["cre brulee", []],
    ["京都", ["東京都庁はどこですか"]],
    ["都", ["東京都庁はどこですか"]],
    ["東京都庁", ["東京都庁はどこですか"]],
    ["京庁", []],
    ["どこ", ["東京都庁はどこですか"]],
    ["물건", ["주문한 물건이 언제 오나요"]],
    ["물건이 언제".normalize("NFD"), ["주문한 물건이 언제 오나요"]],
    ["refund", ["refunds and orders", "The Refund of order 4711 is late"]],
    ["refund order", ["The Refund of order 4711 is late"]],
    ["order refund", ["The Refund of order 4711 is late"]],
    ["471", ["The Refund of order 4711 is late"]],
    ["かび", ["ガラスのかびん"]],
    ["がらす", []],
    ["שלום", ["שָׁלוֹם לכולם"]],
    ["йод", ["Йод или ёлка"]],
    ["елк", ["Йод или ёлка"]],
    ["versandkosten", ["Ver\u00adsand\u00adkosten, می\u200cخواهم, 大\u200b阪 👩\u200d🚀"]],
    ["میخواهم 大阪", ["Ver\u00adsand\u00adkosten, می\u200cخواهم, 大\u200b阪 👩\u200d🚀"]],
    ["🚀", ["Ver\u00adsand\u00adkosten, می\u200cخواهم, 大\u200b阪 👩\u200d🚀"]],
    ["🇨🇭", ["nach 🇩🇪 und 🇨🇭"]],
    ["🇩🇪 nach", ["nach 🇩🇪 und 🇨🇭"]],
    ["🇫🇷", []],
    ["efund", []],
    ["refund zebra", []],
    ["!!! …", []],
  ])("%s", async (q, expected) => {
    const { body } = await search(company, { q, ...asked });
    expect(body.hits.map(({ message }: Wire) => message.content)).toEqual(expected);
  });
});

test("a hit is the message, whose it is, and where the words are", async () => {
  const company = await makeCompany();
  const id = await say(company, "🙂 Ein Café, zwei CAFÉS: ｃａｆｅ́!");
  const { body } = await search(company, { q: "cafe", ...asked });
  const [hit] = body.hits as Wire[];
  const [message] = await history(company, id);
  expect(hit?.message).toEqual(message);
  const { conversation } = (await call("GET", `/v1/conversation/${id}`, { headers: company.user })).body;
  const { title, entity_type, entity_id } = conversation;
  expect(hit?.conversation).toEqual({ id, title, entity_type, entity_id });
  expect(hit?.ranges.map(([start, end]) => hit.message.content.slice(start, end))).toEqual([
    "Café",
    "CAFÉ",
    "ｃａｆｅ́",
  ]);
  expect(body.pagination).toEqual({ per_page: 20, next_cursor: null });
  expect(body.lag_seconds).toBe(0);
});

test("of a text without an end of a word the first hundred places are where they stand", () => {
  const places = Array.from({ length: 100 }, (_, i) => [4 * i, 4 * i + 3]);
  expect(rangesOf("大\u200b阪市".repeat(8000), termsOf("大阪"))).toEqual(places);
});

test("the place of every part of a text is where it stands", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
      fc.string({ unit: "grapheme" }),
      (q, rest) => {
        const terms = termsOf(q);
        const text = `${rest} ${q}`;
        const ranges = rangesOf(text, terms);
        expect(ranges).not.toBeNull();
        for (const [start, end] of ranges ?? []) {
          expect(start).toBeLessThan(end);
          expect(end).toBeLessThanOrEqual(text.length);
          expect(text.slice(start, end).isWellFormed()).toBe(true);
        }
      },
    ),
  );
});

test("filters and pages, each hit once, newest first", async () => {
  const company = await makeCompany();
  const other = await makeCompany();
  const ids = [await say(company, "one pear", "two pears"), await say(company, "three pear", "four pear")];
  await say(other, "five pears");
  expect(await contents(company, "pear", asked)).toEqual(["four pear", "three pear", "two pears", "one pear"]);
  expect(await contents(company, "pear", { ...asked, per_page: "1" })).toHaveLength(4);
  expect(await contents(company, "pear", { ...asked, conversation_id: ids[0] ?? "" })).toEqual([
    "two pears",
    "one pear",
  ]);
  expect(await contents(company, "pear", { ...asked, agent_id: company.agent_id })).toHaveLength(4);
  expect(await contents(company, "pear", { ...asked, agent_id: other.agent_id })).toEqual([]);
  const { body } = await search(company, { q: "three", ...asked });
  const { message, conversation } = body.hits[0] as Wire;
  const { entity_type, entity_id } = conversation;
  expect(await contents(company, "pear", { ...asked, entity_type, entity_id })).toHaveLength(4);
  expect(await contents(company, "pear", { ...asked, entity_type: "lead" })).toEqual([]);
  expect(await contents(company, "pear", { ...asked, created_after: message.created_at })).toEqual(["four pear"]);
  expect(await contents(company, "pear", { ...asked, created_before: message.created_at })).toHaveLength(2);
  expect((await contents(company, "pear", { role: "assistant" })).every((text) => text.includes("pear"))).toBe(true);
});

test("no query is more than a query", async () => {
  const company = await makeCompany();
  await say(company, 'a "quoted" NEAR miss*');
  for (const q of [
    '"',
    "'",
    '"quoted',
    "NEAR(a b)",
    "a AND",
    "OR",
    "words:a",
    "* ^ -",
    "a*",
    "\u0000",
    "()",
    "{tags}:x",
    "%",
    "﷽",
    "‼",
    "½",
  ]) {
    expect((await search(company, { q })).status, q).toBe(200);
  }
  for (const query of [
    {},
    { q: "" },
    { q: "a".repeat(201) },
    { q: "a", role: "x" },
    { q: "a", page: "2" },
    { q: "a", agent_id: "1" },
  ])
    expect((await search(company, query as Record<string, string>)).status).toBe(422);
  const most = Array.from({ length: 100 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join(" ");
  expect((await search(company, { q: most })).status).toBe(200);
  expect((await search(company, { q: "a", cursor: "x" })).status).toBe(400);
});

test("a page reads as much of a large company as of a small one", async () => {
  const company = await makeCompany();
  await say(company, "grape");
  const read = async () => {
    let rows = 0;
    const count = ({ costs }: Meter) => void (rows += costs.reduce((sum, cost) => sum + cost.rows_read, 0));
    const metering = { ...env, DB: metered(env.DB, count), SEARCH: metered(index(), count) };
    const ctx = createExecutionContext();
    const request = new Request("http://api.test/v1/message/search?q=grape&per_page=1", { headers: company.user });
    const response = await app.fetch(request, metering, ctx);
    await waitOnExecutionContext(ctx);
    expect(((await response.json()) as any).hits).toHaveLength(1);
    return rows;
  };
  const first = await read();
  const id = await say(company, "grape");
  const [message] = await history(company, id);
  const row = await env.DB.prepare("SELECT * FROM conversation WHERE id = ?").bind(id).first<any>();
  const messages = Array.from({ length: 2000 }, (_, i) => ({
    ...message,
    sequence: 3 + i,
    created_at: i,
    content: `grape ${i}`,
  }));
  for (let i = 0; i < messages.length; i += 500) {
    const some = messages.slice(i, i + 500) as any[];
    await writeIndex(index(), { header: row, revision: 1_000_000, first: 3 + i, last: 502 + i, messages: some });
  }
  // The lag looks at fifty replies at most.
  expect(await read()).toBeLessThan(first + 150);
});

test("between two pages, too, what was deleted is gone, and restored it is back", async () => {
  const company = await makeCompany();
  const id = await say(company, "plum 1", "plum 2", "plum 3");
  const first = (await search(company, { q: "plum", ...asked, per_page: "1" })).body;
  const [oldest] = await history(company, id);
  expect((await call("DELETE", `/v1/message/${oldest?.id}`, { headers: company.user })).status).toBe(200);
  const cursor = first.pagination.next_cursor;
  expect(await contents(company, "plum", { ...asked, per_page: "1" })).toEqual(["plum 3", "plum 2"]);
  expect((await search(company, { q: "plum", ...asked, per_page: "1", cursor })).body.hits).toHaveLength(1);
  expect((await call("PATCH", `/v1/message/${oldest?.id}/restore`, { headers: company.user })).status).toBe(200);
  await indexed(company, id);
  expect(await contents(company, "plum", asked)).toEqual(["plum 3", "plum 2", "plum 1"]);
  expect((await call("DELETE", `/v1/conversation/${id}`, { headers: company.user })).status).toBe(200);
  expect(await contents(company, "plum")).toEqual([]);
  await indexed(company, id);
  expect(await rowsOf(id)).toEqual([]);
  expect((await call("PATCH", `/v1/conversation/${id}/restore`, { headers: company.user })).status).toBe(200);
  await indexed(company, id);
  expect(await contents(company, "plum", asked)).toEqual(["plum 3", "plum 2", "plum 1"]);
});

const rowsOf = async (id: string) =>
  (await index().prepare("SELECT words FROM message WHERE conversation_id = ?").bind(id).all()).results;

test("an index that is behind shows nothing that the books do not have, and says how far it is behind", async () => {
  const company = await makeCompany();
  const id = await say(company, "cherry one");
  await index().prepare("UPDATE conversation SET revision = revision + 1000000 WHERE id = ?").bind(id).run();
  const [message] = await history(company, id);
  await chat(company, id, "cherry two");
  await settle(company, id);
  expect((await call("DELETE", `/v1/message/${message?.id}`, { headers: company.user })).status).toBe(200);
  const { body } = await search(company, { q: "cherry", ...asked });
  expect(body.hits).toEqual([]);
  expect(body.lag_seconds).toBeGreaterThan(0);
  expect(await rowsOf(id)).not.toEqual([]);
});

test("an erased conversation leaves nothing, not even late, and the receipt says so", async () => {
  const company = await makeCompany();
  const id = await say(company, "secret quince");
  const { status, body } = await call("DELETE", `/v1/conversation/${id}?purge=true`, { headers: company.admin_user });
  expect(status, JSON.stringify(body)).toBe(200);
  expect(body.erasure.stores).toContainEqual({ store: "search_index", rows: 2 });
  expect(await rowsOf(id)).toEqual([]);
  const late = index().prepare("UPDATE conversation SET erased = 0 WHERE id = ?").bind(id);
  await expect(late.run()).rejects.toThrow("newer state");
  expect(await contents(company, "quince")).toEqual([]);
});

test("made anew, the index has what the books have, and nothing else", { tags: "slow", timeout: 180_000 }, async () => {
  const company = await makeCompany();
  const words = Array.from({ length: 25 }, (_, i) => `apple ${i}`);
  const ids = [await say(company, ...words), await say(company, "apple deleted"), await say(company, "apple lost")];
  const [kept = "", deleted = "", lost = ""] = ids;
  await call("DELETE", `/v1/conversation/${deleted}`, { headers: company.user });
  await indexed(company, deleted);
  const search_index = index();
  await search_index.prepare("DELETE FROM message WHERE conversation_id = ? AND sequence > 10").bind(kept).run();
  const stray = "INSERT INTO message VALUES (?, ?, ?, ?, ?)";
  const tags = `company${company.company_id.replaceAll("-", "")} roleuser`;
  await search_index.batch([
    search_index.prepare(stray).bind(1, kept, 9000, tags, "apple stray"),
    search_index.prepare(stray).bind(2, deleted, 1, tags, "apple deleted"),
  ]);
  await env.DB.prepare("DELETE FROM message WHERE conversation_id = ?").bind(lost).run();
  await env.DB.prepare("DELETE FROM conversation WHERE id = ?").bind(lost).run();
  const counts: number[] = [];
  const count = await reindex([env.DB], search_index, (n) => counts.push(n));
  expect(counts.at(-1)).toBe(count);
  expect(await contents(company, "apple", { ...asked, per_page: "10" })).toEqual(words.toReversed());
  expect(await rowsOf(kept)).toHaveLength(50);
  expect([...(await rowsOf(deleted)), ...(await rowsOf(lost))]).toEqual([]);
});

test("without an index the route says so, and all else works", async () => {
  const company = await makeCompany();
  const request = new Request("http://api.test/v1/message/search?q=a", { headers: company.user });
  const { SEARCH: _, ...without } = env;
  const response = await app.fetch(request, without as typeof env, { waitUntil: () => undefined } as any);
  expect(response.status).toBe(503);
  expect(((await response.json()) as any).detail).toContain("SEARCH");
});

test("whatever happens to messages, exactly those that live are found", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.tuple(fc.constantFrom("say", "delete", "restore", "delete all", "restore all", "index"), fc.nat(20)),
        {
          minLength: 3,
          maxLength: 12,
        },
      ),
      async (steps) => {
        const company = await makeCompany();
        const { id } = await createConversation(company);
        const said: { id: string; word: string; isLive: boolean }[] = [];
        for (const [step, n] of steps) {
          const one = said[n % Math.max(1, said.length)];
          const { user: headers } = company;
          if (step === "say") {
            const word = `fig${"abcdefghijklmnop"[said.length]}x`;
            const { body } = await chat(company, id, `a ${word} here`);
            said.push({ id: body.message_id, word, isLive: true });
          } else if (step === "index") await indexed(company, id);
          else if (step === "delete all") {
            await call("DELETE", `/v1/conversation/${id}/messages`, { headers });
            for (const each of said) each.isLive = false;
          } else if (step === "restore all") {
            await call("PATCH", `/v1/conversation/${id}/message/restore-all`, { headers, body: {} });
            for (const each of said) each.isLive = true;
          } else if (one) {
            const path = `/v1/message/${one.id}${step === "restore" ? "/restore" : ""}`;
            await call(step === "restore" ? "PATCH" : "DELETE", path, { headers });
            one.isLive = step === "restore";
          }
          const dead = new Set(said.filter(({ isLive }) => !isLive).map(({ id: message_id }) => message_id));
          const { body } = await search(company, { q: "fig", ...asked });
          expect((body.hits as Wire[]).filter(({ message }) => dead.has(message.id))).toEqual([]);
        }
        await indexed(company, id);
        const { body } = await search(company, { q: "fig", ...asked });
        const live = said.filter(({ isLive }) => isLive).map(({ id: message_id }) => message_id);
        expect(new Set((body.hits as Wire[]).map(({ message }) => message.id as string))).toEqual(new Set(live));
      },
    ),
    { numRuns: 12 },
  );
});

test("the longest reply, in a script without spaces, is found by what it begins with: D1 takes 2 MB a row", async () => {
  const company = await makeCompany();
  const id = await say(company, "persimmon");
  const header = await env.DB.prepare("SELECT * FROM conversation WHERE id = ?").bind(id).first<any>();
  const [first] = await history(company, id);
  const content = `persimmon ${"漢".repeat(349_520)}`;
  const longest = { ...first, content, created_at: Date.now() } as any;
  await writeIndex(index(), { header, revision: header.revision + 1, first: 1, last: 1, messages: [longest] });
  expect(await contents(company, "persimmon", asked)).toEqual(["persimmon"]);
  const size = "SELECT length(CAST(words AS BLOB)) AS bytes FROM message WHERE conversation_id = ? AND sequence = 1";
  const bytes = await index().prepare(size).bind(id).first<number>("bytes");
  expect(bytes).toBeGreaterThan(1_800_000);
  expect(bytes).toBeLessThan(1_950_000);
});
