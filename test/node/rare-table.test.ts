/** Tables that most conversations never need: everything works where they are not there, in any order, and whatever fails. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { systemAuditRow } from "../../src/chat/audit.ts";
import * as edits from "../../src/chat/journal/edits.ts";
import { eraseConversation, forgetName } from "../../src/chat/journal/erasure.ts";
import * as handling from "../../src/chat/journal/handling.ts";
import { Journal } from "../../src/chat/journal/journal.ts";
import { closeForGood, purgeMessages } from "../../src/chat/journal/retention.ts";
import { RARE } from "../../src/chat/journal/schema.ts";
import { forgetNotes, forgetSummary, keepSummary, summaryOf } from "../../src/chat/journal/summary.ts";
import type { Conversation } from "../../src/chat/conversation.ts";
import { bench, messageOf, newConversation } from "./journal-harness.ts";
import { SqliteStore } from "./sqlite-store.ts";

type Bench = ReturnType<typeof bench>;

const PERSON = { entity_id: "staff", name: "Sam" };
const SLICE = { after: null, offset: 0, limit: 5 };
const FAR = Number.MAX_SAFE_INTEGER;
const ENTRY = { action: "message.purge", target_type: "conversation", target_id: "c" } as const;

const tablesOf = (storage: SqliteStore) =>
  storage.sql
    .exec("SELECT name FROM sqlite_master WHERE type = 'table'")
    .toArray()
    .map(({ name }) => String(name));

/** Something is added to every table that need not be there. */
function fill({ journal, edit, ids, clock }: Bench): void {
  handling.writeNote(edit(), ids.next(), PERSON, "a note");
  handling.takeOver(edit(), PERSON, null);
  handling.giveBack(edit(), PERSON);
  journal.deltas.add(1, { n: clock(), text: "a", tool: null });
  journal.transaction(() => keepSummary(journal, { upto: 1, text: "what was said" }));
  const at = { body_hash: "b", turn_id: "t", reply_id: "r", at: 1 };
  journal.transaction(() => journal.turns.noteRerun({ principal: "user:person", key: ids.next(), ...at }));
}

function failing(bench: Bench): void {
  const work = () => {
    fill(bench);
    throw new Error("meant to fail");
  };
  expect(() => bench.journal.transaction(work)).toThrow("meant to fail");
}

const withFirst = (
  { journal }: Bench,
  work: (message: NonNullable<ReturnType<typeof journal.messages.at>>) => unknown,
) => {
  const message = journal.messages.at(1);
  if (message) work(message);
};

const STEPS: Record<string, (bench: Bench) => unknown> = {
  turn: ({ turn, clock }) => turn(`said at ${clock()}`),
  failed: ({ turn }) => turn("asked", "no answer", "failed"),
  update: ({ edit, clock }) => edits.updateConversation(edit(), { title: `title ${clock()}` }),
  delete: ({ edit }) => edits.deleteConversation(edit()),
  restore: ({ edit }) => edits.restoreConversation(edit()),
  hold: ({ edit }) => edits.holdConversation(edit(), "a reason"),
  release: ({ edit }) => edits.holdConversation(edit(), null),
  reassign: ({ edit, caller }) => edits.reassignConversation({ ...edit(), caller: { ...caller, entity_id: "other" } }),
  "delete one": (bench) => withFirst(bench, (message) => edits.deleteMessage(bench.edit(), message)),
  "restore one": (bench) => withFirst(bench, (message) => edits.restoreMessage(bench.edit(), message)),
  "delete all": ({ edit, ids }) => edits.deleteMessagesAfter(edit(), 0, ids.next()),
  "restore all": ({ edit }) => edits.restoreAllMessages(edit(), null),
  "ask for a person": ({ journal, ids, clock }) =>
    handling.askForPerson(journal, { reason: "r", summary: { id: ids.next(), text: "t", upto: 1 }, now: clock() }),
  "take over": ({ edit, clock }) => handling.takeOver(edit(), PERSON, clock()),
  "give back": ({ edit }) => handling.giveBack(edit(), PERSON),
  "give back when due": ({ journal, clock }) => handling.giveBackWhenDue(journal, clock()),
  note: ({ edit, ids }) => handling.writeNote(edit(), ids.next(), PERSON, "a note"),
  notes: ({ journal }) => [handling.pageOf(journal, "note", SLICE), handling.pageOf(journal, "handling", SLICE)],
  read: ({ edit, journal }) => [handling.markRead(edit(), 9), handling.recordOf(journal)],
  erase: ({ edit }) => eraseConversation(edit()),
  "forget a name": ({ edit }) => forgetName(edit(), PERSON.entity_id),
  close: ({ journal, clock }) => closeForGood(journal, clock()),
  purge: (bench) =>
    withFirst(bench, ({ id }) =>
      purgeMessages(bench.journal, [id], { before: FAR, now: 1 }, () =>
        systemAuditRow("company", "retention", ENTRY, 1),
      ),
    ),
  summary: ({ journal }) => [summaryOf(journal), forgetSummary(journal, 0), forgetNotes(journal, 0)],
  expire: ({ journal }) => journal.expire(FAR),
  find: ({ journal }) => [journal.messages.find("nothing"), journal.turns.rerunBy("user:person", "key")],
  replay: ({ journal }) => [journal.deltas.of(1), journal.deltas.next(1, 0), journal.deltas.remove("number = 1")],
  lag: ({ journal: { outbox, unindexed } }) => [outbox.since, unindexed.since, outbox.isEmpty, unindexed.isEmpty],
  record: ({ journal: { outbox, unindexed, store } }) => {
    for (let batch = outbox.next(); batch; batch = outbox.next()) {
      outbox.confirm(batch);
      unindexed.note(batch);
      store.writeNotes();
    }
  },
  index: ({ journal: { unindexed } }) => {
    for (let batch = unindexed.next(); batch; batch = unindexed.next()) unindexed.confirm(batch);
  },
  fill,
  fail: failing,
  "fail inside": (bench) =>
    bench.journal.transaction(() => {
      failing(bench);
      bench.journal.deltas.add(1, { n: bench.clock(), text: "a", tool: null });
    }),
  wake: ({ journal }) => journal.forget(),
};

