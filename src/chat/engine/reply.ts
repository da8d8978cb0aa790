/** What came of one attempt so far: text and calls of tools, each piece journalled before anybody is sent it. */
import type { Journal } from "../journal/journal.ts";
import { type ModelEvent, ModelFailure } from "../ports.ts";
import { type ToolEvent, toolEvent } from "../tool-call.ts";
import { DeltaBuffer } from "./delta-buffer.ts";
import type { LiveTurn } from "./live-turn.ts";

/** UTF-8 bytes of a reply: with everything around it, it fits a row of SQLite. */
const MAX_REPLY = 1024 * 1024;

type ReplyPorts = { journal: Journal; clock: () => number };
type Called = Extract<ModelEvent, { type: "tool_call" | "tool_result" }>;

export class Reply {
  readonly #ports: ReplyPorts;
  readonly #live: LiveTurn;
  readonly #deltas: DeltaBuffer;
  #text = "";
  #bytes = 0;
  /** How much of it was thinking that somebody had seen before that was known. */
  #thought = 0;
  /** How much of it came in calls of the model before the present one. */
  #before = 0;
  readonly tools: ToolEvent[] = [];
  /** When each call of a tool began. */
  readonly #calledAt = new Map<string, number>();
  /** What still arrives is nobody's. */
  #isClosed = false;

  constructor(ports: ReplyPorts, live: LiveTurn) {
    this.#ports = ports;
    this.#live = live;
    this.#deltas = new DeltaBuffer(
      () => live.watchers > 0,
      (text) => this.#send(text),
    );
  }

  get text(): string {
    return this.#text;
  }

  /** What of it the present call of the model said. */
  get said(): string {
    return this.#text.slice(this.#before);
  }

  get thought(): number {
    return this.#thought;
  }

  get isSilent(): boolean {
    return this.#bytes === 0;
  }

  /** Takes text; returns in how many ms to call `flush`, or null when nothing waits. Throws where a reply cannot hold more. */
  add(text: string, apart?: boolean): number | null {
    const wait = this.#deltas.push(this.#fitting(text), this.#ports.clock(), apart);
    if (this.#bytes > MAX_REPLY) throw new ModelFailure("error", `the answer is longer than ${MAX_REPLY} bytes`);
    return wait;
  }

  flush(): void {
    if (!this.#isClosed) this.#deltas.due(this.#ports.clock());
  }

  /** What was said turned out to be thinking. It is taken back as long as nobody can have seen it. */
  retract(): void {
    this.#deltas.drop();
    if (this.#before > 0 || this.tools.length > 0) return;
    if (!this.#live.retract()) {
      this.#thought = this.#text.length;
      return;
    }
    this.#ports.journal.deltas.remove("number = ?", this.#live.turn.number);
    this.#text = "";
    this.#bytes = 0;
  }

  /** Everything that waits goes: something else comes after it. */
  pause(): void {
    this.#deltas.end();
  }

  /** A call of the model is over, and another will follow. */
  step(): void {
    this.#before = this.#text.length;
  }

  tool(event: Called): void {
    const { journal, clock } = this.#ports;
    if (event.type === "tool_call") this.#calledAt.set(event.call_id, clock());
    const tool = toolEvent(event, clock() - (this.#calledAt.get(event.call_id) ?? clock()));
    this.tools.push(tool);
    journal.deltas.add(this.#live.turn.number, { n: this.#live.nextEvent, text: "", tool });
    this.#live.tool(tool);
  }

  /** Nothing comes of it any more. `rest`: the end of its text that was sent to nobody yet. */
  close(): { rest: string; delta_length: number } {
    const rest = this.#isClosed ? "" : this.#deltas.rest();
    this.#isClosed = true;
    const delta_length = this.#text.length;
    this.#text += rest;
    return { rest, delta_length };
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
    if (this.#isClosed) return;
    this.#text += text;
    this.#ports.journal.deltas.add(this.#live.turn.number, { n: this.#live.nextEvent, text, tool: null });
    this.#live.delta(text);
  }
}
