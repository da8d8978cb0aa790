/** What a turn writes to D1, in D1's own figures: the ones that docs/scaling.md reckons with. */
import { env } from "cloudflare:workers";
import { uuidv7 } from "uuidv7";
import { expect, test } from "vitest";
import type { Batch } from "../../src/chat/changes.ts";
import { metered } from "../../bench/metered-database.ts";
import { COSTS } from "../../bench/scaling/costs.ts";
import { writeBatch } from "../../src/db/record.ts";
import { type Company, makeCompany } from "./company.ts";
import { chat, createConversation, settle } from "./conversation-client.ts";

type Message = Batch["messages"][number];

/** What the object hands over of the `n`th turn: the messages, and the counters as they are then. */
function handover(company: Company, id: string, messages: Message[], now: number): Batch {
  const { company_id, agent_id } = company;
  const message_count = messages.at(-1)?.sequence ?? 0;
  const header = {
    ...{ id, company_id, agent_id },
    message_count,
    last_message_at: now,
    updated_at: now,
    revision: now,
    ...{ unread_lead: message_count / 2, unread_staff: message_count / 2 },
  };
  return { header, messages, changes: [] } as unknown as Batch;
}

const messageOf = (sequence: number, role: Message["role"], now: number): Message => ({
  ...{ id: uuidv7(), turn_id: uuidv7(), sequence, role, content: `message ${sequence}`, status: "complete" },
  ...{ model_used: null, processing_time: null, input_tokens: null, output_tokens: null, usage_source: null },
  ...{ metadata: {}, tool_calls: null, details: null, author: null, feedback: null, created_at: now },
  ...{ deleted_at: null, deleted_by: null, deletion_id: null, purged_at: null, cached_input_tokens: null, cost: null },
});

test("a turn's two messages", async () => {
  const company = await makeCompany();
  const { id } = await createConversation(company);
  expect((await chat(company, id, "the first")).status).toBe(200);
  // In every hour the first turn of a company notes that there is something to roll up: two rows.
  await settle(company, id);
  const used = { trips: 0, d1_read: 0, d1_written: 0 };
  const db = metered(env.DB, ({ trips, costs }) => {
    used.trips += trips;
    for (const { rows_read, rows_written } of costs) {
      used.d1_read += rows_read;
      used.d1_written += rows_written;
    }
  });
  const write = async (...batches: Message[][]) => {
    Object.assign(used, { trips: 0, d1_read: 0, d1_written: 0 });
    for (const messages of batches) {
      const now = messages[0]?.created_at ?? 0;
      await writeBatch(db.withSession("first-primary"), handover(company, id, messages, now));
    }
    return { ...used };
  };
  // The first turn of an hour notes that there is something to read: its row, an index and, of the first of all, a counter.
  const hour = (Math.floor(Date.now() / 3_600_000) + 1) * 3_600_000;
  const first = [messageOf(3, "user", hour), messageOf(4, "assistant", hour)];
  expect((await write(first)).d1_written).toBeLessThanOrEqual(COSTS.turn.d1_written + 2);
  const now = hour + 1000;
  const { object_read: _, object_written: __, ...turn } = COSTS.turn;
  expect(await write([messageOf(5, "user", now), messageOf(6, "assistant", now)])).toEqual(turn);
});