const NAMES = Object.keys(STEPS);

function run(names: string[], imported: number): void {
  const bench_ = bench(
    {},
    Array.from({ length: imported }, (_, i) => messageOf(i + 1)),
  );
  const { storage, journal } = bench_;
  for (const name of names) {
    STEPS[name]?.(bench_);
    const tables = tablesOf(storage);
    for (const table of Object.keys(RARE)) expect(journal.store.has(table), table).toBe(tables.includes(table));
    journal.store.writeNotes();
    expect(journal.header).toEqual(new Journal(storage).header);
  }
}

it.each(NAMES)("nothing but: %s", (name) => {
  for (const imported of [0, 3]) run([name], imported);
});

it("in any order", () => {
  const names = fc.array(fc.constantFrom(...NAMES), { minLength: 2, maxLength: 12 });
  fc.assert(fc.property(names, fc.constantFrom(0, 0, 3), run), { numRuns: 150 });
});

describe("A conversation that was taken over", () => {
  const held = { hold: { reason: "r", since: 1, by: "staff" } };
  const handled = { handled_by: "staff", handler_id: "staff", handler_name: "Sam" } as const;
  const kinds: [string, Partial<Conversation>][] = [
    ["new", {}],
    ["changed", { revision: 7, title: "a title", metadata: { a: [1, { b: null }] }, status: "archived" }],
    ["held", { revision: 1, ...held }],
    ["with staff", { revision: 2, ...handled, waiting_since: null }],
    ["waiting", { waiting_since: 5 }],
    ["erased", { revision: 3, deleted_at: 1, deleted_by: "person", erased_at: 1 }],
  ];

  it.each(kinds)("is at hand as it is stored, under a revision that D1 does not have: %s", (_, changes) => {
    for (const messages of [0, 1, 300]) {
      const imported = Array.from({ length: messages }, (__, i) => messageOf(i + 1));
      const { storage, journal, conversation } = bench(changes, imported);
      expect(journal.header).toEqual(new Journal(storage).header);
      const { revision } = conversation;
      const numbers = { next_sequence: messages + 1, handed_over: messages, last_read_lead: messages };
      expect(journal.header).toMatchObject({ ...changes, ...numbers, recorded: revision, revision: revision + 1 });
      expect(journal.outbox.isEmpty).toBe(true);
      const made = [...(messages > 0 ? ["message_id"] : []), ...(messages > 256 ? ["block"] : [])];
      expect(tablesOf(storage).filter((table) => table in RARE)).toEqual(made);
    }
  });

  it("in pieces has what D1 had at the end", () => {
    const storage = new SqliteStore();
    const conversation = newConversation({ revision: 4 });
    const messages = Array.from({ length: 600 }, (_, i) => messageOf(i + 1));
    new Journal(storage).adopt(conversation, messages.slice(0, 250), false);
    const journal = new Journal(storage);
    journal.adopt(conversation, messages.slice(250, 500), false);
    expect([journal.found, journal.store.found]).toEqual([null, new Journal(storage).store.found]);
    journal.adopt({ ...conversation, revision: 9, title: "later" }, messages.slice(500), true);
    expect(journal.header).toEqual(new Journal(storage).header);
    expect(journal.header).toMatchObject({ title: "later", next_sequence: 601, recorded: 9, revision: 10 });
  });
});

it("what arrives after a conversation was cleared leaves nothing", () => {
  const { storage, journal, turn } = bench();
  turn("one");
  for (const table of tablesOf(storage)) storage.sql.exec(`DROP TABLE ${table}`);
  journal.forget();
  const late = [
    () => journal.deltas.add(1, { n: 2, text: "late", tool: null }),
    () => keepSummary(journal, { upto: 1, text: "late" }),
    () => journal.outbox.add({ op: "header", audit: null }),
  ];
  for (const write of late) expect(write).toThrow("no conversation");
  expect(tablesOf(storage)).toEqual([]);
});
