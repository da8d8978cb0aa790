/** Gets one turn's answer out of a model: the window in, deltas out, each journalled before it is sent. Never throws. */
import { uuidv7 } from "uuidv7";
import { askForPerson } from "../journal/handling.ts";
import type { Journal } from "../journal/journal.ts";
import { summaryOf } from "../journal/summary.ts";
import type { ModelAttempt } from "../message.ts";
import type { Denial } from "../budget.ts";
import { costOf } from "../money.ts";
import { type Model, type ModelEvent, ModelFailure, type ModelRequest, type ModelUsage } from "../ports.ts";
import { callsOf, type ToolEvent, toolEvent } from "../tool-call.ts";
import type { TurnError } from "../turn.ts";
import type { Ending } from "../journal/journal.ts";
import { estimateTokens, UsageTally } from "../usage.ts";
import { buildContext } from "./context.ts";
import { DeltaBuffer } from "./delta-buffer.ts";
import { handOver } from "./hand-over.ts";
import type { LiveTurn } from "./live-turn.ts";
import { traced, type Tracer } from "./trace.ts";
import { type Ledger, NoRoom } from "./reservation.ts";
import { Room } from "./room.ts";
import type { TurnAgent } from "./turn-agent.ts";
import { ERRORS, errorOf } from "./turn-errors.ts";
import { type Timeouts, watched } from "./watchdog.ts";

export type AnswerPorts = {
  journal: Journal;
  /** The agent, or null when it must not answer (inactive, deleted). Rejects when it cannot be read. */
  loadAgent: () => Promise<TurnAgent | null>;
  clock: () => number;
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  log: (event: object) => void;
  /** Where room in the company's budgets is reserved. */
  ledger?: Ledger;
  /** D1 has something to hear before the turn ends. */
  changed: () => void;
  /** Hears of spans, where anybody listens. */
  tracer?: Tracer;
};

/**
 * How the turn ends; `rest`: the end of its content that was not sent as a delta; `titles`: it may title the conversation;
 * `hands_over`: a budget is exhausted, so that a person is wanted.
 */
export type Answer = {
  ending: Omit<Ending, "last_event" | "answered">;
  rest: string;
  titles: boolean;
  hands_over?: boolean;
};

/** Milliseconds before a model that was not there is asked once more. */
const RETRY_PAUSE = 250;
/** UTF-8 bytes of a reply: with everything around it, it fits a row of SQLite. */
const MAX_REPLY = 1024 * 1024;
/** The place behind all of an agent's models. */
const LAST_RESORT = Infinity;

/**
 * Asks the agent's model; as long as that has said and done nothing, the agent's next one when it fails, and the last one
 * once more if it was not there. Where a budget has no room and says so, the next one that it has room for, at last the one
 * that costs nothing. Each attempt reads the window anew: what was deleted in between does not go out again.
 * `onAttempt` is told the attempt whose answer counts, should the turn be stopped.
 */
export async function askModel(
  ports: AnswerPorts,
  live: LiveTurn,
  onAttempt: (attempt: Attempt) => void,
): Promise<Answer> {
  const { signal } = live.stopping;
  const attempts: ModelAttempt[] = [];
  for (let tries = 1, link = 0; ; tries++) {
    const attempt = new Attempt(ports, live, link, attempts);
    onAttempt(attempt);
    const failure = await attempt.run();
    if (signal.aborted) return attempt.end("stopped", null);
    if (!failure) return attempt.end("completed", null);
    const { kind, message: reason } = failure;
    const denial = failure instanceof NoRoom ? failure.denial : null;
    ports.log({ event: denial ? "budget_denied" : "model_failed", turn_id: live.turn.id, tries, kind, reason });
    const isFinal = attempt.hasBegun || failure.begun || (denial !== null && denial.on_exhausted !== "fallback");
    const next = link + 1 < attempt.links ? link + 1 : denial && attempt.hasLastResort ? LAST_RESORT : null;
    const mayRepeat = tries < 2 && kind === "unavailable";
    if (isFinal || (next === null && !mayRepeat)) return attempt.end("failed", errorOf(failure), denial);
    attempt.drop(failure);
    if (next === null) await ports.sleep(RETRY_PAUSE, signal);
    else [link, tries] = [next, 0];
  }
}

export class Attempt {
  readonly #ports: AnswerPorts;
  readonly #live: LiveTurn;
  readonly #deltas: DeltaBuffer;
  #request: ModelRequest = { instructions: "", messages: [] };
  #window_start: number | null = null;
  /** How many models the agent has and one behind them, which of them this attempt asks, and what came of those before. */
  links = 1;
  hasLastResort = false;
  readonly #place: number;
  readonly #attempts: ModelAttempt[];
  #link: TurnAgent["links"][number] | null = null;
  #model: Model | null = null;
  #room: Room | null = null;
  #titles = false;
  #handedOver = false;
  /** How often the conversation had been edited when the model was last shown it. */
  #edits = 0;
  #text = "";
  #bytes = 0;
  /** How much of it was thinking that somebody had seen before that was known. */
  #thought = 0;
  /** How much of it came in calls of the model before the present one. */
  #before = 0;
  #measured: ModelUsage | null = null;
  /** The turn has ended, or another attempt is made: what still arrives is nobody's. */
  #isOver = false;
  readonly #tally = new UsageTally();
  readonly #tools: ToolEvent[] = [];
  /** When each call of a tool began. */
  readonly #calledAt = new Map<string, number>();

