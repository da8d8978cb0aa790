/** What each side has not read, beside what this file counts itself: after any mixture of messages, marks, deletes and restores. */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Caller } from "../../src/auth/principal.ts";
import * as edits from "../../src/chat/journal/edits.ts";
import { markRead, takeOver } from "../../src/chat/journal/handling.ts";
import { bench } from "./journal-harness.ts";

const ANN = { entity_id: "ann", name: "Ann" };
const step = fc.record({
  do: fc.constantFrom("turn", "turn", "fail", "held", "reply", "lead reads", "staff reads", "delete", "restore", "all"),
  n: fc.nat(40),
});

it("is what the other side wrote since, as far as it is live", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (all) => {
      const b = bench({ entity_type: "lead", entity_id: "visitor" });
      const { journal } = b;
      const as = (entity_type: Caller["entity_type"], entity_id: string) => ({
        ...{ journal, now: b.clock() },
        caller: { ...b.caller, kind: entity_type, entity_type, entity_id } as Caller,
      });
      const read = { lead: 0, staff: 0 };
      const rows = () => journal.store.rows("SELECT sequence, role, deleted_at FROM message");
      const last = () => rows().length;
      let count = 0;
      const input = (content: string) => ({
        ...{ principal: "lead:visitor", idempotency_key: null, body_hash: content, content, metadata: {} },
        ...{ output_schema: null, ...b.ids.turn() },
      });
      for (const { do: what, n } of all) {
        const message = journal.messages.at(n);
        const text = `message ${count++}`;
        if (what === "turn" || what === "fail") {
          b.turn(text, `reply to ${text}`, what === "turn" ? "completed" : "failed");
          // The reply came after the visitor wrote.
          read.lead = last() - 1;
        } else if (what === "held") {
          takeOver(as("user", "ann"), ANN, null);
          journal.transaction(() => journal.hold(journal.enqueue(input(text), b.clock()), b.clock()));
          read.lead = last();
        } else if (what === "reply") {
          journal.say(input(text), { type: "staff", ...ANN }, b.clock());
          read.staff = last();
        } else if (what === "lead reads" || what === "staff reads") {
          const side = what === "lead reads" ? "lead" : "staff";
          markRead(side === "lead" ? as("lead", "visitor") : as("user", "ann"), n);
          read[side] = Math.max(read[side], Math.min(n, last()));
        } else if (what === "delete" && message) edits.deleteMessage(as("user", "ann"), message);
        else if (what === "restore" && message) edits.restoreMessage(as("user", "ann"), message);
        else if (what === "all") edits.deleteMessagesAfter(as("user", "ann"), n, `d${count}`);
        const since = (side: "lead" | "staff", role: string) =>
          rows().filter((m) => Number(m["sequence"]) > read[side] && m["role"] === role && m["deleted_at"] === null);
        expect(journal.messages.unread()).toEqual({
          unread_lead: since("lead", "assistant").length,
          unread_staff: since("staff", "user").length,
        });
      }
    }),
    { numRuns: 200 },
  );
});
