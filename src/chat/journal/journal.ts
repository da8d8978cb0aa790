/**
 * The journal of one conversation, in its object's own SQLite: the record of its turns and messages. What happens to a turn
 * is one transaction each: all of it, or nothing.
 */
import type { Conversation } from "../conversation.ts";
import { areTogether } from "../id.ts";
import type { Author, Message, MessageStatus, ReplyDetails } from "../message.ts";
import type { Cost } from "../money.ts";
import type { ToolCall } from "../tool-call.ts";
import type { EndStatus, Turn, TurnError } from "../turn.ts";
import type { Usage } from "../usage.ts";
import { Deltas } from "./deltas.ts";
import { Messages } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import { type Header, HEADER_MEMBERS, NEW_HEADER, pick } from "./schema.ts";
import type { SqlStore } from "./storage.ts";
import { Store } from "./store.ts";
import { Unindexed } from "./unindexed.ts";
import { type NewTurn, Turns } from "./turns.ts";

/** How a turn ended, with what the reply says. */
export type Ending = {
  status: EndStatus;
  content: string;
  /** UTF-16 code units of the content that are journalled as deltas. */
  delta_length: number;
  tool_calls: ToolCall[] | null;
  details: ReplyDetails | null;
  model_used: string | null;
  usage: Usage | null;
  cost: Cost | null;
  error: TurnError | null;
  last_event: number;
  /** Sequence of the oldest message that the model was shown. */
  window_start: number | null;
  /** A crash ended it: nobody knows how long it took. */
  untimed?: boolean;
  /** Its client is there to be given the answer. */
  answered: boolean;
};

export class Journal {
  readonly store: Store;
  readonly turns: Turns;
  readonly messages: Messages;
  readonly deltas: Deltas;
  readonly outbox: Outbox;
  readonly unindexed: Unindexed;

  constructor(storage: SqlStore) {
    this.store = new Store(storage);
    this.turns = new Turns(this.store);
    this.messages = new Messages(this.store, this.turns);
    this.deltas = new Deltas(this.store);
    this.outbox = new Outbox(this.store, this.messages);
    this.unindexed = new Unindexed(this.store, this.messages);
  }

  /** The conversation, or null while there is none, or not all of it. */
  get found(): Header | null {
    const { found } = this.store;
    return found && found.next_sequence > 0 ? found : null;
  }

  /** The conversation. Throws where there is none. */
  get header(): Header {
    return this.store.header;
  }

  transaction<T>(work: () => T): T {
    try {
      return this.store.transaction(work);
    } catch (error) {
      this.#forgetRead();
      throw error;
    }
  }

  /** The tables are empty, or were filled anew. */
  forget(): void {
    this.store.forget();
    this.#forgetRead();
  }

