/** What goes for good by request: what was said in a conversation, and the name of somebody who answered in it. */
import { auditRow } from "../audit.ts";
import { type Outcome, ok, refuse } from "../outcome.ts";
import { aboutConversation, type Edit } from "./edits.ts";
import { RareTable } from "./rare-table.ts";
import { forgetSummary } from "./summary.ts";

/** Whoever of the staff has this id is named nowhere any more: not as author, as handler, nor in notes. */
export function forgetName({ journal, caller, now }: Edit, entity_id: string): void {
  journal.transaction(() => {
    journal.messages.forgetName(entity_id);
    for (const table of ["note", "handling"] as const) {
      new RareTable(journal.store, table).run(`UPDATE ${table} SET name = NULL WHERE entity_id = ?`, entity_id);
    }
    const { handler_id, admitted: before } = journal.header;
    const admitted = before.filter(({ principal }) => principal.entity_id !== entity_id);
    journal.store.setHeader({ updated_at: now, admitted, ...(handler_id === entity_id ? { handler_name: null } : {}) });
    const audit = auditRow(caller, aboutConversation(journal, "conversation.forget_name", { entity_id }), now);
    journal.outbox.add({ op: "header", audit: null });
    journal.outbox.add({ op: "forget_name", entity_id, audit });
  });
}

/** Removes the content for good, here and in D1, and deletes the conversation. Counts, times and audit stay. */
export function eraseConversation({ journal, caller, now }: Edit): Outcome<object> {
  if (journal.header.erased_at !== null) return ok({});
  if (journal.header.hold) return refuse("legal_hold");
  return journal.transaction(() => {
    journal.messages.empty({}, "TRUE");
    journal.turns.purge("TRUE");
    journal.deltas.remove("TRUE");
    forgetSummary(journal, 0);
    new RareTable(journal.store, "note").run("DELETE FROM note");
    const { header } = journal;
    journal.store.setHeader({
      title: "",
      metadata: {},
      deleted_at: header.deleted_at ?? now,
      deleted_by: header.deleted_by ?? caller.entity_id,
      erased_at: now,
      updated_at: now,
      titled_by: null,
      handler_name: null,
      edits: header.edits + 1,
    });
    const audit = auditRow(caller, aboutConversation(journal, "conversation.erase"), now);
    journal.outbox.add({ op: "erase", audit });
    return ok({});
  });
}
