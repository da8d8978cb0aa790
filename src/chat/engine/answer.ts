/** Gets one turn's answer out of a model: the window in, deltas out, each journalled before it is told. Never throws. */
import { buildContext } from "./context.ts";
import { DeltaBuffer } from "./delta-buffer.ts";
import type { Header } from "../journal/schema.ts";
import type { Ending, Journal } from "../journal/journal.ts";
import type { LiveTurn } from "./live-turn.ts";
import { type Model, type ModelEvent, ModelFailure, type ModelRequest, type ModelUsage } from "../ports.ts";
import { summaryOf } from "../journal/summary.ts";
import type { ModelAttempt } from "../message.ts";
import { callsOf, type ToolEvent, toolEvent } from "../tool-call.ts";
import type { TurnError } from "../turn.ts";
import { UsageTally } from "../usage.ts";
import type { TurnAgent } from "./turn-agent.ts";
import { type Timeouts, watched } from "./watchdog.ts";

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
 * Asks the agent's model; as long as that has said and done nothing, the agent's next one when it fails, and the last one
 * once more if it was not there. The window is read anew for each try: what was deleted in between does not go out again.
 */
export async function askModel(ports: AnswerPorts, live: LiveTurn): Promise<Answer> {
  const { signal } = live.stopping;
  const attempt = new Attempt(ports, live);
  for (let tries = 1, link = 0; ; tries++) {
    const failure = await attempt.run(link);
    if (signal.aborted) return attempt.ended("stopped", null);
    if (!failure) return attempt.ended("completed", null);
    const { kind, message: reason } = failure;
    ports.log({ event: "model_failed", turn_id: live.turn.id, tries, kind, reason });
    if (attempt.begun || failure.begun) return attempt.ended("failed", ERRORS[kind]);
    if (link + 1 < attempt.links) {
      link++;
      tries = 0;
      continue;
    }
    if (tries === 2 || kind !== "unavailable") return attempt.ended("failed", ERRORS[kind]);
    await ports.sleep(RETRY_PAUSE, signal);
  }
}

class Attempt {
  readonly #ports: AnswerPorts;
  readonly #live: LiveTurn;
  #request: ModelRequest = { instructions: "", messages: [] };
  #window_start: number | null = null;
  /** How many models the agent has. */
  links = 1;
  readonly #attempts: ModelAttempt[] = [];
  #link: TurnAgent["links"][number] | null = null;
  #model: Model | null = null;
  #said = "";
  /** How much of it was said in calls of the model before the present one. */
  #saidBefore = 0;
  #measured: ModelUsage | null = null;
  /** Its stream has come to an end, whatever that was. */
  #over = false;
  readonly #tally = new UsageTally();
  readonly #tools: ToolEvent[] = [];
  /** When each call of a tool began. */
  readonly #calledAt = new Map<string, number>();

  constructor(ports: AnswerPorts, live: LiveTurn) {
    this.#ports = ports;
    this.#live = live;
  }

  /** Whether anything was told of its answer. */
  get begun(): boolean {
    return this.#said !== "" || this.#tools.length > 0;
  }

  /** One try with the agent's model at `place`. Resolves with why it failed, or null when it finished or was stopped. */
  async run(place: number): Promise<ModelFailure | null> {
    const began = this.#ports.clock();
    const failure = await this.#try(place);
    const model = this.#link?.name;
    const status = this.#live.stopping.signal.aborted ? "stopped" : failure ? "failed" : "completed";
    const code = failure && status === "failed" ? ERRORS[failure.kind].code : null;
    if (model !== undefined) this.#attempts.push({ model, status, code, duration_ms: this.#ports.clock() - began });
    return failure;
  }

