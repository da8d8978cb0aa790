/** Tools that a turn called: as events while it runs, folded together into what is stored with its reply. Pure. */
import type { Json } from "../json.ts";
import type { ModelEvent } from "./ports.ts";

/** `called`: no answer yet, and if the turn is over, none any more. */
type ToolState = "called" | "done" | "failed";

export type ToolEvent = {
  call_id: string;
  name: string;
  state: ToolState;
  /** The arguments, when it is called. */
  input?: Json;
  /** What it answered, or in a sentence why it failed. */
  output?: Json;
  duration_ms?: number;
};

/** One call, as it is stored with the reply. */
export type ToolCall = {
  call_id: string;
  name: string;
  input: Json;
  state: ToolState;
  output: Json;
  duration_ms: number | null;
};

/** UTF-16 code units of a value as JSON; what is longer is kept as the beginning of that text. */
const MAX_LENGTH = 2000;

const brief = (value: Json): Json => {
  const json = JSON.stringify(value);
  return json.length <= MAX_LENGTH ? value : `${json.slice(0, MAX_LENGTH).toWellFormed()}…`;
};

/** What is told and kept of a call, and of an internal one only that it was made; `duration_ms` counts once there is a result. */
export function toolEvent(
  event: Extract<ModelEvent, { type: "tool_call" | "tool_result" }>,
  duration_ms: number,
): ToolEvent {
  const { call_id, name, internal = false } = event;
  if (event.type === "tool_call") return { call_id, name, state: "called", input: internal ? {} : brief(event.input) };
  const output = internal ? null : brief(event.output);
  return { call_id, name, state: event.failed ? "failed" : "done", output, duration_ms };
}

/** The calls that these events tell of, in the order in which they were made; null when there are none. */
export function callsOf(events: ToolEvent[]): ToolCall[] | null {
  const calls = new Map<string, ToolCall>();
  for (const { call_id, name, state, input, output, duration_ms } of events) {
    const call = calls.get(call_id) ?? { call_id, name, input: input ?? null, state, output: null, duration_ms: null };
    calls.set(
      call_id,
      state === "called" ? call : { ...call, state, output: output ?? null, duration_ms: duration_ms ?? null },
    );
  }
  return calls.size > 0 ? [...calls.values()] : null;
}

/** The events of a stored call. */
export function eventsOf({ call_id, name, input, state, output, duration_ms }: ToolCall): ToolEvent[] {
  const called: ToolEvent = { call_id, name, state: "called", input };
  return state === "called" ? [called] : [called, { call_id, name, state, output, duration_ms: duration_ms ?? 0 }];
}
