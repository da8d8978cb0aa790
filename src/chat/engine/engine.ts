/**
 * Runs the turns of one conversation: one at a time, in order of arrival, each to an end. Whoever asks gets a LiveTurn to
 * follow; nobody's absence stops it. A turn has ended when the journal says so; nothing that happens after can undo it.
 */
import type { IdSource } from "../id.ts";
import { askForPerson } from "../journal/handling.ts";
import { titleByTurn } from "../journal/title.ts";
import { type Outcome, ok, type Refusal, refuse } from "../outcome.ts";
import type { OnBusy } from "../rpc.ts";
import { onRepeat, type Turn, type TurnError } from "../turn.ts";
import { type Admission, EXHAUSTED } from "./admission.ts";
import { askModel } from "./answer.ts";
import type { Answer, AnswerPorts, Attempt } from "./attempt.ts";
import { closeInterrupted, INTERRUPTED, NOTHING_SAID } from "./interrupted.ts";
import { LiveTurn } from "./live-turn.ts";
import { QUEUE_LIMIT, TurnQueue } from "./queue.ts";
import type { Reservation } from "./reservation.ts";
import { tracedAnswer } from "./trace.ts";
import { earlierTurn, type TurnInput } from "./repeat.ts";

export type EnginePorts = AnswerPorts & {
  ids: () => Pick<IdSource, "next" | "turn">;
  /** Turns arrived or ended: a crash from now on has to be noticed, D1 has something to hear. */
  onChange: () => void;
  /** A turn has ended. */
  onEnd: (turn: Turn) => void;
  /** The journal cannot be written: everything in memory is thrown away, and the next start recovers from it. */
  abort: (reason: string) => void;
};

/** A turn that is under way, or one that ended earlier; `isRepeat`: another request began it. */
export type Accepted = { live: LiveTurn | null; turn: Turn; isRepeat: boolean };

export class Engine {
  readonly #ports: EnginePorts;
  readonly #queue = new TurnQueue<LiveTurn>();
  #running: { live: LiveTurn; attempt: Attempt | null } | null = null;
  #arrived = Promise.withResolvers<void>();

  constructor(ports: EnginePorts) {
    this.#ports = ports;
  }

  get running(): LiveTurn | null {
    return this.#running?.live ?? null;
  }

  get isIdle(): boolean {
    return this.#running === null && this.#queue.size === 0;
  }

  /** Resolves when the next turn begins or waits, from now on. */
  get arrival(): Promise<void> {
    return this.#arrived.promise;
  }

