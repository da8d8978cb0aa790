/** The console's lists and transcripts, as pure functions: nothing twice, nothing lost, everything in its place. */
import fc from "fast-check";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../../src/cli/tool/project.ts";
import { challengeOf, isAnswer, readAnswer, requestOf } from "../../src/pages/console/authorization.ts";
import { itemsOf, put, putEarlier, sequenceOf } from "../../src/pages/console/conversation/history.ts";
import { putHead, putOlder, putRow, type Rows } from "../../src/pages/console/inbox/merge.ts";
import { snippetOf } from "../../src/pages/console/inbox/snippet.ts";
import type { Conversation, Message } from "../../src/pages/console/types.ts";

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
const conversation = (id: string, minute: number, more: Partial<Conversation> = {}) =>
  ({ id, created_at: at(0), last_message_at: at(minute), ...more }) as Conversation;
const message = (sequence: number) => ({ id: `m${sequence}`, sequence }) as Message;

/** A service with such conversations, newest activity first. */
const listed = (all: Conversation[]) =>
  all.toSorted((a, b) => (b.last_message_at ?? "").localeCompare(a.last_message_at ?? "") || b.id.localeCompare(a.id));
const pageOf = (all: Conversation[], from: number, size: number): Rows => {
  const rows = listed(all).slice(from, from + size);
  return { rows, cursor: from + size < all.length ? String(from + size) : null, total: all.length };
};

describe("signing in at an identity provider", () => {
  const provider = { id: "p1", issuer: "https://login.example.com/", client_id: "console" };
  const pending = { provider, state: "s".repeat(43), nonce: "n".repeat(43), code_verifier: "v".repeat(43), back: "/" };
  const answer = (parameters: Record<string, string>) => new URLSearchParams({ state: pending.state, ...parameters });

  it("asks for a code that only this tab can use, and keeps what the provider's address has already", async () => {
    // The example of RFC 7636, appendix B.
    const challenge = await challengeOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    expect(challenge).toBe("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    const redirect_uri = "https://api.example.com/console";
    const authorization_endpoint = "https://login.example.com/authorize?tenant=1";
    const url = new URL(requestOf({ ...provider, authorization_endpoint, redirect_uri }, pending, challenge));
    expect(url.href).not.toContain(pending.code_verifier);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      tenant: "1",
      response_type: "code",
      scope: "openid profile email",
      client_id: "console",
      redirect_uri,
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: challenge,
      code_challenge_method: "S256",
    });
  });

  it("takes the code of its own answer alone", () => {
    const code = { kind: "code", code: "c1", pending };
    expect(readAnswer(answer({ code: "c1" }), pending)).toEqual(code);
    expect(readAnswer(answer({ code: "c1", iss: provider.issuer }), pending)).toEqual(code);
    const stray = [
      readAnswer(answer({ code: "c1" }), null),
      readAnswer(answer({ code: "c1", state: "another" }), pending),
      readAnswer(answer({ code: "c1", iss: "https://other.example/" }), pending),
      readAnswer(answer({ error: "call", error_description: "this number", state: "x" }), pending),
    ];
    expect(stray).toEqual(stray.map(() => ({ kind: "stray" })));
    expect(isAnswer(new URLSearchParams("company=x&code=1"))).toBe(false);
    expect(isAnswer(answer({ code: "" }))).toBe(true);
  });

  it("says why the provider refused, and no more than fits", () => {
    const refused = answer({ error: "access_denied", error_description: "Not one of us" });
    expect(readAnswer(refused, pending)).toEqual({ kind: "refused", reason: "access_denied: Not one of us" });
    const long = readAnswer(answer({ error: "x".repeat(9000) }), pending);
    expect(long).toEqual({ kind: "refused", reason: "x".repeat(500) });
  });
});

