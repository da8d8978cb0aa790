/** The journal over real SQLite: history, edits, outbox and adoption, and what each of them reads. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as edits from "../../src/chat/journal/edits.ts";
import { markRead } from "../../src/chat/journal/handling.ts";
import { systemAuditRow } from "../../src/chat/audit.ts";
import { Journal } from "../../src/chat/journal/journal.ts";
import { RARE } from "../../src/chat/journal/schema.ts";
import { purgeMessages } from "../../src/chat/journal/retention.ts";
import { replayNext } from "../../src/chat/projection/replay.ts";
import type { Message } from "../../src/chat/message.ts";
import type { HistoryQuery } from "../../src/chat/rpc.ts";
import { bench, messageOf, newConversation } from "./journal-harness.ts";
import { SqliteStore } from "./sqlite-store.ts";

const page = (changes: Partial<HistoryQuery> = {}): HistoryQuery => ({
  ...{ order: "asc", cursor: null, offset: 0, limit: 50 },
  ...changes,
});

/** A conversation of `count` messages that was taken over. */
function adopted(count: number, change: (message: Message) => Partial<Message> = () => ({})) {
  const storage = new SqliteStore();
  const journal = new Journal(storage);
  const messages = Array.from({ length: count }, (_, index) => messageOf(index + 1));
  const stored = messages.map((message) => ({ ...message, ...change(message) }));
  const message_count = stored.filter(({ deleted_at }) => deleted_at === null).length;
  journal.adopt(newConversation({ message_count, last_message_at: 1 }), stored, true);
  return { storage, journal, stored };
}

describe("A page of history", () => {
  it("is what a plain filter over all messages gives, with any deletes, filters, offsets and cursors", () => {
    const property = fc.property(
      fc.integer({ min: 0, max: 1100 }),
      fc.array(fc.tuple(fc.nat(1200), fc.nat(400)), { maxLength: 6 }),
      fc.record({
        order: fc.constantFrom("asc" as const, "desc" as const),
        role: fc.option(fc.constantFrom("user" as const, "assistant" as const), { nil: undefined }),
        after_sequence: fc.option(fc.nat(1200), { nil: undefined }),
        before_sequence: fc.option(fc.nat(1200), { nil: undefined }),
        cursor: fc.option(fc.nat(1200)),
        offset: fc.nat(1200),
        limit: fc.integer({ min: 1, max: 101 }),
      }),
      (count, gone, query) => {
        const isGone = (n: number) => gone.some(([from, length]) => n >= from && n < from + length);
        const deleted = ({ sequence }: Message) => (isGone(sequence) ? { deleted_at: 1, deleted_by: "x" } : {});
        const { journal, stored } = adopted(count, deleted);
        const { order, role, after_sequence = 0, before_sequence = Infinity, cursor, offset, limit } = query;
        const listed = stored.filter(
          (m) =>
            m.deleted_at === null &&
            (role === undefined || m.role === role) &&
            m.sequence > after_sequence &&
            m.sequence < before_sequence,
        );
        const ordered = order === "asc" ? listed : listed.toReversed();
        const behind = ordered.filter(({ sequence }) =>
          cursor === null ? true : order === "asc" ? sequence > cursor : sequence < cursor,
        );
        const { messages, total } = journal.messages.history.page(query);
        expect(total).toBe(listed.length);
        expect(messages.map(({ sequence }) => sequence)).toEqual(
          behind.slice(offset, offset + limit).map(({ sequence }) => sequence),
        );
      },
    );
    fc.assert(property, { numRuns: 60 });
  });

  it("reads its own rows, and one row a block before them, wherever it is", () => {
    const { storage, journal } = adopted(20_000, ({ sequence }) =>
      sequence > 300 && sequence < 19_000 ? { deleted_at: 1, deleted_by: "x" } : {},
    );
    const read = (query: Partial<HistoryQuery>) => {
      storage.rowsRead = 0;
      const { messages } = journal.messages.history.page(page(query));
      expect(messages).toHaveLength(50);
      return storage.rowsRead;
    };
    // The blocks themselves are read once.
    read({});
    for (const query of [{}, { offset: 1000 }, { order: "desc" as const }, { role: "user" as const, offset: 500 }]) {
      expect([query, read(query) <= 60]).toEqual([query, true]);
    }
  });
});

