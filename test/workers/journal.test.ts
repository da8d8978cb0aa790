/** The journal's tables: as an older Worker made them, they become what a new object gets. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { Journal } from "../../src/chat/journal.ts";
import { VERSION } from "../../src/chat/journal-schema.ts";
import { makeCompany } from "./company.ts";
import { chat, createConversation } from "./conversation-client.ts";

/** What undoes each step, to have tables as they were. */
const BACK = `
ALTER TABLE header DROP COLUMN open;
CREATE INDEX turn_open ON turn (number) WHERE status IN ('queued', 'running');
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
    const fresh = tablesOf(storage);
    const before = new Journal(storage).header;
    storage.sql.exec(BACK);
    storage.sql.exec("UPDATE turn SET status = 'running', ended_at = NULL WHERE number = 2");
    const journal = new Journal(storage);
    expect(journal.header).toEqual({ ...before, open: [2] });
    expect(journal.openTurns().map(({ number }) => number)).toEqual([2]);
    expect(tablesOf(storage)).toEqual(fresh);
    expect([...storage.sql.exec("SELECT number FROM version")]).toEqual([{ number: VERSION }]);
  });
});
