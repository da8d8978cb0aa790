/** What staff does in a conversation: takes it over, answers in it, gives it back. */
import { uuidv7 } from "uuidv7";
import type { Caller } from "../auth/principal.ts";
import { auditRow } from "../chat/audit.ts";
import { conversationView } from "../chat/conversation.ts";
import * as handling from "../chat/journal/handling.ts";
import { messageJson } from "../chat/message.ts";
import { type Outcome, ok, refuse } from "../chat/outcome.ts";
import type { Answer, Note, Person, Rows, Slice, StaffMessage } from "../chat/rpc.ts";
import { principalOf } from "../chat/turn.ts";
import type { ConversationCore } from "./conversation-core.ts";

/** Notes that staff can leave in one conversation. */
const MOST_NOTES = 1_000;
const FULL = `A conversation has at most ${MOST_NOTES} notes.`;

export class Handling {
  readonly #core: ConversationCore;

  constructor(core: ConversationCore) {
    this.#core = core;
  }

  /** What runs is stopped and what waits is held before this answers; `seconds` until the agent has it back, or null. */
  takeOver(caller: Caller, person: Person, seconds: number | null): Promise<Outcome<string>> {
    const stop = () => "running" as const;
    return this.#core.edit(
      caller,
      (edit) => {
        handling.takeOver(edit, person, seconds === null ? null : edit.now + seconds * 1000);
        return ok(this.#view(caller));
      },
      { stop },
    );
  }

  giveBack(caller: Caller, person: Person): Promise<Outcome<string>> {
    return this.#core.edit(caller, (edit) => {
      handling.giveBack(edit, person);
      return ok(this.#view(caller));
    });
  }

  /** Stores what a person says and shows it to whoever follows. Takes over where nobody has. */
  async reply(caller: Caller, person: Person, message: StaffMessage): Promise<Outcome<Answer>> {
    return this.#core.inOrder(async () => {
      const entered = await this.#core.enter(caller);
      return entered.ok ? this.#say(caller, person, message) : entered;
    });
  }

  note(caller: Caller, person: Person, text: string): Promise<Outcome<Note>> {
    return this.#core.inOrder(async () => {
      const entered = await this.#core.enter(caller);
      if (!entered.ok) return entered;
      if (handling.countOf(this.#core.journal, "note") >= MOST_NOTES) return refuse("conflict", { detail: FULL });
      const note = handling.writeNote(this.#edit(caller), uuidv7(), person, text);
      this.#core.changed();
      return this.#core.written(note);
    });
  }

  async list<T>(caller: Caller, table: "note" | "handling", slice: Slice): Promise<Outcome<Rows<T>>> {
    const entered = await this.#core.enter(caller);
    return entered.ok ? ok(handling.pageOf<T>(this.#core.journal, table, slice)) : entered;
  }

  markRead(caller: Caller, sequence: number): Promise<Outcome<string>> {
    return this.#core.inOrder(async () => {
      const entered = await this.#core.enter(caller);
      if (!entered.ok) return entered;
      handling.markRead(this.#edit(caller), sequence);
      this.#core.changed();
      return this.#core.written(JSON.stringify(this.#view(caller)));
    });
  }

  async typing(caller: Caller, name: string | null): Promise<Outcome<null>> {
    const entered = await this.#core.enter(caller);
    if (!entered.ok) return entered;
    const type = caller.entity_type === "lead" ? "lead" : "staff";
    this.#core.typing.emit({ type, entity_id: caller.entity_id, name });
    return ok(null);
  }

  #edit(caller: Caller) {
    return { journal: this.#core.journal, caller, now: this.#core.now() };
  }

  #say(caller: Caller, person: Person, { content, idempotency_key, body_hash }: StaffMessage): Outcome<Answer> {
    const { journal, engine, ids } = this.#core;
    const principal = principalOf(caller);
    const earlier = idempotency_key === null ? null : journal.turns.byKey(principal, idempotency_key);
    const isOther = idempotency_key !== null && journal.turns.rerunBy(principal, idempotency_key) !== null;
    if (isOther || (earlier && earlier.body_hash !== body_hash)) return refuse("idempotency_mismatch");
    if (earlier) {
      const { reply } = journal.messages.ofTurn(earlier);
      return reply?.deleted_at === null
        ? this.#written(messageJson(journal.header.id, reply), true)
        : refuse("message_deleted");
    }
    const now = this.#core.now();
    const input = { principal, idempotency_key, body_hash, content, metadata: {}, output_schema: null };
    const say = () =>
      journal.transaction(() => {
        if (journal.header.handled_by === "agent") handling.takeOver({ journal, caller, now }, person, null);
        const said = journal.say({ ...input, ...ids.turn() }, { type: "staff", ...person }, now);
        const entry = { action: "message.reply", target_type: "message", target_id: said.message.id };
        journal.outbox.add({ op: "header", audit: auditRow(caller, entry, now) });
        return said;
      });
    const { message } = journal.header.handled_by === "agent" ? engine.stopFor(false, say) : say();
    engine.announce();
    this.#core.changed();
    return this.#written(messageJson(journal.header.id, message), false);
  }

  #written(message: string, replayed: boolean): Outcome<Answer> {
    return this.#core.written({ body: `{"message":${message}}`, replayed });
  }

  #view(viewer: Caller) {
    return { conversation: conversationView(handling.recordOf(this.#core.journal), viewer) };
  }
}
