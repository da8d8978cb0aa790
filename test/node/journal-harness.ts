/** A conversation's journal in this process: real SQLite, a clock that is set by hand. */
import type { Conversation } from "../../src/chat/conversation.ts";
import { IdSource, newConversationId } from "../../src/chat/id.ts";
import { Journal } from "../../src/chat/journal/journal.ts";
import type { Message } from "../../src/chat/message.ts";
import { SqliteStore } from "./sqlite-store.ts";

const START = 1_800_000_000_000;

export function newConversation(changes: Partial<Conversation> = {}): Conversation {
  return {
    ...{ id: newConversationId(START), company_id: "company", agent_id: "agent" },
    ...{ entity_type: "user", entity_id: "person", title: "New Conversation", metadata: {}, max_context_length: 20 },
    ...{ status: "active", message_count: 0, last_message_at: null, created_at: START, updated_at: START },
    ...{ deleted_at: null, deleted_by: null, erased_at: null, revision: 0, hold: null },
    ...{ handled_by: "agent", handler_id: null, handler_name: null, waiting_since: null },
    ...{ unread_lead: 0, unread_staff: 0 },
    ...changes,
  };
}

export function bench(changes: Partial<Conversation> = {}, imported: Message[] = []) {
  const storage = new SqliteStore();
  const journal = new Journal(storage);
  const conversation = newConversation(changes);
  journal.adopt(conversation, imported, true);
  let now = START;
  const clock = () => ++now;
  const ids = new IdSource(conversation.id, clock, []);
  /** A turn with a reply, or a failed one. */
  const turn = (asked: string, replied = `reply to ${asked}`, status: "completed" | "failed" = "completed") => {
    const input = {
      principal: "user:person",
      idempotency_key: null,
      body_hash: asked,
      content: asked,
      metadata: {},
      output_schema: null,
    };
    const begun = journal.begin({ ...input, ...ids.turn() }, clock());
    const ending = {
      ...{
        status,
        content: replied,
        delta_length: 0,
        tool_calls: null,
        model_used: "m/m",
        usage: null,
        cost: null,
        details: null,
      },
      ...{ error: null, last_event: 4, window_start: begun.user_sequence, answered: true },
    };
    return journal.close(begun, ending, clock());
  };
  const caller = {
    ...{ company_id: "company", entity_type: "user" as const, entity_id: "person", api_key_id: null },
    ...{ request_id: "request", expires_at: null, may_read: true },
    ...{ kind: "user" as const, issuer_id: null, issued_at: null },
  };
  const edit = () => ({ journal, caller, now: clock() });
  return { storage, journal, conversation, clock, ids, turn, caller, edit };
}

/** An agent without settings; its models are the test's. */
export const AGENT = {
  ...{ instructions: "", tools_tokens: 0, max_input_tokens: null, summarize: false, auto_title: false },
  ...{ last_resort: null, budgets: false, max_output_tokens: null, hand_over: null },
};

export const messageOf = (sequence: number, rest: Partial<Message> = {}): Message => ({
  ...{ id: `m${sequence}`, turn_id: `t${Math.ceil(sequence / 2)}`, sequence, content: `message ${sequence}` },
  ...{ role: sequence % 2 === 1 ? "user" : "assistant", status: "complete", model_used: null, processing_time: null },
  ...{ input_tokens: null, output_tokens: null, usage_source: null, metadata: {}, tool_calls: null, feedback: null },
  ...{
    created_at: START,
    deleted_at: null,
    deleted_by: null,
    deletion_id: null,
    purged_at: null,
    details: null,
    author: null,
    cached_input_tokens: null,
    cost: null,
  },
  ...rest,
});
