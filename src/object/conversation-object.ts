/**
 * One Durable Object per conversation, named by its id: the record of its turns and messages, and the only writer of them.
 * These are its calls; what they have in common is its core's. Expected failures are returned, not thrown.
 */
import { DurableObject } from "cloudflare:workers";
import { uuidv7 } from "uuidv7";
import type { Caller, Entity, Principal } from "../auth/principal.ts";
import { conversationView } from "../chat/conversation.ts";
import * as edits from "../chat/journal/edits.ts";
import { forgetName } from "../chat/journal/erasure.ts";
import { recordOf } from "../chat/journal/handling.ts";
import { type Feedback, type Message, messageJson, messageView } from "../chat/message.ts";
import { type Bookmark, type Outcome, ok, refuse, storeUnavailable } from "../chat/outcome.ts";
import { contextReport } from "../chat/projection/context.ts";
import type {
  Answer,
  ChatRequest,
  ConversationChanges,
  ConversationRpc,
  Expiry,
  FollowFrom,
  HistoryQuery,
  HistoryText,
  Links,
  Once,
  HandlingRow,
  Note,
  Person,
  Projection,
  Rows,
  Slice,
  StaffMessage,
  Stream,
  Wanted,
} from "../chat/rpc.ts";
import { principalOf } from "../chat/turn.ts";
import type { Env } from "../env.ts";
import { ConversationCore } from "./conversation-core.ts";
import { Handling } from "./handling.ts";
import { eraseConversation, purgeConversation, purgeMessagesOf } from "./retention.ts";
import { Turns } from "./turns.ts";

