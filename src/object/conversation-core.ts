/**
 * The parts of a conversation's object and the rules by which anything is done in it: who may enter, in which order, and
 * when it counts as done. Wires the engine to storage, D1, models and the alarm.
 */
import { uuidv7 } from "uuidv7";
import { type Caller, type Entity, mayAccess } from "../auth/principal.ts";
import { configOf } from "../config.ts";
import type { Env } from "../env.ts";
import { findConversation } from "../db/conversation.ts";
import { companyDatabase, homeOf } from "../db/database.ts";
import { allMessages } from "../db/message.ts";
import { writeBatch } from "../db/record.ts";
import type { Bookmark } from "../chat/outcome.ts";
import { AgentCache } from "./agent-cache.ts";
import { alarmAfter } from "./alarm.ts";
import { nextContext } from "../chat/projection/context.ts";
import type * as edits from "../chat/journal/edits.ts";
import { Engine } from "../chat/engine/engine.ts";
import { Handover } from "../chat/journal/handover.ts";
import type { Header } from "../chat/journal/schema.ts";
import { Journal } from "../chat/journal/journal.ts";
import { type Outcome, ok, refuse, storeUnavailable } from "../chat/outcome.ts";
import { summarise } from "../chat/engine/summarise.ts";
import { titleByTurn } from "../chat/journal/title.ts";
import type { Turn } from "../chat/turn.ts";

export const log = (event: object) => console.warn(JSON.stringify(event));

const DAY = 24 * 60 * 60 * 1000;

