/**
 * The journal of one conversation, in its object's own SQLite: the only truth about its turns and messages. What happens
 * to a turn is one transaction each: all of it, or nothing.
 */
import type { Conversation } from "../conversation.ts";
import { DeltaLog } from "./deltas.ts";
import { HEADER_MEMBERS, MESSAGE_MEMBERS, pick } from "./schema.ts";
import { JournalStore } from "./store.ts";
import type { Message, MessageStatus, ReplyDetails } from "../message.ts";
import { MessageStore } from "./messages.ts";
import type { ToolCall } from "../tool-call.ts";
import type { EndStatus, Turn, TurnError } from "../turn.ts";
import { type NewTurn, TurnStore } from "./turns.ts";
import type { Usage } from "../usage.ts";

/** How a turn ended, with what the reply says. */
export type Ending = {
  status: EndStatus;
  content: string;
  tool_calls: ToolCall[] | null;
  details: ReplyDetails | null;
  model_used: string | null;
  usage: Usage | null;
  error: TurnError | null;
  last_event: number;
  /** A crash ended it: nobody knows how long it took. */
  untimed?: boolean;
};

export class Journal extends JournalStore {
  readonly turns: TurnStore;
  readonly messages: MessageStore;
  /** What was told of recent turns. */
  readonly deltas: DeltaLog;

  constructor(storage: DurableObjectStorage) {
    super(storage);
    this.turns = this.withMemory(new TurnStore(this));
    this.messages = this.withMemory(new MessageStore(this));
    this.deltas = this.withMemory(new DeltaLog(storage.sql));
  }

  /** Takes the conversation over from D1, with the messages it has there. */
  adopt(conversation: Conversation, messages: Message[]): void {
    this.transaction(() => {
      this.migrate();
      const last = messages.at(-1)?.sequence ?? 0;
      const turns = new Set(messages.map((m) => m.turn_id)).size;
      const header = pick(conversation, HEADER_MEMBERS);
      this.insert("header", { one: 1, ...header, next_sequence: last + 1, next_turn: turns + 1, handed_over: last });
      for (const message of messages) this.insert("message", pick(message, MESSAGE_MEMBERS));
    });
    this.forget();
  }

  /** Notes a turn that has to wait; nothing of it is in the history yet. */
  enqueue(input: NewTurn, now: number): Turn {
    return this.transaction(() => this.turns.add(input, "queued", now));
  }

  /** Notes a turn, gives its message the next sequence, and marks it running: all of it, or nothing. */
  begin({ content, ...input }: NewTurn, now: number): Turn {
    return this.transaction(() => {
      const asked = { content: content ?? "", metadata: input.metadata, created_at: now };
      const user_sequence = this.messages.append(input.user_message_id, input.id, "user", asked).sequence;
      return this.turns.add({ ...input, content: null, user_sequence, started_at: now }, "running", now);
    });
  }

  /** A waiting turn begins, or a failed one begins again; its message is stored once only. */
  start(turn: Turn, event_base: number, now: number): Turn {
    return this.transaction(() => {
      const { content, metadata, reply_id, reply_sequence } = turn;
      let { user_sequence } = turn;
      if (user_sequence === null) {
        const asked = { content: content ?? "", metadata, created_at: now };
        user_sequence = this.messages.append(turn.user_message_id, turn.id, "user", asked).sequence;
      } else this.deltas.remove("number = ?", turn.number);
      const begun = { status: "running", event_base, user_sequence, started_at: now } as const;
      const unset = { content: null, error: null, last_event: null, ended_at: null };
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

  /** The turn is over: its reply is stored with the next sequence, or in the place of a failed one. */
  close(turn: Turn, ending: Ending, window_start: number | null, now: number): { turn: Turn; reply: Message } {
    return this.transaction(() => {
      const { usage, error, last_event } = ending;
      const said = {
        content: ending.content,
        tool_calls: ending.tool_calls,
        details: ending.details,
        status: MESSAGE_STATUS[ending.status],
        model_used: ending.model_used,
        processing_time: ending.untimed ? null : (now - (turn.started_at ?? now)) / 1000,
        input_tokens: usage?.input_tokens ?? null,
        output_tokens: usage?.output_tokens ?? null,
        usage_source: usage?.source ?? null,
        created_at: now,
      };
      const former = turn.reply_sequence === null ? null : this.messages.find(turn.reply_id);
      const reply = former
        ? this.messages.replace(former, said)
        : this.messages.append(turn.reply_id, turn.id, "assistant", said);
      const ended = {
        status: ending.status,
        reply_sequence: reply.sequence,
        window_start,
        error,
        last_event,
        ended_at: now,
      };
      return { turn: this.turns.change(turn, ended), reply };
    });
  }

  /** A waiting turn is taken back: it leaves no message. */
  drop(turn: Turn, error: TurnError, last_event: number, now: number): Turn {
    const ended = { status: "stopped", content: null, error, last_event, ended_at: now } as const;
    return this.transaction(() => this.turns.change(turn, ended));
  }

  /** How many events of a waiting turn have been told. */
  setEventBase(turn: Turn, event_base: number): Turn {
    return this.turns.change(turn, { event_base });
  }
}

const MESSAGE_STATUS: Record<EndStatus, MessageStatus> = {
  completed: "complete",
  failed: "failed",
  stopped: "stopped",
};
