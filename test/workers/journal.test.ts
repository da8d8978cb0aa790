/** The journal's tables: as an older Worker made them, they become what a new object gets. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { Journal } from "../../src/chat/journal/journal.ts";
import { RARE, VERSION } from "../../src/chat/journal/schema.ts";
import { makeCompany } from "./company.ts";
import { chat, createConversation } from "./conversation-client.ts";

/** What undoes each step, the last first, to have tables as they were. */
const BACK = `
ALTER TABLE header DROP COLUMN awaited_since;
ALTER TABLE note DROP COLUMN upto;
ALTER TABLE message DROP COLUMN cached_input_tokens;
ALTER TABLE message DROP COLUMN cost;
ALTER TABLE header DROP COLUMN admitted;
ALTER TABLE header DROP COLUMN handled_by;
ALTER TABLE header DROP COLUMN handler_id;
ALTER TABLE header DROP COLUMN handler_name;
ALTER TABLE header DROP COLUMN waiting_since;
ALTER TABLE header DROP COLUMN last_read_lead;
ALTER TABLE header DROP COLUMN last_read_staff;
ALTER TABLE header DROP COLUMN return_at;
ALTER TABLE turn DROP COLUMN kind;
ALTER TABLE message DROP COLUMN author;
DROP TABLE note;
DROP TABLE handling;
ALTER TABLE header DROP COLUMN recorded;
ALTER TABLE header DROP COLUMN indexed;
ALTER TABLE header DROP COLUMN indexed_as;
DROP TABLE reindex;
ALTER TABLE header DROP COLUMN revision;
ALTER TABLE header DROP COLUMN edits;
ALTER TABLE header DROP COLUMN hold;
ALTER TABLE header DROP COLUMN answered;
ALTER TABLE turn DROP COLUMN delta_length;
DROP TABLE message_id;
DROP TABLE block;
DROP TABLE agent;
DROP TABLE rerun;
ALTER TABLE message DROP COLUMN details;
CREATE UNIQUE INDEX message_unique ON message (id);
ALTER TABLE header DROP COLUMN open;
ALTER TABLE turn DROP COLUMN output_schema;
CREATE INDEX turn_open ON turn (number) WHERE status IN ('queued', 'running');
CREATE TABLE delta (
  turn INTEGER NOT NULL, n INTEGER NOT NULL, text TEXT NOT NULL, tool TEXT, PRIMARY KEY (turn, n)
) WITHOUT ROWID;
DROP TABLE deltas;
CREATE INDEX message_context ON message (sequence) WHERE deleted_at IS NULL AND status <> 'failed' AND content <> '';
UPDATE version SET number = 1;
`;

const tablesOf = ({ sql }: DurableObjectStorage) => {
  const names = sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\' ORDER BY name");
  return [...names].map(({ name }) => [name, [...sql.exec(`PRAGMA table_info("${String(name)}")`)]]);
};

it("tables of the first version take every step, and what was open is found", async () => {
  const company = await makeCompany();
  const { id } = await createConversation(company);
  for (const message of ["one", "two"]) expect((await chat(company, id, message)).status).toBe(200);
  await runInDurableObject(env.CONVERSATION.getByName(id), (_, { storage }) => {
    const { store, header: before } = new Journal(storage);
    for (const table of Object.keys(RARE)) store.make(table as keyof typeof RARE);
    const fresh = tablesOf(storage);
    storage.sql.exec(BACK);
    const tool = { call_id: "c", name: "n", state: "called", input: { of: 1 } };
    const deltas = [
      { n: 2, text: 'a "b"\n', tool: null },
      { n: 10, text: "", tool },
    ];
    for (const { n, text, tool: noted } of deltas) {
      storage.sql.exec("INSERT INTO delta VALUES (2, ?, ?, ?)", n, text, noted && JSON.stringify(noted));
    }
    storage.sql.exec("UPDATE turn SET status = 'running', ended_at = NULL WHERE number = 2");
    const journal = new Journal(storage);
    const read = { last_read_lead: 4, last_read_staff: 4 };
    const unindexed = { recorded: 0, indexed: 0, indexed_as: "", admitted: [], awaited_since: null };
    expect(journal.header).toEqual({ ...before, open: [2], revision: 0, edits: 0, answered: 0, ...read, ...unindexed });
    expect(journal.turns.open().map(({ number }) => number)).toEqual([2]);
    expect(journal.deltas.of(2)).toEqual(deltas);
    expect(tablesOf(storage)).toEqual(fresh);
    expect([...storage.sql.exec("SELECT number FROM version")]).toEqual([{ number: VERSION }]);
  });
});

it("deltas share rows of some kilobytes, and come back as they were, turn by turn", async () => {
  const company = await makeCompany();
  const { id } = await createConversation(company);
  for (const message of ["one", "two"]) await chat(company, id, message);
  await runInDurableObject(env.CONVERSATION.getByName(id), (_, { storage }) => {
    const { deltas } = new Journal(storage);
    const told = Array.from({ length: 200 }, (__, i) => ({ n: i + 2, text: `${"🙂".repeat(20)}${i}`, tool: null }));
    for (const delta of told.slice(0, 100)) deltas.add(1, delta);
    deltas.add(2, { n: 2, text: "another turn", tool: null });
    for (const delta of told.slice(100)) deltas.add(1, delta);
    expect(deltas.of(1)).toEqual(told);
    const rows = () => storage.sql.exec("SELECT * FROM deltas").toArray();
    const bytes = JSON.stringify(told).length;
    expect(rows().length).toBeLessThan(bytes / 4096 + 4);
    deltas.remove("number = ?", 1);
    expect(rows()).toHaveLength(1);
    deltas.add(1, { n: 2, text: "again", tool: null });
    expect(deltas.of(1)).toEqual([{ n: 2, text: "again", tool: null }]);
  });
});