describe("A message's id", () => {
  it("finds it: of a turn, of a reply made anew, and of what was imported", () => {
    const { journal, turn, ids } = bench();
    const first = turn("one");
    turn("two");
    const { asked, reply } = journal.messages.ofTurn(first.turn);
    expect(journal.messages.find(asked?.id ?? "")?.content).toBe("one");
    expect(journal.messages.find(reply?.id ?? "")?.content).toBe("reply to one");
    expect(journal.messages.find(first.turn.id)).toBeNull();
    expect(journal.messages.find(ids.next())).toBeNull();
    const other = adopted(700);
    expect(other.journal.messages.find("m699")?.sequence).toBe(699);
    expect(other.journal.messages.find("m701")).toBeNull();
  });
});

describe("Adoption", () => {
  it("in pieces is the same as at once, and goes on where it was cut off", () => {
    const messages = Array.from({ length: 600 }, (_, index) => messageOf(index + 1));
    const conversation = newConversation({ message_count: 600, last_message_at: 1, revision: 7 });
    const storage = new SqliteStore();
    const first = new Journal(storage);
    first.adopt(conversation, messages.slice(0, 250), false);
    expect(first.found).toBeNull();
    // As after a restart.
    const second = new Journal(storage);
    expect([second.found, second.adopted]).toEqual([null, 250]);
    second.adopt({ ...conversation, title: "newer" }, messages.slice(250), true);
    expect(second.found).toMatchObject({ title: "newer", next_sequence: 601, next_turn: 301, handed_over: 600 });
    expect(second.header.revision).toBeGreaterThanOrEqual(7);
    expect(second.outbox.isEmpty).toBe(true);
    expect(second.messages.history.page(page({ order: "desc", limit: 1 }))).toMatchObject({
      total: 600,
      messages: [{ sequence: 600 }],
    });
  });
});

describe("What is held in memory", () => {
  const STEPS = ["turn", "read", "delete", "restore", "all", "back", "rate", "seen", "refused"] as const;

  it("is what the tables say, after any turns, edits, reads and transactions that failed", () => {
    const property = fc.property(
      fc.array(fc.tuple(fc.constantFrom(...STEPS), fc.nat(300)), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 0, max: 110 }),
      (steps, before) => {
        const { storage, journal, turn, edit } = bench();
        for (let n = 0; n < before; n++) turn(`before ${n}`);
        const some = (n: number) => journal.messages.at(1 + (n % Math.max(1, journal.header.next_sequence - 1)));
        const run = (step: (typeof STEPS)[number], n: number) => {
          const message = some(n);
          if (step === "turn") turn(`turn ${n}`, undefined, n % 5 === 0 ? "failed" : "completed");
          else if (step === "read") for (const _ of journal.messages.shownBefore(n).take(n % 40));
          else if (step === "all") edits.deleteMessagesAfter(edit(), n, `bulk-${n}`);
          else if (step === "back") edits.restoreAllMessages(edit(), null);
          else if (step === "seen") markRead(edit(), n);
          else if (!message) return;
          else if (step === "delete") edits.deleteMessage(edit(), message);
          else if (step === "restore") edits.restoreMessage(edit(), message);
          else edits.rateMessage(edit(), message, { rating: n % 2 ? "up" : "down", comment: null, at: n } as never);
        };
        for (const [step, n] of steps) {
          if (step === "refused") {
            try {
              journal.transaction(() => {
                for (const inner of ["turn", "delete", "rate"] as const) run(inner, n);
                throw new Error("refused");
              });
            } catch {
              // What it changed is taken back.
            }
          } else run(step, n);
          const fresh = new Journal(storage);
          const last = journal.header.next_sequence - 1;
          for (const upto of [last, last - 1, n]) {
            const window = (of: Journal) => [...of.messages.shownBefore(upto).take(30)];
            expect(window(journal)).toEqual(window(fresh));
          }
          expect(journal.messages.unread()).toEqual(fresh.messages.unread());
          expect(journal.messages.between(Math.max(1, last - 5), last)).toEqual(
            fresh.messages.between(Math.max(1, last - 5), last),
          );
          expect(journal.turns.lastRequest()).toEqual(fresh.turns.lastRequest());
          expect([journal.outbox.isEmpty, journal.unindexed.isEmpty]).toEqual([
            fresh.outbox.isEmpty,
            fresh.unindexed.isEmpty,
          ]);
        }
      },
    );
    fc.assert(property, { numRuns: 60 });
  });

  it("gives everything also where it does not hold everything", () => {
    const { journal, turn } = bench({ max_context_length: 4000 });
    for (let n = 0; n < 30; n++) turn("x".repeat(30_000));
    for (const _ of journal.messages.shownBefore(60));
    for (let n = 0; n < 300; n++) turn(String(n));
    expect([...journal.messages.shownBefore(660)]).toHaveLength(660);
  });
});

