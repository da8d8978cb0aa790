/** Gets one turn's answer out of a model: the window in, deltas out, each journalled before it is told. Never throws. */
import { buildContext, type ContextSettings } from "./context.ts";
import { DeltaBuffer } from "./delta-buffer.ts";
import type { Ending, Journal } from "./journal.ts";
import type { LiveTurn } from "./live-turn.ts";
import { type Model, ModelFailure, type ModelRequest, type ModelUsage } from "./ports.ts";
import { summaryOf } from "./summary.ts";
import type { TurnError } from "./turn.ts";
import { usageOf } from "./usage.ts";
import { type Timeouts, watched } from "./watchdog.ts";

/** What a turn takes from its agent. `open` throws ModelFailure when the model is not to be had. */
export type TurnAgent = ContextSettings & {
  timeouts: Timeouts;
  /** What is too old for the window is summarised. */
  summarize: boolean;
  /** A conversation without a title gets one. */
  auto_title: boolean;
  open: () => Model;
};

export type AnswerPorts = {
  journal: Journal;
  /** The agent, or null when it must not answer (inactive, deleted). */
  loadAgent: () => Promise<TurnAgent | null>;
  clock: () => number;
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  log: (event: object) => void;
};

/** How the turn ends, and the sequence of the oldest message that the model was shown. */
export type Answer = { ending: Omit<Ending, "last_event">; window_start: number | null };

/** Milliseconds before a model that was not there is asked once more. */
const RETRY_PAUSE = 250;

/**
 * Asks the model, once more if it was not there and had said nothing. The window is read anew for each try: what was
 * deleted in between does not go out again.
 */
export async function askModel(ports: AnswerPorts, live: LiveTurn): Promise<Answer> {
  const { signal } = live.stopping;
  const attempt = new Attempt(ports, live);
  for (let tries = 1; ; tries++) {
    const failure = await attempt.run();
    if (signal.aborted) return attempt.ended("stopped", null);
    if (!failure) return attempt.ended("completed", null);
    const { kind, message: reason } = failure;
    ports.log({ event: "model_failed", turn_id: live.turn.id, tries, kind, reason });
    if (tries === 2 || attempt.said !== "" || kind !== "unavailable") return attempt.ended("failed", ERRORS[kind]);
    await ports.sleep(RETRY_PAUSE, signal);
  }
}

class Attempt {
  said = "";
  readonly #ports: AnswerPorts;
  readonly #live: LiveTurn;
  #request: ModelRequest = { instructions: "", messages: [] };
  #window_start: number | null = null;
  #model: Model | null = null;
  #measured: ModelUsage | null = null;

  constructor(ports: AnswerPorts, live: LiveTurn) {
    this.#ports = ports;
    this.#live = live;
  }

  /** One call of the model. Resolves with why it failed, or null when it finished or was stopped. */
  async run(): Promise<ModelFailure | null> {
    const { loadAgent, journal } = this.#ports;
    try {
      const agent = await loadAgent().catch(() => {
        throw new ModelFailure("unavailable", "the agent could not be read");
      });
      if (!agent) throw new ModelFailure("error", "the agent is not active any more");
      this.#model = agent.open();
      const window = journal.window(this.#live.turn.user_sequence ?? 0);
      const { request, shown } = buildContext(window, agent, agent.summarize ? summaryOf(journal) : null);
      this.#request = request;
      this.#window_start = shown[0]?.sequence ?? null;
      await this.#listen(this.#model, agent.timeouts);
      const silent = this.said === "" && !this.#live.stopping.signal.aborted;
      return silent ? new ModelFailure("error", "the model said nothing") : null;
    } catch (error) {
      return error instanceof ModelFailure ? error : new ModelFailure("error", String(error));
    }
  }

  ended(status: Ending["status"], error: TurnError | null): Answer {
    const nothing = this.said === "" && !this.#measured;
    const usage = nothing ? null : usageOf(this.#measured, this.#request, this.said);
    const model_used = this.#model?.name ?? null;
    return { window_start: this.#window_start, ending: { status, content: this.said, model_used, usage, error } };
  }

  async #listen(model: Model, timeouts: Timeouts): Promise<void> {
    const { clock, sleep } = this.#ports;
    const call = new AbortController();
    const deadline = (this.#live.turn.started_at ?? clock()) + timeouts.wholeTurn;
    const deltas = new DeltaBuffer((text) => this.#hear(text));
    let flushing = false;
    const flushIn = async (ms: number) => {
      flushing = true;
      await sleep(ms);
      flushing = false;
      deltas.due(clock());
    };
    const stream = model.stream(this.#request, call.signal);
    const { signal } = this.#live.stopping;
    try {
      for await (const event of watched(stream, timeouts, deadline, clock, signal, () => call.abort())) {
        if (event.type === "finish") this.#measured = event.usage;
        if (event.type !== "text" || event.text === "") continue;
        const wait = deltas.push(event.text, clock());
        if (wait !== null && !flushing) void flushIn(wait);
      }
    } finally {
      deltas.end();
    }
  }

  #hear(text: string): void {
    const { journal } = this.#ports;
    this.said += text;
    journal.addDelta(this.#live.turn, { n: this.#live.nextEvent, text });
    this.#live.delta(text);
  }
}

/** What the wire may know of a failure: its kind, in our own words. */
const ERRORS = {
  error: { code: "model_error", detail: "The model refused, broke off or sent something that is not an answer." },
  unavailable: { code: "model_unavailable", detail: "The model is overloaded or cannot be reached." },
  timeout: { code: "model_timeout", detail: "The model took too long." },
} as const;
