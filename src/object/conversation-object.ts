/**
 * One Durable Object per conversation, named by its id: the only writer of its turns and of deletes and restores. These
 * are its calls; what they have in common is its core's. Expected failures are returned, not thrown.
 */
import { DurableObject } from "cloudflare:workers";
import { uuidv7 } from "uuidv7";
import type { Caller, Entity } from "../auth/principal.ts";
import type { Env } from "../env.ts";
import type { Json, JsonObject } from "../json.ts";
import { contextReport } from "../chat/projection/context.ts";
import { ConversationCore, type Edit } from "./conversation-core.ts";
import { conversationView } from "../chat/conversation.ts";
import * as edits from "../chat/journal/edits.ts";
import { followConversation, followTurn, toStream } from "../chat/projection/follow.ts";
import type { Header } from "../chat/journal/schema.ts";
import { type Feedback, type Message, messageView } from "../chat/message.ts";
import { type Outcome, ok, refuse, storeUnavailable } from "../chat/outcome.ts";
import type {
  Answer,
  ChatRequest,
  ConversationChanges,
  ConversationRpc,
  Links,
  Projection,
  Stream,
  Wanted,
} from "../chat/rpc.ts";
import { answerOf } from "../chat/projection/json.ts";
import { completionOf } from "../chat/projection/openai.ts";
import { encoderFor } from "../chat/projection/encoder.ts";
import { purgeConversation, purgeMessagesOf } from "./retention.ts";
import { type EventId, parseEventId, principalOf, type Turn } from "../chat/turn.ts";