export class ConversationCore {
  readonly #ctx: DurableObjectState;
  readonly #env: Env;
  readonly journal: Journal;
  readonly handover: Handover;
  readonly engine: Engine;
  readonly agents: AgentCache;
  /** Readers of the whole conversation, to be sent away when it is deleted. */
  readonly followers = new Set<AbortController>();
  #admission: Promise<unknown> = Promise.resolve();
  /** When the alarm will ring, as far as this process knows. */
  #alarmAt: number | null = null;
  #alarmFailures = 0;
  /** How far D1 had got with the last of our writes that this process knows of. */
  #bookmark: Bookmark | null = null;
  /** How often this process has cleared it. */
  #clearings = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    this.#ctx = ctx;
    this.#env = env;
    const sleep = (ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
      });
    this.journal = new Journal(ctx.storage);
    this.agents = new AgentCache(env, configOf(env));
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
    this.handover = new Handover(this.journal, { write }, sleep, log);
    this.engine = new Engine({
      journal: this.journal,
      handover: this.handover,
      loadAgent: () => this.agents.load(this.journal.header as Header),
      clock: Date.now,
      newId: uuidv7,
      sleep,
      keepWatch: () => this.#wakeAt(Date.now() + alarmAfter.turn),
      onClosed: (turn) => this.#afterTurn(turn),
      log,
    });
    if (this.journal.header) this.engine.recover();
  }

  /** The conversation's id: the name by which every call reaches the object. An alarm can come without one. */
  get id(): string {
    const id = this.#ctx.id.name ?? this.journal.header?.id;
    if (id === undefined) throw new Error("this object was reached without the name of its conversation");
    return id;
  }

  /** The conversation, if it is there and this caller's to see; taken over from D1 at first touch. */
  async enter(caller: Caller, reach: Reach = "live"): Promise<Outcome<Header>> {
    if (!this.journal.header) {
      const clearings = this.#clearings;
      const db = await companyDatabase(this.#env, caller.company_id);
      const row = await findConversation(db, caller.company_id, this.id);
      // What is being purged is not taken over again, not even what was read of it a moment before.
      if (!row || (row.erased_at !== null && reach !== "erased")) return refuse("not_found");
      const isNew = row.last_message_at === null && row.message_count === 0;
      const messages = isNew ? [] : await allMessages(db, caller.company_id, this.id);
      if (this.#clearings !== clearings) return refuse("not_found");
      if (!this.journal.header) this.journal.adopt(row, messages);
    }
    const header = this.journal.header as Header;
    const gone = header.erased_at !== null ? "erased" : header.deleted_at !== null ? "deleted" : "live";
    const visible = mayAccess(caller, header) && REACH[reach].includes(gone);
    return visible ? ok(header) : refuse("not_found");
  }

  /** An answer that D1 has everything of. */
  written<T>(value: T): Outcome<T> {
    return { ok: true, value, bookmark: this.#bookmark };
  }

  /** One at a time, in order of arrival: turns to be admitted, and everything that changes what is there. */
  inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#admission.then(work);
    this.#admission = result.catch(() => {});
    return result;
  }

  /** Enters, stops what has to stop, changes the journal, and answers with JSON once D1 has it. */
  edit(
    caller: Caller,
    work: (edit: Edit) => object | null,
    { reach = "live", stop = () => "nothing", former }: EditOptions = {},
  ): Promise<Outcome<string>> {
    return this.inOrder(async () => {
      let entered = await this.enter(caller, reach);
      if (!entered.ok && former) entered = await this.enter({ ...caller, ...former }, reach);
      if (!entered.ok) return entered;
      const toStop = stop();
      const change = () => work({ journal: this.journal, caller, now: Date.now() });
      const result = toStop === "nothing" ? change() : await this.engine.stopFor(toStop === "all", change);
      if (result === null) return refuse("not_found");
      if (this.journal.header?.deleted_at !== null) for (const closed of this.followers) closed.abort();
      return (await this.settled()) ? this.written(JSON.stringify(result)) : storeUnavailable();
    });
  }

  /** True once D1 has everything; what it does not take now, the alarm tries again. */
  settled(): Promise<boolean> {
    if (this.handover.pending) this.#wakeAt(Date.now() + alarmAfter.failure(1));
    return this.handover.flush();
  }

  /** Nothing is left of the conversation here, and it is not taken over again by whoever has begun to. */
  async clear(): Promise<void> {
    this.#clearings++;
    await this.#ctx.storage.deleteAlarm();
    await this.#ctx.storage.deleteAll();
    this.journal.forget();
    this.#alarmAt = null;
  }

  /** Sends D1 what it lacks, drops old replay buffers, and sets itself again while anything is left to do. */
  async alarm(): Promise<void> {
    this.#alarmAt = null;
    const now = Date.now();
    const stored = await this.handover.flush().catch(() => false);
    this.#alarmFailures = stored ? 0 : this.#alarmFailures + 1;
    const oldest = this.journal.header ? this.journal.deltas.purge(now - DAY) : null;
    if (!this.engine.isIdle) this.#wakeAt(now + alarmAfter.turn);
    else if (!stored) this.#wakeAt(now + alarmAfter.failure(this.#alarmFailures));
    else if (oldest !== null) this.#wakeAt(oldest + DAY + 1);
  }

  /** What follows a turn: a title goes along with it, a summary takes its own time. */
  #afterTurn(turn: Turn): void {
    const agent = this.agents.latest;
    if (!agent) return;
    if (agent.auto_title) this.journal.transaction(() => titleByTurn(this.journal, turn));
    if (!agent.summarize) return;
    const { shown } = nextContext(this.journal, agent);
    const ports = { journal: this.journal, clock: Date.now, log };
    this.#ctx.waitUntil(summarise(ports, agent, shown[0]?.sequence ?? 0));
  }

  /** Sets the alarm unless it will ring by then anyway. */
  #wakeAt(at: number): void {
    if (this.#alarmAt !== null && this.#alarmAt <= at) return;
    this.#alarmAt = at;
    void this.#ctx.storage.setAlarm(at);
  }
}

/** How far a request may look: at what lives, at what a restore can bring back, or at what is gone for good too. */
export type Reach = "live" | "deleted" | "erased";
const REACH: Record<Reach, Reach[]> = {
  live: ["live"],
  deleted: ["live", "deleted"],
  erased: ["live", "deleted", "erased"],
};

/** `stop`: what has to stop first. `former`: an owner whose conversation the caller may enter as well. */
export type EditOptions = { reach?: Reach; stop?: () => "nothing" | "running" | "all"; former?: Entity };

export type Edit = Parameters<typeof edits.deleteConversation>[0];
