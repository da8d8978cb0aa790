/**
 * One Durable Object per conversation, named by its id: the only writer of its turns and of deletes and restores. Wires
 * the engine to storage, D1, models and the alarm; decides nothing itself. Expected failures are returned, not thrown.
 */
import { DurableObject } from "cloudflare:workers";
import { uuidv7 } from "uuidv7";
import { type Caller, type Entity, mayAccess } from "../auth/principal.ts";
import { configOf, type Env } from "../config.ts";
import { systemAuditRow } from "../db/audit.ts";
import { findConversation } from "../db/conversation.ts";
import { causeOf, companyDatabase, homeOf } from "../db/database.ts";
import { allMessages } from "../db/message.ts";
import { writeBatch } from "../db/record.ts";
import { closeConversation, removeConversation } from "../db/retention.ts";
import type { Json } from "../db/schema.ts";
import type { Bookmark } from "../http/bookmark.ts";
import { AgentCache } from "./agent-cache.ts";
import { alarmAfter } from "./alarm.ts";
import { contextReport, nextContext } from "./context-report.ts";
import { conversationView } from "./conversation.ts";
import * as edits from "./edits.ts";
import { Engine, type TurnInput } from "./engine.ts";
import { followConversation, followTurn, toStream } from "./follow.ts";
import { Handover } from "./handover.ts";
import type { Header } from "./journal-schema.ts";
import { Journal } from "./journal.ts";
import { type Feedback, type Message, messageView } from "./message.ts";
import { type Outcome, ok, refuse, storeUnavailable } from "./outcome.ts";
import { answerOf } from "./projection-json.ts";
import { completionOf } from "./projection-openai.ts";
import { encoderFor, type Projection } from "./projection.ts";
import { closeForGood, isExpired, purgeMessages } from "./purge.ts";
import { summarise } from "./summary.ts";
import { titleByTurn } from "./title.ts";
import { type EventId, parseEventId, principalOf, type Turn } from "./turn.ts";

/** A `/chat` request, as the edge has checked it. Metadata travels as JSON, to arrive exactly as it was sent. */
export type ChatRequest = Omit<TurnInput, "principal" | "metadata" | "watched"> & { metadata: string };

/** Where links and problem types of an answer point. */
export type Links = { origin: string; base: string };

export type Answer = { body: string; replayed: boolean };
/** A turn, as a client can name it: by messages of it, of which the first that is known counts, else by its key. */
export type Wanted = { messages: string[]; key: string | null; or_last: boolean };
export type Stream = { stream: ReadableStream<Uint8Array>; replayed: boolean };
export type ConversationChanges = Partial<Pick<Header, "title" | "max_context_length" | "status">> & {
  metadata?: string;
};

const log = (event: object) => console.warn(JSON.stringify(event));

const DAY = 24 * 60 * 60 * 1000;