  #forgetRead(): void {
    this.turns.forget();
    this.messages.forget();
    this.outbox.forget();
    this.unindexed.forget();
    this.deltas.forget();
  }

  /**
   * Takes over some messages of the conversation from D1. Until `isLast` it is not there yet, and whoever takes it over
   * after a crash goes on behind the last message that arrived.
   */
  adopt(conversation: Conversation, messages: Message[], isLast: boolean): void {
    this.transaction(() => {
      const { revision: recorded } = conversation;
      const members = pick(conversation, HEADER_MEMBERS);
      const isEmpty = isLast && messages.length === 0;
      if (!this.store.found) {
        // A sequence of 0 says that messages are still to come.
        const next_sequence = isEmpty ? 1 : 0;
        this.store.begin({ ...members, ...NEW_HEADER, next_sequence, recorded, revision: recorded + 1 });
        if (isEmpty) return;
      }
      this.messages.adopt(messages);
      if (!isLast) return;
      const last = this.adopted;
      const turns = Number(this.store.one("SELECT count(DISTINCT turn_id) AS turns FROM message")?.["turns"]);
      const read = { last_read_lead: last, last_read_staff: last };
      const numbers = { next_sequence: last + 1, next_turn: turns + 1, handed_over: last, recorded, ...read };
      this.store.setHeader({ ...members, ...numbers });
    });
  }

  /** Sequence of the last message that is here, while the conversation is being taken over. */
  get adopted(): number {
    return this.store.found ? Number(this.store.one("SELECT max(sequence) AS last FROM message")?.["last"] ?? 0) : 0;
  }

  /** Notes a turn that has to wait; nothing of it is in the history yet. */
  enqueue(input: NewTurn, now: number): Turn {
    return this.transaction(() => this.turns.add(input, "queued", now));
  }

  /** Notes a turn, gives its message the next sequence, and marks it running. */
  begin({ content, ...input }: NewTurn, now: number): Turn {
    return this.transaction(() => {
      const user_sequence = this.#ask({ ...input, content }, now);
      return this.turns.add({ ...input, content: null, user_sequence, started_at: now }, "running", now);
    });
  }

  /** A waiting turn begins, or a failed one begins again; its message is stored once only. */
  start(turn: Turn, event_base: number, now: number): Turn {
    return this.transaction(() => {
      const { reply_id, reply_sequence } = turn;
      const user_sequence = this.#askOnce(turn, now);
      const begun = { status: "running", kind: null, event_base, user_sequence, started_at: now } as const;
      const unset = { content: null, error: null, last_event: null, ended_at: null, delta_length: null };
      return this.turns.change(turn, { ...begun, ...unset, reply_id, reply_sequence });
    });
  }

  /** A failed turn waits to be run again. */
  requeue(turn: Turn): Turn {
    const { event_base, reply_id, reply_sequence } = turn;
    const again = { event_base, reply_id, reply_sequence };
    const unset = { error: null, started_at: null, ended_at: null };
    return this.transaction(() => this.turns.change(turn, { ...again, ...unset, status: "queued" }));
  }

  /** A message that is a person's to answer, new or sent before: its turn is over with it. */
  hold(turn: Turn, now: number): Turn {
    return this.transaction(() => {
      const user_sequence = this.#askOnce(turn, now);
      const event_base = Math.max(turn.event_base, turn.last_event ?? 0);
      const held = {
        kind: "held",
        status: "completed",
        user_sequence,
        event_base,
        last_event: event_base + 1,
      } as const;
      return this.turns.change(turn, { ...held, content: null, error: null, started_at: now, ended_at: now });
    });
  }

  /** Gives the message of a turn the next sequence, unless it has one: then what was journalled of a reply to it goes. */
  #askOnce(turn: Turn, now: number): number {
    if (turn.user_sequence === null) return this.#ask(turn, now);
    this.deltas.remove("number = ?", turn.number);
    return turn.user_sequence;
  }

  #ask(
    { id, user_message_id, content, metadata }: Pick<Turn, "id" | "user_message_id" | "content" | "metadata">,
    now: number,
  ): number {
    const asked = { content: content ?? "", metadata, created_at: now };
    return this.messages.append(user_message_id, id, "user", asked, true).sequence;
  }

  /** What a person writes is a turn of its own, without a message that it answers. */
  say(input: NewTurn, author: Author, now: number): { turn: Turn; message: Message } {
    return this.transaction(() => {
      const { id, reply_id, content } = input;
      const { awaited_since } = this.header;
      // Who takes over by answering has made nobody wait.
      const waited = awaited_since !== null && awaited_since < now ? { waited_ms: now - awaited_since } : null;
      if (awaited_since !== null) this.store.setHeader({ awaited_since: null });
      const said = { content: content ?? "", author, details: waited, created_at: now };
      const message = this.messages.append(reply_id, id, "assistant", said, areTogether(id, reply_id));
      const ended = { kind: "staff", reply_sequence: message.sequence, started_at: now, ended_at: now } as const;
      const turn = this.turns.add({ ...input, content: null, ...ended, last_event: 1 }, "completed", now);
      return { turn, message };
    });
  }

  /** The turn is over: its reply is stored with the next sequence, or in the place of a failed one. */
  close(turn: Turn, ending: Ending, now: number): { turn: Turn; reply: Message } {
    return this.transaction(() => {
      const { usage, error, last_event, delta_length, window_start, status } = ending;
      const written = {
        content: ending.content,
        tool_calls: ending.tool_calls,
        details: ending.details,
        status: MESSAGE_STATUS[status],
        model_used: ending.model_used,
        processing_time: ending.untimed ? null : (now - (turn.started_at ?? now)) / 1000,
        input_tokens: usage?.input_tokens ?? null,
        output_tokens: usage?.output_tokens ?? null,
        cached_input_tokens: usage?.cached_input_tokens ?? null,
        usage_source: usage?.source ?? null,
        cost: ending.cost,
        created_at: now,
      };
      const former = turn.reply_sequence === null ? null : this.messages.at(turn.reply_sequence);
      const reply = former ? this.#rewrite(former, written) : this.#reply(turn, written);
      const { sequence: reply_sequence } = reply;
      if (ending.answered) this.store.setHeader({ answered: Math.max(turn.number, this.header.answered) });
      const ended = { status, reply_sequence, window_start, error, last_event, delta_length, ended_at: now };
      return { turn: this.turns.change(turn, ended), reply };
    });
  }

  #reply(turn: Turn, written: Partial<Message> & { created_at: number }): Message {
    const leads = areTogether(turn.id, turn.reply_id);
    return this.messages.append(turn.reply_id, turn.id, "assistant", written, leads);
  }

  /** D1 hears of it in any case: the reply as it was may be on its way. */
  #rewrite(former: Message, written: Partial<Message> & { created_at: number }): Message {
    this.outbox.add({ op: "message", sequence: former.sequence });
    return this.messages.replace(former, written);
  }

  /** A waiting turn is taken back: it leaves no message. */
  drop(turn: Turn, error: TurnError, last_event: number, now: number): Turn {
    const ended = { status: "stopped", content: null, error, last_event, ended_at: now } as const;
    return this.transaction(() => this.turns.change(turn, ended));
  }

  /** Whether the client of a turn was given its answer. Of interest for the newest turn only, and may wait for another write. */
  noteAnswered(turn: Turn, isAnswered: boolean): void {
    if (!this.found || this.turns.lastRequest()?.number !== turn.number) return;
    this.store.noteLater({ answered: isAnswered ? turn.number : Math.min(this.header.answered, turn.number - 1) });
  }

  /** Forgets what is kept for a while only, of before `before` (ms). Returns when the oldest ended that is left, if one is. */
  expire(before: number): number | null {
    this.turns.expireReruns(before);
    return this.deltas.expire(before);
  }

  /** How many events of a waiting turn have been sent. */
  setEventBase(turn: Turn, event_base: number): Turn {
    return this.turns.change(turn, { event_base });
  }
}

const MESSAGE_STATUS: Record<EndStatus, MessageStatus> = {
  completed: "complete",
  failed: "failed",
  stopped: "stopped",
};