  constructor(ports: AnswerPorts, live: LiveTurn, place: number, attempts: ModelAttempt[]) {
    this.#ports = ports;
    this.#live = live;
    this.#place = place;
    this.#attempts = attempts;
    this.#deltas = new DeltaBuffer(
      () => live.watchers > 0,
      (text) => this.#send(text),
    );
  }

  /** Whether anything came of it. */
  get hasBegun(): boolean {
    return this.#bytes > 0 || this.#tools.length > 0;
  }

  /** Resolves with why it failed, or null when it finished or was stopped. */
  async run(): Promise<ModelFailure | null> {
    const began = this.#ports.clock();
    const failure = await this.#try();
    const model = this.#link?.name;
    const status = this.#live.stopping.signal.aborted ? "stopped" : failure ? "failed" : "completed";
    const code = failure && status === "failed" ? ERRORS[failure.kind].code : null;
    if (model !== undefined) this.#attempts.push({ model, status, code, duration_ms: this.#ports.clock() - began });
    return failure;
  }

  async #try(): Promise<ModelFailure | null> {
    const { journal, clock } = this.#ports;
    const { signal } = this.#live.stopping;
    try {
      const agent = await this.#agent();
      if (signal.aborted) return null;
      if (!agent) throw new ModelFailure("error", "the agent is not active any more");
      this.#titles = agent.auto_title;
      this.links = agent.links.length;
      this.hasLastResort = agent.last_resort !== null && this.#place !== LAST_RESORT;
      const behind = this.#place === LAST_RESORT ? agent.last_resort : null;
      this.#link = agent.links[this.#place] ?? behind ?? agent.links[0];
      this.#model = this.#link.open();
      const current = () => this.#context(journal, agent);
      const { request, first } = current();
      const { output_schema } = this.#live.turn;
      const { hand_over } = agent;
      const actions = hand_over ? [handOver(hand_over.hours, clock, (...said) => this.#askForPerson(...said))] : [];
      const more = { turn: this.#turnRef(), actions, ...(output_schema ? { output_schema } : {}) };
      this.#request = { ...request, ...more, current: () => current().request };
      this.#window_start = first;
      this.#room = new Room(this.#ports, agent, this.#link, this.#request);
      await this.#room.open(this.#live.takeReservation(), () => this.#tally.last);
      if (signal.aborted) return null;
      const { timeouts } = this.#link;
      const start = this.#place === 0 ? (this.#live.turn.started_at ?? clock()) : clock();
      await this.#listen(this.#model, timeouts, start + timeouts.wholeTurn);
      const isSilent = this.#bytes === 0 && !signal.aborted;
      return isSilent ? new ModelFailure("error", "the model said nothing") : null;
    } catch (error) {
      return error instanceof ModelFailure ? error : new ModelFailure("error", String(error));
    }
  }

  /** Another attempt follows, because this one failed. */
  drop(failure: ModelFailure): void {
    this.#isOver = true;
    this.#settle(failure.kind !== "timeout");
  }

  /** The present call is over; it took nothing if it `isRefused` and neither said nor counted anything. */
  #settle(isRefused: boolean): void {
    const took = this.#tally.end(this.#measured, this.#request, this.#text.slice(this.#before));
    this.#room?.close(took, isRefused);
    this.#room = null;
  }

  /** How the turn ends with what came of this attempt so far; nothing comes of it afterwards. */
  end(status: Ending["status"], error: TurnError | null, denial: Denial | null = null): Answer {
    const rest = this.#isOver ? "" : this.#deltas.rest();
    this.#isOver = true;
    const delta_length = this.#text.length;
    this.#text += rest;
    this.#settle(status === "failed" && error?.code !== "model_timeout");
    const usage = this.#tally.total;
    const cost = usage && costOf(usage, this.#link?.price ?? null);
    const model_used = this.#model?.name ?? null;
    const found = {
      ...(this.links > 1 || this.#place === LAST_RESORT ? { attempts: this.#attempts } : {}),
      ...(this.#handedOver ? { handed_over: true as const } : {}),
      ...(this.#thought > 0 ? { thought: this.#thought } : {}),
      ...(this.#request.output_schema && status === "completed" ? { structured: true as const } : {}),
    };
    const details = Object.keys(found).length > 0 ? found : null;
    const reply = {
      content: this.#text,
      delta_length,
      model_used,
      usage,
      cost,
      tool_calls: callsOf(this.#tools),
      details,
    };
    const ending = { status, error, window_start: this.#window_start, ...reply };
    return { rest, titles: this.#titles, ending, hands_over: denial?.on_exhausted === "hand_over" };
  }

  /** Gives up waiting for the agent when the turn is stopped. */
  async #agent(): Promise<TurnAgent | null> {
    const { loadAgent } = this.#ports;
    const loaded = loadAgent().catch((error: unknown) => {
      throw new ModelFailure("unavailable", `the agent could not be read: ${String(error)}`);
    });
    const { signal } = this.#live.stopping;
    const stopped = new Promise<null>((resolve) =>
      signal.addEventListener("abort", () => resolve(null), { once: true }),
    );
    return signal.aborted ? null : Promise.race([loaded, stopped]);
  }

  #context(journal: Journal, agent: TurnAgent) {
    const { max_context_length, edits } = journal.header;
    this.#edits = edits;
    const { user_sequence, output_schema } = this.#live.turn;
    const newestFirst = journal.messages.shownBefore(user_sequence ?? 0);
    // Every request says it again.
    const schema_tokens = output_schema ? estimateTokens(JSON.stringify(output_schema)) : 0;
    const settings = { ...agent, tools_tokens: agent.tools_tokens + schema_tokens };
    return buildContext(newestFirst, max_context_length, settings, agent.summarize ? summaryOf(journal) : null);
  }

  #turnRef() {
    const { id, entity_type, entity_id } = this.#ports.journal.header;
    return { conversation_id: id, turn_id: this.#live.turn.id, entity_type, entity_id };
  }

  /** Nothing once the turn is over; and no summary where the model may have been shown what was deleted since. */
  #askForPerson(reason: string, summary: string): void {
    const { journal, clock, changed } = this.#ports;
    const { turn, stopping } = this.#live;
    if (this.#isOver || stopping.signal.aborted) return;
    const note = { id: uuidv7(), text: `${reason}\n\n${summary}`, upto: turn.user_sequence ?? 0 };
    const isCurrent = this.#edits === journal.header.edits;
    const asked = { reason: "model", summary: isCurrent ? note : null, now: clock() };
    if (!askForPerson(journal, asked)) return;
    this.#handedOver = true;
    changed();
  }

  async #listen(model: Model, timeouts: Timeouts, deadline: number): Promise<void> {
    const { clock, sleep } = this.#ports;
    const call = new AbortController();
    let isWaiting = false;
    const flushIn = async (ms: number) => {
      isWaiting = true;
      await sleep(ms);
      isWaiting = false;
      if (!this.#isOver) this.#deltas.due(clock());
    };
    const stream = model.stream(this.#request, call.signal);
    const { signal } = this.#live.stopping;
    const heard = watched(stream, timeouts, deadline, clock, signal, () => call.abort());
    for await (const event of traced(heard, this.#ports.tracer, this.#ports.journal.header.id, model.name)) {
      if (this.#isOver) return;
      if (event.type === "finish") this.#measured = event.usage;
      else if (event.type === "retract") this.#retract();
      else if (event.type !== "text") {
        this.#deltas.end();
        this.#note(event);
      } else if (event.text !== "") {
        const wait = this.#deltas.push(this.#fitting(event.text), clock(), event.apart);
        if (this.#bytes > MAX_REPLY) throw new ModelFailure("error", `the answer is longer than ${MAX_REPLY} bytes`);
        if (wait !== null && !isWaiting) void flushIn(wait);
      }
    }
  }

  /** What was said turned out to be thinking. It is taken back as long as nobody can have seen it. */
  #retract(): void {
    this.#deltas.drop();
    if (this.#before > 0 || this.#tools.length > 0) return;
    if (!this.#live.retract()) {
      this.#thought = this.#text.length;
      return;
    }
    this.#ports.journal.deltas.remove("number = ?", this.#live.turn.number);
    this.#text = "";
    this.#bytes = 0;
  }

  /** As much of a text as a reply can still hold. */
  #fitting(text: string): string {
    const room = MAX_REPLY - this.#bytes;
    this.#bytes += new TextEncoder().encode(text).length;
    if (this.#bytes <= MAX_REPLY) return text;
    const buffer = new Uint8Array(Math.max(0, room));
    return text.slice(0, new TextEncoder().encodeInto(text, buffer).read);
  }

  #send(text: string): void {
    if (this.#isOver) return;
    this.#text += text;
    this.#ports.journal.deltas.add(this.#live.turn.number, { n: this.#live.nextEvent, text, tool: null });
    this.#live.delta(text);
  }

  /** What happens between two calls of the model. */
  #note(event: Extract<ModelEvent, { type: "step" | "tool_call" | "tool_result" }>): void {
    const { journal, clock } = this.#ports;
    if (event.type === "step") {
      this.#tally.add(event.usage, this.#request, this.#text.slice(this.#before));
      this.#before = this.#text.length;
      return;
    }
    if (event.type === "tool_call") {
      this.#tally.wrote(event.input);
      this.#calledAt.set(event.call_id, clock());
    } else this.#tally.shows(event.output);
    const tool = toolEvent(event, clock() - (this.#calledAt.get(event.call_id) ?? clock()));
    this.#tools.push(tool);
    journal.deltas.add(this.#live.turn.number, { n: this.#live.nextEvent, text: "", tool });
    this.#live.tool(tool);
  }
}