export class ConversationObject extends DurableObject<Env> implements ConversationRpc {
  readonly #core: ConversationCore;
  readonly #turns: Turns;
  readonly #handling: Handling;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#core = new ConversationCore(ctx, env);
    this.#turns = new Turns(this.#core);
    this.#handling = new Handling(this.#core);
  }

  chat(
    caller: Caller,
    client: string,
    request: ChatRequest,
    links: Links,
    form: "answer" | "completion" = "answer",
  ): Promise<Outcome<Answer>> {
    return this.#turns.chat(caller, client, request, links, form);
  }

  chatStream(
    caller: Caller,
    request: ChatRequest,
    links: Links,
    projection: Projection = "sse",
  ): Promise<Outcome<Stream>> {
    return this.#turns.stream(caller, request, links, projection);
  }

  chatLater(caller: Caller, request: ChatRequest): Promise<Outcome<Answer & { turn_id: string }>> {
    return this.#turns.later(caller, request);
  }

  turn(caller: Caller, turn_id: string, isRead: boolean, links: Links): Promise<Outcome<string>> {
    return this.#turns.read(caller, turn_id, isRead, links);
  }

  async left(client: string): Promise<void> {
    this.#turns.left(client);
  }

  regenerate(caller: Caller, wanted: Wanted, once: Once, links: Links): Promise<Outcome<Stream>> {
    return this.#turns.regenerate(caller, wanted, once, links);
  }

  resume(caller: Caller, links: Links): Promise<Outcome<ReadableStream<Uint8Array> | null>> {
    return this.#turns.resume(caller, links);
  }

  follow(caller: Caller, from: FollowFrom, links: Links): Promise<Outcome<{ stream: ReadableStream<Uint8Array> }>> {
    return this.#turns.follow(caller, from, links);
  }

  stop(caller: Caller, turn_id?: string): Promise<Outcome<{ turn_id: string }>> {
    return this.#turns.stop(caller, turn_id);
  }

  async read(caller: Caller): Promise<Outcome<string>> {
    const entered = await this.#core.enter(caller);
    return entered.ok ? this.#core.written(JSON.stringify(this.#shown(caller))) : entered;
  }

  async history(caller: Caller, query: HistoryQuery): Promise<Outcome<HistoryText>> {
    const entered = await this.#core.enter(caller);
    if (!entered.ok) return entered;
    const { messages, ...page } = this.#core.journal.messages.history.page(query);
    return this.#core.written({
      messages: messages.map((message) => messageJson(entered.value.id, message)),
      sequences: messages.map(({ sequence }) => sequence),
      ...page,
    });
  }

  async message(caller: Caller, message_id: string): Promise<Outcome<string>> {
    const entered = await this.#core.enter(caller);
    if (!entered.ok) return entered;
    const message = this.#core.journal.messages.find(message_id);
    if (message?.deleted_at !== null) return refuse("not_found");
    return this.#core.written(`{"message":${messageJson(entered.value.id, message)}}`);
  }

  update(caller: Caller, changes: ConversationChanges): Promise<Outcome<string>> {
    return this.#core.edit(caller, (edit) => {
      const { metadata, ...rest } = changes;
      const parsed = metadata === undefined ? {} : { metadata: JSON.parse(metadata) };
      edits.updateConversation(edit, { ...rest, ...parsed });
      return ok(this.#shown(caller));
    });
  }

  /** A running turn is stopped first; readers are sent away. Repeating it changes nothing. */
  remove(caller: Caller): Promise<Outcome<string>> {
    const work = (edit: edits.Edit) => {
      const deleted = edits.deleteConversation(edit);
      return deleted.ok ? ok(this.#shown(caller)) : deleted;
    };
    return this.#core.edit(caller, work, { reach: "deleted", stop: () => "all" });
  }

  restore(caller: Caller): Promise<Outcome<string>> {
    const work = (edit: edits.Edit) => {
      const restored = edits.restoreConversation(edit);
      return restored.ok ? ok(this.#shown(caller)) : restored;
    };
    return this.#core.edit(caller, work, { reach: "deleted" });
  }

  /** Nothing of a conversation that is held goes for good; null takes the hold away. */
  hold(caller: Caller, reason: string | null): Promise<Outcome<string>> {
    const work = (edit: edits.Edit) => {
      edits.holdConversation(edit, reason);
      return ok(this.#shown(caller));
    };
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
    return this.#core.edit(caller, (edit) => ok(edits.deleteMessagesAfter(edit, 0, uuidv7())), {
      stop: () => "running",
    });
  }

  restoreMessages(caller: Caller, deletion_id: string | null): Promise<Outcome<string>> {
    return this.#core.edit(caller, (edit) => ok(edits.restoreAllMessages(edit, deletion_id)));
  }

  /** From `former` to the caller, who has shown to be the same person. Readers come back with the caller's token. */
  reassign(caller: Caller, former: Entity): Promise<Outcome<string>> {
    const work = (edit: edits.Edit) => {
      edits.reassignConversation(edit);
      this.#core.engine.reassign(principalOf(former), principalOf(caller));
      this.#core.readers.close();
      return ok({});
    };
    return this.#core.edit(caller, work, { reach: "erased", former });
  }

  /** What the model would be shown next, with estimates, and what not and why. */
  async context(caller: Caller): Promise<Outcome<string>> {
    const entered = await this.#core.enter(caller);
    if (!entered.ok) return entered;
    const agent = await this.#core.agents.load(entered.value).catch(() => undefined);
    if (agent === undefined) return storeUnavailable();
    return agent ? ok(JSON.stringify(contextReport(this.#core.journal, agent))) : refuse("agent_inactive");
  }

  takeOver(caller: Caller, person: Person, seconds: number | null): Promise<Outcome<string>> {
    return this.#handling.takeOver(caller, person, seconds);
  }

  giveBack(caller: Caller, person: Person): Promise<Outcome<string>> {
    return this.#handling.giveBack(caller, person);
  }

  note(caller: Caller, person: Person, text: string): Promise<Outcome<Note>> {
    return this.#handling.note(caller, person, text);
  }

  notes(caller: Caller, slice: Slice): Promise<Outcome<Rows<Note>>> {
    return this.#handling.list(caller, "note", slice);
  }

  handling(caller: Caller, slice: Slice): Promise<Outcome<Rows<HandlingRow>>> {
    return this.#handling.list(caller, "handling", slice);
  }

  markRead(caller: Caller, sequence: number): Promise<Outcome<string>> {
    return this.#handling.markRead(caller, sequence);
  }

  typing(caller: Caller, name: string | null): Promise<Outcome<null>> {
    return this.#handling.typing(caller, name);
  }

  reply(caller: Caller, person: Person, message: StaffMessage): Promise<Outcome<Answer>> {
    return this.#handling.reply(caller, person, message);
  }

  /** Content gone for good, here and in D1; the conversation ends up deleted. */
  erase(caller: Caller): Promise<Outcome<string>> {
    return eraseConversation(this.#core, this.env, caller, this.#id);
  }

  /** Whoever of the staff has this id is named nowhere in it any more. */
  forgetName(caller: Caller, entity_id: string): Promise<Outcome<string>> {
    const work = (edit: edits.Edit) => {
      forgetName(edit, entity_id);
      return ok({});
    };
    return this.#core.edit(caller, work, { reach: "deleted" });
  }

  recall(credential: string): Promise<Principal | null> {
    return this.#core.callers.recall(credential, Date.now());
  }

  async settle(company_id: string): Promise<Bookmark | null> {
    if (this.#core.journal.found?.company_id !== company_id) return null;
    return (await this.#core.settled()) ? this.#core.bookmark : null;
  }

  /** Retention: nothing stays of a conversation that has expired. False when it has not, or is held. */
  purge(company_id: string, expiry: Expiry): Promise<Outcome<boolean>> {
    return this.#core.inOrder(() => purgeConversation(this.#core, this.env, { company_id, id: this.#id }, expiry));
  }

  /** Retention: those of the messages `ids` that were deleted before `before` (ms) say nothing any more. How many. */
  purgeMessages(company_id: string, ids: string[], before: number): Promise<Outcome<number>> {
    return this.#core.inOrder(() => purgeMessagesOf(this.#core, this.env, { company_id, id: this.#id }, ids, before));
  }

  override alarm(): Promise<void> {
    return this.#core.alarm();
  }

  #shown(viewer: Caller) {
    return { conversation: conversationView(recordOf(this.#core.journal), viewer) };
  }

  get #id(): string {
    return String(this.ctx.id.name);
  }

  #onMessage(message_id: string, work: (message: Message) => Outcome<Message>): Outcome<object> {
    const message = this.#core.journal.messages.find(message_id);
    if (!message || message.purged_at !== null) return refuse("not_found");
    const done = work(message);
    return done.ok ? ok({ message: messageView(this.#core.journal.header.id, done.value) }) : done;
  }
}
