/** One attempt to get a turn's answer out of a model: the window in, its reply out. Never throws. */
import { uuidv7 } from "uuidv7";
import type { Denial } from "../budget.ts";
import { askForPerson } from "../journal/handling.ts";
import type { Ending, Journal } from "../journal/journal.ts";
import { summaryOf } from "../journal/summary.ts";
import type { ModelAttempt } from "../message.ts";
import { costOf } from "../money.ts";
import type { Model, ModelEvent, ModelRequest, ModelUsage, TurnRef } from "../ports.ts";
import { ModelFailure } from "../ports.ts";
import { callsOf } from "../tool-call.ts";
import type { TurnError } from "../turn.ts";
import { estimateTokens, UsageTally } from "../usage.ts";
import { buildContext } from "./context.ts";
import { handOver } from "./hand-over.ts";
import type { LiveTurn } from "./live-turn.ts";
import { Reply } from "./reply.ts";
import type { Ledger } from "./reservation.ts";
import { Room } from "./room.ts";
import { traced, type Tracer } from "./trace.ts";
import type { TurnAgent } from "./turn-agent.ts";
import { ERRORS } from "./turn-errors.ts";
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

/** The turn with whoever owns its conversation at the moment of asking: it may be merged while the turn runs. */
const turnRef = (journal: Journal, turn_id: string): TurnRef => ({
  conversation_id: journal.header.id,
  turn_id,
  get entity_type() {
    return journal.header.entity_type;
  },
  get entity_id() {
    return journal.header.entity_id;
  },
});

/** The place behind all of an agent's models. */
export const LAST_RESORT = Infinity;

export class Attempt {
  readonly #ports: AnswerPorts;
  readonly #live: LiveTurn;
  readonly #reply: Reply;
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
  #measured: ModelUsage | null = null;
  /** The present call has an answer, also where nothing of it is passed on. */
  #hasAnswered = false;
  /** The turn has ended, or another attempt is made: what still arrives is nobody's. */
  #isOver = false;
  readonly #tally = new UsageTally();

  constructor(ports: AnswerPorts, live: LiveTurn, place: number, attempts: ModelAttempt[]) {
    this.#ports = ports;
    this.#live = live;
    this.#place = place;
    this.#attempts = attempts;
    this.#reply = new Reply(ports, live);
  }

  /** Whether anything came of it. */
  get hasBegun(): boolean {
    return !this.#reply.isSilent || this.#reply.tools.length > 0;
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
      const turn = turnRef(journal, this.#live.turn.id);
      const more = { turn, actions, ...(output_schema ? { output_schema } : {}) };
      this.#request = { ...request, ...more, current: () => current().request };
      this.#window_start = first;
      this.#room = new Room(this.#ports, agent, this.#link, this.#request);
      await this.#room.open(this.#live.takeReservation(), () => this.#tally.last);
      if (signal.aborted) return null;
      const { timeouts } = this.#link;
      const start = this.#place === 0 ? (this.#live.turn.started_at ?? clock()) : clock();
      await this.#listen(this.#model, timeouts, start + timeouts.wholeTurn);
      return this.#reply.isSilent && !signal.aborted ? new ModelFailure("error", "the model said nothing") : null;
    } catch (error) {
      return error instanceof ModelFailure ? error : new ModelFailure("error", String(error));
    }
  }

  /** Another attempt follows, because this one failed. */
  drop(failure: ModelFailure): void {
    this.#isOver = true;
    this.#reply.close();
    this.#settle(failure.kind !== "timeout");
  }

  /** The present call is over; it took nothing if it `isRefused` and neither said nor counted anything. */
  #settle(isRefused: boolean): void {
    const took = this.#tally.end(this.#measured, this.#request, this.#reply.said);
    this.#room?.close(took, isRefused && !this.#hasAnswered);
    this.#room = null;
  }

  /** How the turn ends with what came of this attempt so far; nothing comes of it afterwards. */
  end(status: Ending["status"], error: TurnError | null, denial: Denial | null = null): Answer {
    const { rest, delta_length } = this.#reply.close();
    // Stopped before the next attempt: this one has been settled.
    if (!this.#isOver) this.#settle(status === "failed" && error?.code !== "model_timeout");
    this.#isOver = true;
    const usage = this.#tally.total;
    const cost = usage && costOf(usage, this.#link?.price ?? null);
    const model_used = this.#model?.name ?? null;
    const found = {
      ...(this.links > 1 || this.#place === LAST_RESORT ? { attempts: this.#attempts } : {}),
      ...(this.#handedOver ? { handed_over: true as const } : {}),
      ...(this.#reply.thought > 0 ? { thought: this.#reply.thought } : {}),
      ...(this.#request.output_schema && status === "completed" ? { structured: true as const } : {}),
    };
    const details = Object.keys(found).length > 0 ? found : null;
    const reply = {
      content: this.#reply.text,
      delta_length,
      model_used,
      usage,
      cost,
      tool_calls: callsOf(this.#reply.tools),
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
      this.#reply.flush();
    };
    const stream = model.stream(this.#request, call.signal);
    const { signal } = this.#live.stopping;
    const heard = watched(stream, timeouts, deadline, clock, signal, () => call.abort());
    for await (const event of traced(heard, this.#ports.tracer, this.#ports.journal.header.id, model.name)) {
      if (this.#isOver) return;
      if (event.type === "text" || event.type === "step") this.#hasAnswered = event.type === "text";
      if (event.type === "finish") this.#measured = event.usage;
      else if (event.type === "retract") this.#reply.retract();
      else if (event.type !== "text") {
        this.#reply.pause();
        this.#note(event);
      } else if (event.text !== "") {
        const wait = this.#reply.add(event.text, event.apart);
        if (wait !== null && !isWaiting) void flushIn(wait);
      }
    }
  }

  /** What happens between two calls of the model. */
  #note(event: Extract<ModelEvent, { type: "step" | "tool_call" | "tool_result" }>): void {
    if (event.type === "step") {
      this.#tally.add(event.usage, this.#request, this.#reply.said);
      return this.#reply.step();
    }
    if (event.type === "tool_call") this.#tally.wrote(event.input);
    else this.#tally.shows(event.output);
    this.#reply.tool(event);
  }
}