  async #try(place: number): Promise<ModelFailure | null> {
    const { loadAgent, journal, clock } = this.#ports;
    this.#over = false;
    try {
      const agent = await loadAgent().catch(() => {
        throw new ModelFailure("unavailable", "the agent could not be read");
      });
      if (!agent) throw new ModelFailure("error", "the agent is not active any more");
      this.links = agent.links.length;
      this.#link = agent.links[place] ?? agent.links[0];
      this.#model = this.#link.open();
      const window = journal.messages.window(this.#live.turn.user_sequence ?? 0);
      const { request, shown } = buildContext(window, agent, agent.summarize ? summaryOf(journal) : null);
      const { output_schema } = this.#live.turn;
      this.#request = { ...request, turn: this.#turnRef(), ...(output_schema ? { output_schema } : {}) };
      this.#window_start = shown[0]?.sequence ?? null;
      const { timeouts } = this.#link;
      const start = place === 0 ? (this.#live.turn.started_at ?? clock()) : clock();
      await this.#listen(this.#model, timeouts, start + timeouts.wholeTurn);
      const silent = this.#said === "" && !this.#live.stopping.signal.aborted;
      return silent ? new ModelFailure("error", "the model said nothing") : null;
    } catch (error) {
      return error instanceof ModelFailure ? error : new ModelFailure("error", String(error));
    }
  }

  ended(status: Ending["status"], error: TurnError | null): Answer {
    const usage = this.#tally.total(this.#measured, this.#request, this.#said.slice(this.#saidBefore));
    const model_used = this.#model?.name ?? null;
    const details = {
      ...(this.links > 1 ? { attempts: this.#attempts } : {}),
      ...(this.#request.output_schema && status === "completed" ? { structured: true as const } : {}),
    };
    const reply = {
      content: this.#said,
      model_used,
      usage,
      tool_calls: callsOf(this.#tools),
      details: Object.keys(details).length > 0 ? details : null,
    };
    return { window_start: this.#window_start, ending: { status, error, ...reply } };
  }

  #turnRef() {
    const { id, entity_type, entity_id } = this.#ports.journal.header as Header;
    return { conversation_id: id, turn_id: this.#live.turn.id, entity_type, entity_id };
  }

  async #listen(model: Model, timeouts: Timeouts, deadline: number): Promise<void> {
    const { clock, sleep } = this.#ports;
    const call = new AbortController();
    const deltas = new DeltaBuffer(
      () => this.#live.watchers > 0,
      (text) => this.#hear(text),
    );
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
        else if (event.type === "retract") {
          deltas.drop();
          this.#retract();
        } else if (event.type !== "text") {
          deltas.end();
          this.#note(event);
        } else if (event.text !== "") {
          const wait = deltas.push(event.text, clock(), event.apart);
          if (wait !== null && !flushing) void flushIn(wait);
        }
      }
    } finally {
      this.#over = true;
      deltas.end();
    }
  }

  /** What is the whole answer, and of interest to nobody yet, is journalled as the reply in a moment: once is enough. */
  #hear(text: string): void {
    const isReply = this.#over && !this.begun && this.#live.watchers === 0;
    this.#said += text;
    const delta = { n: this.#live.nextEvent, text, tool: null };
    if (!isReply) this.#ports.journal.deltas.add(this.#live.turn.number, delta);
    this.#live.delta(text);
  }

  /** What was said turned out to be thinking. It is taken back as long as nobody can have seen it. */
  #retract(): void {
    if (this.#saidBefore > 0 || this.#tools.length > 0 || !this.#live.retract()) return;
    this.#ports.journal.deltas.remove("number = ?", this.#live.turn.number);
    this.#said = "";
  }

  /** What happens between two calls of the model. */
  #note(event: Extract<ModelEvent, { type: "step" | "tool_call" | "tool_result" }>): void {
    const { journal, clock } = this.#ports;
    if (event.type === "step") {
      this.#tally.add(event.usage, this.#request, this.#said.slice(this.#saidBefore));
      this.#saidBefore = this.#said.length;
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

/** What the wire may know of a failure: its kind, in our own words. */
const ERRORS = {
  error: { code: "model_error", detail: "The model refused, broke off or sent something that is not an answer." },
  unavailable: { code: "model_unavailable", detail: "The model is overloaded or cannot be reached." },
  timeout: { code: "model_timeout", detail: "The model took too long." },
  output: {
    code: "output_invalid",
    detail: "The model's answer does not fit output_schema, not even when asked again.",
  },
} as const;