describe("the inbox", () => {
  it("shows what the service lists after any change on its first page", () => {
    const minute = fc.integer({ min: 1, max: 500 });
    fc.assert(
      fc.property(
        fc.array(minute, { minLength: 6, maxLength: 40 }),
        fc.array(fc.tuple(fc.nat(39), fc.option(fc.integer({ min: 501, max: 900 }))), { maxLength: 4 }),
        (minutes, changes) => {
          const size = 5;
          let all = minutes.map((n, index) => conversation(`c${String(index).padStart(2, "0")}`, n));
          let known = pageOf(all, 0, size);
          while (known.cursor !== null) known = putOlder(known, pageOf(all, known.rows.length, size));
          expect(known.rows).toEqual(listed(all));
          // Somebody writes in one (it moves up), or deletes one of the newest.
          for (const [index, moved] of changes) {
            const target = moved === null ? listed(all)[index % size] : all[index % all.length];
            all = all.filter((one) => one !== target);
            if (target && moved !== null) all.push(conversation(target.id, moved));
          }
          const seen = putHead(known, pageOf(all, 0, size));
          const ids = seen.rows.map(({ id }) => id);
          expect(new Set(ids).size).toBe(ids.length);
          expect(seen.rows.slice(0, size)).toEqual(listed(all).slice(0, size));
          expect(seen.rows).toEqual(listed(seen.rows));
        },
      ),
    );
  });

  it("begins anew when a whole page has changed, so that there is no gap", () => {
    const known = pageOf([conversation("a", 1), conversation("b", 2), conversation("c", 3)], 0, 2);
    const head = pageOf([conversation("x", 9), conversation("y", 8), conversation("b", 2)], 0, 2);
    expect(putHead(known, head)).toEqual(head);
  });

  it("moves a conversation that changed, and adds none that it does not show", () => {
    const known = pageOf([conversation("a", 1), conversation("b", 2)], 0, 5);
    expect(putRow(known, conversation("a", 3)).rows.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(putRow(known, conversation("z", 3))).toBe(known);
  });
});

describe("the transcript", () => {
  const items = (live: number[], deleted: number[], hasEarlier = false) =>
    itemsOf({ messages: live.map(message), hasEarlier }, deleted.map(message)).map((item) =>
      item.kind === "gap" ? `${item.from}-${item.to}` : `${item.kind === "deleted" ? "x" : ""}${sequenceOf(item)}`,
    );

  it("shows every number once: as a message, as a deleted one, or as a gap", () => {
    expect(items([2, 5], [])).toEqual(["1-1", "2", "3-4", "5"]);
    expect(items([2, 5], [1, 4])).toEqual(["x1", "2", "3-3", "x4", "5"]);
    expect(items([7, 8], [3], true)).toEqual(["7", "8"]);
    expect(items([], [1, 2])).toEqual(["x1", "x2"]);
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 30 })),
        fc.uniqueArray(fc.integer({ min: 1, max: 30 })),
        (live, gone) => {
          const shown = itemsOf(
            { messages: live.toSorted((a, b) => a - b).map(message), hasEarlier: false },
            gone.map(message),
          );
          const numbers = shown.flatMap((item) =>
            item.kind === "gap"
              ? Array.from({ length: item.to - item.from + 1 }, (_, n) => item.from + n)
              : [sequenceOf(item)],
          );
          expect(numbers).toEqual(Array.from({ length: Math.max(0, ...live, ...gone) }, (_, n) => n + 1));
        },
      ),
    );
  });

  it("takes a message again without showing it twice, and none from before what is loaded", () => {
    const history = { messages: [message(5), message(6)], hasEarlier: true };
    const after = put(put(history, [message(7), message(6)]), [message(2)]);
    expect(after.messages.map(({ sequence }) => sequence)).toEqual([5, 6, 7]);
    const older = putEarlier(after, [message(4), message(3)], false);
    expect(older.messages.map(({ sequence }) => sequence)).toEqual([3, 4, 5, 6, 7]);
    expect(older.hasEarlier).toBe(false);
  });
});

describe("a search hit", () => {
  it("is the text around the first words, whole between its marks", () => {
    const content = `${"word ".repeat(60)}needle and ${"more ".repeat(100)}`;
    const start = content.indexOf("needle");
    const parts = snippetOf(content, [[start, start + 6]]);
    expect(parts.filter(({ isHit }) => isHit)).toEqual([{ text: "needle", isHit: true }]);
    expect(parts[0]?.text).toBe("…");
    const text = parts
      .map((part) => part.text)
      .join("")
      .replaceAll("…", "");
    expect(content).toContain(text);
    expect(text.length).toBeLessThanOrEqual(240);
  });
});

describe("the words", () => {
  const folder = join(root, "src/pages/console/words");
  const read = (name: string) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Record<string, string>;
  const english = read("en.json");
  const placesOf = (text = "") => (text.match(/\{\w+\}/g) ?? []).toSorted();

  it.each(readdirSync(folder))("%s says everything, with the same places to fill in", (name) => {
    const words = read(name);
    expect(Object.keys(words)).toEqual(Object.keys(english));
    for (const [key, text] of Object.entries(words)) {
      expect(placesOf(text), key).toEqual(placesOf(english[key]));
      expect(text.trim(), key).not.toBe("");
    }
  });

  it("are all said somewhere", () => {
    const files = readdirSync(join(folder, ".."), { recursive: true, encoding: "utf8" }).filter((path) =>
      /\.tsx?$/.test(path),
    );
    const code = files.map((path) => readFileSync(join(folder, "..", path), "utf8")).join("\n");
    expect(Object.keys(english).filter((key) => !code.includes(`"${key}"`))).toEqual([]);
  });
});
