/** What must hold of a conversation whatever happened to it, checked in the answers, in D1 and in the journal. */
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import type { Message } from "./client.ts";
import type { Site } from "./site.ts";

/** Milliseconds: how soon after waking up nothing may be left undone. */
const SETTLED_WITHIN = 60_000;

/** The first truthy thing that `look` sees, within `within` ms. */
export async function eventually<T>(what: string, look: () => T | Promise<T>, within = SETTLED_WITHIN) {
  const deadline = performance.now() + within;
  for (;;) {
    const found = await look();
    if (found) return found as Exclude<T, false | null | undefined | 0 | "">;
    if (performance.now() > deadline) throw new Error(`not within ${within} ms: ${what}`);
    await pause(25);
  }
}

/** Waits, without asking the Worker anything, until no turn is open and D1 has everything. */
export const settled = ({ files }: Site, id: string): Promise<true> =>
  eventually("everything has come to an end and is in D1", () => {
    const isThere = files.journal(id, "SELECT 1 FROM sqlite_master WHERE name = 'outbox'").length > 0;
    const [journal] = files.journal(
      id,
      `SELECT (SELECT count(*) FROM turn WHERE status IN ('queued', 'running'))
       + ${isThere ? "(SELECT count(*) FROM outbox)" : "0"} AS undone,
       (SELECT count(*) FROM message) AS messages FROM header`,
    );
    const [record] = files.record("SELECT count(*) AS messages FROM message WHERE conversation_id = ?", id);
    return journal?.["undone"] === 0 && journal["messages"] === record?.["messages"];
  });

/** Waits until the conversation has settled and checks the invariants. Returns its live messages. */
export async function verify(site: Site, id: string): Promise<Message[]> {
  await settled(site, id);
  const { client, files } = site;
  const columns = "id, turn_id, sequence, role, content, status, metadata, created_at, deleted_at, deletion_id";
  const journal = files.journal(id, `SELECT ${columns} FROM message ORDER BY sequence`);
  const record = files.record(`SELECT ${columns} FROM message WHERE conversation_id = ? ORDER BY sequence`, id);
  expect(record).toEqual(journal);
  expect(record.map((row) => row["sequence"])).toEqual(record.map((_, index) => index + 1));

  const turns = Map.groupBy(record, (row) => row["turn_id"]);
  for (const rows of turns.values()) {
    const roles = rows.map((row) => row["role"]);
    expect(roles.filter((role) => role === "user")).toHaveLength(1);
    expect(rows.filter((row) => row["role"] === "assistant" && row["status"] !== "failed").length).toBeLessThan(2);
  }

  const history = await client.history(id);
  const live = record.filter((row) => row["deleted_at"] === null);
  expect(history.map((m) => [m.id, m.sequence, m.content])).toEqual(
    live.map((row) => [row["id"], row["sequence"], row["content"]]),
  );
  const { conversation } = (await client.call("GET", `/v1/conversation/${id}`)).body;
  expect(conversation.message_count).toBe(live.length);
  return history;
}

/** How many answers the upstream has given for `model` to their end. */
export async function answeredBy({ up }: Site, model: string): Promise<number> {
  return (await up.requests(model)).filter(({ state }) => state === "answered").length;
}
