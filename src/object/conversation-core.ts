/**
 * The parts of a conversation's object and the rules by which anything is done in it: who may enter, in which order, and
 * when it counts as done. Wires the engine to storage, D1, models and the alarm.
 */
import { type Caller, type Entity, mayAccess } from "../auth/principal.ts";
import { Engine } from "../chat/engine/engine.ts";
import { steady } from "../chat/clock.ts";
import { summarise } from "../chat/engine/summarise.ts";
import { IdSource } from "../chat/id.ts";
import type { Edit } from "../chat/journal/edits.ts";
import { giveBackWhenDue } from "../chat/journal/handling.ts";
import { Journal } from "../chat/journal/journal.ts";
import type { Header } from "../chat/journal/schema.ts";
import { type Bookmark, type Outcome, ok, refuse, storeUnavailable } from "../chat/outcome.ts";
import { nextContext } from "../chat/projection/context.ts";
import { Presence } from "../chat/projection/presence.ts";
import { Typing } from "../chat/projection/typing.ts";
import { configOf } from "../config.ts";
import { standingOf } from "../db/standing.ts";
import type { Env } from "../env.ts";
import { adopt } from "./adopt.ts";
import { AgentCache } from "./agent-cache.ts";
import { CompanyLedger } from "./company-ledger.ts";
import { DELTAS_KEPT, nextAlarm } from "./alarm.ts";
import { KnownCallers } from "./known-callers.ts";
import { Readers } from "./readers.ts";
import { Recorder } from "./recorder.ts";
import { tracer } from "./tracer.ts";

/** Milliseconds for which a reader's credential is believed: it is asked for every 15 seconds. */
const FRESH = 10_000;

export const log = (event: object) => console.warn(JSON.stringify(event));

export class ConversationCore {
  readonly #ctx: DurableObjectState;
  readonly #env: Env;
  readonly journal: Journal;
  /** Milliseconds, of everything that happens in the conversation. */
  readonly now: () => number;
  readonly #recorder: Recorder;
  readonly engine: Engine;
  readonly agents: AgentCache;
  readonly ledger: CompanyLedger;
  readonly readers: Readers;
  readonly typing = new Typing();
  readonly presence = new Presence();
  readonly callers: KnownCallers;
  #admission: Promise<unknown> = Promise.resolve();
  #ids: IdSource | null = null;
  /** When the alarm will ring, as far as this process knows. */
  #alarmAt: number | null = null;
  /** How often this process has cleared it. */
  #clearings = 0;
  /** One summary at a time: a later one would cover the same messages, and an earlier one could come after it. */
  #isSummarising = false;

  constructor(ctx: DurableObjectState, env: Env) {
    this.#ctx = ctx;
    this.#env = env;
    this.journal = new Journal(ctx.storage);
    this.callers = new KnownCallers(this.journal.store);
    this.agents = new AgentCache(env, configOf(env), this.journal.store, log);
    this.readers = new Readers(async (caller) => (await standingOf(env, caller, Date.now(), FRESH)).ok);
    const onChange = () => this.#schedule();
    this.now = steady(Date.now, this.journal.found?.updated_at);
    const ports = { journal: this.journal, sleep, clock: this.now, log, onChange };
    this.#recorder = new Recorder(ctx, env, this.journal, ports);
    this.ledger = new CompanyLedger(env, () => this.journal.header, log);
    this.engine = new Engine({
      ...ports,
      ledger: this.ledger,
      tracer,
      loadAgent: () => this.agents.load(this.journal.header),
      ids: () => this.ids,
      onEnd: () => this.#afterTurn(),
      changed: () => this.changed(),
      abort: (reason) => {
        log({ event: "object_aborted", reason });
        ctx.abort(reason);
      },
    });
    if (!this.journal.found) return;
    this.engine.recover();
    this.#recorder.recover();
  }

  /** Where the ids of this conversation's messages and turns come from. */
  get ids(): IdSource {
    if (!this.#ids) {
      const { turns, messages, header } = this.journal;
      const newest = [turns.last()?.reply_id, messages.at(header.next_sequence - 1)?.id].flatMap((id) => id ?? []);
      this.#ids = new IdSource(header.id, Date.now, newest);
    }
    return this.#ids;
  }

