/** The tools that a model wants called in one step: all at the same time, each result told as soon as it is there. */
import { type ModelEvent, ModelFailure, type TurnRef } from "../chat/ports.ts";
import type { OutboundPolicy } from "../net/outbound.ts";
import { argumentsOf, callTool, type Tool, type ToolRequest, type ToolResult } from "./http-tool.ts";
import type { Answering } from "./connect.ts";

/** Calls that one step may ask for. */
const MAX_CALLS = 16;

/**
 * Returns the results in the order of the calls, or null when nobody wants them any more. Throws ModelFailure, before any
 * is called, when there are more than can be kept with a reply.
 */
export async function* callTools(
  tools: Tool[],
  calls: ToolRequest[],
  turn: TurnRef,
  policy: OutboundPolicy,
  { signal, unlessAborted }: Answering,
): AsyncGenerator<ModelEvent, ToolResult[] | null> {
  if (calls.length > MAX_CALLS) throw new ModelFailure("error", `the model called ${calls.length} tools at once`);
  const results: ToolResult[] = [];
  for (const { call_id, name, input } of calls) {
    yield { type: "tool_call", call_id, name, input: argumentsOf(input) ?? input };
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
    const { call_id, name } = calls[index] as ToolRequest;
    yield { type: "tool_result", call_id, name, ...(results[index] as ToolResult) };
  }
  return results;
}