  /** The turns that run or wait, in order. */
  get open(): readonly LiveTurn[] {
    return [...(this.#running ? [this.#running.live] : []), ...this.#queue.positions()];
  }

  /** The live turn with this number, if there is one. */
  find(number: number): LiveTurn | null {
    return this.open.find(({ turn }) => turn.number === number) ?? null;
  }

  /** After a restart: what ran has failed, what waited goes on. A turn that cannot be ended keeps no other from going on. */
  recover(): void {
    const { journal, log } = this.#ports;
    for (const turn of journal.turns.open()) {
      try {
        if (turn.status === "queued") this.#queue.push(this.#live(turn));
        else this.#fail(turn);
      } catch (error) {
        log({ event: "recovery_failed", turn_id: turn.id, error: String(error) });
      }
    }
    this.#advance();
  }

  /** Whether a request would begin a turn that a model answers, as things stand. */
  begins(input: TurnInput): boolean {
    const { journal, clock } = this.#ports;
    if (journal.header.handled_by === "staff") return false;
    const found = earlierTurn(journal, this.open, input, clock());
    return found.ok && (found.value === null || onRepeat(found.value) === "rerun");
  }

  /**
   * Takes a request for a turn; must be called in order of arrival, one after another. `problem`: why no turn may begin now.
   * A turn that begins takes the reservation with it; with `hand_over` it is not answered, but held for a person.
   */
  submit(input: TurnInput, { problem, reservation, hand_over }: Admission): Outcome<Accepted> {
    const { journal, clock, ids } = this.#ports;
    const found = earlierTurn(journal, this.open, input, clock());
    if (!found.ok) return found;
    const earlier = found.value;
    const repeat = earlier && onRepeat(earlier);
    if (earlier && repeat === "join") return ok({ live: this.find(earlier.number), turn: earlier, isRepeat: true });
    if (earlier && repeat === "replay") return ok({ live: null, turn: earlier, isRepeat: true });
    if (repeat === "refuse") return refuse("turn_stopped");
    if (earlier && journal.messages.ofTurn(earlier).asked?.deleted_at !== null) return refuse("message_deleted");
    if (journal.header.handled_by === "staff") return ok(this.#holdRequest(earlier, input));
    if (problem) return { ok: false, error: problem };
    if (hand_over) return ok(this.#holdRequest(earlier, input, true));
    if (earlier) return this.retry(earlier, input.on_busy, reservation);
    const place = this.#queue.admit(input.on_busy, this.#running !== null);
    if (place.action === "refuse") return this.#busy(place.code);
    const { on_busy: _, resent: __, ...rest } = input;
    if (place.action === "wait")
      return ok(this.#wait(journal.enqueue({ ...rest, ...ids().turn() }, clock()), place.interrupt, reservation));
    const live = this.#live(journal.begin({ ...rest, ...ids().turn() }, clock()), reservation);
    this.#start(live);
    return ok({ live, turn: live.turn, isRepeat: false });
  }

  /** A failed turn is answered anew, when its turn comes. */
  retry(turn: Turn, on_busy: OnBusy, reservation: Reservation | null): Outcome<Accepted> {
    const place = this.#queue.admit(on_busy, this.#running !== null);
    if (place.action === "refuse") return this.#busy(place.code);
    if (place.action === "run") return ok(this.rerun(turn, reservation));
    const waiting = this.#ports.journal.requeue({ ...this.#again(turn), event_base: turn.last_event ?? 0 });
    return ok(this.#wait(waiting, place.interrupt, reservation));
  }

  /** Why a turn's message cannot be answered anew once nothing runs any more, or null when it can. */
  rerunProblem(turn: Turn): Refusal | null {
    if (this.#ports.journal.messages.ofTurn(turn).asked?.deleted_at !== null) return { code: "message_deleted" };
    return this.#queue.size === 0 ? null : { code: "turn_in_progress" };
  }

  /** Answers an ended turn's message anew, at once; its former reply has been deleted, or had failed. */
  rerun(turn: Turn, reservation: Reservation | null): Accepted {
    const { journal, clock } = this.#ports;
    const live = this.#live(journal.start(this.#again(turn), turn.last_event ?? 0, clock()), reservation);
    this.#start(live);
    return { live, turn: live.turn, isRepeat: false };
  }

  /** Stops a running turn (what it said is kept) or takes a waiting one back. It has ended when this returns. */
  stop(turn_id?: string): Outcome<Turn> {
    const live = turn_id === undefined ? this.running : this.open.find(({ turn }) => turn.id === turn_id);
    if (!live) return refuse("no_turn_running");
    if (live === this.running) this.#stopRunning();
    else this.#drop(live);
    return live.turn.status === "stopped" ? ok(live.turn) : refuse("no_turn_running");
  }

  /** Stops what runs, with `waiting` also what waits; then `work` is done before the next turn begins. */
  stopFor<T>(waiting: boolean, work: () => T): T {
    try {
      return this.#queue.paused(() => {
        if (waiting) for (const live of [...this.#queue.positions()]) this.#drop(live);
        this.#stopRunning();
        return work();
      });
    } finally {
      this.#advance();
    }
  }

  /** A budget is used up: a person is wanted. */
  handOver(now: number): void {
    askForPerson(this.#ports.journal, { reason: EXHAUSTED, summary: null, now });
  }

  /** Turns under way belong to somebody else from now on. */
  reassign(from: string, to: string): void {
    for (const live of this.open) if (live.turn.principal === from) live.turn = { ...live.turn, principal: to };
  }

  /** Whoever follows looks whether there is something new: a turn began, or was written without running. */
  announce(): void {
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers<void>();
  }

  #live(turn: Turn, reservation: Reservation | null = null): LiveTurn {
    const live = new LiveTurn(turn, reservation);
    this.announce();
    return live;
  }

  /** A person has the conversation, or `isWanted`: the message is stored, and that ends its turn. */
  #holdRequest(earlier: Turn | null, { on_busy: _, resent: __, ...rest }: TurnInput, isWanted = false): Accepted {
    const { journal, clock, ids, onEnd } = this.#ports;
    const now = clock();
    const turn = journal.transaction(() => {
      if (isWanted) this.handOver(now);
      return journal.hold(earlier ?? journal.enqueue({ ...rest, ...ids().turn() }, now), now);
    });
    this.announce();
    onEnd(turn);
    return { live: null, turn, isRepeat: false };
  }

  #hold(live: LiveTurn): void {
    live.takeReservation()?.release();
    const { journal, clock, onEnd } = this.#ports;
    live.hold(journal.hold(live.turn, clock()));
    onEnd(live.turn);
  }

  /** A turn as it is run again: in place of its failed reply, unless that was deleted. */
  #again(turn: Turn): Turn {
    const { messages } = this.#ports.journal;
    const { reply } = messages.ofTurn(turn);
    if (!reply || reply.deleted_at === null) return turn;
    messages.noteId(reply);
    return { ...turn, reply_id: this.#ports.ids().next(), reply_sequence: null };
  }

  #wait(turn: Turn, interrupts: boolean, reservation: Reservation | null): Accepted {
    const live = this.#live(turn, reservation);
    this.#emitPosition(live, this.#queue.push(live));
    this.#ports.onChange();
    if (interrupts) this.#stopRunning();
    return { live, turn: live.turn, isRepeat: false };
  }

  #busy(code: "turn_in_progress" | "turn_queue_full"): Outcome<never> {
    const turn_id = this.running?.turn.id;
    return refuse(code, {
      ...(turn_id === undefined ? {} : { extra: { turn_id } }),
      ...(code === "turn_queue_full" ? { retry_after: 5, limit: { name: "turns", quota: QUEUE_LIMIT } } : {}),
    });
  }

  #emitPosition(live: LiveTurn, position: number): void {
    live.status("queued", position);
    live.turn = this.#ports.journal.setEventBase(live.turn, live.nextEvent - 1);
  }

  #drop(live: LiveTurn): void {
    this.#queue.drop(live);
    live.takeReservation()?.release();
    const error: TurnError = { code: "turn_stopped", detail: "The turn was stopped before it began." };
    const turn = this.#ports.journal.drop(live.turn, error, live.nextEvent + 1, this.#ports.clock());
    live.end(turn, "", { status: "stopped", message: null, error });
  }

  /** The next waiting turn begins, if none runs; while a person has the conversation all of them are held. One whose message was deleted while it waited has nothing to answer. */
  #advance(): void {
    const { journal, clock } = this.#ports;
    while (!this.#running) {
      const live = this.#queue.next();
      if (!live) return;
      if (live.turn.user_sequence !== null && journal.messages.at(live.turn.user_sequence)?.deleted_at !== null) {
        this.#drop(live);
        continue;
      }
      if (journal.header.handled_by === "staff") {
        this.#orAbort(() => this.#hold(live));
        continue;
      }
      this.#queue.positions().forEach((waiting, index) => this.#emitPosition(waiting, index + 1));
      this.#orAbort(() => {
        live.turn = journal.start(this.#again(live.turn), live.nextEvent - 1, clock());
        this.#start(live);
      });
    }
  }

  #start(live: LiveTurn): void {
    const running = { live, attempt: null as Attempt | null };
    this.#running = running;
    live.status("running");
    this.#ports.onChange();
    const note = (attempt: Attempt) => {
      running.attempt = attempt;
    };
    const { tracer, journal } = this.#ports;
    const about = { conversation_id: journal.header.id, agent_id: journal.header.agent_id, turn_id: live.turn.id };
    void tracedAnswer(tracer, about, () => askModel(this.#ports, live, note))
      .catch((error: unknown) => {
        this.#ports.log({ event: "turn_crashed", turn_id: live.turn.id, error: String(error) });
        return { ...NOTHING_SAID, ending: { ...NOTHING_SAID.ending, status: "failed", error: INTERRUPTED } } as const;
      })
      .then((answer) => this.#finish(running, answer));
  }

  /** What it said so far is its reply; whatever still comes of the model is nobody's. */
  #stopRunning(): void {
    const running = this.#running;
    if (!running) return;
    running.live.stopping.abort();
    const answer = running.attempt?.end("stopped", null) ?? NOTHING_SAID;
    this.#finish(running, answer);
  }

  /** Ends a turn with its answer, once. A reply that the journal refuses becomes a failure. */
  #finish(running: { live: LiveTurn }, answer: Answer): void {
    const { live } = running;
    if (live.isOver) return;
    live.takeReservation()?.release();
    try {
      this.#close(live, answer);
    } catch (error) {
      this.#ports.log({ event: "turn_not_stored", turn_id: live.turn.id, error: String(error) });
      this.#orAbort(() => this.#fail(live.turn, live));
    }
    if (this.#running === running) this.#running = null;
    this.#ports.onEnd(live.turn);
    this.#advance();
  }

  /** The last line of defence: what cannot be written now is found and ended by the next start. */
  #orAbort(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#ports.abort(String(error));
    }
  }

  #close(live: LiveTurn, { ending, rest, titles, hands_over }: Answer): void {
    const { journal, clock } = this.#ports;
    const last_event = live.nextEvent + (rest === "" ? 1 : 2);
    const { turn, reply } = journal.transaction(() => {
      const closed = journal.close(live.turn, { ...ending, last_event, answered: live.waiting.size > 0 }, clock());
      if (titles) titleByTurn(journal, closed.turn);
      if (hands_over) this.handOver(clock());
      return closed;
    });
    live.end(turn, rest, { status: ending.status, message: reply, error: ending.error });
  }

  /** Ends a turn that nobody runs any more as failed. */
  #fail(turn: Turn, live?: LiveTurn): void {
    const { journal, clock } = this.#ports;
    const { turn: ended, reply } = closeInterrupted(journal, turn, live?.nextEvent ?? null, clock());
    live?.end(ended, "", { status: "failed", message: reply, error: INTERRUPTED });
  }
}