describe("The outbox", () => {
  it("has every message and change in order, each batch under a revision that never falls", () => {
    const { storage, journal, turn, edit } = bench();
    const revisions: number[] = [];
    const drain = () => {
      const seen: string[] = [];
      for (let batch = journal.outbox.next(); batch; batch = journal.outbox.next()) {
        revisions.push(batch.header.revision);
        seen.push(...batch.messages.map(({ sequence }) => `+${sequence}`), ...batch.changes.map(({ op }) => op));
        journal.outbox.confirm(batch);
      }
      return seen;
    };
    const { reply } = turn("one");
    turn("two");
    expect(drain()).toEqual(["+1", "+2", "+3", "+4"]);
    edits.deleteMessage(edit(), reply);
    turn("three");
    expect(drain()).toEqual(["+5", "+6", "delete_messages"]);
    edits.restoreAllMessages(edit(), null);
    edits.updateConversation(edit(), { title: "new" });
    expect(drain()).toEqual(["restore_messages", "header"]);
    expect(journal.outbox.isEmpty).toBe(true);
    expect(revisions).toEqual([...revisions].toSorted((a, b) => a - b));
    // What was confirmed is known after a restart.
    expect(new Journal(storage).outbox.isEmpty).toBe(true);
  });

  it("sends what does not fit one batch under a newer revision, so that no batch that lands twice undoes the next", () => {
    const { journal, turn, edit } = bench();
    const { reply } = turn("one");
    for (let n = 0; n < 200; n++) turn(String(n));
    for (let n = 0; n < 15; n++)
      for (const change of [edits.deleteMessage, edits.restoreMessage])
        change(edit(), journal.messages.at(reply.sequence) as Message);
    const revisions: number[] = [];
    for (let batch = journal.outbox.next(); batch; batch = journal.outbox.next()) {
      revisions.push(batch.header.revision);
      journal.outbox.confirm(batch);
    }
    expect(revisions.length).toBeGreaterThan(3);
    expect(revisions).toEqual([...new Set(revisions)].toSorted((a, b) => a - b));
  });

  it("knows when the oldest of what D1 lacks was written", () => {
    const { storage, journal, turn, edit, clock } = bench();
    const drain = () => {
      for (let batch = journal.outbox.next(); batch; batch = journal.outbox.next()) journal.outbox.confirm(batch);
    };
    expect(journal.outbox.since).toBe(null);
    const before = clock();
    const { reply } = turn("one");
    turn("two");
    expect(journal.outbox.since).toBe(journal.messages.at(1)?.created_at);
    expect(journal.outbox.since).toBeGreaterThan(before);
    expect(new Journal(storage).outbox.since).toBe(journal.outbox.since);
    drain();
    expect(journal.outbox.since).toBe(null);
    const deleted = edits.deleteMessage(edit(), reply);
    turn("three");
    expect(journal.outbox.since).toBe(deleted.ok && deleted.value.deleted_at);
    drain();
    edits.updateConversation(edit(), { title: "new" });
    expect(journal.outbox.since).toBe(clock() - 1);
  });

  it("keeps what could not be written by a transaction that failed", () => {
    const { journal, turn } = bench();
    turn("one");
    const before = journal.header;
    expect(() =>
      journal.transaction(() => {
        journal.store.setHeader({ title: "never" });
        throw new Error("no");
      }),
    ).toThrow("no");
    expect(journal.header).toEqual(before);
    expect(journal.found).toEqual(new Journal(bench().storage).found && before);
  });
});

