/**
 * Runs the turns of one conversation: one at a time, in order of arrival, each to an end. Whoever asks gets a LiveTurn to
 * follow; nobody's absence stops it. Knows its ports only.
 */
import { type AnswerPorts, askModel } from "./answer.ts";
import type { Handover } from "../journal/handover.ts";
import { LiveTurn } from "./live-turn.ts";
import { type Outcome, ok, type Refusal, refuse } from "../outcome.ts";
import { admit, QUEUE_LIMIT } from "./queue.ts";
import type { OnBusy } from "../rpc.ts";
import { callsOf } from "../tool-call.ts";
import { onRepeat, type Turn, type TurnError } from "../turn.ts";
import type { NewTurn } from "../journal/turns.ts";

export type EnginePorts = AnswerPorts & {
  handover: Handover;
  newId: () => string;
  /** Makes sure that a crash from now on is noticed. */
  keepWatch: () => void;
  /** A turn has been closed in the journal; D1 has not heard of it yet. */
  onClosed: (turn: Turn) => void;
};

export type TurnInput = {
  principal: string;
  idempotency_key: string | null;
  body_hash: string;
  content: string;
  metadata: Turn["metadata"];
  output_schema: Turn["output_schema"];
  on_busy: OnBusy;
  /** Somebody follows the events: the user's message is shown in the history at once. */
  watched: boolean;
  /** The client says that it has sent this before: a reply that was only just given may not have reached it. */
  resent?: boolean;
};

/** A turn that is under way, or one that ended earlier and is only told again. */
export type Accepted = { live: LiveTurn; turn: Turn } | { live: null; turn: Turn };

/** Milliseconds for which a reply that its client asks for again may have been lost on the way. */
const LOST_WITHIN = 15_000;

/** Milliseconds before the message of a turn that nobody watches goes to D1 by itself. */
const EARLY_WRITE = 150;

export class Engine {
  readonly #ports: EnginePorts;
  #running: LiveTurn | null = null;
  #queue: LiveTurn[] = [];
  #arrival = Promise.withResolvers<LiveTurn>();
  /** While something is changed that the next turn has to find as it is then. */
  #paused = false;
  /** The last turn that D1 would not take when it ended: its reply could not be given. */
  #refused: string | null = null;

  constructor(ports: EnginePorts) {
    this.#ports = ports;
  }

  get running(): LiveTurn | null {
    return this.#running;
  }

  get isIdle(): boolean {
    return this.#running === null && this.#queue.length === 0;
  }

  /** The next turn that will begin or wait, from now on; each leads to the one after it by its `successor`. */
  get arrival(): Promise<LiveTurn> {
    return this.#arrival.promise;
  }

