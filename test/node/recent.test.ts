/** The messages that a journal holds in memory: how much that is, whatever they are made of. */
import { expect, it } from "vitest";
import { Recent } from "../../src/chat/journal/recent.ts";
import type { Message } from "../../src/chat/message.ts";
import { bench } from "./journal-harness.ts";

const BOUND = 64 * 1024;
const BOTH = { lead: false, staff: false };

it.each<[string, Partial<Message>]>([
  ["content", { content: "x".repeat(16_000) }],
  ["metadata", { metadata: { note: "x".repeat(16_000) } }],
  ["calls of tools", { tool_calls: [{ name: "look", input: "x".repeat(16_000) }] as never }],
])("is bounded also where messages are large by their %s", (_, large) => {
  const b = bench();
  b.turn("a message");
  const some = b.journal.messages.at(1) as Message;
  const messages = Array.from({ length: 60 }, (__, n) => ({ ...some, ...large, sequence: n + 1 }));
  const added = new Recent();
  for (const message of messages) added.add(message, BOTH);
  const filled = new Recent();
  filled.fill(messages.toReversed());
  for (const recent of [added, filled]) {
    const held = [...recent.newestFirst(1, 60)];
    expect(held.map(({ sequence }) => sequence)).toEqual([60, 59, 58, 57]);
    expect(recent.first).toBe(57);
    expect(
      JSON.stringify(held.map(({ content, metadata, tool_calls }) => [content, metadata, tool_calls])).length,
    ).toBeLessThan(BOUND + 1000);
  }
});