export class ConversationObject extends DurableObject<Env> {
  readonly #journal: Journal;
  readonly #handover: Handover;
  readonly #engine: Engine;
  readonly #agents: AgentCache;
  /** Readers of the whole conversation, to be sent away when it is deleted. */
  readonly #followers = new Set<AbortController>();
  #admission: Promise<unknown> = Promise.resolve();
  /** When the alarm will ring, as far as this process knows. */
  #alarmAt: number | null = null;
  #alarmFailures = 0;
  /** How far D1 had got with the last of our writes that this process knows of. */
  #bookmark: Bookmark | null = null;
  /** How often this process has purged the conversation. */
  #purges = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const sleep = (ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
      });
    this.#journal = new Journal(ctx.storage);
    this.#agents = new AgentCache(env, configOf(env));
    const write = async (batch: Parameters<typeof writeBatch>[1]) => {
      try {
        const { name, d1 } = await homeOf(env, batch.header.company_id);
        const session = d1.withSession("first-primary");
        await writeBatch(session, batch);
        const at = session.getBookmark();
        this.#bookmark = at === null ? null : { database: name, at };
      } catch (error) {
        this.#wakeAt(Date.now() + alarmAfter.failure(this.#alarmFailures + 1));
        throw error;
      }
    };
    this.#handover = new Handover(this.#journal, { write }, sleep, log);
    this.#engine = new Engine({
      journal: this.#journal,
      handover: this.#handover,
      loadAgent: () => this.#agents.load(this.#journal.header as Header),
      clock: Date.now,
      newId: uuidv7,
      sleep,
      keepWatch: () => this.#wakeAt(Date.now() + alarmAfter.turn),
      onClosed: (turn) => this.#afterTurn(turn),
      log,
    });
    if (this.#journal.header) this.#engine.recover();
  }

  /** Runs a turn, or joins or replays the one that this request repeats, and answers when both messages are stored. */
  async chat(
    caller: Caller,
    id: string,
    request: ChatRequest,
    links: Links,
    form: "answer" | "completion" = "answer",
  ): Promise<Outcome<Answer>> {
    const accepted = await this.#submit(caller, id, request, false);
    if (!accepted.ok) return accepted;
    const { live } = accepted.value;
    const stored = live ? (await live.ended).stored : await this.#handover.flush();
    const turn = live ? live.turn : accepted.value.turn;
    if (!stored && !turn.error) return storeUnavailable({ turn_id: turn.id, message_id: turn.user_message_id });
    const answer = form === "answer" ? answerOf(this.#journal, turn, links.base) : completionOf(this.#journal, turn);
    return answer.ok ? this.#written({ body: answer.value, replayed: live === null }) : answer;
  }

  /** The same turn as a stream of its events. */
  async chatStream(
    caller: Caller,
    id: string,
    request: ChatRequest,
    links: Links,
    projection: Projection = "sse",
  ): Promise<Outcome<Stream>> {
    const accepted = await this.#submit(caller, id, request, true);
    if (!accepted.ok) return accepted;
    const { live, turn } = accepted.value;
    return unsettled({ stream: this.#turnStream(caller, id, turn, links, projection), replayed: live === null });
  }

  /** Stops what runs, deletes what came after the message of a turn, and answers that message anew. */
  regenerate(caller: Caller, id: string, wanted: Wanted, links: Links): Promise<Outcome<Stream>> {
    return this.#inOrder(async () => {
      const entered = await this.#enter(caller, id);
      if (!entered.ok) return entered;
      const turn = this.#find(caller, wanted);
      if (!turn || turn.user_sequence === null) return refuse("not_found");
      const { id: turn_id, user_sequence } = turn;
      const problem = await this.#engine.rerunProblem(turn);
      if (problem) return { ok: false, error: problem };
      const accepted = await this.#engine.stopFor(false, () => {
        edits.deleteMessagesAfter({ journal: this.#journal, caller, now: Date.now() }, user_sequence, uuidv7());
        return this.#engine.rerun(this.#journal.turnById(turn_id) as Turn);
      });
      return unsettled({ stream: this.#turnStream(caller, id, accepted.turn, links, "ui"), replayed: false });
    });
  }

  #find(caller: Caller, { messages, key, or_last }: Wanted): Turn | null {
    const found = messages.flatMap((message_id) => this.#journal.message(message_id) ?? []);
    if (found[0]) return this.#journal.turnById(found[0].turn_id);
    const keyed = key === null ? null : this.#journal.turnByKey(principalOf(caller), key);
    return keyed ?? (or_last ? this.#journal.lastTurn() : null);
  }

  /** The turn that runs, or waits next, from its start; null when there is none. */
  async resume(caller: Caller, id: string, links: Links): Promise<Outcome<ReadableStream<Uint8Array> | null>> {
    const entered = await this.#enter(caller, id);
    if (!entered.ok) return entered;
    const live = this.#engine.find(() => true);
    return unsettled(live && this.#turnStream(caller, id, live.turn, links, "ui"));
  }

  /** Events of one turn, or of the conversation from `last_event_id` on. */
  async follow(
    caller: Caller,
    id: string,
    from: { turn_id?: string; last_event_id?: string },
    links: Links,
  ): Promise<Outcome<{ stream: ReadableStream<Uint8Array> }>> {
    const entered = await this.#enter(caller, id);
    if (!entered.ok) return entered;
    const start = from.last_event_id === undefined ? null : parseEventId(from.last_event_id);
    if (from.turn_id !== undefined) {
      const turn = this.#journal.turnById(from.turn_id);
      if (!turn) return refuse("not_found");
      const after = start?.turn === turn.number ? start.event : 0;
      return unsettled({ stream: this.#turnStream(caller, id, turn, links, "sse", after) });
    }
    const open = this.#engine.find(() => true)?.turn;
    const last = open ? { ...open, last_event: 0 } : this.#journal.lastTurn();
    const position = start ?? { turn: last?.number ?? 0, event: last?.last_event ?? 0 };
    const encode = this.#encoder(caller, id, links, "sse", position);
    const source = { engine: this.#engine, journal: this.#journal };
    const reader = new AbortController();
    const closed = new AbortController();
    this.#followers.add(closed);
    const left = () => {
      reader.abort();
      closed.abort();
      this.#followers.delete(closed);
    };
    return unsettled({
      stream: toStream(followConversation(source, start, reader.signal, closed.signal), encode, left),
    });
  }

  async stop(caller: Caller, id: string, turn_id?: string): Promise<Outcome<{ turn_id: string }>> {
    const entered = await this.#enter(caller, id);
    if (!entered.ok) return entered;
    const stopped = await this.#engine.stop(turn_id);
    return stopped.ok ? this.#written({ turn_id: stopped.value.id }) : stopped;
  }

  update(caller: Caller, id: string, changes: ConversationChanges): Promise<Outcome<string>> {
    return this.#edit(caller, id, (edit) => {
      const { metadata, ...rest } = changes;
      const parsed = metadata === undefined ? {} : { metadata: JSON.parse(metadata) };
      return { conversation: conversationView(edits.updateConversation(edit, { ...rest, ...parsed })) };
    });
  }

  /** A running turn is stopped first; readers are sent away. Repeating it changes nothing. */
  remove(caller: Caller, id: string): Promise<Outcome<string>> {
    const work = (edit: Edit) => ({ conversation: conversationView(edits.deleteConversation(edit)) });
    return this.#edit(caller, id, work, { reach: "deleted", stop: () => "all" });
  }

  restore(caller: Caller, id: string): Promise<Outcome<string>> {
    const work = (edit: Edit) => ({ conversation: conversationView(edits.restoreConversation(edit)) });
    return this.#edit(caller, id, work, { reach: "deleted" });
  }

  /** If the turn that answers this very message, or writes it anew, is running, it is stopped first. */
  removeMessage(caller: Caller, id: string, message_id: string): Promise<Outcome<string>> {
    const stop = () => {
      const { user_message_id, reply_id } = this.#engine.running?.turn ?? {};
      return message_id === user_message_id || message_id === reply_id ? "running" : "nothing";
    };
    return this.#edit(caller, id, (edit) => this.#onMessage(message_id, (m) => edits.deleteMessage(edit, m)), { stop });
  }

  restoreMessage(caller: Caller, id: string, message_id: string): Promise<Outcome<string>> {
    return this.#edit(caller, id, (edit) => this.#onMessage(message_id, (m) => edits.restoreMessage(edit, m)));
  }

  rateMessage(caller: Caller, id: string, message_id: string, feedback: Feedback | null): Promise<Outcome<string>> {
    return this.#edit(caller, id, (edit) => this.#onMessage(message_id, (m) => edits.rateMessage(edit, m, feedback)));
  }

  removeMessages(caller: Caller, id: string): Promise<Outcome<string>> {
    return this.#edit(caller, id, (edit) => edits.deleteMessagesAfter(edit, 0, uuidv7()), { stop: () => "running" });
  }

  restoreMessages(caller: Caller, id: string, deletion_id: string | null): Promise<Outcome<string>> {
    return this.#edit(caller, id, (edit) => edits.restoreAllMessages(edit, deletion_id));
  }

  /** From `former` to the caller, who has shown to be the same person. Readers come back with the caller's token. */
  reassign(caller: Caller, id: string, former: Entity): Promise<Outcome<string>> {
    const work = (edit: Edit) => {
      edits.reassignConversation(edit);
      this.#engine.reassign(principalOf(former), principalOf(caller));
      for (const closed of this.#followers) closed.abort();
      return {};
    };
    return this.#edit(caller, id, work, { reach: "erased", former });
  }

  /** What the model would be shown next, with estimates, and what not and why. */
  async context(caller: Caller, id: string): Promise<Outcome<string>> {
    const entered = await this.#enter(caller, id);
    if (!entered.ok) return entered;
    const agent = await this.#agents.load(entered.value);
    return agent ? ok(JSON.stringify(contextReport(this.#journal, agent))) : refuse("agent_inactive");
  }

  /** Content gone for good, here and in D1; the conversation ends up deleted. */
  erase(caller: Caller, id: string): Promise<Outcome<string>> {
    const work = (edit: Edit) => {
      edits.eraseConversation(edit);
      return {};
    };
    return this.#edit(caller, id, work, { reach: "erased", stop: () => "all" });
  }

  /** Retention: of a conversation that was deleted before `before` (ms) nothing stays. False when it is not, or not yet. */
  purge(company_id: string, id: string, before: number): Promise<Outcome<boolean>> {
    const now = Date.now();
    return this.#inOrder(async () => {
      const { header } = this.#journal;
      if (header && (header.company_id !== company_id || !isExpired(header, before))) return ok(false);
      if (header) closeForGood(this.#journal, now);
      if (this.#handover.pending) this.#wakeAt(now + alarmAfter.failure(1));
      if (!(await this.#handover.flush())) return storeUnavailable();
      try {
        const db = await companyDatabase(this.env, company_id);
        if (!(await closeConversation(db, { company_id, id }, before, now))) return ok(false);
        this.#purges++;
        await this.ctx.storage.deleteAlarm();
        await this.ctx.storage.deleteAll();
        this.#journal.forget();
        this.#alarmAt = null;
        const entry = { action: "conversation.purge", target_type: "conversation", target_id: id };
        await removeConversation(db, { company_id, id }, systemAuditRow(company_id, "retention", entry, now));
        return ok(true);
      } catch (error) {
        log({ event: "purge_failed", conversation_id: id, error: causeOf(error) });
        return storeUnavailable();
      }
    });
  }

  /** Retention: those of the messages `ids` that were deleted before `before` (ms) say nothing any more. How many. */
  purgeMessages(company_id: string, id: string, ids: string[], before: number): Promise<Outcome<number>> {
    const staff: Caller = { company_id, entity_type: "user", entity_id: "", api_key_id: null, request_id: "" };
    return this.#inOrder(async () => {
      const entered = await this.#enter(staff, id, "erased");
      if (!entered.ok) return entered;
      const now = Date.now();
      const purged = purgeMessages(this.#journal, ids, { before, now }, (count) => {
        const entry = {
          action: "message.purge",
          target_type: "conversation",
          target_id: id,
          details: { purged: count },
        };
        return systemAuditRow(company_id, "retention", entry, now);
      });
      if (this.#handover.pending) this.#wakeAt(now + alarmAfter.failure(1));
      return (await this.#handover.flush()) ? ok(purged) : storeUnavailable();
    });
  }

  /** Sends D1 what it lacks, drops old replay buffers, and sets itself again while anything is left to do. */
  override async alarm(): Promise<void> {
    this.#alarmAt = null;
    const now = Date.now();
    const stored = await this.#handover.flush().catch(() => false);
    this.#alarmFailures = stored ? 0 : this.#alarmFailures + 1;
    const oldest = this.#journal.header ? this.#journal.deltas.purge(now - DAY) : null;
    if (!this.#engine.isIdle) this.#wakeAt(now + alarmAfter.turn);
    else if (!stored) this.#wakeAt(now + alarmAfter.failure(this.#alarmFailures));
    else if (oldest !== null) this.#wakeAt(oldest + DAY + 1);
  }

  /** The conversation, if it is there and this caller's to see; taken over from D1 at first touch. */
  async #enter(caller: Caller, id: string, reach: Reach = "live"): Promise<Outcome<Header>> {
    if (!this.#journal.header) {
      const purges = this.#purges;
      const db = await companyDatabase(this.env, caller.company_id);
      const row = await findConversation(db, caller.company_id, id);
      // What is being purged is not taken over again, not even what was read of it a moment before.
      if (!row || (row.erased_at !== null && reach !== "erased")) return refuse("not_found");
      const messages = row.last_message_at === null ? [] : await allMessages(db, caller.company_id, id);
      if (this.#purges !== purges) return refuse("not_found");
      if (!this.#journal.header) this.#journal.adopt(row, messages);
    }
    const header = this.#journal.header as Header;
    const gone = header.erased_at !== null ? "erased" : header.deleted_at !== null ? "deleted" : "live";
    const visible = mayAccess(caller, header) && REACH[reach].includes(gone);
    return visible ? ok(header) : refuse("not_found");
  }

  /** An answer that D1 has everything of. */
  #written<T>(value: T): Outcome<T> {
    return { ok: true, value, bookmark: this.#bookmark };
  }

  /** One at a time, in order of arrival: turns to be admitted, and everything that changes what is there. */
  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#admission.then(work);
    this.#admission = result.catch(() => {});
    return result;
  }

  #submit(caller: Caller, id: string, request: ChatRequest, watched: boolean) {
    return this.#inOrder(async () => {
      const entered = await this.#enter(caller, id);
      if (!entered.ok) return entered;
      const principal = principalOf(caller);
      const metadata = JSON.parse(request.metadata) as { [key: string]: Json };
      return this.#engine.submit({ ...request, principal, metadata, watched });
    });
  }

  /** Enters, stops what has to stop, changes the journal, and answers with JSON once D1 has it. */
  #edit(
    caller: Caller,
    id: string,
    work: (edit: Edit) => object | null,
    { reach = "live", stop = () => "nothing", former }: EditOptions = {},
  ): Promise<Outcome<string>> {
    return this.#inOrder(async () => {
      let entered = await this.#enter(caller, id, reach);
      if (!entered.ok && former) entered = await this.#enter({ ...caller, ...former }, id, reach);
      if (!entered.ok) return entered;
      const toStop = stop();
      const change = () => work({ journal: this.#journal, caller, now: Date.now() });
      const result = toStop === "nothing" ? change() : await this.#engine.stopFor(toStop === "all", change);
      if (result === null) return refuse("not_found");
      if (this.#journal.header?.deleted_at !== null) for (const closed of this.#followers) closed.abort();
      if (this.#handover.pending) this.#wakeAt(Date.now() + alarmAfter.failure(1));
      return (await this.#handover.flush()) ? this.#written(JSON.stringify(result)) : storeUnavailable();
    });
  }

  #onMessage(message_id: string, work: (message: Message) => Message): object | null {
    const message = this.#journal.message(message_id);
    if (!message || message.purged_at !== null) return null;
    return { message: messageView((this.#journal.header as Header).id, work(message)) };
  }

  #turnStream(caller: Caller, id: string, turn: Turn, links: Links, projection: Projection, after = 0) {
    const reader = new AbortController();
    const frames = followTurn({ engine: this.#engine, journal: this.#journal }, turn, after, reader.signal);
    const start = { turn: turn.number, event: after };
    return toStream(frames, this.#encoder(caller, id, links, projection, start), () => reader.abort());
  }

  #encoder({ request_id }: Caller, conversation_id: string, { origin }: Links, projection: Projection, start: EventId) {
    return encoderFor(projection, { conversation_id, request_id, origin }, this.#journal, start);
  }

  /** What follows a turn: a title goes along with it, a summary takes its own time. */
  #afterTurn(turn: Turn): void {
    const agent = this.#agents.latest;
    if (!agent) return;
    if (agent.auto_title) this.#journal.transaction(() => titleByTurn(this.#journal, turn));
    if (!agent.summarize) return;
    const { shown } = nextContext(this.#journal, agent);
    const ports = { journal: this.#journal, clock: Date.now, log };
    this.ctx.waitUntil(summarise(ports, agent, shown[0]?.sequence ?? 0));
  }

  /** Sets the alarm unless it will ring by then anyway. */
  #wakeAt(at: number): void {
    if (this.#alarmAt !== null && this.#alarmAt <= at) return;
    this.#alarmAt = at;
    void this.ctx.storage.setAlarm(at);
  }
}

/** An answer that begins before D1 has everything of it. */
const unsettled = <T>(value: T): Outcome<T> => ({ ok: true, value, bookmark: null });

/** How far a request may look: at what lives, at what a restore can bring back, or at what is gone for good too. */
type Reach = "live" | "deleted" | "erased";
const REACH: Record<Reach, Reach[]> = {
  live: ["live"],
  deleted: ["live", "deleted"],
  erased: ["live", "deleted", "erased"],
};

/** `stop`: what has to stop first. `former`: an owner whose conversation the caller may enter as well. */
type EditOptions = { reach?: Reach; stop?: () => "nothing" | "running" | "all"; former?: Entity };

type Edit = Parameters<typeof edits.deleteConversation>[0];
