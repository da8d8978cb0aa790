/** Erasures on disk: no byte of a person is left in any file after a restart, wherever they were cut off. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compact } from "../../src/cli/local/compact.ts";
import { complete } from "../upstream/client.ts";
import { openSite, type Site } from "./site.ts";
import { eventually } from "./verify.ts";

const ORIGIN = "https://shop.example";

/** Files of the state whose bytes contain `word`, in either case, each with how often. */
function filesWith(state: string, word: string): string[] {
  const files = readdirSync(state, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  return files.flatMap((file) => {
    const text = readFileSync(join(file.parentPath, file.name), "latin1").toLowerCase();
    const found = text.split(word.toLowerCase()).length - 1;
    return found > 0 ? [`${file.name}: ${found}`] : [];
  });
}

/** Kills the server, starts it again as `npm start` does, and lets it settle. */
async function restart(site: Site): Promise<void> {
  await site.kill();
  compact(site.state);
  await site.start();
  await eventually("the server answers", async () => (await site.client.call("GET", "/v1/health")).status === 200);
}

/** A visitor who says the word in as many ways as there are, over so many conversations that pages split and logs wrap. */
async function visitor({ client, up }: Site, word: string, conversations: number) {
  await up.script("m", complete([`${word} reply `, "x".repeat(3_000)]));
  const agent_id = await client.agent("m", { allowed_origins: [ORIGIN] });
  const registered = await client.call(
    "POST",
    "/v1/lead/register",
    {
      ...{ agent_id, first_name: `${word}a`, last_name: `${word}b`, email: `${word}c@x.example`, phone: `${word}d` },
      source: `${word}e`,
    },
    { origin: ORIGIN, authorization: "" },
  );
  expect(registered.status).toBe(201);
  const headers = { origin: ORIGIN, authorization: `Bearer ${registered.body.access_token}` };
  const post = (path: string, body: object, more: object = {}) =>
    client.call("POST", path, body, { ...headers, ...more });
  const ids: string[] = [];
  for (let n = 0; n < conversations; n++) {
    const made = await post(
      "/v1/conversation",
      { agent_id, title: `${word}f ${n}`, metadata: { note: `${word}g` } },
      { "idempotency-key": `${word}h${n}`, "x-request-id": `${word}i${n}` },
    );
    const { id } = made.body.conversation;
    ids.push(id);
    const said = await post(
      `/v1/conversation/${id}/chat`,
      { message: `${word}j ${"y".repeat((n * 997) % 9_000)}`, metadata: { note: `${word}k` } },
      { "idempotency-key": `${word}l${n}`, "x-request-id": `${word}m${n}` },
    );
    expect(said.status).toBe(200);
    if (n % 3 === 0) {
      const rating = { rating: "down", comment: `${word}n` };
      await client.call("PUT", `/v1/message/${said.body.reply.id}/feedback`, rating, headers);
      await client.call(
        "PATCH",
        `/v1/conversation/${id}`,
        { title: `${word}o`, metadata: { note: `${word}p` } },
        headers,
      );
    }
    if (n % 5 === 1) await client.call("DELETE", `/v1/message/${said.body.message_id}`, undefined, headers);
    if (n % 5 === 2) await client.call("DELETE", `/v1/conversation/${id}`, undefined, headers);
  }
  return { lead_id: registered.body.lead.id as string, headers, ids };
}

/** Repeats the request, and runs the schedule, until it is done. */
async function erased(site: Site, lead_id: string): Promise<any> {
  return eventually("the erasure is done", async () => {
    const { status, body } = await site.client.call("DELETE", `/v1/lead/${lead_id}?erase=true`);
    expect([200, 202]).toContain(status);
    if (status === 202) await site.scheduled();
    return status === 200 && body.erasure;
  });
}

describe("an erased person", () => {
  it("is in no byte of any file after a restart, and everybody else still is", async ({ onTestFinished }) => {
    const site = await openSite(onTestFinished);
    const [gone, kept] = ["qfzvanish", "qfzremain"];
    const { lead_id } = await visitor(site, gone, 40);
    const other = await visitor(site, kept, 3);
    expect(filesWith(site.state, gone)).not.toEqual([]);
    const erasure = await erased(site, lead_id);
    expect(erasure.stores).toContainEqual({ store: "message", rows: 80 });
    await restart(site);
    expect(filesWith(site.state, gone)).toEqual([]);
    expect(filesWith(site.state, kept)).not.toEqual([]);
    const history = await site.client.call(
      "GET",
      `/v1/conversation/${other.ids[0]}/messages`,
      undefined,
      other.headers,
    );
    expect(history.body.messages.map((one: { content: string }) => one.content.split(" ", 1)[0])).toEqual([
      `${kept}j`,
      kept,
    ]);
    // Nothing is left to do for a repeat, which says the same.
    expect((await erased(site, lead_id)).id).toBe(erasure.id);
  });

  it("is gone as well when the server is killed again and again while it happens", async ({ onTestFinished }) => {
    const site = await openSite(onTestFinished);
    const word = "qfzkilled";
    const { lead_id } = await visitor(site, word, 30);
    for (const after of [5, 40, 90, 150, 250]) {
      const request = site.client.call("DELETE", `/v1/lead/${lead_id}?erase=true`).catch(() => null);
      await new Promise((resolve) => setTimeout(resolve, after));
      await site.kill();
      await request;
      await site.start();
    }
    const erasure = await erased(site, lead_id);
    expect(erasure).toMatchObject({ status: "done", receipt: expect.any(String) });
    await restart(site);
    expect(filesWith(site.state, word)).toEqual([]);
  });
});

describe("what a company keeps no longer", () => {
  it("is gone after sweeps that were killed in the middle, and what is due later stays", async ({ onTestFinished }) => {
    const site = await openSite(onTestFinished);
    const { client, files } = site;
    const word = "qfzexpired";
    const { ids } = await visitor(site, word, 30);
    const settings = { retention: { conversations_days: 30 } };
    expect((await client.call("PATCH", "/v1/company", settings)).status).toBe(200);
    const later = new Date(Date.now() + 31 * 86_400_000);
    const left = () => Number(files.record("SELECT count(*) AS n FROM conversation")[0]?.["n"]);
    await site.scheduled();
    const all = left();
    expect(all).toBe(ids.length + 1);
    for (const after of [5, 15, 30, 50]) {
      const sweep = site.scheduled(later).catch(() => null);
      await new Promise((resolve) => setTimeout(resolve, after));
      await site.kill();
      await sweep;
      await site.start();
      // Nothing of which a part is gone is shown.
      const { body } = await client.call("GET", "/v1/conversation?per_page=100");
      for (const { id } of body.conversations) {
        const whole = await client.call("GET", `/v1/conversation/${id}`);
        expect(whole.status).toBe(200);
        expect(await client.history(id)).toHaveLength(whole.body.conversation.message_count);
      }
    }
    await eventually("everything is gone", async () => {
      await site.scheduled(later);
      return left() === files.record("SELECT id FROM conversation WHERE deleted_at IS NOT NULL").length;
    });
    expect((await client.call("GET", "/v1/conversation")).body.conversations).toEqual([]);
    const check = (await client.call("GET", "/v1/audit/verify")).body;
    expect(check).toMatchObject({ valid: true, broken_at: null });
  });
});
