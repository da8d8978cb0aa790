/** The tools that a model wants called in one step: all at the same time, each result told as soon as it is there. */
import { type ModelEvent, ModelFailure, type TurnRef } from "../chat/ports.ts";
import type { OutboundPolicy } from "../net/outbound.ts";
import { argumentsOf, callTool, type Callable, type ToolRequest, type ToolResult } from "./http-tool.ts";
import type { Answering } from "./connect.ts";

/** Calls that one step may ask for. */
const MAX_CALLS = 16;

/**
 * Returns the results in the order of the calls, or null when nobody wants them any more. Throws ModelFailure, before any
 * is called, when there are more than can be kept with a reply.
 */
export async function* callTools(
  tools: Callable[],
  calls: ToolRequest[],
  turn: TurnRef,
  policy: OutboundPolicy,
  { signal, unlessAborted }: Answering,
): AsyncGenerator<ModelEvent, ToolResult[] | null> {
  if (calls.length > MAX_CALLS) throw new ModelFailure("error", `the model called ${calls.length} tools at once`);
  const results: ToolResult[] = [];
  const internal = (name: string) => tools.some((tool) => "run" in tool && tool.name === name);
  const about = ({ call_id, name }: ToolRequest) => ({ call_id, name, ...(internal(name) ? { internal: true } : {}) });
  for (const call of calls) {
    yield { type: "tool_call", ...about(call), input: argumentsOf(call.input) ?? call.input };
  }
  const running = new Map(
    calls.map((call, index) => [
      index,
      callTool(tools, call, turn, policy, signal).then((result) => {
        results[index] = result;
        return index;
      }),
    ]),
  );
  while (running.size > 0) {
    const index = await unlessAborted(Promise.race(running.values()));
    if (index === null || signal.aborted) return null;
    running.delete(index);
    const { failed, output } = results[index] as ToolResult;
    yield { type: "tool_result", ...about(calls[index] as ToolRequest), failed, output };
  }
  return results;
}