  /** The live turn with this id or number, if there is one. */
  find(match: (turn: Turn) => boolean): LiveTurn | null {
    return [this.#running, ...this.#queue].find((live) => live && match(live.turn)) ?? null;
  }

  /** After a restart: what ran has failed, what waited goes on. */
  recover(): void {
    const { journal, handover } = this.#ports;
    const open = journal.turns.open();
    for (const turn of open) {
      if (turn.status === "queued") this.#queue.push(this.#live(turn));
      else this.#fail(turn);
    }
    this.#advance();
    if (open.length > 0) void handover.flush();
  }

  /** Takes a request for a turn; must be called in order of arrival, one after another. */
  async submit(input: TurnInput): Promise<Outcome<Accepted>> {
    const { journal, clock, newId } = this.#ports;
    const earlier = this.#earlier(input);
    if (earlier && earlier.body_hash !== input.body_hash) return refuse("idempotency_mismatch");
    const underWay = earlier && this.find((turn) => turn.id === earlier.id);
    if (underWay) return ok({ live: underWay, turn: underWay.turn });
    const repeat = earlier && onRepeat(earlier);
    if (repeat === "refuse") return refuse("turn_stopped");
    if (earlier && repeat === "replay") return ok({ live: null, turn: earlier });
    if (earlier && journal.messages.find(earlier.user_message_id)?.deleted_at !== null)
      return refuse("message_deleted");
    if (!(await this.#ports.loadAgent())) return refuse("agent_inactive");
    const place = admit(input.on_busy, this.#running !== null, this.#queue.length);
    if (place.action === "refuse") return this.#busy(place.code);
    const { on_busy: _, watched: __, resent: ___, ...rest } = input;
    const fresh: NewTurn = { ...rest, id: newId(), user_message_id: newId(), reply_id: newId() };
    if (place.action === "run") {
      if (earlier) return ok(this.#restart(earlier, input.watched));
      const turn = journal.begin(fresh, clock());
      const live = this.#live(turn);
      this.#start(live, input.watched);
      return ok({ live, turn });
    }
    const turn = earlier
      ? journal.requeue({ ...this.#again(earlier), event_base: earlier.last_event ?? 0 })
      : journal.enqueue(fresh, clock());
    const live = this.#live(turn);
    this.#queue.push(live);
    this.#ports.keepWatch();
    this.#tellPosition(live, place.position);
    if (place.interrupt) this.#running?.stopping.abort();
    return ok({ live, turn: live.turn });
  }

  /** Why a turn's message cannot be answered anew once nothing runs any more, or null when it can. */
  async rerunProblem(turn: Turn): Promise<Refusal | null> {
    const { journal, loadAgent } = this.#ports;
    if (journal.messages.find(turn.user_message_id)?.deleted_at !== null) return { code: "message_deleted" };
    if (!(await loadAgent())) return { code: "agent_inactive" };
    return this.#queue.length === 0 ? null : { code: "turn_in_progress" };
  }

  /** Answers an ended turn's message anew, at once; its former reply has been deleted, or had failed. */
  rerun(turn: Turn): Accepted {
    return this.#restart(turn, true);
  }

  /** Stops a running turn (what it said is kept) or takes a waiting one back. Resolves once that is durable. */
  async stop(turn_id?: string): Promise<Outcome<Turn>> {
    const live = turn_id === undefined ? this.#running : this.find((turn) => turn.id === turn_id);
    if (!live) return refuse("no_turn_running");
    if (live === this.#running) {
      live.stopping.abort();
      await live.ended;
    } else this.#drop(live);
    return live.turn.status === "stopped" ? ok(live.turn) : refuse("no_turn_running");
  }

  /** Turns under way belong to somebody else from now on. */
  reassign(from: string, to: string): void {
    for (const live of [this.#running, ...this.#queue]) {
      if (live?.turn.principal === from) live.turn = { ...live.turn, principal: to };
    }
  }

  /** Stops what runs, with `waiting` also what waits; then `work` is done before the next turn begins. */
  async stopFor<T>(waiting: boolean, work: () => T): Promise<T> {
    this.#paused = true;
    try {
      if (waiting) for (const live of [...this.#queue]) this.#drop(live);
      const running = this.#running;
      running?.stopping.abort();
      await running?.ended;
      return work();
    } finally {
      this.#paused = false;
      this.#advance();
    }
  }

  #live(turn: Turn): LiveTurn {
    const following = Promise.withResolvers<LiveTurn>();
    const live = new LiveTurn(turn, following.promise);
    this.#arrival.resolve(live);
    this.#arrival = following;
    return live;
  }

  /** The turn that this request may be a repetition of: by its key, or else by its body. */
  #earlier(input: TurnInput): Turn | null {
    const { journal, handover, clock } = this.#ports;
    if (input.idempotency_key !== null) return journal.turns.byKey(input.principal, input.idempotency_key);
    const same = (turn: Turn) => turn.principal === input.principal && turn.body_hash === input.body_hash;
    const live = this.find(same);
    if (live) return live.turn;
    const last = journal.turns.last();
    const isThere = (message_id: string) => journal.messages.find(message_id)?.deleted_at === null;
    if (!last || !same(last) || !isThere(last.user_message_id)) return null;
    const lost = input.resent && clock() - (last.ended_at ?? 0) < LOST_WITHIN;
    const refused = last.id === this.#refused && handover.pending;
    const unconfirmed = last.status === "completed" && (refused || lost) && isThere(last.reply_id);
    return last.status === "failed" || unconfirmed ? last : null;
  }

  #restart(turn: Turn, watched: boolean): Accepted {
    const { journal, clock } = this.#ports;
    const started = journal.start(this.#again(turn), turn.last_event ?? 0, clock());
    const live = this.#live(started);
    this.#start(live, watched);
    return { live, turn: started };
  }

  /** A failed turn as it is run again: in place of its failed reply, unless that was deleted. */
  #again(turn: Turn): Turn {
    const reply = this.#ports.journal.messages.find(turn.reply_id);
    return reply?.deleted_at === null ? turn : { ...turn, reply_id: this.#ports.newId(), reply_sequence: null };
  }

  #busy(code: "turn_in_progress" | "turn_queue_full"): Outcome<never> {
    const turn_id = this.#running?.turn.id;
    return refuse(code, {
      ...(turn_id === undefined ? {} : { extra: { turn_id } }),
      ...(code === "turn_queue_full" ? { retry_after: 5, limit: { name: "turns", quota: QUEUE_LIMIT } } : {}),
    });
  }

  #tellPosition(live: LiveTurn, position: number): void {
    live.status("queued", position);
    live.turn = this.#ports.journal.setEventBase(live.turn, live.nextEvent - 1);
  }

  #drop(live: LiveTurn): void {
    this.#queue = this.#queue.filter((waiting) => waiting !== live);
    const error: TurnError = { code: "turn_stopped", detail: "The turn was stopped before it began." };
    const turn = this.#ports.journal.drop(live.turn, error, live.nextEvent + 1, this.#ports.clock());
    live.end(turn, { type: "response", status: "stopped", message: null, error }, true);
  }

  /** The next waiting turn begins, if none runs. One whose message was deleted while it waited has nothing to answer. */
  #advance(): void {
    if (this.#running || this.#paused) return;
    const { journal } = this.#ports;
    const isGone = ({ turn }: LiveTurn) =>
      turn.user_sequence !== null && journal.messages.find(turn.user_message_id)?.deleted_at !== null;
    for (const live of this.#queue.filter(isGone)) this.#drop(live);
    const live = this.#queue.shift();
    if (!live) return;
    this.#queue.forEach((waiting, index) => this.#tellPosition(waiting, index + 1));
    live.turn = this.#ports.journal.start(live.turn, live.nextEvent - 1, this.#ports.clock());
    this.#start(live, true);
  }

  #start(live: LiveTurn, watched: boolean): void {
    this.#running = live;
    this.#ports.keepWatch();
    live.status("running");
    // Whoever asked for a stream counts from now on, not only once the first event is read.
    if (watched) live.watchers++;
    this.#run(live, watched).catch((error: unknown) =>
      this.#ports.log({ event: "turn_crashed", error: String(error) }),
    );
  }

  async #run(live: LiveTurn, watched: boolean): Promise<void> {
    const { journal, handover, clock } = this.#ports;
    let stored = false;
    try {
      void this.#writeEarly(live, watched);
      const { ending, window_start } = await askModel(this.#ports, live);
      const { turn, reply } = journal.close(
        live.turn,
        { ...ending, last_event: live.nextEvent + 1 },
        window_start,
        clock(),
      );
      live.turn = turn;
      this.#ports.onClosed(turn);
      stored = await handover.flush();
      if (!stored) this.#refused = turn.id;
      this.#running = null;
      live.end(turn, { type: "response", status: ending.status, message: reply, error: ending.error }, stored);
    } finally {
      if (!live.isOver) this.#fail(live.turn, live);
      if (this.#running === live) this.#running = null;
      this.#advance();
    }
  }

  /** The user's message goes to D1 while the model works; a model that answers at once saves that write. */
  async #writeEarly(live: LiveTurn, watched: boolean): Promise<void> {
    if (!watched) await this.#ports.sleep(EARLY_WRITE);
    if (live.turn.status === "running") await this.#ports.handover.flush();
  }

  /** Ends a turn that nobody runs any more as failed, with what had been journalled of its reply. */
  #fail(turn: Turn, live?: LiveTurn): void {
    const { journal, clock } = this.#ports;
    const deltas = journal.deltas.of(turn.number);
    const content = deltas.map((delta) => delta.text).join("");
    const error: TurnError = { code: "model_error", detail: "The turn was interrupted before it finished." };
    const last_event = (deltas.at(-1)?.n ?? turn.event_base + 1) + 2;
    const tool_calls = callsOf(deltas.flatMap(({ tool }) => tool ?? []));
    const reply = { content, tool_calls, details: null, model_used: null, usage: null, untimed: !live };
    const closed = journal.close(turn, { ...reply, status: "failed", error, last_event }, null, clock());
    live?.end(closed.turn, { type: "response", status: "failed", message: closed.reply, error }, false);
  }
}