export class ConversationObject extends DurableObject<Env> implements ConversationRpc {
  readonly #core: ConversationCore;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#core = new ConversationCore(ctx, env);
  }

  /** Runs a turn, or joins or replays the one that this request repeats, and answers when both messages are stored. */
  async chat(
    caller: Caller,
    request: ChatRequest,
    links: Links,
    form: "answer" | "completion" = "answer",
  ): Promise<Outcome<Answer>> {
    const accepted = await this.#submit(caller, request, false);
    if (!accepted.ok) return accepted;
    const { live } = accepted.value;
    const stored = live ? (await live.ended).stored : await this.#core.handover.flush();
    const turn = live ? live.turn : accepted.value.turn;
    if (!stored && !turn.error) return storeUnavailable({ turn_id: turn.id, message_id: turn.user_message_id });
    const answer =
      form === "answer" ? answerOf(this.#core.journal, turn, links.base) : completionOf(this.#core.journal, turn);
    return answer.ok ? this.#core.written({ body: answer.value, replayed: live === null }) : answer;
  }

  /** The same turn as a stream of its events. */
  async chatStream(
    caller: Caller,
    request: ChatRequest,
    links: Links,
    projection: Projection = "sse",
  ): Promise<Outcome<Stream>> {
    const accepted = await this.#submit(caller, request, true);
    if (!accepted.ok) return accepted;
    const { live, turn } = accepted.value;
    return unsettled({ stream: this.#turnStream(caller, turn, links, projection), replayed: live === null });
  }

  /** Stops what runs, deletes what came after the message of a turn, and answers that message anew. */
  regenerate(caller: Caller, wanted: Wanted, links: Links): Promise<Outcome<Stream>> {
    return this.#core.inOrder(async () => {
      const entered = await this.#core.enter(caller);
      if (!entered.ok) return entered;
      const turn = this.#find(caller, wanted);
      if (!turn || turn.user_sequence === null) return refuse("not_found");
      const { id: turn_id, user_sequence } = turn;
      const problem = await this.#core.engine.rerunProblem(turn);
      if (problem) return { ok: false, error: problem };
      const accepted = await this.#core.engine.stopFor(false, () => {
        edits.deleteMessagesAfter({ journal: this.#core.journal, caller, now: Date.now() }, user_sequence, uuidv7());
        return this.#core.engine.rerun(this.#core.journal.turns.byId(turn_id) as Turn);
      });
      return unsettled({ stream: this.#turnStream(caller, accepted.turn, links, "ui"), replayed: false });
    });
  }

  #find(caller: Caller, { messages, key, or_last }: Wanted): Turn | null {
    const found = messages.flatMap((message_id) => this.#core.journal.messages.find(message_id) ?? []);
    if (found[0]) return this.#core.journal.turns.byId(found[0].turn_id);
    const keyed = key === null ? null : this.#core.journal.turns.byKey(principalOf(caller), key);
    return keyed ?? (or_last ? this.#core.journal.turns.last() : null);
  }

  /** The turn that runs, or waits next, from its start; null when there is none. */
  async resume(caller: Caller, links: Links): Promise<Outcome<ReadableStream<Uint8Array> | null>> {
    const entered = await this.#core.enter(caller);
    if (!entered.ok) return entered;
    const live = this.#core.engine.find(() => true);
    return unsettled(live && this.#turnStream(caller, live.turn, links, "ui"));
  }

  /** Events of one turn, or of the conversation from `last_event_id` on. */
  async follow(
    caller: Caller,
    from: { turn_id?: string; last_event_id?: string },
    links: Links,
  ): Promise<Outcome<{ stream: ReadableStream<Uint8Array> }>> {
    const entered = await this.#core.enter(caller);
    if (!entered.ok) return entered;
    const start = from.last_event_id === undefined ? null : parseEventId(from.last_event_id);
    if (from.turn_id !== undefined) {
      const turn = this.#core.journal.turns.byId(from.turn_id);
      if (!turn) return refuse("not_found");
      const after = start?.turn === turn.number ? start.event : 0;
      return unsettled({ stream: this.#turnStream(caller, turn, links, "sse", after) });
    }
    const open = this.#core.engine.find(() => true)?.turn;
    const last = open ? { ...open, last_event: 0 } : this.#core.journal.turns.last();
    const position = start ?? { turn: last?.number ?? 0, event: last?.last_event ?? 0 };
    const encode = this.#encoder(caller, links, "sse", position);
    const source = { engine: this.#core.engine, journal: this.#core.journal };
    const reader = new AbortController();
    const closed = new AbortController();
    this.#core.followers.add(closed);
    const left = () => {
      reader.abort();
      closed.abort();
      this.#core.followers.delete(closed);
    };
    return unsettled({
      stream: toStream(followConversation(source, start, reader.signal, closed.signal), encode, left),
    });
  }

  async stop(caller: Caller, turn_id?: string): Promise<Outcome<{ turn_id: string }>> {
    const entered = await this.#core.enter(caller);
    if (!entered.ok) return entered;
    const stopped = await this.#core.engine.stop(turn_id);
    return stopped.ok ? this.#core.written({ turn_id: stopped.value.id }) : stopped;
  }

  update(caller: Caller, changes: ConversationChanges): Promise<Outcome<string>> {
    return this.#core.edit(caller, (edit) => {
      const { metadata, ...rest } = changes;
      const parsed = metadata === undefined ? {} : { metadata: JSON.parse(metadata) };
      return { conversation: conversationView(edits.updateConversation(edit, { ...rest, ...parsed })) };
    });
  }

  /** A running turn is stopped first; readers are sent away. Repeating it changes nothing. */
  remove(caller: Caller): Promise<Outcome<string>> {
    const work = (edit: Edit) => ({ conversation: conversationView(edits.deleteConversation(edit)) });
    return this.#core.edit(caller, work, { reach: "deleted", stop: () => "all" });
  }

  restore(caller: Caller): Promise<Outcome<string>> {
    const work = (edit: Edit) => ({ conversation: conversationView(edits.restoreConversation(edit)) });
    return this.#core.edit(caller, work, { reach: "deleted" });
  }

  /** If the turn that answers this very message, or writes it anew, is running, it is stopped first. */
  removeMessage(caller: Caller, message_id: string): Promise<Outcome<string>> {
    const stop = () => {
      const { user_message_id, reply_id } = this.#core.engine.running?.turn ?? {};
      return message_id === user_message_id || message_id === reply_id ? "running" : "nothing";
    };
    return this.#core.edit(caller, (edit) => this.#onMessage(message_id, (m) => edits.deleteMessage(edit, m)), {
      stop,
    });
  }

  restoreMessage(caller: Caller, message_id: string): Promise<Outcome<string>> {
    return this.#core.edit(caller, (edit) => this.#onMessage(message_id, (m) => edits.restoreMessage(edit, m)));
  }

  rateMessage(caller: Caller, message_id: string, feedback: Feedback | null): Promise<Outcome<string>> {
    return this.#core.edit(caller, (edit) => this.#onMessage(message_id, (m) => edits.rateMessage(edit, m, feedback)));
  }

  removeMessages(caller: Caller): Promise<Outcome<string>> {
    return this.#core.edit(caller, (edit) => edits.deleteMessagesAfter(edit, 0, uuidv7()), {
      stop: () => "running",
    });
  }

  restoreMessages(caller: Caller, deletion_id: string | null): Promise<Outcome<string>> {
    return this.#core.edit(caller, (edit) => edits.restoreAllMessages(edit, deletion_id));
  }

  /** From `former` to the caller, who has shown to be the same person. Readers come back with the caller's token. */
  reassign(caller: Caller, former: Entity): Promise<Outcome<string>> {
    const work = (edit: Edit) => {
      edits.reassignConversation(edit);
      this.#core.engine.reassign(principalOf(former), principalOf(caller));
      for (const closed of this.#core.followers) closed.abort();
      return {};
    };
    return this.#core.edit(caller, work, { reach: "erased", former });
  }

  /** What the model would be shown next, with estimates, and what not and why. */
  async context(caller: Caller): Promise<Outcome<string>> {
    const entered = await this.#core.enter(caller);
    if (!entered.ok) return entered;
    const agent = await this.#core.agents.load(entered.value);
    return agent ? ok(JSON.stringify(contextReport(this.#core.journal, agent))) : refuse("agent_inactive");
  }

  /** Content gone for good, here and in D1; the conversation ends up deleted. */
  erase(caller: Caller): Promise<Outcome<string>> {
    const work = (edit: Edit) => {
      edits.eraseConversation(edit);
      return {};
    };
    return this.#core.edit(caller, work, { reach: "erased", stop: () => "all" });
  }

  /** Retention: of a conversation that was deleted before `before` (ms) nothing stays. False when it is not, or not yet. */
  purge(company_id: string, before: number): Promise<Outcome<boolean>> {
    return this.#core.inOrder(() => purgeConversation(this.#core, this.env, { company_id, id: this.#core.id }, before));
  }

  /** Retention: those of the messages `ids` that were deleted before `before` (ms) say nothing any more. How many. */
  purgeMessages(company_id: string, ids: string[], before: number): Promise<Outcome<number>> {
    return this.#core.inOrder(() => purgeMessagesOf(this.#core, { company_id, id: this.#core.id }, ids, before));
  }

  override alarm(): Promise<void> {
    return this.#core.alarm();
  }

  #submit(caller: Caller, request: ChatRequest, watched: boolean) {
    return this.#core.inOrder(async () => {
      const entered = await this.#core.enter(caller);
      if (!entered.ok) return entered;
      const principal = principalOf(caller);
      const metadata = JSON.parse(request.metadata) as { [key: string]: Json };
      const output_schema = request.output_schema === null ? null : (JSON.parse(request.output_schema) as JsonObject);
      return this.#core.engine.submit({ ...request, principal, metadata, output_schema, watched });
    });
  }

  #onMessage(message_id: string, work: (message: Message) => Message): object | null {
    const message = this.#core.journal.messages.find(message_id);
    if (!message || message.purged_at !== null) return null;
    return { message: messageView((this.#core.journal.header as Header).id, work(message)) };
  }

  #turnStream(caller: Caller, turn: Turn, links: Links, projection: Projection, after = 0) {
    const reader = new AbortController();
    const frames = followTurn({ engine: this.#core.engine, journal: this.#core.journal }, turn, after, reader.signal);
    const start = { turn: turn.number, event: after };
    return toStream(frames, this.#encoder(caller, links, projection, start), () => reader.abort());
  }

  #encoder({ request_id }: Caller, { origin }: Links, projection: Projection, start: EventId) {
    return encoderFor(projection, { conversation_id: this.#core.id, request_id, origin }, this.#core.journal, start);
  }
}

/** An answer that begins before D1 has everything of it. */
const unsettled = <T>(value: T): Outcome<T> => ({ ok: true, value, bookmark: null });