describe("Turns that change hands", () => {
  it("stay, also where both owners had used the same key", () => {
    const { journal, ids, clock } = bench();
    const began = ["lead:visitor", "user:person", "lead:visitor"].map((principal, n) => {
      const input = { principal, idempotency_key: n === 2 ? "other" : "same", body_hash: String(n), content: "x" };
      return journal.begin({ ...input, metadata: {}, output_schema: null, ...ids.turn() }, clock());
    });
    journal.transaction(() => journal.turns.reassign("lead:visitor", "user:person"));
    expect(began.map(({ id }) => journal.turns.byId(id)?.principal)).toEqual(began.map(() => "user:person"));
    expect(journal.turns.byKey("user:person", "same")?.id).toBe(began[1]?.id);
    expect(journal.turns.byKey("user:person", "other")?.id).toBe(began[2]?.id);
  });
});

describe("The search index", () => {
  it("keeps what it has where a conversation is back before D1 has heard that it was deleted", () => {
    const { journal, turn, edit } = bench();
    turn("one");
    const confirm = () => {
      for (let batch = journal.outbox.next(); batch; batch = journal.outbox.next()) {
        journal.outbox.confirm(batch);
        journal.unindexed.note(batch);
      }
    };
    const index = () => {
      const found: number[] = [];
      for (let batch = journal.unindexed.next(); batch; batch = journal.unindexed.next()) {
        found.push(...batch.messages.map(({ sequence }) => sequence));
        journal.unindexed.confirm(batch);
      }
      return found;
    };
    confirm();
    edits.deleteConversation(edit());
    expect(index()).toEqual([1, 2]);
    edits.restoreConversation(edit());
    confirm();
    edits.deleteConversation(edit());
    confirm();
    expect(index()).toEqual([]);
    edits.restoreConversation(edit());
    confirm();
    expect(index()).toEqual([1, 2]);
  });
});

describe("A replay", () => {
  it("has no text of a conversation any more once its delete was acknowledged, whatever a slow reader has had", () => {
    const { journal, turn, edit } = bench();
    const { turn: said } = turn("one");
    const drain = () => {
      for (let batch = journal.outbox.next(); batch; batch = journal.outbox.next()) journal.outbox.confirm(batch);
    };
    const replay = () => JSON.stringify(replayNext(journal, said, 0));
    drain();
    edits.deleteConversation(edit());
    expect(replay()).toContain("reply to one");
    drain();
    expect(replay()).not.toContain("reply to one");
    expect(replay()).toContain('"response"');
    edits.restoreConversation(edit());
    expect(replay()).toContain("reply to one");
  });
});