  /** The conversation, if it is there and this caller's to see; taken over from D1 at first touch. */
  async enter(caller: Caller, reach: Reach = "live"): Promise<Outcome<Header>> {
    if (!this.journal.found) {
      const clearings = this.#clearings;
      const isCurrent = () => this.#clearings === clearings;
      const place = { company_id: caller.company_id, id: String(this.#ctx.id.name) };
      const adopted = await adopt(this.#env, this.journal, place, reach === "erased", isCurrent);
      if (!adopted.ok) return adopted;
      if (adopted.value) this.agents.use(this.journal.header, adopted.value);
    }
    const { header } = this.journal;
    const state = header.erased_at !== null ? "erased" : header.deleted_at !== null ? "deleted" : "live";
    const isVisible = mayAccess(caller, header) && REACH[reach].includes(state);
    if (!isVisible) return refuse("not_found");
    this.callers.note(caller);
    return ok(header);
  }

  /** One at a time, in order of arrival: turns to be admitted, and everything that changes what is there. */
  inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#admission.then(work);
    this.#admission = result.catch(() => {});
    return result;
  }

  /**
   * Enters, stops what has to stop, changes the journal, and answers with JSON once D1 has it. What comes next need not wait
   * for D1: it finds the change made.
   */
  async edit(
    caller: Caller,
    work: (edit: Edit) => Outcome<object>,
    { reach = "live", stop = () => "nothing", former }: EditOptions = {},
  ): Promise<Outcome<string>> {
    const edited = await this.inOrder(async () => {
      let entered = await this.enter(caller, reach);
      if (!entered.ok && former) entered = await this.enter({ ...caller, ...former }, reach);
      if (!entered.ok) return entered;
      const toStop = stop();
      const change = () => work({ journal: this.journal, caller, now: this.now() });
      const result = toStop === "nothing" ? change() : this.engine.stopFor(toStop === "all", change);
      // Should this process die before D1 has heard of it, another one goes on.
      this.#schedule();
      if (this.journal.header.deleted_at !== null) this.readers.close();
      return result;
    });
    if (!edited.ok) return edited;
    return (await this.settled()) ? this.written(JSON.stringify(edited.value)) : storeUnavailable();
  }

  /** An answer that D1 has everything of; one that it does not, while something is on its way. */
  written<T>(value: T): Outcome<T> {
    return { ok: true, value, bookmark: this.journal.outbox.isEmpty ? this.bookmark : null };
  }

  /** True once D1 has everything; what it does not take now, the alarm tries again. */
  settled(): Promise<boolean> {
    return this.#recorder.flush();
  }

  /** D1 has something to hear, and nobody waits for it. */
  changed(): void {
    this.#recorder.soon();
    this.#schedule();
  }

  get bookmark(): Bookmark | null {
    return this.#recorder.bookmark;
  }

  /** Nothing is left of the conversation here, and it is not taken over again by whoever has begun to. */
  async clear(): Promise<void> {
    this.#clearings++;
    this.readers.close();
    await this.#ctx.storage.deleteAlarm();
    await this.#ctx.storage.deleteAll();
    this.journal.forget();
    this.#alarmAt = null;
    this.#ids = null;
  }

  /** Sends D1 what it lacks, drops old replay buffers, and sets itself again while anything is left to do. */
  async alarm(): Promise<void> {
    this.#alarmAt = null;
    if (!this.journal.found) return;
    try {
      await this.inOrder(async () => giveBackWhenDue(this.journal, this.now()));
      await this.settled();
      await this.#recorder.flushIndex();
      this.#schedule(this.journal.expire(Date.now() - DELTAS_KEPT));
    } catch (error) {
      log({ event: "alarm_failed", conversation_id: this.journal.found?.id, error: String(error) });
      this.#schedule();
    }
  }

  /** What follows a turn: D1 hears of it, a summary takes its own time. Nothing of it can harm the turn. */
  #afterTurn(): void {
    this.changed();
    const agent = this.agents.latest;
    if (!agent?.summarize || this.#isSummarising) return;
    const ports = { journal: this.journal, ledger: this.ledger, clock: this.now, log };
    const { shown } = nextContext(this.journal, agent);
    this.#isSummarising = true;
    const summarised = summarise(ports, agent, shown).finally(() => {
      this.#isSummarising = false;
    });
    this.#ctx.waitUntil(summarised);
  }

  /** Sets the alarm unless it will ring by then anyway. It looks for deltas that are old when it rings. */
  #schedule(oldestDeltas: number | null = null): void {
    if (!this.journal.found) return;
    const state = {
      isBusy: !this.engine.isIdle,
      isBehind: this.#recorder.isBehind,
      failures: this.#recorder.failures,
      oldestDeltas,
      returnAt: this.journal.header.return_at,
      random: Math.random(),
    };
    const at = nextAlarm(state, Date.now());
    if (at === null || (this.#alarmAt !== null && this.#alarmAt <= at)) return;
    this.#alarmAt = at;
    void this.#ctx.storage.setAlarm(at);
  }
}

const sleep = (ms: number, signal?: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });

/** How far a request may look: at what lives, at what a restore can bring back, or at what is gone for good too. */
export type Reach = "live" | "deleted" | "erased";
const REACH: Record<Reach, Reach[]> = {
  live: ["live"],
  deleted: ["live", "deleted"],
  erased: ["live", "deleted", "erased"],
};

/** `stop`: what has to stop first. `former`: an owner whose conversation the caller may enter as well. */
export type EditOptions = { reach?: Reach; stop?: () => "nothing" | "running" | "all"; former?: Entity };