describe("Edits", () => {
  it("a visitor undoes only what it deleted itself", () => {
    const { journal, turn, edit, caller } = bench({ entity_type: "lead", entity_id: "visitor" });
    const { reply } = turn("one");
    const visitor = { ...caller, entity_type: "lead" as const, entity_id: "visitor" };
    const byStaff = edits.deleteMessage(edit(), reply);
    expect(byStaff.ok).toBe(true);
    const gone = journal.messages.find(reply.id);
    if (!gone) throw new Error("not there");
    const asVisitor = { ...edit(), caller: visitor };
    expect(edits.restoreMessage(asVisitor, gone)).toMatchObject({ ok: false, error: { code: "not_found" } });
    expect(edits.deleteMessage(asVisitor, gone)).toMatchObject({ ok: false, error: { code: "not_found" } });
    expect(edits.restoreAllMessages(asVisitor, null)).toEqual({ restored: 0 });
    expect(edits.restoreMessage(edit(), gone).ok).toBe(true);
    edits.deleteConversation(edit());
    expect(edits.restoreConversation(asVisitor)).toMatchObject({ ok: false });
    expect(edits.restoreConversation(edit()).ok).toBe(true);
  });

  it("delete and restore are the identity, and counters are what a count gives", () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.array(fc.tuple(fc.constantFrom("one", "all", "back", "backAll"), fc.nat(400)), { maxLength: 12 }),
      (turns, steps) => {
        const { journal, turn, edit } = bench();
        for (let n = 0; n < turns; n++) turn(String(n));
        const texts = () => journal.store.rows("SELECT sequence, id, content, created_at FROM message");
        const before = texts();
        for (const [step, n] of steps) {
          const message = journal.messages.at((n % (turns * 2)) + 1);
          if (!message) continue;
          if (step === "one") edits.deleteMessage(edit(), message);
          else if (step === "back") edits.restoreMessage(edit(), message);
          else if (step === "all") edits.deleteMessagesAfter(edit(), n % (turns * 2), `bulk-${n}`);
          else edits.restoreAllMessages(edit(), n % 2 === 0 ? null : `bulk-${n}`);
          const live = journal.store.one("SELECT count(*) AS n FROM message WHERE deleted_at IS NULL");
          expect(journal.header.message_count).toBe(live?.["n"]);
          expect(journal.messages.history.count({ first: 1, last: turns * 2 })).toBe(live?.["n"]);
        }
        expect(JSON.stringify(texts())).toBe(JSON.stringify(before));
      },
    );
    fc.assert(property, { numRuns: 60 });
  });
});

describe("What is purged", () => {
  it("is in no table any more: neither what was said nor what it was asked to look like", () => {
    const { storage, journal, ids, clock, edit } = bench();
    const word = "canary";
    const said = { content: word, metadata: { note: word }, output_schema: { type: "object", description: word } };
    const sent = { principal: "user:person", idempotency_key: word, body_hash: word, ...said };
    const begun = journal.begin({ ...sent, ...ids.turn() }, clock());
    const ending = {
      status: "completed",
      content: word,
      delta_length: 0,
      tool_calls: null,
      model_used: "m/m",
    } as const;
    const rest = {
      usage: null,
      cost: null,
      details: null,
      error: null,
      last_event: 4,
      window_start: 1,
      answered: true,
    };
    journal.close(begun, { ...ending, ...rest }, clock());
    for (let batch = journal.outbox.next(); batch; batch = journal.outbox.next()) journal.outbox.confirm(batch);
    const everywhere = () =>
      ["header", "turn", "message", ...Object.keys(RARE).filter((table) => journal.store.has(table))].filter((table) =>
        JSON.stringify(storage.sql.exec(`SELECT * FROM ${table}`).toArray()).includes(word),
      );
    expect(everywhere()).toEqual(["turn", "message"]);
    edits.deleteMessagesAfter(edit(), 0, "deletion");
    const all = journal.messages.between(1, 2).map(({ id }) => id);
    const now = clock();
    const audit = () => systemAuditRow("company", "retention", { action: "a", target_type: "t", target_id: "i" }, now);
    expect(purgeMessages(journal, all, { before: now, now }, audit)).toBe(2);
    expect(everywhere()).toEqual([]);
  });
});
